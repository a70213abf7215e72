/** Fields with a form of their own: identifiers, locators, address lists, and the two types with keys and gateways. */
import { type Bytes, toHex } from '../../base/bytes.ts';
import { nameToText } from '../name.ts';
import { printIpv4, printIpv6, readDotted, readGroups, readIpv4, readIpv6 } from './address.ts';
import { optionalBase64Rest, readBase64 } from './encoded-fields.ts';
import { type Field, u8 } from './fields.ts';
import type { OctetReader, OctetWriter } from './octets.ts';
import type { Token } from './scanner.ts';
import { expected, readName, readNumber, TokenCursor, tokenText } from './words.ts';

/** `00-00-5e-00-53-2a` (RFC 7043 §3.2). */
export const eui48 = written(6, 2, '-', 'an identifier of 6 pairs of hexadecimal digits with hyphens');
export const eui64 = written(8, 2, '-', 'an identifier of 8 pairs of hexadecimal digits with hyphens');

/** `2001:0DB8:1140:1000`, of NID and L64 (RFC 6742 §2.1.2). */
export const locator64 = written(8, 4, ':', 'four groups of hexadecimal digits with colons');

/** `0x47.0005.80`, dots as one likes (RFC 1706 §7). */
export const nsap: Field = {
  read: (words, out) => {
    const word = words.take();
    const text = plainText(word).replaceAll('.', '');
    if (!/^0x(?:[0-9a-f]{2})+$/i.test(text)) return expected('hexadecimal digits after 0x', word);
    return out.append(Buffer.from(text.slice(2), 'hex'));
  },
  print: (octets) => {
    if (octets.left === 0) octets.fail();
    return `0x${toHex(octets.rest())}`;
  },
};

const APL_FAMILIES = [
  { family: 1, size: 4, read: readDotted, print: printIpv4 },
  { family: 2, size: 16, read: readGroups, print: printIpv6 },
] as const;

/** `1:192.0.2.0/24 !2:2001:db8::/32` to the end of the record (RFC 3123 §5). */
export const addressPrefixes: Field = {
  read: (words, out) => {
    for (let word = words.take(); word !== undefined; word = words.take()) {
      if (!readPrefix(word, out)) return expected('address prefixes as 1:192.0.2.0/24 or !2:2001:db8::/32', word);
    }
    return undefined;
  },
  print: (octets) => {
    const items: string[] = [];
    while (octets.left > 0) items.push(printPrefix(octets));
    return items.join(' ');
  },
};

function readPrefix(word: Token, out: OctetWriter): boolean {
  const parts = /^(!?)([12]):([0-9a-f.:]+)\/(\d{1,3})$/i.exec(plainText(word));
  const form = APL_FAMILIES[Number(parts?.[2]) - 1];
  if (parts === null || form === undefined || Number(parts[4]) > form.size * 8) return false;
  out.u16(form.family);
  out.u8(Number(parts[4]));
  out.u8(0);
  const start = out.length;
  const address = Buffer.from(parts[3] ?? '', 'latin1');
  if (!form.read(address, 0, address.length, out)) return false;
  const octets = out.view(start);
  let length = form.size;
  while (length > 0 && octets[length - 1] === 0) length--; // RFC 3123 §4: no zeros at the end
  out.patch(start - 1, length | (parts[1] === '!' ? 0x80 : 0));
  out.length = start + length;
  return true;
}

function printPrefix(octets: OctetReader): string {
  const family = octets.u16();
  const prefix = octets.u8();
  const lengthOctet = octets.u8();
  const part = octets.bytes(lengthOctet & 0x7f);
  const form = APL_FAMILIES[family - 1];
  if (form === undefined || prefix > form.size * 8 || part.length > form.size || part.at(-1) === 0) octets.fail();
  if (form === undefined || octets.failed) return '';
  const address = new Uint8Array(form.size);
  address.set(part);
  return `${lengthOctet & 0x80 ? '!' : ''}${family}:${form.print(address)}/${prefix}`;
}

