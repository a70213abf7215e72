/**
 * The order of a zone as octets: (owner in canonical order, type, canonical rdata; RFC 4034 §6) becomes one string of
 * octets per record that compares with memcmp. An owner is written label by label from the apex down, lower case, each
 * label ended by 0, the whole ended by another 0; the octets 0 and 1 inside a label become 1 1 and 1 2, so that an
 * end is smaller than anything that could go on.
 */
import type { Bytes } from '../base/bytes.ts';
import { LOWER } from '../wire/name.ts';

/** Every octet of a name may take two, and the ends. */
export const MAX_OWNER_KEY = 512;

const labelStarts = new Uint8Array(128);

/**
 * Writes the key of the owner at `name[start..]` (wire form, uncompressed) into `out` and gives its length. The last
 * `apexLabels` labels are left out: all owners of a zone share them.
 */
export function writeOwnerKey(name: Bytes, start: number, apexLabels: number, out: Uint8Array): number {
  let labels = 0;
  for (let at = start; name[at] !== 0; at += (name[at] as number) + 1) labelStarts[labels++] = at - start;
  let length = 0;
  for (let i = labels - apexLabels - 1; i >= 0; i--) {
    const at = start + (labelStarts[i] as number);
    const end = at + (name[at] as number);
    for (let j = at + 1; j <= end; j++) {
      const octet = LOWER[name[j] as number] as number;
      if (octet > 1) out[length++] = octet;
      else {
        out[length++] = 1;
        out[length++] = octet + 1;
      }
    }
    out[length++] = 0;
  }
  out[length++] = 0;
  return length;
}

/** Labels of a wire-form name, the root not counted. */
export function countLabels(name: Bytes): number {
  let labels = 0;
  for (let at = 0; name[at] !== 0; at += (name[at] as number) + 1) labels++;
  return labels;
}

/** memcmp of two ranges: one loop, as `Buffer.compare` costs more to call than short keys cost to walk. */
export function compareRanges(
  a: Bytes,
  aStart: number,
  aLength: number,
  b: Bytes,
  bStart: number,
  bLength: number,
): number {
  const length = Math.min(aLength, bLength);
  for (let i = 0; i < length; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** The shortest prefix of `key` that is greater than `before`, which is less than `key`: a fence between the two. */
export function shortestFence(before: Bytes, key: Bytes): Uint8Array<ArrayBuffer> {
  let i = 0;
  while (i < before.length && i < key.length && before[i] === key[i]) i++;
  return new Uint8Array(key.subarray(0, i + 1));
}
