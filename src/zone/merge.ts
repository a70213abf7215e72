/**
 * Joins sorted runs into one sequence of frames. A frame that no other run reaches into is taken as it is: so for a
 * primary that sends in order this copies nothing, and for one that does not it is a merge by record.
 */
import type { Bytes } from '../base/bytes.ts';
import { compareBytes } from '../base/bytes.ts';
import { RecordCursor } from './cursor.ts';
import { type FrameEntry, FrameList } from './frame-list.ts';
import { compareRanges, shortestFence } from './order.ts';
import type { FramePacker } from './packer.ts';
import { fullKey, type PackedRecord, type Run } from './run-writer.ts';
import type { SlabDirectory } from './slab.ts';

export interface Merged {
  readonly frames: readonly FrameEntry[];
  readonly records: number;
  readonly octets: number;
  readonly duplicates: number;
}

/** `runs` in the order received: of two records that are the same, the first received stays. */
export function mergeRuns(runs: readonly Run[], apex: Bytes, packer: FramePacker, slabs: SlabDirectory): Merged {
  return isDisjoint(runs) ? concatenate(runs) : new Merger(runs, apex, packer, slabs).merge();
}

function isDisjoint(runs: readonly Run[]): boolean {
  for (let i = 1; i < runs.length; i++) {
    if (compareBytes((runs[i - 1] as Run).lastKey, (runs[i] as Run).firstKey) >= 0) return false;
  }
  return true;
}

function concatenate(runs: readonly Run[]): Merged {
  const frames: FrameEntry[] = [];
  let records = 0;
  let octets = 0;
  runs.forEach((run, r) => {
    const list = new FrameList(run.frames);
    for (let i = 0; i < list.length; i++) {
      const entry = list.entry(i);
      const before = runs[r - 1];
      frames.push(i > 0 ? entry : { ...entry, fence: before ? shortestFence(before.lastKey, run.firstKey) : NO_FENCE });
    }
    records += run.records;
    octets += run.octets;
  });
  return { frames, records, octets, duplicates: 0 };
}

const NO_FENCE: Bytes = new Uint8Array(0);

class Merger {
  readonly #packer: FramePacker;
  /** A binary heap, smallest key on top. */
  readonly #heap: RunCursor[] = [];
  #last: { key: Bytes; owner: Bytes } | undefined;
  #isFirst = true;
  #duplicates = 0;

  constructor(runs: readonly Run[], apex: Bytes, packer: FramePacker, slabs: SlabDirectory) {
    this.#packer = packer;
    runs.forEach((run, index) => {
      const cursor = new RunCursor(run, index, apex, slabs);
      if (cursor.isAtEnd) return;
      this.#heap.push(cursor);
      this.#siftUp(this.#heap.length - 1);
    });
  }

  merge(): Merged {
    while (this.#heap.length > 0) {
      const top = this.#heap[0] as RunCursor;
      const frame = top.frameAtStart;
      if (frame !== undefined && this.#isAlone(top)) this.#adopt(top, frame);
      else this.#take(top);
      if (top.isAtEnd) this.#removeTop();
      else this.#siftDown(0);
    }
    const list = new FrameList(this.#packer.finish().finish());
    const frames = Array.from({ length: list.length }, (_, i) => list.entry(i));
    const { records, octets } = this.#packer;
    return { frames, records, octets, duplicates: this.#duplicates };
  }

  /** Whether no other run has a key below the end of the frame that `top` is at the start of. */
  #isAlone(top: RunCursor): boolean {
    if (this.#last !== undefined && compareBytes(this.#last.key, top.key) >= 0) return false;
    return [this.#heap[1], this.#heap[2]].every((other) => other === undefined || top.isFrameBelow(other.key));
  }

  #adopt(top: RunCursor, frame: FrameEntry): void {
    const fence = this.#fenceFor(top.key);
    const frameEnd = top.skipFrame();
    this.#packer.adopt({ ...frame, fence });
    this.#last = { key: frameEnd, owner: NO_FENCE };
  }

  #take(top: RunCursor): void {
    const { key, record } = top;
    if (this.#last !== undefined && compareBytes(this.#last.key, key) === 0) {
      this.#duplicates++;
    } else {
      const owner = record.key.slice(0, record.keyLength);
      const isSameOwner = this.#last !== undefined && compareBytes(this.#last.owner, owner) === 0;
      const added = this.#packer.add(
        record.owner,
        record.ownerLength,
        isSameOwner,
        record.type,
        record.ttl,
        record.rdata,
        record.rdataStart,
        record.rdataLength,
      );
      if (added === 'frame-begun') this.#packer.setFence(this.#fenceFor(key));
      this.#last = { key, owner };
    }
    top.next();
  }

  #fenceFor(key: Bytes): Bytes {
    if (this.#isFirst) {
      this.#isFirst = false;
      return NO_FENCE;
    }
    return shortestFence(this.#last?.key ?? NO_FENCE, key);
  }

  #removeTop(): void {
    const last = this.#heap.pop() as RunCursor;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown(0);
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!(heap[i] as RunCursor).isBefore(heap[parent] as RunCursor)) return;
      [heap[i], heap[parent]] = [heap[parent] as RunCursor, heap[i] as RunCursor];
      i = parent;
    }
  }

  #siftDown(from: number): void {
    const heap = this.#heap;
    let i = from;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && (heap[child] as RunCursor).isBefore(heap[least] as RunCursor)) least = child;
      }
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least] as RunCursor, heap[i] as RunCursor];
      i = least;
    }
  }
}

/** Walks the records of a run, and knows where its frames begin and end. */
class RunCursor {
  readonly #run: Run;
  readonly #index: number;
  readonly #frames: FrameList;
  readonly #cursor: RecordCursor;
  #frameIndex = -1;
  /** Owner, type and rdata of the record at hand. */
  key: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(run: Run, index: number, apex: Bytes, slabs: SlabDirectory) {
    this.#run = run;
    this.#index = index;
    this.#frames = new FrameList(run.frames);
    this.#cursor = new RecordCursor(this.#walk(), apex, slabs);
    this.#readKey();
  }

  get isAtEnd(): boolean {
    return this.#cursor.isAtEnd;
  }

  /** The frame of the record at hand, if that is its first. */
  get frameAtStart(): FrameEntry | undefined {
    return this.#cursor.frameAtStart;
  }

  get record(): PackedRecord {
    return this.#cursor.record;
  }

  isBefore(other: RunCursor): boolean {
    const order = compareRanges(this.key, 0, this.key.length, other.key, 0, other.key.length);
    return order !== 0 ? order < 0 : this.#index < other.#index;
  }

  /** Whether every key of the frame at hand is below `key`. */
  isFrameBelow(key: Bytes): boolean {
    const next = this.#frameIndex + 1;
    return next < this.#frames.length
      ? compareBytes(this.#frames.fence(next), key) <= 0
      : compareBytes(this.#run.lastKey, key) < 0;
  }

  /** Goes on to the next frame; gives the last key of the frame left behind. */
  skipFrame(): Bytes {
    if (this.#frameIndex + 1 === this.#frames.length) {
      this.#cursor.skipFrame();
      return this.#run.lastKey;
    }
    let last = this.key;
    for (this.next(); this.frameAtStart === undefined; this.next()) last = this.key;
    return last;
  }

  next(): void {
    this.#cursor.next();
    this.#readKey();
  }

  #readKey(): void {
    if (!this.isAtEnd) this.key = fullKey(this.record);
  }

  *#walk(): Generator<FrameEntry> {
    while (++this.#frameIndex < this.#frames.length) yield this.#frames.entry(this.#frameIndex);
  }
}
