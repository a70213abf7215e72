/** What one word of a zone file means: numbers, times, names, strings, mnemonics. Failures say what was expected. */
import type { Bytes } from '../../base/bytes.ts';
import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../name.ts';
import { CLASS, classFromText, TYPE, typeFromText } from '../registry.ts';
import type { OctetWriter } from './octets.ts';
import type { Token } from './scanner.ts';

/** The tokens of an entry, taken one by one. */
export class TokenCursor {
  tokens: readonly Token[];
  at: number;
  end: number;

  constructor(tokens: readonly Token[] = [], at = 0, end = tokens.length) {
    this.tokens = tokens;
    this.at = at;
    this.end = end;
  }

  take(): Token | undefined {
    return this.at < this.end ? this.tokens[this.at++] : undefined;
  }

  peek(): Token | undefined {
    return this.at < this.end ? this.tokens[this.at] : undefined;
  }
}

/** `an IPv4 address, got 'abc'`: how every failure about rdata reads. */
export function expected(what: string, token: Token | undefined): string {
  return `${what}, got ${token === undefined ? 'the end of the record' : `'${shownText(token)}'`}`;
}

/** A decimal number up to `max`; -1 where the word is none. */
export function readNumber(token: Token, max: number): number {
  const { octets, start, end } = token;
  const digits = end - start;
  if (digits === 0 || digits > 10 || token.quoted) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (octets[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= max ? value : -1;
}

/** Seconds, plain or with units as BIND writes them: `3600`, `1h30m`, `2W`. -1 where the word is none. */
export function readSeconds(token: Token, max: number): number {
  const { octets, start, end } = token;
  if (start === end || token.quoted) return -1;
  let total = 0;
  let part = 0;
  let digits = 0;
  for (let at = start; at < end; at++) {
    const octet = octets[at] as number;
    if (octet >= 0x30 && octet <= 0x39) {
      part = part * 10 + octet - 0x30;
      if (++digits > 10) return -1;
      continue;
    }
    const unit = UNIT_SECONDS[octet] as number;
    if (unit === 0 || digits === 0) return -1;
    total += part * unit;
    part = 0;
    digits = 0;
  }
  if (digits > 0) total += part;
  return total <= max ? total : -1;
}

const UNIT_SECONDS = new Uint32Array(256);
for (const [letter, seconds] of Object.entries({ s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 })) {
  UNIT_SECONDS[letter.charCodeAt(0)] = seconds;
  UNIT_SECONDS[letter.toUpperCase().charCodeAt(0)] = seconds;
}

/** Appends the wire form of a name: `@` is the origin, without a final dot it is relative to it (RFC 1035 §5.1). */
export function readName(token: Token | undefined, origin: Bytes, out: OctetWriter): string | undefined {
  if (token === undefined || token.quoted || token.quoteInside) return expected('a domain name', token);
  const { octets, end } = token;
  let from = token.start;
  if (end - from === 1) {
    if (octets[from] === AT_SIGN) return out.append(origin);
    if (octets[from] === DOT) return out.u8(0);
  }
  const buffer = out.reserve(MAX_NAME_LENGTH);
  const limit = out.length + MAX_NAME_LENGTH;
  let labelAt = out.length;
  let to = labelAt + 1;
  while (from < end) {
    let octet = octets[from++] as number;
    if (octet === DOT) {
      if (to === labelAt + 1) return expected('a domain name without empty labels', token);
      if (to >= limit) return expected('a domain name of at most 255 octets', token);
      buffer[labelAt] = to - labelAt - 1;
      labelAt = to++;
      continue;
    }
    if (octet === BACKSLASH) {
      octet = escapedOctet(octets, from, end);
      if (octet < 0) return expected('a domain name with \\DDD escapes from \\000 to \\255', token);
      from += isDigit(octets[from]) ? 3 : 1;
    }
    if (to - labelAt > MAX_LABEL_LENGTH) return expected('a domain name with labels of at most 63 octets', token);
    if (to >= limit) return expected('a domain name of at most 255 octets', token);
    buffer[to++] = octet;
  }
  if (to === labelAt + 1) {
    buffer[labelAt] = 0; // ended with a dot: absolute
    out.length = to;
    return undefined;
  }
  if (to + origin.length > limit) return expected('a domain name of at most 255 octets, origin included', token);
  buffer[labelAt] = to - labelAt - 1;
  out.length = to;
  return out.append(origin);
}

/** Appends what a string means, escapes resolved; at most `max` octets. */
export function readOctets(token: Token | undefined, max: number, out: OctetWriter): string | undefined {
  if (token === undefined) return expected('a string', token);
  if (token.quoteInside) return expected('a string that is quoted as a whole or not at all', token);
  return unescapeTo(token.octets, token.start, token.end, max, out);
}

/** The octets between `from` and `end` with their escapes resolved. */
export function unescapeTo(
  octets: Bytes,
  from: number,
  end: number,
  max: number,
  out: OctetWriter,
): string | undefined {
  const buffer = out.reserve(end - from);
  const start = out.length;
  let to = start;
  let at = from;
  while (at < end) {
    let octet = octets[at++] as number;
    if (octet === BACKSLASH) {
      octet = escapedOctet(octets, at, end);
      if (octet < 0) return 'a string with \\DDD escapes from \\000 to \\255';
      at += isDigit(octets[at]) ? 3 : 1;
    }
    buffer[to++] = octet;
  }
  if (to - start > max) return `strings of at most ${max} octets, got one of ${to - start}: split it into several`;
  out.length = to;
  return undefined;
}

/** The value of an escape whose backslash lies before `at`: `\DDD` or any other octet as itself; -1 if it is wrong. */
function escapedOctet(octets: Bytes, at: number, end: number): number {
  if (at >= end) return -1;
  if (!isDigit(octets[at])) return octets[at] as number;
  if (at + 3 > end || !isDigit(octets[at + 1]) || !isDigit(octets[at + 2])) return -1;
  const value =
    ((octets[at] as number) - 0x30) * 100 +
    ((octets[at + 1] as number) - 0x30) * 10 +
    ((octets[at + 2] as number) - 0x30);
  return value <= 255 ? value : -1;
}

/** The number of a record type, `TYPEn` included (RFC 3597 §5); -1 where there is none. */
export function readType(token: Token): number {
  if (token.quoted) return -1;
  const known = TYPES_BY_HASH.get(hash(token.octets, token.start, token.end));
  if (known !== undefined && spells(token, known.octets)) return known.code;
  return token.end - token.start > 12 ? -1 : (typeFromText(tokenText(token)) ?? -1);
}

/** The number of a class, `CLASSn` included; -1 where there is none. */
export function readClass(token: Token): number {
  const { octets, start, end } = token;
  if (token.quoted || end - start > 12) return -1;
  if (end - start === 2 && ((octets[start] as number) | 32) === 0x69 && ((octets[start + 1] as number) | 32) === 0x6e) {
    return CLASS.IN;
  }
  return classFromText(tokenText(token)) ?? -1;
}

/** The word as written, an octet a character. */
export function tokenText(token: Token): string {
  return Buffer.from(token.octets.subarray(token.start, token.end)).toString('latin1');
}

const DOT = 0x2e;
const AT_SIGN = 0x40;
const BACKSLASH = 0x5c;
const SHOWN_OCTETS = 60;

const isDigit = (octet: number | undefined): boolean => octet !== undefined && octet >= 0x30 && octet <= 0x39;

/** For messages: cut, and without octets that would disturb a terminal. */
function shownText(token: Token): string {
  let text = '';
  for (let at = token.start; at < Math.min(token.end, token.start + SHOWN_OCTETS); at++) {
    const octet = token.octets[at] as number;
    text += octet < 0x20 || octet >= 0x7f ? `\\${String(octet).padStart(3, '0')}` : String.fromCharCode(octet);
  }
  return token.end - token.start > SHOWN_OCTETS ? `${text}...` : text;
}

// A hash of the octets finds the type of each record without a string for it; the spelling is compared afterwards.
const TYPES_BY_HASH = new Map<number, { readonly octets: Uint8Array; readonly code: number }>(
  Object.entries(TYPE).map(([name, code]) => {
    const octets = Buffer.from(name, 'latin1');
    return [hash(octets, 0, octets.length), { octets, code }];
  }),
);

function hash(octets: Bytes, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = (Math.imul(value, 31) + ((octets[at] as number) & 0xdf)) | 0;
  return value;
}

function spells(token: Token, name: Bytes): boolean {
  if (token.end - token.start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    const octet = token.octets[token.start + i] as number;
    if ((octet >= 0x61 && octet <= 0x7a ? octet - 32 : octet) !== name[i]) return false;
  }
  return true;
}
