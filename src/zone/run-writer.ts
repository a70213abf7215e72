/** Takes records in the order of the zone and gives a run: frames with their fences, and the first and last key. */
import type { Bytes } from '../base/bytes.ts';
import { concatBytes } from '../base/bytes.ts';
import type { FenceGuide } from './fence-guide.ts';
import { compareRanges, MAX_OWNER_KEY } from './order.ts';
import type { FramePacker } from './packer.ts';

/** A sorted piece of a zone without duplicates, packed. */
export interface Run {
  /** A frame table (see frame-list.ts). */
  readonly frames: Uint8Array<ArrayBuffer>;
  /** Keys of the first and the last record (see order.ts), owner and type and rdata. */
  readonly firstKey: Uint8Array<ArrayBuffer>;
  readonly lastKey: Uint8Array<ArrayBuffer>;
  readonly records: number;
  readonly octets: number;
}

/** One record as the writer takes it: offsets into `rdata`, whose names are expanded. */
export interface PackedRecord {
  owner: Bytes;
  ownerLength: number;
  key: Bytes;
  keyLength: number;
  type: number;
  ttl: number;
  rdata: Bytes;
  rdataStart: number;
  canonicalStart: number;
  rdataLength: number;
}

/** To be filled in, and used again for each record. */
export const emptyRecord = (): PackedRecord => ({
  owner: NOTHING,
  ownerLength: 0,
  key: NOTHING,
  keyLength: 0,
  type: 0,
  ttl: 0,
  rdata: NOTHING,
  rdataStart: 0,
  canonicalStart: 0,
  rdataLength: 0,
});

const NOTHING: Bytes = new Uint8Array(0);

/** Packs records that follow each other: gives each frame its fence, and knows where an owner goes on. */
export class RunWriter {
  readonly #packer: FramePacker;
  readonly #guide: FenceGuide | undefined;
  #firstFence: Bytes | undefined;
  #firstKey: Uint8Array<ArrayBuffer> | undefined;
  /** -1 before the first record. */
  #lastType = -1;
  readonly #owner = new Uint8Array(MAX_OWNER_KEY);
  #ownerLength = -1;

  /** `guide`: along whose fences the run is packed, if any. */
  constructor(packer: FramePacker, guide?: FenceGuide) {
    this.#packer = packer;
    this.#guide = guide;
  }

  /** The next record begins another run, and a frame with this fence in place of its own key. */
  begin(firstFence: Bytes): void {
    this.#firstFence = firstFence;
    this.#lastType = -1;
    this.#ownerLength = -1;
  }

  /** `isSameOwner`: as the record before. False where no message can hold the record. */
  add(record: PackedRecord, isSameOwner: boolean): boolean {
    const { type } = record;
    if (this.#guide?.crosses(record)) {
      this.#packer.endFrame();
      this.#packer.expected = this.#guide.frame;
    }
    const added = this.#packer.add(
      record.owner,
      record.ownerLength,
      isSameOwner,
      type,
      record.ttl,
      record.rdata,
      record.rdataStart,
      record.rdataLength,
    );
    if (added === 'too-large') return false;
    if (added === 'frame-begun') this.#packer.setFence(this.#fence(record, isSameOwner));
    this.#lastType = type;
    return true;
  }

  /** The same, and finds whether the owner is that of the record before; for all records of a run, or for none. */
  addNext(record: PackedRecord): boolean {
    const { key, keyLength } = record;
    const isSameOwner = compareRanges(this.#owner, 0, this.#ownerLength, key, 0, keyLength) === 0;
    if (!this.add(record, isSameOwner)) return false;
    if (isSameOwner) return true;
    // A loop: for the few octets of most keys it costs less than the view that `set` would need.
    for (let i = 0; i < keyLength; i++) this.#owner[i] = key[i] as number;
    this.#ownerLength = keyLength;
    return true;
  }

  /** Ends the run; `lastKey` is that of the record added last. Undefined when there was none. */
  finish(lastKey: Uint8Array<ArrayBuffer> | undefined): Run | undefined {
    const { records } = this.#packer;
    const frames = this.#packer.finish().finish();
    const { octets } = this.#packer;
    if (lastKey === undefined || this.#firstKey === undefined) return undefined;
    return { frames, firstKey: this.#firstKey, lastKey, records, octets };
  }

  #fence(record: PackedRecord, isSameOwner: boolean): Bytes {
    if (this.#lastType >= 0) return fenceBefore(record, isSameOwner, this.#lastType);
    if (this.#firstFence !== undefined) return this.#firstFence;
    this.#firstKey = fullKey(record);
    return this.#firstKey;
  }
}

/** Between `record` and the one before it, which had `lastType`; as short as it may be: the owner alone where it is new. */
function fenceBefore(record: PackedRecord, isSameOwner: boolean, lastType: number): Bytes {
  if (!isSameOwner) return record.key.slice(0, record.keyLength);
  return record.type === lastType ? fullKey(record) : fullKey(record).slice(0, record.keyLength + 2);
}

/** Owner, type and canonical rdata as one string of octets. */
export function fullKey(record: PackedRecord): Uint8Array<ArrayBuffer> {
  return concatBytes([
    record.key.subarray(0, record.keyLength),
    Uint8Array.of(record.type >>> 8, record.type & 0xff),
    record.rdata.subarray(record.canonicalStart, record.canonicalStart + record.rdataLength),
  ]);
}
