/** Addresses and prefixes as sixteen octets, IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2), so that one compare does both. */
import ipaddr from 'ipaddr.js';
import type { Bytes } from '../base/bytes.ts';
import { fail, type Result, succeed } from '../base/result.ts';

/** Sixteen octets. */
export type AddressBytes = Uint8Array<ArrayBuffer>;

export interface Prefix {
  readonly address: AddressBytes;
  /** 0 to 128; an IPv4 prefix has 96 more than in its text. */
  readonly bits: number;
}

/** Undefined for what is no address. Zones (`fe80::1%eth0`) are left out. */
export function parseAddress(text: string): AddressBytes | undefined {
  return parsePlainV4(text) ?? parseAny(text);
}

/** Four decimal numbers without leading zeros: nearly all there is in lists of 100,000, and ten times as quick. */
function parsePlainV4(text: string): AddressBytes | undefined {
  const address = new Uint8Array(16);
  let at = 12;
  let value = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57 && value !== 0) {
      value = Math.max(0, value) * 10 + code - 48;
      if (value > 255) return undefined;
    } else {
      // A dot behind each of the first three, the end (which has no code) behind the last.
      const isEnd = at === 15 ? Number.isNaN(code) : code === 46;
      if (value < 0 || !isEnd) return undefined;
      address[at++] = value;
      value = -1;
    }
  }
  if (at !== 16) return undefined;
  address[10] = 0xff;
  address[11] = 0xff;
  return address;
}

function parseAny(text: string): AddressBytes | undefined {
  const bare = text.split('%', 1)[0] as string;
  if (!ipaddr.isValid(bare)) return undefined;
  const parsed = ipaddr.parse(bare);
  const mapped = parsed.kind() === 'ipv4' ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : (parsed as ipaddr.IPv6);
  return Uint8Array.from(mapped.toByteArray());
}

/** Reads `192.0.2.0/24`, `2001:db8::/32` or a single address. Bits behind the prefix length must be zero. */
export function parsePrefix(text: string): Result<Prefix, string> {
  const [base, lengthText, more] = text.split('/');
  const address = parseAddress(base ?? '');
  if (address === undefined || more !== undefined) return fail('expected an address or a prefix such as 192.0.2.0/24');
  const isV4 = !(base as string).includes(':');
  const most = isV4 ? 32 : 128;
  const length = lengthText === undefined ? most : Number(lengthText);
  if (lengthText !== undefined && (!/^\d{1,3}$/.test(lengthText) || length > most)) {
    return fail(`expected a prefix length from 0 to ${most}, got '${lengthText}'`);
  }
  const bits = length + (isV4 ? 96 : 0);
  const masked = maskAddress(address, bits);
  if (masked.some((octet, i) => octet !== address[i])) {
    return fail(`has bits set behind the prefix; did you mean ${addressToText(masked)}/${length}?`);
  }
  return succeed({ address, bits });
}

/** Whether it is an IPv4 address mapped into IPv6. */
export function isMapped(address: Bytes): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return address[10] === 0xff && address[11] === 0xff;
}

export function maskAddress(address: Bytes, bits: number): AddressBytes {
  const masked = new Uint8Array(16);
  for (let i = 0; i < 16; i++) {
    const kept = Math.min(8, Math.max(0, bits - i * 8));
    masked[i] = (address[i] as number) & (0xff << (8 - kept));
  }
  return masked;
}

export function isInPrefix(address: Bytes, prefix: Prefix): boolean {
  const whole = prefix.bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix.address[i]) return false;
  const rest = prefix.bits & 7;
  if (rest === 0) return true;
  return (((address[whole] as number) ^ (prefix.address[whole] as number)) & (0xff << (8 - rest))) === 0;
}

export function addressToText(address: Bytes): string {
  const parsed = ipaddr.fromByteArray(Array.from(address));
  return parsed.kind() === 'ipv6' && (parsed as ipaddr.IPv6).isIPv4MappedAddress()
    ? (parsed as ipaddr.IPv6).toIPv4Address().toString()
    : parsed.toString();
}
