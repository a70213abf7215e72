/** NSEC3 and NSEC3PARAM records, and the hashes in their owners (RFC 5155 §3, §4). */
import { type Bytes, copyBytes, equalBytes } from '../../base/bytes.ts';
import { HASH_OCTETS } from './hash-table.ts';
import type { Nsec3Parameters } from './hashed-names.ts';
import type { OwnerGroup } from './owner-group.ts';

const SHA1 = 1;
const OPT_OUT = 1;
/** Base32 without padding: 32 characters for 20 octets. */
const HASH_CHARACTERS = 32;
const DIGITS = '0123456789abcdefghijklmnopqrstuv';

export type ReadParameters =
  | { readonly ok: true; readonly parameters: Nsec3Parameters }
  | { readonly ok: false; readonly text: string };

/** Of an NSEC3PARAM record; undefined where its flags make it one to pass over (RFC 5155 §4.1.2). */
export function readParameters(rdata: Bytes): ReadParameters | undefined {
  if (rdata.length < 5 || 5 + (rdata[4] as number) !== rdata.length) return { ok: false, text: 'it is cut off' };
  if (rdata[1] !== 0) return undefined;
  if (rdata[0] !== SHA1) return { ok: false, text: `hash algorithm ${rdata[0]} is not known` };
  const iterations = ((rdata[2] as number) << 8) | (rdata[3] as number);
  return { ok: true, parameters: { iterations, salt: copyBytes(rdata.subarray(5)) } };
}

/** One NSEC3 record where it lies. */
export class Nsec3Reader {
  octets: Uint8Array = new Uint8Array(0);
  isOptOut = false;
  nextStart = 0;
  typesStart = 0;
  end = 0;
  readonly #parameters: Nsec3Parameters;

  constructor(parameters: Nsec3Parameters) {
    this.#parameters = parameters;
  }

  /** False where the record is no part of the chain with these parameters, or not whole (RFC 5155 §8.2). */
  read(octets: Uint8Array, start: number, end: number): boolean {
    const { iterations, salt } = this.#parameters;
    const saltEnd = start + 5 + (octets[start + 4] ?? 0);
    if (end - start < 5 || saltEnd + 1 + HASH_OCTETS > end || octets[saltEnd] !== HASH_OCTETS) return false;
    const flags = octets[start + 1] as number;
    if (octets[start] !== SHA1 || flags > OPT_OUT) return false;
    if ((((octets[start + 2] as number) << 8) | (octets[start + 3] as number)) !== iterations) return false;
    if (!equalBytes(octets.subarray(start + 5, saltEnd), salt)) return false;
    this.octets = octets;
    this.isOptOut = flags === OPT_OUT;
    this.nextStart = saltEnd + 1;
    this.typesStart = this.nextStart + HASH_OCTETS;
    this.end = end;
    return true;
  }
}

const VALUES = new Int8Array(256).fill(-1);
for (let i = 0; i < DIGITS.length; i++) VALUES[DIGITS.charCodeAt(i)] = i;

/** The hash in the first label of an owner right below the apex; false where there is none. */
export function readOwnerHash(group: OwnerGroup, apexLabels: number, out: Uint8Array): boolean {
  if (group.labels !== apexLabels + 1 || group.owner[0] !== HASH_CHARACTERS) return false;
  let bits = 0;
  let held = 0;
  let length = 0;
  for (let i = 1; i <= HASH_CHARACTERS; i++) {
    const value = VALUES[group.owner[i] as number] as number;
    if (value < 0) return false;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out[length++] = held >>> bits;
  }
  return true;
}

/** As owners have it. */
export function hashText(hash: Bytes): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of hash) {
    held = ((held << 8) | octet) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += DIGITS[(held >>> (bits - 5)) & 31];
  }
  return text;
}
