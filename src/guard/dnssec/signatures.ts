/** Whether an RRset has a signature that holds: signer, labels, original TTL, times, key, octets (RFC 4035 §5.3). */
import { type Bytes, equalBytes } from '../../base/bytes.ts';
import { typeToText } from '../../wire/registry.ts';
import { isNewer } from '../../zone/serial.ts';
import { algorithmText, isSignatureValid, isSupportedAlgorithm } from './algorithm.ts';
import type { ZoneKey } from './key.ts';
import type { OwnerGroup, Rrset, SignatureAt } from './owner-group.ts';
import { type DnssecCode, ownerText, type Problems, timeText } from './problem.ts';

/** RRSIG rdata up to the signer's name (RFC 4034 §3.1). */
const FIXED = 18;
/** Tries for one RRset: key tags may be made to agree in bulk (CVE-2023-50387). */
const MOST_TRIES = 16;

export interface SignatureTerms {
  /** Wire form, lower case: who must have signed. */
  readonly apex: Bytes;
  /** Seconds since 1970. */
  readonly now: number;
  /** A signature that ends sooner is told of. */
  readonly minValidityS: number;
}

/** The further a signature came, the more its fault says. */
const RANK: readonly DnssecCode[] = [
  'MALFORMED_SIGNATURE',
  'UNSUPPORTED_ALGORITHM',
  'BAD_SIGNER',
  'BAD_LABELS',
  'BAD_TTL',
  'EXPIRED',
  'NOT_YET_VALID',
  'UNKNOWN_KEY',
  'BAD_SIGNATURE',
];

interface Fault {
  readonly code: DnssecCode;
  readonly text: string;
}

export class SignatureChecker {
  /** RRsets with a signature that holds. */
  verified = 0;
  /** When the first RRset loses its last checked signature, in seconds since 1970. */
  validUntil = Number.POSITIVE_INFINITY;
  #endSoon = 0;
  #tries = 0;
  #firstToEnd = '';
  #data = new Uint8Array(1 << 12);
  readonly #terms: SignatureTerms;
  readonly #problems: Problems;

  constructor(terms: SignatureTerms, problems: Problems) {
    this.#terms = terms;
    this.#problems = problems;
  }

