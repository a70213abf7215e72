/** All guards that need no program of the operator's: what they say of a version before it is served. */
import type { Bytes } from '../base/bytes.ts';
import type { SlabDirectory } from '../zone/slab.ts';
import { type VersionHandle, VersionReader } from '../zone/version.ts';
import { type ChangeLimits, judgeChange } from './change.ts';
import { checkDnssec, type DnssecPolicy } from './dnssec/check.ts';
import { checkZonemdTrust } from './dnssec/zonemd-trust.ts';
import type { GuardedVersion } from './guarded-version.ts';
import { checkZonemd } from './zonemd.ts';

export interface GuardRules {
  readonly zonemd: 'ignore' | 'check' | 'require';
  /** `validation`: of the zone as a whole; without it the anchors are for the ZONEMD record alone (RFC 8976 §4). */
  readonly dnssec: (DnssecPolicy & { readonly validation: boolean }) | undefined;
  readonly change: ChangeLimits | undefined;
}

export interface Judgement {
  /** Why it must not be served; empty = it may be. */
  readonly faults: readonly string[];
  /** What it changes more than an operator would. */
  readonly changes: readonly string[];
}

/** Whether there is anything to judge by. */
export const hasRules = ({ zonemd, dnssec, change }: GuardRules): boolean =>
  zonemd !== 'ignore' || dnssec?.validation === true || change !== undefined;

/** `before`: what is served; `now`: seconds since 1970. */
export function judgeVersion(
  candidate: VersionHandle,
  before: VersionHandle | undefined,
  apex: Bytes,
  rules: GuardRules,
  now: number,
  directory: SlabDirectory,
): Judgement {
  const { soaRecord } = candidate;
  const reader = new VersionReader(candidate.root, directory);
  const version: GuardedVersion = { reader, apex, soaRecord };
  const faults = [...dnssecFaults(version, rules, now), ...zonemdFaults(version, rules)];
  const old = before && { reader: new VersionReader(before.root, directory), records: before.records };
  const changes =
    rules.change === undefined || old === undefined
      ? []
      : judgeChange(old, { reader, records: candidate.records }, apex, rules.change);
  return { faults, changes: changes.map(({ text }) => text) };
}

function dnssecFaults(version: GuardedVersion, { zonemd, dnssec }: GuardRules, now: number): string[] {
  if (dnssec === undefined) return [];
  const report = dnssec.validation
    ? checkDnssec(version, dnssec, now)
    : zonemd === 'ignore'
      ? undefined
      : checkZonemdTrust(version, dnssec, now);
  return (report?.problems ?? []).map(({ text }) => text);
}

function zonemdFaults(version: GuardedVersion, { zonemd }: GuardRules): string[] {
  if (zonemd === 'ignore') return [];
  const result = checkZonemd(version);
  if (result.kind === 'invalid') return [result.text];
  return result.kind === 'absent' && zonemd === 'require' ? ['the zone has no ZONEMD record, and one is required'] : [];
}
