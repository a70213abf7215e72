/** What turns one list of frames into another, as a change: only frames that the two do not share are read. */
import type { Bytes } from '../base/bytes.ts';
import type { Change } from './apply.ts';
import { compareRecords, RecordCursor, versionFrames } from './cursor.ts';
import type { FrameEntry } from './frame-list.ts';
import { FramePacker } from './packer.ts';
import { fullKey, type PackedRecord, type Run, RunWriter } from './run-writer.ts';
import { placeOf, type SlabDirectory, type SlabWriter } from './slab.ts';
import { type Unshared, unsharedBetween } from './unshared.ts';
import type { VersionReader } from './version.ts';

export interface DiffOptions {
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
  /** Octets of frames that a change may take; a larger one is not worth having. */
  readonly mostOctets: number;
}

/** From a version to frames in order; undefined where it would be larger than `mostOctets`. */
export function diffFromVersion(
  base: VersionReader,
  frames: readonly FrameEntry[],
  options: DiffOptions,
  slabs: SlabWriter,
): Change | undefined {
  const places = new Set(frames.map(placeOf));
  const shared = new Set<number>();
  const removedFrom: FrameEntry[] = [];
  for (const frame of versionFrames(base)) {
    if (places.has(placeOf(frame))) shared.add(placeOf(frame));
    else removedFrom.push(frame);
  }
  const addedFrom = frames.filter((frame) => !shared.has(placeOf(frame)));
  return diffFrames(removedFrom, addedFrom, base.slabs, options, slabs);
}

/** From a version to another; pages that they share are passed over. */
export function diffVersions(
  before: VersionReader,
  after: VersionReader,
  options: DiffOptions,
  slabs: SlabWriter,
): Change | undefined {
  const [old, young] = unsharedBetween(before, after);
  return diffFrames(entriesOf(old), entriesOf(young), before.slabs, options, slabs);
}

const entriesOf = ({ frames }: Unshared): FrameEntry[] => frames.map(({ page, index }) => page.entry(index));

function diffFrames(
  before: readonly FrameEntry[],
  after: readonly FrameEntry[],
  directory: SlabDirectory,
  options: DiffOptions,
  slabs: SlabWriter,
): Change | undefined {
  const { apex, frameSize, mostOctets } = options;
  const old = new RecordCursor(before.values(), apex, directory);
  const young = new RecordCursor(after.values(), apex, directory);
  const removed = new ChangeWriter(slabs, frameSize);
  const added = new ChangeWriter(slabs, frameSize);
  while (!old.isAtEnd || !young.isAtEnd) {
    const order = old.isAtEnd ? 1 : young.isAtEnd ? -1 : compareRecords(old.reader, young.reader);
    const differs = order !== 0 || old.reader.ttl !== young.reader.ttl;
    if (order <= 0) {
      if (differs) removed.add(old.record);
      old.next();
    }
    if (order >= 0) {
      if (differs) added.add(young.record);
      young.next();
    }
    if (removed.octets + added.octets > mostOctets) return undefined;
  }
  return { removed: removed.finish(), added: added.finish(), lacking: undefined };
}

/** Packs one side of a change, from records in order. */
export class ChangeWriter {
  readonly #packer: FramePacker;
  readonly #run: RunWriter;
  #lastKey: Uint8Array<ArrayBuffer> | undefined;

  constructor(slabs: SlabWriter, frameSize: number) {
    this.#packer = new FramePacker(slabs, frameSize);
    this.#run = new RunWriter(this.#packer);
  }

  /** Of the frames that are whole. */
  get octets(): number {
    return this.#packer.octets;
  }

  /** Of a version. */
  add(record: PackedRecord): void {
    if (!this.offer(record)) throw new Error('a record of a version fits no message');
  }

  /** From elsewhere: false where it fits no message. */
  offer(record: PackedRecord): boolean {
    if (!this.#run.addNext(record)) return false;
    this.#lastKey = fullKey(record);
    return true;
  }

  finish(): Run | undefined {
    return this.#run.finish(this.#lastKey);
  }
}
