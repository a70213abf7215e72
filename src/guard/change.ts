/**
 * Whether a new version changes more than an operator would: names gone, records gone, an apex that has lost all of its
 * NS or DNSKEY records. Only frames that the two versions do not share are read, so a small change costs little.
 */
import { type Bytes, toHex } from '../base/bytes.ts';
import { TYPE } from '../wire/registry.ts';
import { RecordCursor, versionFrames } from '../zone/cursor.ts';
import { compareRanges } from '../zone/order.ts';
import type { VersionReader } from '../zone/version.ts';
import { VersionWalk } from '../zone/version-walk.ts';
import { differingFrames } from './differing-frames.ts';

export interface ComparedVersion {
  readonly reader: VersionReader;
  /** As `VersionHandle` counts them. */
  readonly records: number;
}

export interface ChangeLimits {
  /** Shares of the old version, 0 to 1; reaching one is a reason. */
  readonly namesRemoved: number;
  readonly zoneShrunk: number;
  readonly apexNsLost: boolean;
  readonly apexDnskeyLost: boolean;
  /** Zones with fewer records are not judged by share. */
  readonly fromRecords: number;
}

export interface ChangeReason {
  /** The key of `change-guard` that says so. */
  readonly code: 'names-removed' | 'zone-shrunk' | 'apex-ns-lost' | 'apex-dnskey-lost';
  /** A sentence with figures. */
  readonly text: string;
}

/** Empty = nothing to object to. `apex`: wire form, lower case. */
export function judgeChange(
  old: ComparedVersion,
  next: ComparedVersion,
  apex: Bytes,
  limits: ChangeLimits,
): ChangeReason[] {
  const reasons: ChangeReason[] = [];
  if (old.records >= limits.fromRecords) {
    const removed = countRemovedNames(old.reader, next.reader, apex);
    const names = removed === 0 ? undefined : countNamesUpTo(old.reader, apex, removed / limits.namesRemoved);
    if (names !== undefined) {
      const text = `${number(removed)} of ${number(names)} names are gone (${share(removed, names)})`;
      reasons.push({ code: 'names-removed', text: `${text}; the limit is ${percent(limits.namesRemoved)}` });
    }
    const lost = old.records - next.records;
    if (lost > 0 && lost >= limits.zoneShrunk * old.records) {
      const text = `${number(next.records)} records are left of ${number(old.records)} (${share(lost, old.records)} fewer)`;
      reasons.push({ code: 'zone-shrunk', text: `${text}; the limit is ${percent(limits.zoneShrunk)}` });
    }
  }
  if (limits.apexNsLost) pushIf(reasons, 'apex-ns-lost', lostText('NS', TYPE.NS, old.reader, next.reader, apex));
  if (limits.apexDnskeyLost) {
    pushIf(reasons, 'apex-dnskey-lost', lostText('DNSKEY', TYPE.DNSKEY, old.reader, next.reader, apex));
  }
  return reasons;
}

/** Owners of the old version that the new one does not have. */
function countRemovedNames(old: VersionReader, next: VersionReader, apex: Bytes): number {
  const [before, after] = differingFrames(old, next);
  const left = new RecordCursor(before.values(), apex, old.slabs);
  const right = new RecordCursor(after.values(), apex, next.slabs);
  let removed = 0;
  while (!left.isAtEnd) {
    const order = right.isAtEnd
      ? -1
      : compareRanges(left.reader.key, 0, left.reader.keyLength, right.reader.key, 0, right.reader.keyLength);
    if (order < 0) removed++;
    if (order >= 0) skipOwner(right);
    if (order <= 0) skipOwner(left);
  }
  return removed;
}

function skipOwner(cursor: RecordCursor): void {
  do cursor.next();
  while (!cursor.isAtEnd && cursor.reader.ownerOrder === 0);
}

/** How many owners a version has; undefined as soon as there are more than `most`: then the share is small enough. */
function countNamesUpTo(version: VersionReader, apex: Bytes, most: number): number | undefined {
  const cursor = new RecordCursor(versionFrames(version), apex, version.slabs);
  let names = 0;
  for (; !cursor.isAtEnd; cursor.next()) {
    if (cursor.reader.ownerOrder !== 0 && ++names > most) return undefined;
  }
  return names;
}

/** A sentence where the old version has records of a type at its apex, and the new one has none of those. */
function lostText(
  name: string,
  type: number,
  old: VersionReader,
  next: VersionReader,
  apex: Bytes,
): string | undefined {
  const before = apexRdata(old, apex, type);
  if (before.size === 0) return undefined;
  const after = apexRdata(next, apex, type);
  for (const rdata of after) if (before.has(rdata)) return undefined;
  const now = after.size === 0 ? 'none' : `${after.size} new`;
  return `none of the ${name} records of the apex is left: it had ${before.size}, and has ${now}`;
}

function apexRdata(version: VersionReader, apex: Bytes, type: number): Set<string> {
  const walk = new VersionWalk(version, apex);
  const found = new Set<string>();
  while (walk.next() && walk.isAtApex && walk.reader.type <= type) {
    const { rdataBytes, canonicalStart, rdataLength } = walk.reader;
    if (walk.reader.type === type) found.add(toHex(rdataBytes.subarray(canonicalStart, canonicalStart + rdataLength)));
  }
  return found;
}

function pushIf(reasons: ChangeReason[], code: ChangeReason['code'], text: string | undefined): void {
  if (text !== undefined) reasons.push({ code, text });
}

const number = (value: number): string => value.toLocaleString('en-US');
const percent = (value: number): string => `${Number((value * 100).toFixed(1))}%`;
const share = (part: number, whole: number): string => percent(part / whole);
