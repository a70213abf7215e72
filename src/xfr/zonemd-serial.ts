/** A version under another serial than its primary's: its digests are for that serial, too (RFC 8976 §2.2.1). */
import type { Bytes } from '../base/bytes.ts';
import { computeZonemd } from '../guard/zonemd.ts';
import { TYPE } from '../wire/registry.ts';
import type { Change } from '../zone/apply.ts';
import { RecordCursor, versionFrames } from '../zone/cursor.ts';
import { ChangeWriter } from '../zone/diff.ts';
import type { PackedRecord } from '../zone/run-writer.ts';
import type { SlabWriter } from '../zone/slab.ts';
import type { VersionReader } from '../zone/version.ts';

/** What puts the right ZONEMD records in place of those there; undefined where there are none. */
export function zonemdChange(
  reader: VersionReader,
  apex: Bytes,
  soaRecord: Bytes,
  frameSize: number,
  slabs: SlabWriter,
): Change | undefined {
  const rdatas = computeZonemd({ reader, apex, soaRecord });
  if (rdatas.length === 0) return undefined;
  const removed = new ChangeWriter(slabs, frameSize);
  const added = new ChangeWriter(slabs, frameSize);
  let model: PackedRecord | undefined;
  const cursor = new RecordCursor(versionFrames(reader), apex, reader.slabs);
  for (; !cursor.isAtEnd && cursor.reader.ownerLength === apex.length; cursor.next()) {
    if (cursor.reader.type !== TYPE.ZONEMD) continue;
    removed.add(cursor.record);
    model ??= { ...cursor.record, owner: cursor.record.owner.slice(), key: cursor.record.key.slice() };
  }
  for (const rdata of rdatas) {
    if (model === undefined) return undefined;
    added.add({ ...model, rdata, rdataStart: 0, canonicalStart: 0, rdataLength: rdata.length });
  }
  return { removed: removed.finish(), added: added.finish(), lacking: undefined };
}
