/**
 * Brings the records of one batch into order. Primaries send owners in canonical order, mostly, and the types of one
 * owner in an order of their own: so the records of one owner are held and sorted, and only when owners come out of
 * order is the whole batch.
 */
import type { Bytes } from '../base/bytes.ts';
import { compareRanges } from './order.ts';
import type { RecordReader } from './record-reader.ts';
import type { PackedRecord, RunWriter } from './run-writer.ts';

/** Holds the records of one owner as offsets, and gives them to the writer in order, without duplicates. */
export class OwnerGroup {
  readonly #reader: RecordReader;
  readonly #writer: RunWriter;
  #count = 0;
  #types = new Int32Array(64);
  #ttls = new Uint32Array(64);
  #starts = new Int32Array(64);
  #canonicals = new Int32Array(64);
  #lengths = new Int32Array(64);
  #expanded = new Uint8Array(64);
  readonly #order: number[] = [];
  readonly #record: PackedRecord;
  #last: PackedRecord | undefined;
  duplicates = 0;

  constructor(reader: RecordReader, writer: RunWriter) {
    this.#reader = reader;
    this.#writer = writer;
    const nothing = new Uint8Array(0);
    this.#record = {
      owner: nothing,
      ownerLength: 0,
      key: nothing,
      keyLength: 0,
      type: 0,
      ttl: 0,
      rdata: nothing,
      rdataStart: 0,
      canonicalStart: 0,
      rdataLength: 0,
    };
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** The record given to the writer last. */
  get last(): PackedRecord | undefined {
    return this.#last;
  }

  /** Takes the record that the reader is at. */
  push(): void {
    const i = this.#count++;
    if (i === this.#types.length) this.#grow();
    const reader = this.#reader;
    this.#types[i] = reader.type;
    this.#ttls[i] = reader.ttl;
    this.#starts[i] = reader.rdataStart;
    this.#canonicals[i] = reader.canonicalStart;
    this.#lengths[i] = reader.rdataLength;
    this.#expanded[i] = reader.isExpanded ? 1 : 0;
  }

  /** Gives all to the writer. `owner` and `key` are those of the group. False where a record is too large. */
  flush(owner: Bytes, ownerLength: number, key: Bytes, keyLength: number): boolean {
    const count = this.#count;
    if (count === 0) return true;
    this.#count = 0;
    const record = this.#record;
    record.owner = owner;
    record.ownerLength = ownerLength;
    record.key = key;
    record.keyLength = keyLength;
    this.#last = record;
    let fits = true;
    if (count === 1) {
      this.#select(0);
      fits = this.#writer.add(record, false);
    } else if (this.#isSorted(count)) {
      for (let i = 0; i < count && fits; i++) {
        this.#select(i);
        fits = this.#writer.add(record, i > 0);
      }
    } else {
      fits = this.#flushSorted(count);
    }
    this.#reader.releaseScratch();
    return fits;
  }

  #flushSorted(count: number): boolean {
    const order = this.#order;
    order.length = 0;
    for (let i = 0; i < count; i++) order.push(i);
    order.sort((a, b) => this.#compare(a, b) || a - b);
    let previous = -1;
    for (const i of order) {
      if (previous >= 0 && this.#compare(previous, i) === 0) {
        this.duplicates++;
        continue;
      }
      this.#select(i);
      if (!this.#writer.add(this.#record, previous >= 0)) return false;
      previous = i;
    }
    return true;
  }

  #isSorted(count: number): boolean {
    for (let i = 1; i < count; i++) if (this.#compare(i - 1, i) >= 0) return false;
    return true;
  }

  #compare(a: number, b: number): number {
    const types = (this.#types[a] as number) - (this.#types[b] as number);
    if (types !== 0) return types;
    return compareRanges(
      this.#bytes(a),
      this.#canonicals[a] as number,
      this.#lengths[a] as number,
      this.#bytes(b),
      this.#canonicals[b] as number,
      this.#lengths[b] as number,
    );
  }

  #bytes(i: number): Bytes {
    return this.#expanded[i] === 1 ? this.#reader.scratch : this.#reader.bytes;
  }

  #select(i: number): void {
    const record = this.#record;
    record.type = this.#types[i] as number;
    record.ttl = this.#ttls[i] as number;
    record.rdata = this.#bytes(i);
    record.rdataStart = this.#starts[i] as number;
    record.canonicalStart = this.#canonicals[i] as number;
    record.rdataLength = this.#lengths[i] as number;
  }

