/** Fields that hold octets or sets in some encoding: hexadecimal, base64, base32hex, type bitmaps, dates. */
import type { Bytes } from '../../base/bytes.ts';
import { toHex } from '../../base/bytes.ts';
import { typeToText } from '../registry.ts';
import { HEX_VALUE } from './address.ts';
import type { Field } from './fields.ts';
import type { OctetWriter } from './octets.ts';
import { expected, readNumber, readType, type TokenCursor, tokenText } from './words.ts';

/** Hexadecimal digits to the end of the record; blanks may stand anywhere between them. */
export function readHex(words: TokenCursor, out: OctetWriter): string | undefined {
  let half = -1;
  let word = words.take();
  if (word === undefined) return expected('hexadecimal digits', word);
  for (; word !== undefined; word = words.take()) {
    if (word.quoted) return expected('hexadecimal digits', word);
    for (let at = word.start; at < word.end; at++) {
      const digit = HEX_VALUE[word.octets[at] as number] as number;
      if (digit > 15) return expected('hexadecimal digits', word);
      if (half < 0) half = digit;
      else {
        out.u8(half * 16 + digit);
        half = -1;
      }
    }
  }
  return half < 0 ? undefined : 'an even number of hexadecimal digits, got an odd one';
}

/** One octet or more. */
export const hexRest: Field = {
  read: readHex,
  print: (octets) => {
    if (octets.left === 0) octets.fail();
    return toHex(octets.rest());
  },
};

/** A length octet and octets, `-` for none: the salt of NSEC3 (RFC 5155 §3.3). */
export const salt: Field = {
  read: (words, out) => {
    const word = words.take();
    const text = word === undefined || word.quoted ? '' : tokenText(word);
    if (text === '-') return out.u8(0);
    if (!/^(?:[0-9a-f]{2}){1,255}$/i.test(text)) return expected('a salt in hexadecimal, or -', word);
    out.u8(text.length / 2);
    return out.append(Buffer.from(text, 'hex'));
  },
  print: (octets) => toHex(octets.bytes(octets.u8())) || '-',
};

/** A length octet and octets in base32hex without padding: the next hashed owner of NSEC3 (RFC 5155 §3.3). */
export const base32hex: Field = {
  read: (words, out) => {
    const word = words.take();
    const text = word === undefined || word.quoted ? '' : tokenText(word).toLowerCase();
    const octets = text.length > 408 ? undefined : fromBase32hex(text);
    if (octets === undefined) return expected('a hash in base32hex', word);
    out.u8(octets.length);
    return out.append(octets);
  },
  print: (octets) => {
    const hash = octets.bytes(octets.u8());
    if (hash.length === 0) octets.fail();
    return toBase32hex(hash);
  },
};

const base64Field = (isOptional: boolean): Field => ({
  read: (words, out) => (isOptional && words.peek() === undefined ? undefined : readBase64(words, out)),
  print: (octets) => {
    if (octets.left === 0 && !isOptional) octets.fail();
    return Buffer.from(octets.rest()).toString('base64');
  },
});

/** One octet or more. */
export const base64Rest = base64Field(false);
/** Also nothing: a KEY that says there is no key (RFC 2535 §3.1.2). */
export const optionalBase64Rest = base64Field(true);

/** Base64 to the end of the record; blanks may stand anywhere in it. */
export function readBase64(words: TokenCursor, out: OctetWriter): string | undefined {
  let word = words.take();
  if (word === undefined) return expected('base64', word);
  let bits = 0;
  let held = 0;
  let digits = 0;
  let padding = 0;
  for (; word !== undefined; word = words.take()) {
    if (word.quoted) return expected('base64', word);
    for (let at = word.start; at < word.end; at++) {
      const octet = word.octets[at] as number;
      const digit = BASE64_VALUE[octet] as number;
      digits++;
      if (octet === EQUALS_SIGN) {
        padding++;
        continue;
      }
      if (digit > 63 || padding > 0) return expected('base64', word);
      held = ((held << 6) | digit) & 0xffff;
      bits += 6;
      if (bits < 8) continue;
      bits -= 8;
      out.u8((held >> bits) & 0xff);
    }
  }
  const isWhole = digits % 4 === 0 && padding <= 2 && digits > padding;
  return isWhole ? undefined : 'base64 with padding to a multiple of four, got another length';
}

