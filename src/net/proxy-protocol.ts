/** PROXY protocol, version 2: what a load balancer says of a connection before the client's first octet. */
import { addressToText } from '../policy/prefix.ts';

export type ProxyHeader =
  /** The balancer's own connection: it looks whether we are there. */
  { readonly kind: 'local' } | { readonly kind: 'proxy'; readonly address: string; readonly port: number };

export type ProxyReading =
  /** So many octets are needed in all to go on. */
  { readonly kind: 'more'; readonly octets: number } | { readonly kind: 'bad' } | ProxyHeader;

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED = 16;
/** Addresses of AF_UNIX are the longest; what TLVs come to beyond that is not waited for. */
const MOST = 536;
const LOCAL = 0x20;
const PROXY = 0x21;
/** Addresses, then ports, source before destination. */
const FAMILIES: ReadonlyMap<number, { readonly octets: number; readonly length: number }> = new Map([
  [0x11, { octets: 4, length: 12 }],
  [0x21, { octets: 16, length: 36 }],
]);

/** Reads the header that `octets` begin with. TLVs are passed over. */
export function readProxyHeader(octets: Uint8Array): ProxyReading {
  const known = Math.min(octets.length, SIGNATURE.length);
  if (Buffer.compare(octets.subarray(0, known), SIGNATURE.subarray(0, known)) !== 0) return { kind: 'bad' };
  if (octets.length < FIXED) return { kind: 'more', octets: FIXED };
  const command = octets[12] as number;
  const total = FIXED + ((octets[14] as number) << 8) + (octets[15] as number);
  if ((command !== LOCAL && command !== PROXY) || total > MOST) return { kind: 'bad' };
  if (octets.length < total) return { kind: 'more', octets: total };
  if (command === LOCAL) return { kind: 'local' };
  const family = FAMILIES.get(octets[13] as number);
  // Whoever it is for whom no TCP address is given, no rule could tell.
  if (family === undefined || total < FIXED + family.length) return { kind: 'bad' };
  const address = addressToText(octets.subarray(FIXED, FIXED + family.octets));
  const at = FIXED + 2 * family.octets;
  return { kind: 'proxy', address, port: ((octets[at] as number) << 8) | (octets[at + 1] as number) };
}
