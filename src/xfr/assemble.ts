/** The last step of an ingest: runs and a SOA become a version of the zone. */
import type { Bytes } from '../base/bytes.ts';
import { CLASS, TYPE } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';
import { FrameList } from '../zone/frame-list.ts';
import { mergeRuns } from '../zone/merge.ts';
import { FramePacker } from '../zone/packer.ts';
import type { Run } from '../zone/run-writer.ts';
import { renderSingle } from '../zone/single.ts';
import type { SlabDirectory, SlabWriter } from '../zone/slab.ts';
import { type SlabUsage, storeFrameTable, type VersionHandle } from '../zone/version.ts';
import type { SoaRecord } from './ingest.ts';

export interface AssembleOptions {
  readonly id: number;
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
  readonly soa: SoaRecord;
  /** In the order received. */
  readonly runs: readonly Run[];
}

export interface Assembled {
  readonly version: VersionHandle;
  readonly duplicates: number;
}

export function assembleVersion(options: AssembleOptions, slabs: SlabWriter, directory: SlabDirectory): Assembled {
  const { apex, soa, frameSize } = options;
  const packer = new FramePacker(slabs, frameSize);
  const merged = mergeRuns(options.runs, apex, packer, directory);
  const { root, usage } = storeFrameTable(merged.frames, slabs);
  const single =
    merged.frames.length <= 1 ? renderSingle(merged.frames[0], soa, apex, packer, slabs, directory) : undefined;
  if (single !== undefined) usage.set(single.slab, (usage.get(single.slab) ?? 0) + single.length);
  return {
    version: {
      id: options.id,
      serial: soa.serial,
      soaRecord: writeSoaRecord(soa),
      root,
      frames: merged.frames.length,
      records: merged.records + 1,
      octets: merged.octets,
      single,
      usage: [...usage].map(([slab, octets]) => ({ slab, octets })),
    },
    duplicates: merged.duplicates,
  };
}

function writeSoaRecord(soa: SoaRecord): Uint8Array<ArrayBuffer> {
  return new Writer(soa.owner.length + 10 + soa.rdata.length)
    .octets(soa.owner)
    .uint16(TYPE.SOA)
    .uint16(CLASS.IN)
    .uint32(soa.ttl)
    .uint16(soa.rdata.length)
    .octets(soa.rdata)
    .view();
}

/** What the frames of a run keep alive, by slab. */
export function usageOfRun(run: Run): SlabUsage[] {
  const usage = new Map<number, number>();
  const list = new FrameList(run.frames);
  for (let i = 0; i < list.length; i++) {
    usage.set(list.slab(i), (usage.get(list.slab(i)) ?? 0) + list.octetLength(i));
  }
  return [...usage].map(([slab, octets]) => ({ slab, octets }));
}
