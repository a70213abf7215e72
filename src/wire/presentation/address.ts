/** Addresses as text: IPv4 dotted, IPv6 as in RFC 4291 §2.2 when read and RFC 5952 when printed. */
import type { Bytes } from '../../base/bytes.ts';
import type { OctetWriter } from './octets.ts';
import type { Token } from './scanner.ts';

export function readIpv4(token: Token, out: OctetWriter): boolean {
  return !token.quoted && readDotted(token.octets, token.start, token.end, out);
}

export function readIpv6(token: Token, out: OctetWriter): boolean {
  return !token.quoted && readGroups(token.octets, token.start, token.end, out);
}

/** Four decimal numbers; a leading zero is refused, as it is octal to some programs. */
export function readDotted(octets: Bytes, start: number, end: number, out: OctetWriter): boolean {
  const buffer = out.reserve(4);
  let to = out.length;
  const last = to + 3;
  let value = -1;
  for (let at = start; at < end; at++) {
    const octet = octets[at] as number;
    if (octet === DOT) {
      if (value < 0 || to === last) return false;
      buffer[to++] = value;
      value = -1;
      continue;
    }
    const digit = octet - 0x30;
    if (digit < 0 || digit > 9 || value === 0) return false;
    value = value < 0 ? digit : value * 10 + digit;
    if (value > 255) return false;
  }
  if (value < 0 || to !== last) return false;
  buffer[to++] = value;
  out.length = to;
  return true;
}

export function readGroups(octets: Bytes, start: number, end: number, out: OctetWriter): boolean {
  const buffer = out.reserve(16);
  const first = out.length;
  const limit = first + 16;
  let to = first;
  let gapAt = -1;
  let at = start;
  if (octets[at] === COLON) {
    if (octets[at + 1] !== COLON || end - at < 2) return false;
    at++; // the second colon makes the gap below
  }
  while (at < end) {
    if (octets[at] === COLON) {
      if (gapAt >= 0) return false;
      gapAt = to;
      at++;
      continue;
    }
    const groupAt = at;
    let value = 0;
    let digit = 0;
    for (; at < end; at++) {
      digit = HEX_VALUE[octets[at] as number] as number;
      if (digit > 15) break;
      value = value * 16 + digit;
    }
    if (at < end && octets[at] === DOT) {
      if (to + 4 > limit) return false;
      out.length = to;
      const wasRead = readDotted(octets, groupAt, end, out);
      out.length = first;
      if (!wasRead) return false;
      to += 4;
      at = end;
      break;
    }
    if (at === groupAt || at - groupAt > 4 || to === limit) return false;
    buffer[to++] = value >>> 8;
    buffer[to++] = value;
    if (at === end) break;
    if (octets[at] !== COLON || ++at === end) return false;
  }
  if (gapAt < 0) {
    if (to !== limit) return false;
  } else {
    if (to === limit) return false;
    buffer.copyWithin(limit - (to - gapAt), gapAt, to);
    buffer.fill(0, gapAt, limit - (to - gapAt));
  }
  out.length = limit;
  return true;
}

export const printIpv4 = (octets: Bytes): string => octets.join('.');

export function printIpv6(octets: Bytes): string {
  const groups: string[] = [];
  for (let i = 0; i + 1 < octets.length; i += 2) {
    groups.push((((octets[i] as number) << 8) | (octets[i + 1] as number)).toString(16));
  }
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.start + zeros.length).join(':')}`;
}

/** The first of the longest runs: the one to shorten (RFC 5952 §4.2.3). */
function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === '0' ? length + 1 : 0;
    if (length > longest.length) longest = { start: i - length + 1, length };
  }
  return longest;
}

/** 16 for what is no hexadecimal digit. */
export const HEX_VALUE: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => {
  const value = Number.parseInt(String.fromCharCode(octet), 16);
  return Number.isNaN(value) ? 16 : value;
});

const DOT = 0x2e;
const COLON = 0x3a;
