/**
 * Brings the records of one batch into order. Primaries send owners in canonical order, mostly, and the types of one
 * owner in an order of their own: so the records of one owner are held and sorted, and only when owners come out of
 * order is the whole batch.
 */
import type { Bytes } from '../base/bytes.ts';
import { compareRanges } from './order.ts';
import { RecordArena, type StoredRecord } from './record-arena.ts';
import type { RecordReader } from './record-reader.ts';
import { emptyRecord, type PackedRecord, type RunWriter } from './run-writer.ts';

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
    this.#record = emptyRecord();
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

/** Holds a whole batch: for owners out of order. */
export class BatchSorter {
  readonly #writer: RunWriter;
  readonly #arena = new RecordArena();
  readonly #records: StoredRecord[] = [];
  duplicates = 0;

  constructor(writer: RunWriter) {
    this.#writer = writer;
  }

  /** Takes the record that the reader is at. */
  push(reader: RecordReader): void {
    this.#records.push(this.#arena.store(reader));
    reader.releaseScratch();
  }

  /** Gives all to the writer, sorted, without duplicates. `last` is undefined when there was none. */
  flush(): { readonly fits: boolean; readonly last: PackedRecord | undefined } {
    const arena = this.#arena;
    this.#records.sort((a, b) => arena.compare(a, b) || a.start - b.start);
    let previous: StoredRecord | undefined;
    let last: PackedRecord | undefined;
    for (const stored of this.#records) {
      if (previous !== undefined && arena.compare(previous, stored) === 0) {
        this.duplicates++;
        continue;
      }
      const isSameOwner = previous !== undefined && arena.isSameOwner(previous, stored);
      last = arena.record(stored);
      if (!this.#writer.add(last, isSameOwner)) return { fits: false, last };
      previous = stored;
    }
    return { fits: true, last };
  }
}