/** IPSECKEY from its first octet to the end: the gateway's form depends on the number before (RFC 4025 §2). */
export const ipsecKey: Field = {
  read: (words, out, origin) => {
    const precedence = u8.read(words, out, origin);
    if (precedence !== undefined) return precedence;
    const typeWord = words.take();
    const gatewayType = typeWord === undefined ? -1 : readNumber(typeWord, 3);
    if (gatewayType < 0) return expected('a gateway type from 0 to 3', typeWord);
    out.u8(gatewayType);
    const algorithm = u8.read(words, out, origin);
    if (algorithm !== undefined) return algorithm;
    return readGateway(gatewayType, words, out, origin) ?? optionalBase64Rest.read(words, out, origin);
  },
  print: (octets) => {
    const [precedence, gatewayType, algorithm] = [octets.u8(), octets.u8(), octets.u8()];
    const gateway = printGateway(gatewayType, octets);
    return `${precedence} ${gatewayType} ${algorithm} ${gateway} ${optionalBase64Rest.print(octets)}`.trimEnd();
  },
};

function readGateway(type: number, words: TokenCursor, out: OctetWriter, origin: Bytes): string | undefined {
  const word = words.take();
  switch (type) {
    case 1:
      return word !== undefined && readIpv4(word, out) ? undefined : expected('an IPv4 address', word);
    case 2:
      return word !== undefined && readIpv6(word, out) ? undefined : expected('an IPv6 address', word);
    case 3:
      return readName(word, origin, out);
    default:
      return plainText(word) === '.' ? undefined : expected('. for no gateway', word);
  }
}

function printGateway(type: number, octets: OctetReader): string {
  if (type === 1) return printIpv4(octets.bytes(4));
  if (type === 2) return printIpv6(octets.bytes(16));
  if (type === 3) return nameToText(octets.name());
  if (type !== 0) octets.fail();
  return '.';
}

/** HIP from its first octet to the end: the lengths of tag and key stand before both (RFC 8005 §5). */
export const hostIdentity: Field = {
  read: (words, out, origin) => {
    const start = out.length;
    out.u8(0);
    const algorithm = u8.read(words, out, origin);
    if (algorithm !== undefined) return algorithm;
    out.u16(0);
    const tagWord = words.take();
    const tag = plainText(tagWord);
    if (!/^(?:[0-9a-f]{2}){1,255}$/i.test(tag)) return expected('a host identity tag in hexadecimal', tagWord);
    out.append(Buffer.from(tag, 'hex'));
    const keyAt = out.length;
    const keyWord = words.take();
    const failure = readBase64(new TokenCursor(keyWord === undefined ? [] : [keyWord]), out);
    if (failure !== undefined) return failure;
    out.patch(start, tag.length / 2);
    out.patch(start + 2, (out.length - keyAt) >> 8);
    out.patch(start + 3, out.length - keyAt);
    while (words.peek() !== undefined) {
      const serverFailure = readName(words.take(), origin, out);
      if (serverFailure !== undefined) return serverFailure;
    }
    return undefined;
  },
  print: (octets) => {
    const tagLength = octets.u8();
    const algorithm = octets.u8();
    const keyLength = octets.u16();
    if (tagLength === 0 || keyLength === 0) octets.fail();
    const texts = [String(algorithm), toHex(octets.bytes(tagLength))];
    texts.push(Buffer.from(octets.bytes(keyLength)).toString('base64'));
    while (octets.left > 0) texts.push(nameToText(octets.name()));
    return texts.join(' ');
  },
};

/** A fixed number of octets as groups of hexadecimal digits. */
function written(octetCount: number, digits: 2 | 4, separator: string, what: string): Field {
  const groups = (octetCount * 2) / digits;
  const group = digits === 2 ? '[0-9a-f]{2}' : '[0-9a-f]{1,4}';
  const form = new RegExp(`^${group}(?:${separator}${group}){${groups - 1}}$`, 'i');
  return {
    read: (words, out) => {
      const word = words.take();
      const text = plainText(word);
      if (!form.test(text)) return expected(what, word);
      return out.append(
        Buffer.from(
          text
            .split(separator)
            .map((part) => part.padStart(digits, '0'))
            .join(''),
          'hex',
        ),
      );
    },
    print: (octets) => (toHex(octets.bytes(octetCount)).match(digits === 2 ? /../g : /..../g) ?? []).join(separator),
  };
}

const plainText = (word: Token | undefined): string => (word === undefined || word.quoted ? '' : tokenText(word));
