/** What can be wrong with a signed zone: a stable code, and a sentence that names the owner and the type. */
import type { Bytes } from '../../base/bytes.ts';
import { nameToText } from '../../wire/name.ts';

export type DnssecCode =
  // The way from the trust anchors to the keys.
  | 'NO_DNSKEY'
  | 'NO_TRUSTED_KEY'
  | 'UNSUPPORTED_ALGORITHM'
  // Signatures.
  | 'NO_SIGNATURE'
  | 'MALFORMED_SIGNATURE'
  | 'BAD_SIGNER'
  | 'BAD_LABELS'
  | 'BAD_TTL'
  | 'NOT_YET_VALID'
  | 'EXPIRED'
  | 'UNKNOWN_KEY'
  | 'BAD_SIGNATURE'
  | 'ENDS_SOON'
  // Proofs of what is not there.
  | 'NO_DENIAL'
  | 'NSEC_MISSING'
  | 'NSEC_STRAY'
  | 'NSEC_CHAIN'
  | 'NSEC_TYPES'
  | 'NSEC3_PARAMETERS'
  | 'NSEC3_MISSING'
  | 'NSEC3_STRAY'
  | 'NSEC3_CHAIN'
  | 'NSEC3_TYPES'
  | 'ZONEMD_NOT_PROVEN_ABSENT';

export interface DnssecProblem {
  readonly code: DnssecCode;
  readonly text: string;
}

/** Problems of one zone that are told; a zone that went wrong as a whole has one for each of its names. */
export const MOST_TOLD = 20;

export class Problems {
  readonly list: DnssecProblem[] = [];

  /** Nothing more is told: the walk can end. */
  get isFull(): boolean {
    return this.list.length >= MOST_TOLD;
  }

  add(code: DnssecCode, text: string): void {
    if (!this.isFull) this.list.push({ code, text });
  }
}

/** Owners as they are told: without the final dot, so that a sentence reads on. */
export function ownerText(name: Bytes, length = name.length): string {
  const text = nameToText(name.subarray(0, length));
  return text === '.' ? text : text.slice(0, -1);
}

/** Seconds since 1970 as UTC. */
export const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
