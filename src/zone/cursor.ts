/**
 * Walks the records of frames in the order of the zone: of a version, or of runs. No allocation a record; two cursors
 * are compared by what their readers hold.
 */
import type { Bytes } from '../base/bytes.ts';
import { HEADER_LENGTH, readHeader } from '../wire/header.ts';
import { type FrameEntry, FrameList } from './frame-list.ts';
import { compareRanges } from './order.ts';
import { RecordReader } from './record-reader.ts';
import { emptyRecord, type PackedRecord, type Run } from './run-writer.ts';
import type { SlabDirectory } from './slab.ts';
import type { VersionReader } from './version.ts';

/** All frames of a version. */
export function* versionFrames(version: VersionReader): Generator<FrameEntry> {
  for (let p = 0; p < version.pageCount; p++) yield* listFrames(version.page(p));
}

/** The frames of runs that follow each other. */
export function* runFrames(runs: readonly Run[]): Generator<FrameEntry> {
  for (const run of runs) yield* listFrames(new FrameList(run.frames));
}

function* listFrames(list: FrameList): Generator<FrameEntry> {
  for (let i = 0; i < list.length; i++) yield list.entry(i);
}

export class RecordCursor {
  readonly reader: RecordReader;
  readonly #frames: Iterator<FrameEntry>;
  readonly #slabs: SlabDirectory;
  #frame: FrameEntry | undefined;
  #left = 0;
  #isAtFrameStart = false;
  readonly #record = emptyRecord();

  /** `apex`: wire form, lower case. At the first record at once. */
  constructor(frames: Iterator<FrameEntry>, apex: Bytes, slabs: SlabDirectory) {
    this.reader = new RecordReader(apex);
    this.#frames = frames;
    this.#slabs = slabs;
    this.skipFrame();
  }

  get isAtEnd(): boolean {
    return this.#frame === undefined;
  }

  /** The frame of the record at hand, if that is its first. */
  get frameAtStart(): FrameEntry | undefined {
    return this.#isAtFrameStart ? this.#frame : undefined;
  }

  next(): void {
    if (this.#left === 0) this.skipFrame();
    else {
      this.#isAtFrameStart = false;
      this.#read();
    }
  }

  /** On to the first record of the next frame. */
  skipFrame(): void {
    do {
      const { value, done } = this.#frames.next();
      this.#frame = done === true ? undefined : value;
      if (this.#frame === undefined) return;
      this.#left = this.#frame.records;
    } while (this.#left === 0);
    const { slab, offset, length } = this.#frame;
    const { reader } = this;
    reader.bytes = this.#slabs.bytes(slab);
    reader.message = offset + 2;
    reader.end = offset + length;
    reader.at = reader.message + HEADER_LENGTH;
    if (readHeader(reader.bytes, reader.message, reader.end)?.answers !== this.#left) throw new FrameDamaged();
    this.#isAtFrameStart = true;
    this.#read();
  }

  /** The record at hand, its octets where they lie: one object, valid until the next record. */
  get record(): PackedRecord {
    const { reader } = this;
    const record = this.#record;
    record.owner = reader.owner;
    record.ownerLength = reader.ownerLength;
    record.key = reader.key;
    record.keyLength = reader.keyLength;
    record.type = reader.type;
    record.ttl = reader.ttl;
    record.rdata = reader.rdataBytes;
    record.rdataStart = reader.rdataStart;
    record.canonicalStart = reader.canonicalStart;
    record.rdataLength = reader.rdataLength;
    return record;
  }

  #read(): void {
    this.#left--;
    const { reader } = this;
    reader.releaseScratch();
    if (!reader.head() || !reader.rdata()) throw new FrameDamaged(reader.failure);
  }
}

/** A frame is our own work: one that cannot be read is a defect of ours, or of the memory. */
class FrameDamaged extends Error {
  constructor(failure?: string) {
    super(`a frame is damaged: ${failure ?? 'its number of records is wrong'}`);
  }
}

/** Order of the records at hand, by (owner, type, canonical rdata). */
export function compareRecords(a: RecordReader, b: RecordReader): number {
  return (
    compareRanges(a.key, 0, a.keyLength, b.key, 0, b.keyLength) ||
    a.type - b.type ||
    compareRanges(a.rdataBytes, a.canonicalStart, a.rdataLength, b.rdataBytes, b.canonicalStart, b.rdataLength)
  );
}

/** How a record stands to a key or the beginning of one, such as a fence (see order.ts): below it is negative. */
export function compareToKey(record: PackedRecord, key: Bytes): number {
  const { keyLength, type } = record;
  const owner = compareRanges(record.key, 0, keyLength, key, 0, Math.min(keyLength, key.length));
  if (owner !== 0 || key.length <= keyLength) return owner;
  const high = (type >>> 8) - (key[keyLength] as number);
  if (high !== 0 || key.length === keyLength + 1) return high;
  const low = (type & 0xff) - (key[keyLength + 1] as number);
  if (low !== 0) return low;
  const rest = key.length - keyLength - 2;
  return compareRanges(record.rdata, record.canonicalStart, record.rdataLength, key, keyLength + 2, rest);
}
