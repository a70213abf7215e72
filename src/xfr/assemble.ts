/** The last step of a first transfer: runs and a SOA become a version of the zone. */
import type { Bytes } from '../base/bytes.ts';
import { mergeRuns } from '../zone/merge.ts';
import { FramePacker } from '../zone/packer.ts';
import type { Run } from '../zone/run-writer.ts';
import type { SlabDirectory, SlabWriter } from '../zone/slab.ts';
import { storeFrameTable, type VersionHandle } from '../zone/version.ts';
import type { SoaRecord } from './soa-record.ts';
import { type MadeVersion, makeVersion } from './version-maker.ts';

export interface AssembleOptions {
  readonly id: number;
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
  readonly soa: SoaRecord;
  /** In the order received. */
  readonly runs: readonly Run[];
}

export interface Assembled extends MadeVersion {
  readonly duplicates: number;
}

/** `base`: the version that the zone had before, which may share frames with the runs. */
export function assembleVersion(
  options: AssembleOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
  base?: VersionHandle,
): Assembled {
  const { id, apex, soa, frameSize } = options;
  const merged = mergeRuns(options.runs, apex, new FramePacker(slabs, frameSize), directory);
  const root = storeFrameTable(merged.frames, slabs);
  const { records, octets, duplicates } = merged;
  const parts = { id, apex, soa, root, frames: merged.frames.length, records, octets };
  return { ...makeVersion(parts, base, slabs, directory), duplicates };
}
