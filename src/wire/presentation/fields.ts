/** The kinds of field that rdata is made of, each with its two directions. `types.ts` composes them. */
import type { Bytes } from '../../base/bytes.ts';
import { nameToText } from '../name.ts';
import { typeToText } from '../registry.ts';
import { printIpv4, printIpv6, readIpv4, readIpv6 } from './address.ts';
import { MAX_RDATA_LENGTH, type OctetReader, type OctetWriter } from './octets.ts';
import {
  expected,
  readName,
  readNumber,
  readOctets,
  readSeconds,
  readType,
  type TokenCursor,
  tokenText,
} from './words.ts';

export interface Field {
  /** Takes words and appends octets; a failure is what was expected. */
  readonly read: (words: TokenCursor, out: OctetWriter, origin: Bytes) => string | undefined;
  /** The text of the octets next in line, empty for nothing; the reader remembers a failure. */
  readonly print: (octets: OctetReader) => string;
}

export const name: Field = {
  read: (words, out, origin) => readName(words.take(), origin, out),
  print: (octets) => nameToText(octets.name()),
};

export const u8 = number('a number from 0 to 255', 1);
export const u16 = number('a number from 0 to 65535', 2);
export const u32 = number('a number from 0 to 4294967295', 4);

/** A number that may also be written as one of these words. */
export function named(octets: 1 | 2, what: string, names: Readonly<Record<string, number>>): Field {
  const plain = octets === 1 ? u8 : u16;
  return {
    print: plain.print,
    read: (words, out) => {
      const word = words.take();
      if (word === undefined || word.quoted) return expected(what, word);
      const value = readNumber(word, octets === 1 ? 0xff : 0xffff);
      const code = value >= 0 ? value : (names[tokenText(word).toUpperCase()] ?? -1);
      if (code < 0) return expected(what, word);
      return octets === 1 ? out.u8(code) : out.u16(code);
    },
  };
}

/** Seconds in rdata, with units as in TTLs: BIND accepts them in a SOA. */
export const seconds: Field = {
  read: (words, out) => {
    const word = words.take();
    const value = word === undefined ? -1 : readSeconds(word, 0xffff_ffff);
    return value < 0 ? expected('a time in seconds, or with units as in 1h30m', word) : out.u32(value);
  },
  print: (octets) => String(octets.u32()),
};

/** The number of a record type, by its name. */
export const recordType: Field = {
  read: (words, out) => {
    const word = words.take();
    const type = word === undefined ? -1 : readType(word);
    return type < 0 ? expected('a record type', word) : out.u16(type);
  },
  print: (octets) => typeToText(octets.u16()),
};

export const ipv4: Field = {
  read: (words, out) => {
    const word = words.take();
    return word !== undefined && readIpv4(word, out) ? undefined : expected('an IPv4 address', word);
  },
  print: (octets) => printIpv4(octets.bytes(4)),
};

export const ipv6: Field = {
  read: (words, out) => {
    const word = words.take();
    return word !== undefined && readIpv6(word, out) ? undefined : expected('an IPv6 address', word);
  },
  print: (octets) => printIpv6(octets.bytes(16)),
};

/** A character-string: a length octet and up to 255 octets (RFC 1035 §3.3). */
export const string: Field = {
  read: (words, out) => {
    const at = out.length;
    out.u8(0);
    const failure = readOctets(words.take(), 255, out);
    if (failure === undefined) out.patch(at, out.length - at - 1);
    return failure;
  },
  print: (octets) => quoted(octets.bytes(octets.u8())),
};

/** Character-strings to the end of the record, one at least. */
export const strings: Field = {
  read: (words, out, origin) => {
    do {
      const failure = string.read(words, out, origin);
      if (failure !== undefined) return failure;
    } while (words.peek() !== undefined);
    return undefined;
  },
  print: (octets) => {
    const texts: string[] = [];
    do texts.push(string.print(octets));
    while (octets.left > 0);
    return texts.join(' ');
  },
};

/** A character-string that may be left out at the end of the record. */
export const optionalString: Field = {
  read: (words, out, origin) => (words.peek() === undefined ? undefined : string.read(words, out, origin)),
  print: (octets) => (octets.left === 0 ? '' : string.print(octets)),
};

/** Octets to the end of the record, written as one string without a length (RFC 7553 §4.4, RFC 8659 §4.1.1). */
export const quotedRest: Field = {
  read: (words, out) => readOctets(words.take(), MAX_RDATA_LENGTH, out),
  print: (octets) => quoted(octets.rest()),
};

/** A property tag (RFC 8659 §4.1): letters and digits, with a length octet. */
export const tag: Field = {
  read: (words, out) => {
    const word = words.take();
    const text = word === undefined || word.quoted ? '' : tokenText(word);
    if (!TAG.test(text)) return expected('a tag of letters and digits', word);
    out.u8(text.length);
    return out.append(Buffer.from(text, 'latin1'));
  },
  print: (octets) => {
    const text = Buffer.from(octets.bytes(octets.u8())).toString('latin1');
    if (!TAG.test(text)) octets.fail();
    return text;
  },
};

const TAG = /^[0-9A-Za-z]{1,255}$/;

/** The octets as a string in quotes, which needs no knowledge of what is in it. */
export function quoted(octets: Bytes): string {
  let text = '"';
  for (const octet of octets) {
    if (octet < 0x20 || octet >= 0x7f) text += `\\${String(octet).padStart(3, '0')}`;
    else if (octet === 0x22 || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`;
    else text += String.fromCharCode(octet);
  }
  return `${text}"`;
}

function number(what: string, size: 1 | 2 | 4): Field {
  const max = 2 ** (8 * size) - 1;
  return {
    read: (words, out) => {
      const word = words.take();
      const value = word === undefined ? -1 : readNumber(word, max);
      if (value < 0) return expected(what, word);
      if (size === 1) return out.u8(value);
      return size === 2 ? out.u16(value) : out.u32(value);
    },
    print: (octets) => String(size === 1 ? octets.u8() : size === 2 ? octets.u16() : octets.u32()),
  };
}
