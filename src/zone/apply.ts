/**
 * A version and a change become the next version: only frames that the change touches are packed anew, and only pages
 * that hold them (DESIGN.md section 1). What is removed must be there, what is added must not.
 */
import type { Bytes } from '../base/bytes.ts';
import { compareRecords, compareToKey, RecordCursor, runFrames } from './cursor.ts';
import type { FrameEntry } from './frame-list.ts';
import type { FramePacker } from './packer.ts';
import type { RecordReader } from './record-reader.ts';
import { type PackedRecord, type Run, RunWriter } from './run-writer.ts';
import type { SlabDirectory, SlabWriter } from './slab.ts';
import { type EditedTable, TableEditor } from './table-editor.ts';
import type { VersionReader } from './version.ts';

/** Records as runs, each sorted. A record in both is replaced: its TTL changes, or the case of its names. */
export interface Change {
  readonly removed: Run | undefined;
  readonly added: Run | undefined;
  /** What a multiple step added and took back again: it must not be in the version either. */
  readonly lacking: Run | undefined;
}

export interface Applied extends EditedTable {
  /** Frames that were packed anew. */
  readonly packed: number;
  /** The change as told differs from what it did: a deletion named another TTL, or a record came back as it was. */
  readonly isInexact: boolean;
  /** Deletions that named another TTL than the record had. */
  readonly otherTtls: number;
}

export type ApplyResult =
  | ({ readonly ok: true } & Applied)
  | { readonly ok: false; readonly failure: 'REMOVED_IS_NOT_THERE' | 'ADDED_IS_THERE'; readonly record: PackedRecord };

/** Rdata is compared without case; so a change of case alone makes no frame differ only where it is in no record. */
export function applyChange(
  base: VersionReader,
  change: Change,
  apex: Bytes,
  packer: FramePacker,
  slabs: SlabWriter,
): ApplyResult {
  return new Applier(base, change, apex, packer, slabs).apply();
}

class Applier {
  readonly #base: VersionReader;
  readonly #apex: Bytes;
  readonly #packer: FramePacker;
  readonly #writer: RunWriter;
  readonly #changes: Changes;
  readonly #editor: TableEditor;
  #otherTtls = 0;
  #unchanged = 0;
  #packed = 0;
  #failure: (ApplyResult & { ok: false }) | undefined;

  constructor(base: VersionReader, change: Change, apex: Bytes, packer: FramePacker, slabs: SlabWriter) {
    this.#base = base;
    this.#apex = apex;
    this.#packer = packer;
    this.#writer = new RunWriter(packer);
    this.#changes = new Changes(change, apex, base.slabs);
    this.#editor = new TableEditor(base, apex, packer, slabs);
  }

  apply(): ApplyResult {
    const changes = this.#changes;
    while (!changes.isAtEnd && this.#failure === undefined) {
      const place = this.#editor.locate(changes.record);
      const frame = place && this.#editor.frame(place);
      const made = this.#rewrite(frame, place && this.#editor.fenceAfter(place));
      this.#packed += made.length;
      this.#editor.replace(place, made);
    }
    if (this.#failure !== undefined) {
      // What it has begun lies dead in its slab; but the packer gives back its memory.
      this.#packer.finish();
      return this.#failure;
    }
    const table = this.#editor.finish();
    const isInexact = this.#otherTtls > 0 || this.#unchanged > 0;
    return { ok: true, ...table, packed: this.#packed, isInexact, otherTtls: this.#otherTtls };
  }

  /** Packs the records of a frame and the changes below `end` into new frames. */
  #rewrite(frame: FrameEntry | undefined, end: Bytes | undefined): FrameEntry[] {
    const changes = this.#changes;
    const base = new RecordCursor(oneFrame(frame), this.#apex, this.#base.slabs);
    this.#packer.expected = frame;
    this.#writer.begin(frame?.fence ?? NO_FENCE);
    for (;;) {
      const isHere = !changes.isAtEnd && (end === undefined || compareToKey(changes.record, end) < 0);
      if (base.isAtEnd && !isHere) break;
      const order = !isHere ? -1 : base.isAtEnd ? 1 : compareRecords(base.reader, changes.reader);
      if (order < 0) {
        this.#write(base);
        base.next();
        continue;
      }
      if (order === 0 ? !this.#mayReplace(base.reader) : !this.#mayAdd()) return [];
      if (changes.adds !== undefined) this.#write(changes.adds);
      changes.next();
      if (order === 0) base.next();
    }
    return this.#packer.take();
  }

  #write({ record }: RecordCursor): void {
    if (!this.#writer.addNext(record)) throw new Error('a record of a version or a change fits no message');
  }

  /** The record at hand of the change is in the version, too. */
  #mayReplace(there: RecordReader): boolean {
    const { removes, adds } = this.#changes;
    if (removes === undefined) return this.#fail('ADDED_IS_THERE');
    if (removes.reader.ttl !== there.ttl) this.#otherTtls++;
    if (adds !== undefined && adds.reader.ttl === there.ttl) this.#unchanged++;
    return true;
  }

  #mayAdd(): boolean {
    return this.#changes.removes === undefined || this.#fail('REMOVED_IS_NOT_THERE');
  }

  #fail(failure: 'REMOVED_IS_NOT_THERE' | 'ADDED_IS_THERE'): false {
    this.#failure = { ok: false, failure, record: { ...this.#changes.record } };
    return false;
  }
}

const NO_FENCE: Bytes = new Uint8Array(0);

function* oneFrame(frame: FrameEntry | undefined): Generator<FrameEntry> {
  if (frame !== undefined) yield frame;
}

/** The records of a change in order, each once, with what is to become of it. */
class Changes {
  readonly #removed: RecordCursor;
  readonly #added: RecordCursor;
  readonly #lacking: RecordCursor;
  removes: RecordCursor | undefined;
  adds: RecordCursor | undefined;
  #current: RecordCursor | undefined;

  constructor({ removed, added, lacking }: Change, apex: Bytes, slabs: SlabDirectory) {
    const cursor = (run: Run | undefined): RecordCursor => new RecordCursor(runFrames(run ? [run] : []), apex, slabs);
    this.#removed = cursor(removed);
    this.#added = cursor(added);
    this.#lacking = cursor(lacking);
    this.#select();
  }

  get isAtEnd(): boolean {
    return this.#current === undefined;
  }

  get reader(): RecordReader {
    return (this.#current as RecordCursor).reader;
  }

  get record(): PackedRecord {
    return (this.#current as RecordCursor).record;
  }

  next(): void {
    const { removes, adds } = this;
    if (removes === undefined && adds === undefined) this.#lacking.next();
    removes?.next();
    adds?.next();
    this.#select();
  }

  #select(): void {
    this.#current = undefined;
    for (const cursor of [this.#removed, this.#added, this.#lacking]) {
      if (cursor.isAtEnd) continue;
      if (this.#current === undefined || compareRecords(cursor.reader, this.#current.reader) < 0)
        this.#current = cursor;
    }
    const stands = (cursor: RecordCursor): RecordCursor | undefined =>
      !cursor.isAtEnd && this.#current !== undefined && compareRecords(cursor.reader, this.#current.reader) === 0
        ? cursor
        : undefined;
    this.removes = stands(this.#removed);
    this.adds = stands(this.#added);
  }
}
