/** The scalars of the configuration: durations, sizes, rates, addresses, names. Text in, value or complaint out. */
import { isIP } from 'node:net';
import { type Bytes, equalBytes } from '../base/bytes.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import { parseAddress as addressOctets, addressToText, maskAddress } from '../policy/prefix.ts';
import { lowerName, type NameFailure, nameFromText, zoneLabel } from '../wire/name.ts';
import type { Address, Rate } from './config.ts';

/** A failure is a sentence: it starts with `expected` where the value read may follow it. */
export type Parsed<T> = Result<T, string>;

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE_UNITS = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 } as const;

export const DURATION = 'a duration such as `500ms`, `30s`, `5m`, `2h` or `1d`';
export const SIZE = 'a size such as `16000B`, `64KB`, `256MB` or `8GB` (powers of ten)';
export const RATE = 'a rate such as `10/s`, `10/m` or `10/h`';
export const BANDWIDTH = 'octets a second such as `10KB/s` or `50MB/s` (powers of ten)';
export const VOLUME = 'octets over a time such as `500MB/m` or `10GB/h` (powers of ten)';
export const CLOCK_TIME = 'a time such as `06:30`';
export const PERCENT = 'a percentage from `0%` to `100%`';

export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return fail(`expected ${DURATION}`);
  return succeed(Number(match[1]) * DURATION_UNITS[match[2] as keyof typeof DURATION_UNITS]);
}

export function parseSize(text: string): Parsed<number> {
  const match = /^(\d{1,12})(B|KB|MB|GB)$/.exec(text);
  if (match === null) return fail(`expected ${SIZE}`);
  return succeed(Number(match[1]) * SIZE_UNITS[match[2] as keyof typeof SIZE_UNITS]);
}

export function parseRate(text: string): Parsed<Rate> {
  const match = /^(\d{1,9})\/(s|m|h)$/.exec(text);
  if (match === null || Number(match[1]) === 0) return fail(`expected ${RATE}`);
  return succeed({ count: Number(match[1]), perMs: DURATION_UNITS[match[2] as 's' | 'm' | 'h'] });
}

export function parseBandwidth(text: string): Parsed<number> {
  const size = parseSize(/^(.*)\/s$/.exec(text)?.[1] ?? '');
  return size.ok && size.value > 0 ? size : fail(`expected ${BANDWIDTH}`);
}

/** Octets over a time. */
export function parseVolume(text: string): Parsed<Rate> {
  const match = /^(.*)\/(s|m|h)$/.exec(text);
  const size = parseSize(match?.[1] ?? '');
  if (!size.ok || size.value === 0) return fail(`expected ${VOLUME}`);
  return succeed({ count: size.value, perMs: DURATION_UNITS[match?.[2] as 's' | 'm' | 'h'] });
}

/** Minutes since midnight. */
export function parseClockTime(text: string): Parsed<number> {
  const match = /^(\d{2}):(\d{2})$/.exec(text);
  const [hours, minutes] = [Number(match?.[1]), Number(match?.[2])];
  return hours < 24 && minutes < 60 ? succeed(hours * 60 + minutes) : fail(`expected ${CLOCK_TIME}`);
}

export function parseTimeZone(text: string): Parsed<string> {
  try {
    return succeed(new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone);
  } catch {
    return fail(`\`${text}\` is not a time zone; expected one such as \`UTC\` or \`Europe/Berlin\``);
  }
}

/** As a share, 0 to 1. */
export function parsePercent(text: string): Parsed<number> {
  const match = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text);
  if (match === null || Number(match[1]) > 100) return fail(`expected ${PERCENT}`);
  return succeed(Number(match[1]) / 100);
}

export const parseIp = (text: string): Parsed<string> =>
  isIP(text) === 0 ? fail('expected an IP address such as `192.0.2.1` or `2001:db8::1`') : succeed(text);

/** `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1`, `[2001:db8::1]:53`. Without a default the port must be there. */
export function parseAddress(text: string, defaultPort?: number): Parsed<Address> {
  const expected =
    defaultPort === undefined
      ? 'expected an address with its port such as `127.0.0.1:8053` or `[::1]:8053`'
      : 'expected an IP address, with a port if you like, such as `192.0.2.1`, `192.0.2.1:53` or `[2001:db8::1]:53`';
  if (isIP(text) !== 0) return defaultPort === undefined ? fail(expected) : succeed({ host: text, port: defaultPort });
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  const family = match?.[1] === undefined ? 4 : 6;
  if (isIP(host) !== family || port === undefined || port > 65535) return fail(expected);
  return succeed({ host, port });
}

