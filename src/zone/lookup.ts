/** Looks for records of the apex, which come first in a version. */
import type { Bytes } from '../base/bytes.ts';
import { TYPE } from '../wire/registry.ts';
import { RecordCursor, versionFrames } from './cursor.ts';
import type { VersionReader } from './version.ts';

/** A zone is signed where its apex has a DNSKEY or an RRSIG record. */
export function isSigned(version: VersionReader, apex: Bytes): boolean {
  const cursor = new RecordCursor(versionFrames(version), apex, version.slabs);
  for (; !cursor.isAtEnd && cursor.reader.ownerLength === apex.length; cursor.next()) {
    if (cursor.reader.type === TYPE.DNSKEY || cursor.reader.type === TYPE.RRSIG) return true;
  }
  return false;
}
