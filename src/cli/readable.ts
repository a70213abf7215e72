/** Numbers and times as people read them in a table. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Powers of ten, as in the configuration. */
export function readableBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1_000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

/** The two largest units that say something: `42s`, `5m 3s`, `3h 12m`, `2d 4h`. */
export function readableSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return pair(whole, 60, 'm', 1, 's');
  if (whole < 86_400) return pair(whole, 3_600, 'h', 60, 'm');
  return pair(whole, 86_400, 'd', 3_600, 'h');
}

/** How long ago, or in how long: `3m 2s ago`, `in 5h 1m`. */
export function readableTime(time: string | null, now: number): string | undefined {
  if (time === null) return undefined;
  const seconds = (Date.parse(time) - now) / 1_000;
  return seconds > 0 ? `in ${readableSeconds(seconds)}` : `${readableSeconds(-seconds)} ago`;
}

function pair(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)}${largeName}${rest === 0 ? '' : ` ${rest}${smallName}`}`;
}
