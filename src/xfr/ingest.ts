/**
 * Takes a batch of whole messages of an AXFR and makes a run of frames from it: parse, check, sort, encode, in one
 * pass. Batches are independent of each other, so they can be worked on in any thread, while the rest is received.
 */
import type { Bytes } from '../base/bytes.ts';
import { TYPE } from '../wire/registry.ts';
import { FenceGuide } from '../zone/fence-guide.ts';
import { FramePacker } from '../zone/packer.ts';
import type { RecordReader } from '../zone/record-reader.ts';
import { fullKey, type Run, RunWriter } from '../zone/run-writer.ts';
import type { SlabWriter } from '../zone/slab.ts';
import { BatchSorter, OwnerGroup } from '../zone/sorter.ts';
import type { VersionReader } from '../zone/version.ts';
import { type AnswerOptions, AnswerReader, type IngestFailure } from './answer-reader.ts';
import { TransferInterpreter } from './interpreter.ts';
import type { SoaRecord } from './soa-record.ts';

export interface BatchOptions extends AnswerOptions {
  readonly frameSize: number;
  readonly outOfZone: 'reject' | 'ignore';
}

export interface Batch {
  readonly run: Run | undefined;
  readonly firstSoa: SoaRecord | undefined;
  /** Present when the batch ends the transfer. */
  readonly lastSoa: SoaRecord | undefined;
  readonly messages: number;
  /** As received, SOA and duplicates included. */
  readonly records: number;
  readonly duplicates: number;
  readonly ignoredOutOfZone: number;
  /** Whether the last message was signed; true without TSIG. */
  readonly isSealed: boolean;
}

export type BatchResult =
  | { readonly ok: true; readonly batch: Batch }
  | { readonly ok: false; readonly failure: IngestFailure };

/**
 * Reads the length-prefixed messages in `bytes[start..end]`. `slabs` is where the frames go; `base` the version whose
 * fences they follow, if any.
 */
export function ingestBatch(
  bytes: Bytes,
  start: number,
  end: number,
  options: BatchOptions,
  slabs: SlabWriter,
  base?: VersionReader,
): BatchResult {
  const result = new BatchIngest(options, slabs, base, false).run(bytes, start, end);
  if (result !== 'out-of-order') return result;
  // Rare: the whole batch again, held and sorted. Frames made so far lie dead in their slab.
  return new BatchIngest(options, slabs, base, true).run(bytes, start, end) as BatchResult;
}

class BatchIngest {
  readonly #options: BatchOptions;
  readonly #answer: AnswerReader;
  readonly #reader: RecordReader;
  readonly #writer: RunWriter;
  readonly #group: OwnerGroup;
  readonly #sorter: BatchSorter | undefined;
  readonly #interpreter: TransferInterpreter;
  #firstSoa: SoaRecord | undefined;
  #lastSoa: SoaRecord | undefined;
  #ignored = 0;
  #groupOwner: Bytes = new Uint8Array(0);
  #groupKey: Bytes = new Uint8Array(0);
  #groupOwnerLength = 0;
  #groupKeyLength = 0;
  #lastKey: Uint8Array<ArrayBuffer> | undefined;
  #isOutOfOrder = false;

  constructor(options: BatchOptions, slabs: SlabWriter, base: VersionReader | undefined, isSorting: boolean) {
    this.#options = options;
    this.#interpreter = options.isFirst ? new TransferInterpreter('AXFR') : TransferInterpreter.inZone();
    this.#answer = new AnswerReader(options, this.#interpreter, () => this.#record());
    this.#reader = this.#answer.reader;
    this.#writer = new RunWriter(new FramePacker(slabs, options.frameSize), base && new FenceGuide(base));
    this.#group = new OwnerGroup(this.#reader, this.#writer);
    this.#sorter = isSorting ? new BatchSorter(this.#writer) : undefined;
  }

  run(bytes: Bytes, start: number, end: number): BatchResult | 'out-of-order' {
    const answer = this.#answer;
    const isRead = answer.read(bytes, start, end);
    if (this.#isOutOfOrder) return 'out-of-order';
    const lastKey = isRead ? this.#flush() : undefined;
    if (answer.failure !== undefined) return { ok: false, failure: answer.failure };
    return {
      ok: true,
      batch: {
        run: this.#writer.finish(lastKey),
        firstSoa: this.#firstSoa,
        lastSoa: this.#lastSoa,
        messages: answer.messages,
        records: answer.records,
        duplicates: this.#group.duplicates + (this.#sorter?.duplicates ?? 0),
        ignoredOutOfZone: this.#ignored,
        isSealed: answer.isSealed,
      },
    };
  }

  #record(): boolean {
    const reader = this.#reader;
    if (reader.isOutOfZone) {
      if (this.#options.outOfZone === 'ignore') {
        this.#ignored++;
        return this.#skipOutOfZone();
      }
      return this.#answer.failRecord('OUT_OF_ZONE');
    }
    if (reader.type === TYPE.SOA) return this.#soa();
    const state = this.#interpreter.record();
    if (state === 'failed') return this.#answer.failSequence();
    if (this.#sorter !== undefined) {
      if (!reader.rdata()) return this.#answer.failRecord();
      this.#sorter.push(reader);
      return true;
    }
    if (reader.ownerOrder !== 0 && !this.#group.isEmpty && !this.#flushGroup()) return false;
    if (reader.ownerOrder < 0) {
      this.#isOutOfOrder = true;
      return false;
    }
    if (!reader.rdata()) return this.#answer.failRecord();
    if (this.#group.isEmpty) {
      // The reader keeps these two buffers as they are until the owner after next.
      this.#groupOwner = reader.owner;
      this.#groupOwnerLength = reader.ownerLength;
      this.#groupKey = reader.key;
      this.#groupKeyLength = reader.keyLength;
    }
    this.#group.push();
    return true;
  }

  #soa(): boolean {
    const reader = this.#reader;
    if (reader.ownerOrder !== 0 && !this.#group.isEmpty && !this.#flushGroup()) return false;
    const { isEmpty, last } = this.#group;
    // Now, as the SOA is expanded over what the rdata of that record was expanded to.
    if (isEmpty && last !== undefined) this.#lastKey = fullKey(last);
    const soa = this.#answer.soa();
    if (soa === undefined) return false;
    const state = this.#interpreter.soa(soa.serial);
    if (state === 'lead') this.#firstSoa = soa;
    else if (state === 'end') this.#lastSoa = soa;
    else return this.#answer.failSequence();
    // The SOA is in no frame; the apex may come back after it without being out of order.
    if (this.#group.isEmpty) reader.restart();
    return true;
  }

  /** The record's owner must not count in the order of the rest. */
  #skipOutOfZone(): boolean {
    if (!this.#group.isEmpty && !this.#flushGroup()) return false;
    if (this.#sorter === undefined) this.#isOutOfOrder = true;
    return this.#sorter !== undefined;
  }

  #flushGroup(): boolean {
    const fits = this.#group.flush(this.#groupOwner, this.#groupOwnerLength, this.#groupKey, this.#groupKeyLength);
    if (!fits) this.#answer.failTooLarge();
    return fits;
  }

  /** Gives the key of the last record. */
  #flush(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#sorter !== undefined) {
      const { fits, last } = this.#sorter.flush();
      if (!fits) this.#answer.failTooLarge();
      return last && fullKey(last);
    }
    if (!this.#group.isEmpty && this.#flushGroup() && this.#group.last !== undefined) return fullKey(this.#group.last);
    return this.#lastKey;
  }
}
