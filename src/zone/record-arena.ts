/** Records kept beyond their message, in one piece of memory: for sorting. */
import type { Bytes } from '../base/bytes.ts';
import { compareRanges } from './order.ts';
import type { RecordReader } from './record-reader.ts';
import type { PackedRecord } from './run-writer.ts';

/** Offsets into the arena: owner, then key, type and canonical rdata in one, then the rdata if its case differs. */
export interface StoredRecord {
  /** Grows from record to record. */
  readonly start: number;
  readonly ownerLength: number;
  readonly keyLength: number;
  readonly ttl: number;
  readonly rdataLength: number;
  readonly rdataStart: number;
}

const FIRST_SIZE = 1 << 12;

export class RecordArena {
  #octets = new Uint8Array(FIRST_SIZE);
  #used = 0;

  /** Copies the record that the reader is at. */
  store(reader: RecordReader): StoredRecord {
    const { ownerLength, keyLength, rdataLength } = reader;
    const start = this.#used;
    const isFolded = reader.canonicalStart !== reader.rdataStart;
    const length = ownerLength + keyLength + 2 + rdataLength * (isFolded ? 2 : 1);
    this.#reserve(length);
    const octets = this.#octets;
    const key = start + ownerLength;
    const canonical = key + keyLength + 2;
    const rdata = reader.rdataBytes;
    octets.set(reader.owner.subarray(0, ownerLength), start);
    octets.set(reader.key.subarray(0, keyLength), key);
    octets[canonical - 2] = reader.type >>> 8;
    octets[canonical - 1] = reader.type;
    octets.set(rdata.subarray(reader.canonicalStart, reader.canonicalStart + rdataLength), canonical);
    const rdataStart = isFolded ? canonical + rdataLength : canonical;
    if (isFolded) octets.set(rdata.subarray(reader.rdataStart, reader.rdataStart + rdataLength), rdataStart);
    this.#used += length;
    return { start, ownerLength, keyLength, ttl: reader.ttl, rdataLength, rdataStart };
  }

  /** Order by owner, type and canonical rdata. */
  compare(a: StoredRecord, b: StoredRecord): number {
    const aLength = a.keyLength + 2 + a.rdataLength;
    const bLength = b.keyLength + 2 + b.rdataLength;
    const octets = this.#octets;
    return compareRanges(octets, a.start + a.ownerLength, aLength, octets, b.start + b.ownerLength, bLength);
  }

  /** By their keys: a name in another case is the same owner, and a fence between the two must be longer than it. */
  isSameOwner(a: StoredRecord, b: StoredRecord): boolean {
    const [aKey, bKey] = [a.start + a.ownerLength, b.start + b.ownerLength];
    return compareRanges(this.#octets, aKey, a.keyLength, this.#octets, bKey, b.keyLength) === 0;
  }

  /** Views of the arena, valid until the next `store`. */
  record(stored: StoredRecord): PackedRecord {
    const octets: Bytes = this.#octets;
    const key = stored.start + stored.ownerLength;
    const canonical = key + stored.keyLength + 2;
    return {
      owner: octets.subarray(stored.start, key),
      ownerLength: stored.ownerLength,
      key: octets.subarray(key, canonical - 2),
      keyLength: stored.keyLength,
      type: ((octets[canonical - 2] as number) << 8) | (octets[canonical - 1] as number),
      ttl: stored.ttl,
      rdata: octets,
      rdataStart: stored.rdataStart,
      canonicalStart: canonical,
      rdataLength: stored.rdataLength,
    };
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.#octets.length) return;
    const larger = new Uint8Array(Math.max(this.#octets.length * 2, this.#used + more));
    larger.set(this.#octets.subarray(0, this.#used));
    this.#octets = larger;
  }
}