  #grow(): void {
    const larger = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const array = new Int32Array(old.length * 2);
      array.set(old);
      return array;
    };
    this.#types = larger(this.#types);
    this.#starts = larger(this.#starts);
    this.#canonicals = larger(this.#canonicals);
    this.#lengths = larger(this.#lengths);
    const ttls = new Uint32Array(this.#ttls.length * 2);
    ttls.set(this.#ttls);
    this.#ttls = ttls;
    const expanded = new Uint8Array(this.#expanded.length * 2);
    expanded.set(this.#expanded);
    this.#expanded = expanded;
  }
}

/** Holds a whole batch: for owners out of order. Copies what it keeps into one arena. */
export class BatchSorter {
  readonly #writer: RunWriter;
  #arena = new Uint8Array(1 << 20);
  #used = 0;
  readonly #records: Stored[] = [];
  duplicates = 0;

  constructor(writer: RunWriter) {
    this.#writer = writer;
  }

  /** Takes the record that the reader is at. */
  push(reader: RecordReader): void {
    const { ownerLength, keyLength, rdataLength } = reader;
    const start = this.#used;
    const folded = reader.canonicalStart !== reader.rdataStart;
    const length = ownerLength + keyLength + 2 + rdataLength * (folded ? 2 : 1);
    this.#reserve(length);
    const arena = this.#arena;
    const key = start + ownerLength;
    const canonical = key + keyLength + 2;
    const rdata = reader.rdataBytes;
    arena.set(reader.owner.subarray(0, ownerLength), start);
    arena.set(reader.key.subarray(0, keyLength), key);
    arena[canonical - 2] = reader.type >>> 8;
    arena[canonical - 1] = reader.type;
    arena.set(rdata.subarray(reader.canonicalStart, reader.canonicalStart + rdataLength), canonical);
    if (folded) arena.set(rdata.subarray(reader.rdataStart, reader.rdataStart + rdataLength), canonical + rdataLength);
    this.#used += length;
    this.#records.push({
      start,
      ownerLength,
      keyLength,
      ttl: reader.ttl,
      rdataLength,
      rdataStart: folded ? canonical + rdataLength : canonical,
    });
    reader.releaseScratch();
  }

  /** Gives all to the writer, sorted, without duplicates. `last` is undefined when there was none. */
  flush(): { readonly fits: boolean; readonly last: PackedRecord | undefined } {
    const arena = this.#arena;
    this.#records.sort((a, b) => compareStored(arena, a, b) || a.start - b.start);
    let previous: Stored | undefined;
    let last: PackedRecord | undefined;
    for (const stored of this.#records) {
      if (previous !== undefined && compareStored(arena, previous, stored) === 0) {
        this.duplicates++;
        continue;
      }
      const isSameOwner = previous !== undefined && compareOwners(arena, previous, stored) === 0;
      last = unpack(arena, stored);
      if (!this.#writer.add(last, isSameOwner)) return { fits: false, last };
      previous = stored;
    }
    return { fits: true, last };
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.#arena.length) return;
    const larger = new Uint8Array(Math.max(this.#arena.length * 2, this.#used + more));
    larger.set(this.#arena.subarray(0, this.#used));
    this.#arena = larger;
  }
}

/** Offsets into the arena: owner, then key, type and canonical rdata in one, then the rdata if its case differs. */
interface Stored {
  readonly start: number;
  readonly ownerLength: number;
  readonly keyLength: number;
  readonly ttl: number;
  readonly rdataLength: number;
  readonly rdataStart: number;
}

function compareStored(arena: Bytes, a: Stored, b: Stored): number {
  const aLength = a.keyLength + 2 + a.rdataLength;
  const bLength = b.keyLength + 2 + b.rdataLength;
  return compareRanges(arena, a.start + a.ownerLength, aLength, arena, b.start + b.ownerLength, bLength);
}

/** By their keys: a name in another case is the same owner, and a fence between the two must be longer than it. */
function compareOwners(arena: Bytes, a: Stored, b: Stored): number {
  const [aKey, bKey] = [a.start + a.ownerLength, b.start + b.ownerLength];
  return compareRanges(arena, aKey, a.keyLength, arena, bKey, b.keyLength);
}

function unpack(arena: Bytes, stored: Stored): PackedRecord {
  const key = stored.start + stored.ownerLength;
  const canonical = key + stored.keyLength + 2;
  return {
    owner: arena.subarray(stored.start, key),
    ownerLength: stored.ownerLength,
    key: arena.subarray(key, canonical - 2),
    keyLength: stored.keyLength,
    type: ((arena[canonical - 2] as number) << 8) | (arena[canonical - 1] as number),
    ttl: stored.ttl,
    rdata: arena,
    rdataStart: stored.rdataStart,
    canonicalStart: canonical,
    rdataLength: stored.rdataLength,
  };
}
