/**
 * Walks the records of a version in canonical order, for whatever looks at a zone as a whole: one reader, reused, no
 * allocation a record. The SOA, which is in no frame, is put at its place among the apex records if it is passed.
 */
import type { Bytes } from '../base/bytes.ts';
import { TYPE } from '../wire/registry.ts';
import { RecordCursor, versionFrames } from './cursor.ts';
import { RecordReader } from './record-reader.ts';
import type { VersionReader } from './version.ts';

/** The owner key of the apex: nothing but its end (see order.ts). */
const APEX_KEY_LENGTH = 1;

export class VersionWalk {
  /** Of the record at hand: valid until the next `next`, which may put another one here. */
  reader: RecordReader;
  /** Whether the record at hand is the first of its owner. */
  isNewOwner = false;
  readonly #cursor: RecordCursor;
  readonly #soa: RecordReader | undefined;
  #isSoaDue: boolean;
  /** Whether the cursor's record has been given; it has not where the SOA was put before it. */
  #isGiven = false;
  #isFirst = true;

  /** `apex`: wire form, lower case. `soaRecord`: whole and uncompressed, as `VersionHandle` has it. */
  constructor(version: VersionReader, apex: Bytes, soaRecord?: Bytes) {
    this.#cursor = new RecordCursor(versionFrames(version), apex, version.slabs);
    this.#soa = soaRecord === undefined ? undefined : readOne(soaRecord, apex);
    this.#isSoaDue = soaRecord !== undefined;
    this.reader = this.#cursor.reader;
  }

  get isAtApex(): boolean {
    return this.reader.keyLength === APEX_KEY_LENGTH;
  }

  /** Goes to the next record; false at the end. A frame that cannot be read is thrown: it is our own work. */
  next(): boolean {
    const cursor = this.#cursor;
    if (this.#isGiven) cursor.next();
    const { reader, isAtEnd } = cursor;
    const isAtApex = !isAtEnd && reader.keyLength === APEX_KEY_LENGTH;
    if (this.#isSoaDue && !(isAtApex && reader.type < TYPE.SOA)) {
      this.#isSoaDue = false;
      this.#isGiven = false;
      this.reader = this.#soa as RecordReader;
      this.isNewOwner = this.#isFirst;
      this.#isFirst = false;
      return true;
    }
    this.#isGiven = true;
    this.reader = reader;
    // The cursor does not know that the SOA came before the rest of the apex.
    this.isNewOwner = this.#isFirst || (reader.ownerOrder !== 0 && !isAtApex);
    this.#isFirst = false;
    return !isAtEnd;
  }
}

/** A reader at the one record that `record` is. */
export function readOne(record: Bytes, apex: Bytes): RecordReader {
  const reader = new RecordReader(apex);
  reader.bytes = record;
  reader.end = record.length;
  if (reader.head() && reader.rdata()) return reader;
  throw new Error(`a record of ours is damaged: ${reader.failure}`);
}
