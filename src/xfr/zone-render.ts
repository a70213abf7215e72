/** A whole version as the messages of an AXFR in a format other than the one it is kept in (DESIGN.md section 1). */
import { TYPE } from '../wire/registry.ts';
import { versionFrames } from '../zone/cursor.ts';
import type { SlabDirectory, SlabWriter } from '../zone/slab.ts';
import { type VersionHandle, VersionReader } from '../zone/version.ts';
import { MessageWriter, type RenderOptions } from './message-writer.ts';
import { readSoaRecord } from './soa-record.ts';
import type { TransferAnswer } from './transfer-answer.ts';

export function renderZone(
  version: VersionHandle,
  options: RenderOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): TransferAnswer {
  const messages = new MessageWriter(TYPE.AXFR, options, slabs, directory);
  const soa = readSoaRecord(version.soaRecord);
  messages.soa(soa);
  messages.records(versionFrames(new VersionReader(version.root, directory)));
  messages.soa(soa);
  return messages.finish('zone');
}
