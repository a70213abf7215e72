/** The signature algorithms of DNSSEC that are checked (RFC 8624 §3.1), by way of node:crypto. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';

interface SignatureAlgorithm {
  readonly name: string;
  /** The hash that is signed; none for Ed25519, which hashes by itself. */
  readonly hash: 'sha256' | 'sha384' | 'sha512' | undefined;
  /** From the key field of a DNSKEY record. Throws, here or in node:crypto, where the octets are no such key. */
  readonly jwk: (key: Bytes) => { readonly kty: string; readonly [field: string]: string };
}

const rsa = (name: string, hash: 'sha256' | 'sha512'): SignatureAlgorithm => ({ name, hash, jwk: rsaKey });

const ALGORITHMS: ReadonlyMap<number, SignatureAlgorithm> = new Map<number, SignatureAlgorithm>([
  [8, rsa('RSASHA256', 'sha256')],
  [10, rsa('RSASHA512', 'sha512')],
  [13, { name: 'ECDSAP256SHA256', hash: 'sha256', jwk: (key) => curveKey('P-256', key, 32) }],
  [14, { name: 'ECDSAP384SHA384', hash: 'sha384', jwk: (key) => curveKey('P-384', key, 48) }],
  [15, { name: 'ED25519', hash: undefined, jwk: (key) => ({ kty: 'OKP', crv: 'Ed25519', x: base64url(key) }) }],
]);

/** Of the rest of the registry, what an operator may meet. */
const OTHER_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'RSAMD5'],
  [3, 'DSA'],
  [5, 'RSASHA1'],
  [6, 'DSA-NSEC3-SHA1'],
  [7, 'RSASHA1-NSEC3-SHA1'],
  [12, 'ECC-GOST'],
  [16, 'ED448'],
]);

export const isSupportedAlgorithm = (algorithm: number): boolean => ALGORITHMS.has(algorithm);

/** `13 (ECDSAP256SHA256)`. */
export function algorithmText(algorithm: number): string {
  const name = ALGORITHMS.get(algorithm)?.name ?? OTHER_NAMES.get(algorithm);
  return name === undefined ? String(algorithm) : `${algorithm} (${name})`;
}

/** The key field of a DNSKEY record as a key; undefined where it is none, or of an algorithm that is not supported. */
export function importKey(algorithm: number, key: Bytes): KeyObject | undefined {
  const known = ALGORITHMS.get(algorithm);
  if (known === undefined) return undefined;
  try {
    return createPublicKey({ key: known.jwk(key), format: 'jwk' });
  } catch {
    return undefined;
  }
}

export function isSignatureValid(algorithm: number, key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const hash = ALGORITHMS.get(algorithm)?.hash;
  try {
    // ECDSA signatures are the two numbers side by side (RFC 6605 §4); RSA and Ed25519 do not look at the encoding.
    return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}

/** Exponent with its length in front, then the modulus (RFC 3110 §2). */
function rsaKey(key: Bytes): { kty: string; n: string; e: string } {
  const isLong = key[0] === 0;
  const start = isLong ? 3 : 1;
  const length = isLong ? ((key[1] ?? 0) << 8) | (key[2] ?? 0) : (key[0] ?? 0);
  if (length === 0 || start + length >= key.length) throw new RangeError('no RSA key');
  return {
    kty: 'RSA',
    e: base64url(key.subarray(start, start + length)),
    n: base64url(key.subarray(start + length)),
  };
}

/** A point as its two coordinates (RFC 6605 §4). */
function curveKey(curve: string, key: Bytes, length: number): { kty: string; crv: string; x: string; y: string } {
  if (key.length !== 2 * length) throw new RangeError('no point of the curve');
  return { kty: 'EC', crv: curve, x: base64url(key.subarray(0, length)), y: base64url(key.subarray(length)) };
}

const base64url = (octets: Bytes): string => Buffer.from(octets).toString('base64url');
