/**
 * Domain names as bytes: length-prefixed labels ending with the empty one (RFC 1035 §3.1), at most 255 octets,
 * case kept as received. Text appears only at the edges: configuration, logs, zone files.
 */
import type { Bytes } from '../base/bytes.ts';
import { fail, type Result, succeed } from '../base/result.ts';

export const MAX_NAME_LENGTH = 255;
export const MAX_LABEL_LENGTH = 63;
export const ROOT_NAME: Bytes = new Uint8Array(1);

/** Lower case for A-Z, every other octet as it is (RFC 4343): a table, as it stands in the innermost loops. */
export const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet,
);

export type NameFailure = 'EMPTY_LABEL' | 'LABEL_TOO_LONG' | 'NAME_TOO_LONG' | 'BAD_ESCAPE' | 'EMPTY_NAME';

/**
 * Reads the text form (RFC 1035 §5.1): `\DDD` and `\X` escapes, relative to `origin` without a final dot.
 * `@` is the caller's business: here it is an ordinary octet.
 */
export function nameFromText(text: string, origin: Bytes = ROOT_NAME): Result<Uint8Array<ArrayBuffer>, NameFailure> {
  if (text === '') return fail('EMPTY_NAME');
  if (text === '.') return succeed(new Uint8Array(1));
  const source = Buffer.from(text, 'utf8');
  const out = new Uint8Array(MAX_NAME_LENGTH + 1);
  let labelStart = 0;
  let length = 1;
  for (let i = 0; i < source.length; i++) {
    let octet = source[i] as number;
    if (octet === 0x2e) {
      const labelLength = length - labelStart - 1;
      if (labelLength === 0) return fail('EMPTY_LABEL');
      out[labelStart] = labelLength;
      labelStart = length++;
      if (length > MAX_NAME_LENGTH) return fail('NAME_TOO_LONG');
      continue;
    }
    if (octet === 0x5c) {
      const escaped = readEscape(source, i + 1);
      if (escaped === undefined) return fail('BAD_ESCAPE');
      octet = escaped.octet;
      i = escaped.last;
    }
    if (length - labelStart > MAX_LABEL_LENGTH) return fail('LABEL_TOO_LONG');
    if (length >= MAX_NAME_LENGTH) return fail('NAME_TOO_LONG');
    out[length++] = octet;
  }
  if (length === labelStart + 1) return succeed(out.slice(0, length)); // ended with a dot: absolute
  out[labelStart] = length - labelStart - 1;
  if (length + origin.length > MAX_NAME_LENGTH) return fail('NAME_TOO_LONG');
  out.set(origin, length);
  return succeed(out.slice(0, length + origin.length));
}

function readEscape(source: Uint8Array, at: number): { octet: number; last: number } | undefined {
  const first = source[at];
  if (first === undefined) return undefined;
  if (first < 0x30 || first > 0x39) return { octet: first, last: at };
  const digits = Buffer.from(source.subarray(at, at + 3)).toString('latin1');
  if (!/^\d{3}$/.test(digits) || Number(digits) > 255) return undefined;
  return { octet: Number(digits), last: at + 2 };
}

/** The absolute text form, with a final dot; octets that are special or not printable are escaped. */
export function nameToText(name: Bytes): string {
  if (name.length <= 1) return '.';
  let text = '';
  for (let at = 0; at < name.length && name[at] !== 0; at += (name[at] as number) + 1) {
    const end = Math.min(at + (name[at] as number) + 1, name.length);
    for (let i = at + 1; i < end; i++) text += escapeOctet(name[i] as number);
    text += '.';
  }
  return text;
}

const SPECIAL = new Set(Array.from('."\\;()@$', (character) => character.charCodeAt(0)));

function escapeOctet(octet: number): string {
  if (octet <= 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}`;
  return SPECIAL.has(octet) ? `\\${String.fromCharCode(octet)}` : String.fromCharCode(octet);
}

export function lowerName(name: Bytes): Uint8Array<ArrayBuffer> {
  const lower = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) lower[i] = LOWER[name[i] as number] as number;
  return lower;
}

/** The same name, case aside (RFC 4343). */
export function equalNames(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (LOWER[a[i] as number] !== LOWER[b[i] as number]) return false;
  return true;
}

/** A map key: the lower-cased octets as a latin1 string. Not for people. */
export const nameKey = (name: Bytes): string => Buffer.from(lowerName(name)).toString('latin1');

/** What configuration and logs call a zone: lower case, without the final dot, `.` for the root. */
export function zoneLabel(name: Bytes): string {
  const text = nameToText(lowerName(name));
  return text === '.' ? text : text.slice(0, -1);
}

/** Canonical order of owners (RFC 4034 §6.1): by label from the root, case aside, absent before anything. */
export function compareNames(a: Bytes, b: Bytes): number {
  const left = labelStarts(a);
  const right = labelStarts(b);
  for (let i = 1; i <= Math.min(left.length, right.length); i++) {
    const difference = compareLabels(a, left[left.length - i] as number, b, right[right.length - i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function labelStarts(name: Bytes): number[] {
  const starts: number[] = [];
  for (let at = 0; at < name.length && name[at] !== 0; at += (name[at] as number) + 1) starts.push(at);
  return starts;
}

function compareLabels(a: Bytes, aAt: number, b: Bytes, bAt: number): number {
  const aLength = a[aAt] as number;
  const bLength = b[bAt] as number;
  for (let i = 1; i <= Math.min(aLength, bLength); i++) {
    const difference = (LOWER[a[aAt + i] as number] as number) - (LOWER[b[bAt + i] as number] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
