/** The keys of a zone, and which of them the trust anchors vouch for (RFC 4035 §5). */
import { createHash, type KeyObject } from 'node:crypto';
import { type Bytes, copyBytes, equalBytes } from '../../base/bytes.ts';
import { algorithmText, importKey, isSupportedAlgorithm } from './algorithm.ts';
import type { TrustAnchor } from './anchor.ts';
import type { Problems } from './problem.ts';
import { ownerText } from './problem.ts';

export interface ZoneKey {
  readonly rdata: Bytes;
  /** Not unique (RFC 4034 §5.3.1). */
  readonly tag: number;
  readonly algorithm: number;
  /** Undefined where the algorithm is not supported, or the octets are no key. */
  readonly key: KeyObject | undefined;
}

const ZONE_FLAG = 0x0100;
const REVOKED_FLAG = 0x0080;
const DNSSEC_PROTOCOL = 3;

/** Undefined where the record is no key that signs zones (RFC 4034 §2.1), or is revoked (RFC 5011 §2.1). */
export function readZoneKey(rdata: Bytes): ZoneKey | undefined {
  const flags = ((rdata[0] ?? 0) << 8) | (rdata[1] ?? 0);
  if ((flags & ZONE_FLAG) === 0 || (flags & REVOKED_FLAG) !== 0 || rdata[2] !== DNSSEC_PROTOCOL) return undefined;
  const algorithm = rdata[3];
  if (algorithm === undefined) return undefined;
  return { rdata: copyBytes(rdata), tag: keyTag(rdata), algorithm, key: importKey(algorithm, rdata.subarray(4)) };
}

/** RFC 4034 appendix B. */
export function keyTag(rdata: Bytes): number {
  let sum = 0;
  for (let i = 0; i < rdata.length; i++) sum += i % 2 === 0 ? (rdata[i] as number) << 8 : (rdata[i] as number);
  return (sum + Math.floor(sum / 0x10000)) & 0xffff;
}

const DIGESTS: ReadonlyMap<number, string> = new Map([
  [2, 'sha256'],
  [4, 'sha384'],
]);

/** The keys that an anchor vouches for; none, with a problem that says why, where nothing can be built on. */
export function trustedKeys(
  keys: readonly ZoneKey[],
  anchors: readonly TrustAnchor[],
  apex: Bytes,
  problems: Problems,
): ZoneKey[] {
  const unusable = anchors.map(whyUnusable);
  const usable = anchors.filter((_, i) => unusable[i] === undefined);
  if (usable.length === 0) {
    const text = anchors.length === 0 ? 'there is none' : [...new Set(unusable)].join('; ');
    problems.add('UNSUPPORTED_ALGORITHM', `${ownerText(apex)}: no trust anchor can be used: ${text}`);
    return [];
  }
  const trusted = keys.filter((key) => usable.some((anchor) => isVouchedFor(key, anchor, apex)));
  if (trusted.length === 0) {
    const found = keys.map(({ tag, algorithm }) => `${tag} of algorithm ${algorithmText(algorithm)}`).join(', ');
    const text = `no DNSKEY record matches a trust anchor (the zone has ${found === '' ? 'no zone key' : found})`;
    problems.add('NO_TRUSTED_KEY', `${ownerText(apex)}: ${text}`);
  }
  const known = trusted.filter(({ key }) => key !== undefined);
  if (trusted.length > 0 && known.length === 0) {
    const text = `key ${trusted[0]?.tag} is trusted, but its octets are no key of its algorithm`;
    problems.add('NO_TRUSTED_KEY', `${ownerText(apex)}: ${text}`);
  }
  return known;
}

function whyUnusable({ type, rdata }: TrustAnchor): string | undefined {
  const algorithm = (type === 'DS' ? rdata[2] : rdata[3]) ?? 0;
  if (!isSupportedAlgorithm(algorithm)) return `algorithm ${algorithmText(algorithm)} is not supported`;
  if (type === 'DS' && !DIGESTS.has(rdata[3] ?? 0)) return `DS digest type ${rdata[3]} is not supported`;
  return undefined;
}

function isVouchedFor(key: ZoneKey, { type, rdata }: TrustAnchor, apex: Bytes): boolean {
  if (type === 'DNSKEY') return equalBytes(rdata, key.rdata);
  const tag = ((rdata[0] as number) << 8) | (rdata[1] as number);
  const hash = DIGESTS.get(rdata[3] as number);
  if (tag !== key.tag || rdata[2] !== key.algorithm || hash === undefined) return false;
  // Owner and rdata (RFC 4034 §5.1.4).
  return equalBytes(createHash(hash).update(apex).update(key.rdata).digest(), rdata.subarray(4));
}