/** Types as windows of bits (RFC 4034 §4.1.2); to the end of the record. */
export const typeBitmap: Field = {
  read: (words, out) => {
    const types = new Set<number>();
    for (let word = words.take(); word !== undefined; word = words.take()) {
      const type = readType(word);
      if (type < 0) return expected('record types', word);
      types.add(type);
    }
    return writeBitmap(
      [...types].sort((a, b) => a - b),
      out,
    );
  },
  print: (octets) => {
    const names: string[] = [];
    let lastWindow = -1;
    while (octets.left > 0) {
      const window = octets.u8();
      const bits = octets.bytes(octets.u8());
      // Windows in order, none empty, no zeros at the end: otherwise the same types have more than one form.
      if (window <= lastWindow || bits.length > 32 || (bits[bits.length - 1] ?? 0) === 0) octets.fail();
      lastWindow = window;
      for (const [i, octet] of bits.entries()) {
        for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) names.push(typeToText(window * 256 + i * 8 + bit));
      }
    }
    return names.join(' ');
  },
};

function writeBitmap(types: readonly number[], out: OctetWriter): undefined {
  for (let i = 0; i < types.length; ) {
    const window = (types[i] as number) >> 8;
    const bits = new Uint8Array(32);
    let length = 0;
    for (; i < types.length && (types[i] as number) >> 8 === window; i++) {
      const low = (types[i] as number) & 0xff;
      length = (low >> 3) + 1;
      bits[low >> 3] = (bits[low >> 3] as number) | (0x80 >> (low & 7));
    }
    out.u8(window);
    out.u8(length);
    out.append(bits.subarray(0, length));
  }
}

/** A point in time as YYYYMMDDHHmmSS, or as seconds since 1970 (RFC 4034 §3.2). */
export const time: Field = {
  read: (words, out) => {
    const word = words.take();
    if (word === undefined || word.quoted) return expected(TIME_FORMS, word);
    const value = word.end - word.start === 14 ? fromCalendar(tokenText(word)) : readNumber(word, 0xffff_ffff);
    return value < 0 ? expected(TIME_FORMS, word) : out.u32(value);
  },
  print: (octets) => new Date(octets.u32() * 1000).toISOString().replace(/\..*|\D/g, ''),
};

const TIME_FORMS = 'a time as YYYYMMDDHHmmSS from 1970 to 2106';

function fromCalendar(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text);
  if (parts === null) return -1;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  const seconds = date.getTime() / 1000;
  return isReal && seconds >= 0 && seconds <= 0xffff_ffff ? seconds : -1;
}

const BASE32HEX = '0123456789abcdefghijklmnopqrstuv';

function toBase32hex(octets: Bytes): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of octets) {
    held = ((held << 8) | octet) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32HEX[(held >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + BASE32HEX[(held << (5 - bits)) & 31];
}

/** Undefined for other characters, a length that no octets give, or bits left over that are not zero. */
function fromBase32hex(text: string): Uint8Array | undefined {
  const octets: number[] = [];
  let bits = 0;
  let held = 0;
  for (const character of text) {
    const digit = BASE32HEX.indexOf(character);
    if (digit < 0) return undefined;
    held = ((held << 5) | digit) & 0xffff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    octets.push((held >> bits) & 0xff);
  }
  if (octets.length === 0 || octets.length > 255 || bits >= 5 || (held & ((1 << bits) - 1)) !== 0) return undefined;
  return Uint8Array.from(octets);
}

const EQUALS_SIGN = 0x3d;

const BASE64_VALUE = new Uint8Array(256).fill(64);
for (const [value, character] of Array.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
).entries()) {
  BASE64_VALUE[character.charCodeAt(0)] = value;
}
