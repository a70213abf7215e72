/**
 * Whether the ZONEMD records of a zone, or their absence, can be believed, where DNSSEC is expected but the zone is not
 * validated as a whole (RFC 8976 §4 steps 1 to 3): only what is asked for is looked at.
 */
import { TYPE } from '../../wire/registry.ts';
import { countLabels } from '../../zone/order.ts';
import type { GuardedVersion } from '../guarded-version.ts';
import { checkKeys, type DnssecPolicy, type DnssecReport, report } from './check.ts';
import { HASH_OCTETS } from './hash-table.ts';
import { NameHasher } from './hashed-names.ts';
import type { ZoneKey } from './key.ts';
import { Nsec3Reader, readOwnerHash, readParameters } from './nsec3-record.ts';
import { GroupWalk, type OwnerGroup } from './owner-group.ts';
import { ownerText, Problems } from './problem.ts';
import { SignatureChecker } from './signatures.ts';
import { hasType } from './type-bitmap.ts';

/** `now`: seconds since 1970. `checkDnssec` says as much, so one of the two is enough. */
export function checkZonemdTrust(version: GuardedVersion, policy: DnssecPolicy, now: number): DnssecReport {
  const problems = new Problems();
  const checker = new SignatureChecker({ apex: version.apex, now, minValidityS: policy.minValidityS }, problems);
  const walk = new GroupWalk(version);
  walk.next();
  const apex = walk.group;
  const keys = checkKeys(version, apex, policy, checker, problems);
  if (keys !== undefined) {
    for (const type of [TYPE.SOA, TYPE.ZONEMD]) {
      const set = apex.find(type);
      if (set !== undefined) checker.check(apex, set, keys);
    }
    const isProven =
      apex.find(TYPE.ZONEMD) !== undefined ||
      provesByNsec(apex, keys, checker) ||
      provesByNsec3(version, walk, keys, checker);
    if (!isProven) {
      const text = 'it has no ZONEMD record, and no NSEC or NSEC3 record proves that it should have none';
      problems.add('ZONEMD_NOT_PROVEN_ABSENT', `${ownerText(version.apex)}: ${text} (RFC 8976 section 4)`);
    }
    checker.finish();
  }
  return report(checker, problems);
}

function provesByNsec(apex: OwnerGroup, keys: readonly ZoneKey[], checker: SignatureChecker): boolean {
  const set = apex.find(TYPE.NSEC);
  if (set === undefined || !checker.check(apex, set, keys)) return false;
  let types = apex.rdataStart(set);
  while (apex.octets[types] !== 0) types += (apex.octets[types] as number) + 1;
  return !hasType(apex.octets, types + 1, apex.rdataEnd(set), TYPE.ZONEMD);
}

/** The record of the apex's hash lies anywhere right below the apex: the walk goes on until it is there. */
function provesByNsec3(
  version: GuardedVersion,
  walk: GroupWalk,
  keys: readonly ZoneKey[],
  checker: SignatureChecker,
): boolean {
  const { group } = walk;
  const parameterSet = group.find(TYPE.NSEC3PARAM);
  const read = (parameterSet === undefined ? [] : [...group.rdatas(parameterSet)]).map(readParameters);
  const parameters = read.find((one) => one?.ok === true);
  if (parameters?.ok !== true) return false;
  const hasher = new NameHasher(parameters.parameters);
  hasher.hash(version.apex, 0, version.apex.length);
  const record = new Nsec3Reader(parameters.parameters);
  const hash = new Uint8Array(HASH_OCTETS);
  const apexLabels = countLabels(version.apex);
  while (walk.next()) {
    const set = group.find(TYPE.NSEC3);
    if (set === undefined || !readOwnerHash(group, apexLabels, hash)) continue;
    if (Buffer.compare(hash, hasher.octets) !== 0) continue;
    if (!checker.check(group, set, keys)) return false;
    return (
      record.read(group.octets, group.rdataStart(set), group.rdataEnd(set)) &&
      !hasType(record.octets, record.typesStart, record.end, TYPE.ZONEMD)
    );
  }
  return false;
}
