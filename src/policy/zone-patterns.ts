/** Patterns of zones: `example.org`, `*.example.net` (below it, not it), `*` (any). */

export interface ZonePatterns {
  readonly exact: ReadonlySet<string>;
  /** With the leading dot. */
  readonly below: readonly string[];
  readonly any: boolean;
}

/** Of patterns that were checked. */
export function compileZones(patterns: readonly string[]): ZonePatterns {
  return {
    exact: new Set(patterns.filter((pattern) => !pattern.startsWith('*'))),
    below: patterns.filter((pattern) => pattern.startsWith('*.')).map((pattern) => pattern.slice(1)),
    any: patterns.includes('*'),
  };
}

/** `zone`: a `zoneLabel`. */
export const includesZone = ({ any, exact, below }: ZonePatterns, zone: string): boolean =>
  any ||
  exact.has(zone) ||
  below.some((suffix) => zone.endsWith(suffix) && !isEscaped(zone, zone.length - suffix.length));

/** Whether the dot there is an octet of a label (`\.`): an odd number of backslashes stand before it. */
function isEscaped(zone: string, dot: number): boolean {
  let first = dot;
  while (zone[first - 1] === '\\') first--;
  return (dot - first) % 2 === 1;
}
