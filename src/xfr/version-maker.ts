/** From a frame table to a version that can be served: the handle, and what it keeps alive. */
import type { Bytes } from '../base/bytes.ts';
import { type FrameEntry, FrameList } from '../zone/frame-list.ts';
import { FramePacker } from '../zone/packer.ts';
import type { Run } from '../zone/run-writer.ts';
import { renderSingle } from '../zone/single.ts';
import type { SlabDirectory, SlabRange, SlabWriter } from '../zone/slab.ts';
import { type Footprint, UsageSum, usageBetween, usageOfVersion } from '../zone/usage.ts';
import { type SlabUsage, type VersionHandle, VersionReader } from '../zone/version.ts';
import { type SoaRecord, writeSoaRecord } from './soa-record.ts';

export interface VersionParts {
  readonly id: number;
  readonly apex: Bytes;
  readonly soa: SoaRecord;
  readonly root: SlabRange;
  readonly frames: number;
  /** Of the frames. */
  readonly records: number;
  readonly octets: number;
}

/** What has become of memory with a new version beside the one it was made from. */
export interface MadeVersion {
  readonly version: VersionHandle;
  /** Id of the version it was made from. */
  readonly base: number | undefined;
  /** Octets that the new version alone refers to, and those that only the one before does. */
  readonly added: readonly SlabUsage[];
  readonly dropped: readonly SlabUsage[];
}

/** `base`: the version it was made from, if any. */
export function makeVersion(
  parts: VersionParts,
  base: VersionHandle | undefined,
  slabs: SlabWriter,
  directory: SlabDirectory,
): MadeVersion {
  const { id, apex, soa, root, frames, octets } = parts;
  const reader = new VersionReader(root, directory);
  const only = frames > 1 ? undefined : onlyFrame(reader);
  const packer = (): FramePacker => new FramePacker(slabs, 0);
  const single = frames > 1 ? undefined : renderSingle(only, soa, apex, packer(), slabs, directory);
  const footprint: Footprint = { reader, single };
  const { added, dropped } =
    base === undefined
      ? { added: usageOfVersion(footprint), dropped: [] }
      : usageBetween({ reader: new VersionReader(base.root, directory), single: base.single }, footprint);
  const usage = base === undefined ? added : new UsageSum().addAll(base.usage).addAll(added).addAll(dropped, -1).list();
  const records = parts.records + 1;
  const handle = { id, serial: soa.serial, soaRecord: writeSoaRecord(soa), root, frames, records, octets, single };
  return { version: { ...handle, usage }, base: base?.id, added, dropped };
}

function onlyFrame(reader: VersionReader): FrameEntry | undefined {
  return reader.pageCount === 0 ? undefined : reader.page(0).entry(0);
}

/** What the frames of a run keep alive, by slab. */
export const usageOfRun = (run: Run | undefined): SlabUsage[] =>
  run === undefined ? [] : new UsageSum().addFrames(new FrameList(run.frames)).list();
