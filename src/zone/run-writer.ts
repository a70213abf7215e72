/** Takes records in the order of the zone and gives a run: frames with their fences, and the first and last key. */
import type { Bytes } from '../base/bytes.ts';
import { concatBytes } from '../base/bytes.ts';
import type { FenceGuide } from './fence-guide.ts';
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

export class RunWriter {
  readonly #packer: FramePacker;
  readonly #guide: FenceGuide | undefined;
  #firstKey: Uint8Array<ArrayBuffer> | undefined;
  #lastType = -1;

  /** `guide`: along whose fences the run is packed, if any. */
  constructor(packer: FramePacker, guide?: FenceGuide) {
    this.#packer = packer;
    this.#guide = guide;
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

  /** Ends the run; `lastKey` is that of the record added last. Undefined when there was none. */
  finish(lastKey: Uint8Array<ArrayBuffer> | undefined): Run | undefined {
    const { records } = this.#packer;
    const frames = this.#packer.finish().finish();
    const { octets } = this.#packer;
    if (lastKey === undefined || this.#firstKey === undefined) return undefined;
    return { frames, firstKey: this.#firstKey, lastKey, records, octets };
  }

  /** As short as it may be: the owner alone where the owner is new, and so on. */
  #fence(record: PackedRecord, isSameOwner: boolean): Bytes {
    if (this.#firstKey === undefined) {
      this.#firstKey = fullKey(record);
      return this.#firstKey;
    }
    return fenceBefore(record, isSameOwner, this.#lastType);
  }
}

/** A fence between `record` and the one before it, which had `lastType`. */
export function fenceBefore(record: PackedRecord, isSameOwner: boolean, lastType: number): Bytes {
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