/** As `parseAddress`, where the port that is meant without one depends on the transport. */
export function parseHost(text: string): Parsed<{ readonly host: string; readonly port: number | undefined }> {
  const parsed = parseAddress(text, NO_PORT);
  if (!parsed.ok) return parsed;
  const { host, port } = parsed.value;
  return succeed({ host, port: port === NO_PORT ? undefined : port });
}

const NO_PORT = -1;

/** Without user and password, which would end up in logs. */
export function parseUrl(text: string): Parsed<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isFit = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.hash === '';
  return isFit ? succeed(url.href) : fail('expected an http or https URL, without a user and without `#`');
}

/** `address#port`, as listeners are called. */
export function parseListener(text: string): Parsed<string> {
  const parsed = parseAddress(text);
  return parsed.ok ? succeed(`${canonicalHost(parsed.value.host)}#${parsed.value.port}`) : parsed;
}

/** A host name or an address, as certificates have them; lower case. */
export function parseCertificateName(text: string): Parsed<string> {
  if (isIP(text) !== 0) return succeed(canonicalHost(text));
  return /^[A-Za-z0-9_*](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/.test(text)
    ? succeed(text.toLowerCase())
    : fail('expected a host name or an address, as the certificate has it');
}

/** Base64 of a SHA-256, as `zonegate cert pin` prints it. */
export function parsePin(text: string): Parsed<string> {
  const isPin = parseBase64(text)?.length === 32 && text === text.trim();
  return isPin ? succeed(text) : fail('expected a pin: 44 characters of base64, as `zonegate cert pin` prints them');
}

/** A network as CIDR text; a single address gets its full length. IPv4 in IPv6 becomes plain IPv4. */
export function parsePrefix(text: string): Parsed<string> {
  const [host = '', bits, more] = text.split('/');
  const expected = 'expected an address or a network such as `192.0.2.0/24` or `2001:db8::/32`';
  const address = isIP(host) === 0 || host.includes('%') ? undefined : addressOctets(host);
  if (address === undefined || more !== undefined) return fail(expected);
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return fail(expected);
  const most = isIP(host) === 4 ? 32 : 128;
  const given = bits === undefined ? most : Number(bits);
  if (given > most) return fail(`expected a prefix length of 0 to ${most} in \`${text}\``);

  const length = given + (128 - most);
  const masked = maskAddress(address, length);
  const network = addressToText(masked);
  const shown = `${network}/${isIP(network) === 4 ? length - 96 : length}`;
  return equalBytes(masked, address)
    ? succeed(shown)
    : fail(`\`${text}\` has bits set after its prefix; expected \`${shown}\``);
}

/** The same text for the same address, however it was written. */
export function canonicalHost(host: string): string {
  const octets = addressOctets(host);
  return octets === undefined ? host : addressToText(octets) + (/%.*$/.exec(host)?.[0] ?? '');
}

const NAME_FAILURES: Readonly<Record<NameFailure, string>> = {
  EMPTY_LABEL: 'it has an empty label',
  LABEL_TOO_LONG: 'a label has more than 63 octets',
  NAME_TOO_LONG: 'it has more than 255 octets',
  BAD_ESCAPE: 'it has a bad escape; expected `\\DDD` or `\\X`',
  EMPTY_NAME: 'it is empty',
};

/** A domain name: its label for maps and logs, and its wire form in lower case. */
export function parseName(text: string): Parsed<{ readonly label: string; readonly wire: Bytes }> {
  const name = nameFromText(text);
  if (!name.ok) return fail(`expected a domain name: ${NAME_FAILURES[name.failure]}`);
  const wire = lowerName(name.value);
  return succeed({ label: zoneLabel(wire), wire });
}

/** What a rule may say of zones: `example.org`, `*.example.net` (below it), `*` (all). */
export function parseZonePattern(text: string): Parsed<string> {
  if (text === '*') return succeed(text);
  const below = text.startsWith('*.');
  const name = parseName(below ? text.slice(2) : text);
  if (!name.ok) return fail(name.failure);
  return succeed(below ? `*.${name.value.label}` : name.value.label);
}

/** Standard base64 with its padding; white space around it is what an editor leaves in a file. */
export function parseBase64(text: string): Bytes | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed)) return undefined;
  const secret = new Uint8Array(Buffer.from(trimmed, 'base64'));
  return secret.length === 0 ? undefined : secret;
}
