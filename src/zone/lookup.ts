/** Looks for records of the apex, which come first in a version. */
import type { Bytes } from '../base/bytes.ts';
import { TYPE } from '../wire/registry.ts';
import type { VersionReader } from './version.ts';
import { VersionWalk } from './version-walk.ts';

/** A zone is signed where its apex has a DNSKEY or an RRSIG record. */
export function isSigned(version: VersionReader, apex: Bytes): boolean {
  const walk = new VersionWalk(version, apex);
  while (walk.next() && walk.isAtApex) {
    if (walk.reader.type === TYPE.DNSKEY || walk.reader.type === TYPE.RRSIG) return true;
  }
  return false;
}