  /** Whether one of `keys` has signed the set. What is wrong is told. */
  check(group: OwnerGroup, set: Rrset, keys: readonly ZoneKey[]): boolean {
    let best: number | undefined;
    let fault: Fault | undefined;
    this.#tries = 0;
    for (let i = 0; i < group.signatureCount && this.#tries < MOST_TRIES; i++) {
      const signature = group.signature(i);
      if (signature.type !== set.type) continue;
      const found = this.#try(group, set, signature, keys);
      if (found !== undefined) {
        if (fault === undefined || RANK.indexOf(found.code) > RANK.indexOf(fault.code)) fault = found;
        continue;
      }
      const left = secondsLeft(uint32(group.octets, signature.start + 8), this.#terms.now);
      best = Math.max(best ?? 0, left);
      if (best >= this.#terms.minValidityS) break;
    }
    if (best !== undefined) this.#note(group, set, best);
    else {
      const { code, text } = fault ?? { code: 'NO_SIGNATURE', text: 'it has no signature' };
      this.#problems.add(code, `${setText(group, set)}: ${text}`);
    }
    return best !== undefined;
  }

  /** To be called at the end: tells of signatures that will not last. */
  finish(): void {
    if (this.#endSoon === 0) return;
    const more = this.#endSoon === 1 ? '' : ` and ${this.#endSoon - 1} more`;
    const text = `${this.#firstToEnd}${more}: signatures end in less than ${this.#terms.minValidityS} s (min-validity), the first at ${timeText(this.validUntil)}`;
    this.#problems.add('ENDS_SOON', text);
  }

  #note(group: OwnerGroup, set: Rrset, left: number): void {
    this.verified++;
    if (left < this.#terms.minValidityS && this.#endSoon++ === 0) this.#firstToEnd = setText(group, set);
    this.validUntil = Math.min(this.validUntil, this.#terms.now + left);
  }

  /** What is wrong with one signature; undefined where it holds. */
  #try(group: OwnerGroup, set: Rrset, { start, end }: SignatureAt, keys: readonly ZoneKey[]): Fault | undefined {
    const { octets } = group;
    const signerEnd = nameEnd(octets, start + FIXED, end);
    if (signerEnd < 0) return { code: 'MALFORMED_SIGNATURE', text: 'its signature is cut off' };
    const algorithm = octets[start + 2] as number;
    if (!isSupportedAlgorithm(algorithm)) {
      return { code: 'UNSUPPORTED_ALGORITHM', text: `algorithm ${algorithmText(algorithm)} is not supported` };
    }
    const fault = this.#tryTerms(group, set, start, signerEnd);
    if (fault !== undefined) return fault;
    const tag = uint16(octets, start + 16);
    const data = this.#signedData(octets, start, signerEnd, set);
    const signature = octets.subarray(signerEnd, end);
    let isKnown = false;
    for (const key of keys) {
      if (key.tag !== tag || key.algorithm !== algorithm || key.key === undefined) continue;
      isKnown = true;
      if (this.#tries++ >= MOST_TRIES) break;
      if (isSignatureValid(algorithm, key.key, data, signature)) return undefined;
    }
    if (isKnown) return { code: 'BAD_SIGNATURE', text: `its signature by key ${tag} is wrong` };
    return { code: 'UNKNOWN_KEY', text: `its signature is by key ${tag}, which is none that it may be signed with` };
  }

  /** All but the cryptography. */
  #tryTerms(group: OwnerGroup, set: Rrset, start: number, signerEnd: number): Fault | undefined {
    const { octets } = group;
    const { apex, now } = this.#terms;
    const signer = octets.subarray(start + FIXED, signerEnd);
    if (!equalBytes(signer, apex)) return { code: 'BAD_SIGNER', text: `it is signed by ${ownerText(signer)}` };
    const labels = octets[start + 3] as number;
    // Fewer would make it the signature of a wildcard, which a zone has under the wildcard's own name alone.
    const own = group.labels - (isWildcard(group) ? 1 : 0);
    if (labels !== own) return { code: 'BAD_LABELS', text: `its signature is for ${labels} labels, not ${own}` };
    const ttl = uint32(octets, start + 4);
    if (set.hasMixedTtls) return { code: 'BAD_TTL', text: 'its records have different TTLs' };
    if (ttl !== set.ttl) return { code: 'BAD_TTL', text: `its TTL is ${set.ttl}, that in its signature ${ttl}` };
    const expiration = uint32(octets, start + 8);
    const inception = uint32(octets, start + 12);
    const clock = now >>> 0;
    if (isNewer(inception, clock)) {
      const text = `its signature is not valid before ${timeText(now + secondsLeft(inception, now))}`;
      return { code: 'NOT_YET_VALID', text };
    }
    if (expiration === clock || isNewer(expiration, clock)) return undefined;
    return { code: 'EXPIRED', text: `its signature ended at ${timeText(now + secondsLeft(expiration, now))}` };
  }

  /** RRSIG rdata without the signature, then the records (RFC 4034 §3.1.8.1). */
  #signedData(octets: Uint8Array, start: number, signerEnd: number, set: Rrset): Uint8Array {
    const head = signerEnd - start;
    const length = head + set.end - set.start;
    if (this.#data.length < length) this.#data = new Uint8Array(length * 2);
    this.#data.set(octets.subarray(start, signerEnd));
    this.#data.set(octets.subarray(set.start, set.end), head);
    return this.#data.subarray(0, length);
  }
}

export const setText = (group: OwnerGroup, set: Rrset): string =>
  `${ownerText(group.owner, group.ownerLength)} ${typeToText(set.type)}`;

/** From `now` to a time on the circle of 2^32 seconds (RFC 4034 §3.1.5); below zero where it lies behind. */
const secondsLeft = (time: number, now: number): number => (time - (now >>> 0)) | 0;

const isWildcard = ({ owner }: OwnerGroup): boolean => owner[0] === 1 && owner[1] === 0x2a;

function nameEnd(octets: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && octets[at] !== 0) at += (octets[at] as number) + 1;
  return at < end ? at + 1 : -1;
}

const uint16 = (octets: Uint8Array, at: number): number => ((octets[at] as number) << 8) | (octets[at + 1] as number);

const uint32 = (octets: Uint8Array, at: number): number => uint16(octets, at) * 0x10000 + uint16(octets, at + 2);
