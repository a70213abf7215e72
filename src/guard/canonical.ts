/** Records in canonical form (RFC 4034 §6.2), as they are signed and as a zone is digested. */
import { LOWER } from '../wire/name.ts';
import { CLASS } from '../wire/registry.ts';
import type { RecordReader } from '../zone/record-reader.ts';

/** Octets between owner and rdata: type, class, TTL, length. */
export const FIXED_LENGTH = 10;

/** Writes the owner of the record at hand in lower case; gives its length. */
export function writeLowerOwner({ owner, ownerLength }: RecordReader, out: Uint8Array): number {
  for (let i = 0; i < ownerLength; i++) out[i] = LOWER[owner[i] as number] as number;
  return ownerLength;
}

/** Writes what stands before the rdata, with the TTL as it is; gives where it ends. */
export function writeCanonicalHead(
  { type, ttl, rdataLength }: RecordReader,
  owner: Uint8Array,
  ownerLength: number,
  out: Uint8Array,
  start: number,
): number {
  let at = start;
  for (let i = 0; i < ownerLength; i++) out[at++] = owner[i] as number;
  out[at++] = type >>> 8;
  out[at++] = type;
  out[at++] = 0;
  out[at++] = CLASS.IN;
  out[at++] = ttl >>> 24;
  out[at++] = ttl >>> 16;
  out[at++] = ttl >>> 8;
  out[at++] = ttl;
  out[at++] = rdataLength >>> 8;
  out[at++] = rdataLength;
  return at;
}

/** Writes the canonical rdata; gives where it ends. */
export function writeCanonicalRdata(
  { rdataBytes, rdataLength, canonicalStart }: RecordReader,
  out: Uint8Array,
  start: number,
): number {
  // A loop: for the few octets of most rdata it costs less than the view that `set` would need.
  for (let i = 0; i < rdataLength; i++) out[start + i] = rdataBytes[canonicalStart + i] as number;
  return start + rdataLength;
}
