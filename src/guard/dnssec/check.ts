/**
 * A signed zone as a whole against the trust anchors of its operator: the way from an anchor to the keys, a signature
 * over everything that the zone answers for, and the proofs of what it does not have (RFC 4035 §2 and §5, RFC 5155 §7.1).
 *
 * Limitations: one signature that holds is enough, whatever the algorithms of the DNSKEY RRset (RFC 6840 §5.11);
 * signatures over what is not there are passed over; RSASHA1 and Ed448 count as not supported.
 */
import { TYPE } from '../../wire/registry.ts';
import type { GuardedVersion } from '../guarded-version.ts';
import type { TrustAnchor } from './anchor.ts';
import { readZoneKey, trustedKeys, type ZoneKey } from './key.ts';
import { NsecChain } from './nsec.ts';
import { Nsec3Chain } from './nsec3.ts';
import { readParameters } from './nsec3-record.ts';
import { GroupWalk, type OwnerGroup } from './owner-group.ts';
import { type DnssecProblem, ownerText, Problems } from './problem.ts';
import { SignatureChecker } from './signatures.ts';
import { isOwnType, type Standing, Standings } from './standing.ts';

export interface DnssecPolicy {
  /** Those of this zone. */
  readonly anchors: readonly TrustAnchor[];
  /** Seconds that every signature has to last at least; else ENDS_SOON is among the problems. */
  readonly minValidityS: number;
}

export interface DnssecReport {
  /** Empty = the zone is good. At most twenty: then the check ended there. */
  readonly problems: readonly DnssecProblem[];
  /** RRsets with a signature that holds. */
  readonly verified: number;
  /** When the first of them loses it, in seconds since 1970; undefined where none has one. */
  readonly validUntil: number | undefined;
}

/**
 * A share of the work: cryptography is nearly all of it, so threads may divide a zone, each walking it and verifying every
 * `of`th RRset. The proofs are checked by share 0. A zone is good when all shares say so.
 */
export interface Share {
  readonly index: number;
  readonly of: number;
}

/** `now`: seconds since 1970. */
export function checkDnssec(
  version: GuardedVersion,
  policy: DnssecPolicy,
  now: number,
  share: Share = { index: 0, of: 1 },
): DnssecReport {
  const problems = new Problems();
  const checker = new SignatureChecker({ apex: version.apex, now, minValidityS: policy.minValidityS }, problems);
  const walk = new GroupWalk(version);
  walk.next();
  const keys = checkKeys(version, walk.group, policy, checker, problems);
  if (keys !== undefined) {
    const denials = share.index === 0 ? denialsOf(version, walk.group, problems) : [];
    const standings = new Standings();
    let sets = 0;
    do {
      const { group } = walk;
      const standing = standings.of(group);
      for (const denial of denials) denial.take(group, standing);
      for (let i = 0; i < group.setCount; i++) {
        const set = group.set(i);
        if (!isOwnType(set.type, standing) || (group.isApex && set.type === TYPE.DNSKEY)) continue;
        if (sets++ % share.of === share.index) checker.check(group, set, keys);
      }
    } while (!problems.isFull && walk.next());
    if (!problems.isFull) for (const denial of denials) denial.finish();
    checker.finish();
  }
  return report(checker, problems);
}

export function report(checker: SignatureChecker, problems: Problems): DnssecReport {
  const validUntil = checker.verified === 0 ? undefined : checker.validUntil;
  return { problems: problems.list, verified: checker.verified, validUntil };
}

/** The keys of the zone, from an anchor by way of the DNSKEY RRset's signature; undefined where there is no such way. */
export function checkKeys(
  version: GuardedVersion,
  apex: OwnerGroup,
  policy: DnssecPolicy,
  checker: SignatureChecker,
  problems: Problems,
): readonly ZoneKey[] | undefined {
  const set = apex.find(TYPE.DNSKEY);
  const keys = set === undefined ? [] : Array.from(apex.rdatas(set), readZoneKey).filter((key) => key !== undefined);
  if (set === undefined) {
    problems.add('NO_DNSKEY', `${ownerText(version.apex)}: it has no DNSKEY record, but is expected to be signed`);
    return undefined;
  }
  const trusted = trustedKeys(keys, policy.anchors, version.apex, problems);
  return trusted.length > 0 && checker.check(apex, set, trusted) ? keys : undefined;
}

interface Denial {
  take(group: OwnerGroup, standing: Standing): void;
  finish(): void;
}

/** Iterations beyond which validators take a zone for an unsigned one (RFC 9276 §3.2). */
const MOST_ITERATIONS = 150;

/** A chain of NSEC records, one of NSEC3 records for each set of parameters, or both during a change (RFC 5155 §10.4). */
function denialsOf(version: GuardedVersion, apex: OwnerGroup, problems: Problems): Denial[] {
  const denials: Denial[] = [];
  const name = ownerText(version.apex);
  if (apex.find(TYPE.NSEC) !== undefined) denials.push(new NsecChain(version.apex, problems));
  const set = apex.find(TYPE.NSEC3PARAM);
  for (const rdata of set === undefined ? [] : apex.rdatas(set)) {
    const read = readParameters(rdata);
    if (read === undefined) continue;
    if (!read.ok) problems.add('NSEC3_PARAMETERS', `${name} NSEC3PARAM: ${read.text}`);
    else if (read.parameters.iterations > MOST_ITERATIONS) {
      const text = `${read.parameters.iterations} iterations are more than the ${MOST_ITERATIONS} that validators take`;
      problems.add('NSEC3_PARAMETERS', `${name} NSEC3PARAM: ${text} (RFC 9276 section 3.2)`);
    } else denials.push(new Nsec3Chain(version, read.parameters, problems));
  }
  if (denials.length === 0 && !problems.isFull && problems.list.length === 0) {
    problems.add(
      'NO_DENIAL',
      `${name}: it has neither an NSEC nor an NSEC3PARAM record, so nothing proves what is not there`,
    );
  }
  return denials;
}
