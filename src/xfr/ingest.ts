/**
 * Takes a batch of whole messages of an AXFR and makes a run of frames from it: parse, check, sort, encode, in one
 * pass. Batches are independent of each other, so they can be worked on in any thread, while the rest is received.
 */
import type { Bytes } from '../base/bytes.ts';
import type { TsigKey } from '../tsig/key.ts';
import { TsigStreamVerifier } from '../tsig/stream-verifier.ts';
import { HEADER_LENGTH, readHeader } from '../wire/header.ts';
import { readTsigAt } from '../wire/message.ts';
import { CLASS, FLAG, OPCODE, rcodeToText, TYPE } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import { FramePacker } from '../zone/packer.ts';
import { RecordReader } from '../zone/record-reader.ts';
import { fullKey, type Run, RunWriter } from '../zone/run-writer.ts';
import type { SlabWriter } from '../zone/slab.ts';
import { BatchSorter, OwnerGroup } from '../zone/sorter.ts';
import { RECORD_TEXTS, SEQUENCE_TEXTS, TSIG_TEXTS } from './client-failure.ts';
import { TransferInterpreter } from './interpreter.ts';

export interface BatchOptions {
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
  /** Message id that every message must carry. */
  readonly id: number;
  /** Whether the batch begins the transfer. */
  readonly isFirst: boolean;
  readonly outOfZone: 'reject' | 'ignore';
  /** Prior MAC: of the request where `isFirst`, else of the last signed message before the batch. */
  readonly tsig: { readonly key: TsigKey; readonly priorMac: Bytes } | undefined;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** A SOA record of the apex as it came. */
export interface SoaRecord {
  readonly owner: Uint8Array<ArrayBuffer>;
  readonly ttl: number;
  /** Names expanded, case kept. */
  readonly rdata: Uint8Array<ArrayBuffer>;
  readonly serial: number;
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

/** A stable code with a sentence for people. */
export interface IngestFailure {
  readonly code: string;
  readonly text: string;
  /** Set when the primary answered with an error. */
  readonly rcode?: number;
}

export type BatchResult =
  | { readonly ok: true; readonly batch: Batch }
  | { readonly ok: false; readonly failure: IngestFailure };

/** Reads the length-prefixed messages in `bytes[start..end]`. `slabs` is where the frames go. */
export function ingestBatch(
  bytes: Bytes,
  start: number,
  end: number,
  options: BatchOptions,
  slabs: SlabWriter,
): BatchResult {
  const inOrder = new BatchIngest(bytes, options, slabs, false);
  const result = inOrder.run(start, end);
  if (result !== 'out-of-order') return result;
  // Rare: the whole batch again, held and sorted. Frames made so far lie dead in their slab.
  return new BatchIngest(bytes, options, slabs, true).run(start, end) as BatchResult;
}

class BatchIngest {
  readonly #options: BatchOptions;
  readonly #bytes: Bytes;
  readonly #reader: RecordReader;
  readonly #writer: RunWriter;
  readonly #group: OwnerGroup;
  readonly #sorter: BatchSorter | undefined;
  readonly #verifier: TsigStreamVerifier | undefined;
  readonly #interpreter: TransferInterpreter;
  #firstSoa: SoaRecord | undefined;
  #lastSoa: SoaRecord | undefined;
  #messages = 0;
  #records = 0;
  #ignored = 0;
  #groupOwner: Bytes = new Uint8Array(0);
  #groupKey: Bytes = new Uint8Array(0);
  #groupOwnerLength = 0;
  #groupKeyLength = 0;
  #lastKey: Uint8Array<ArrayBuffer> | undefined;
  #failure: IngestFailure | 'out-of-order' | undefined;

  constructor(bytes: Bytes, options: BatchOptions, slabs: SlabWriter, isSorting: boolean) {
    this.#options = options;
    this.#bytes = bytes;
    this.#reader = new RecordReader(options.apex);
    this.#reader.bytes = bytes;
    this.#writer = new RunWriter(new FramePacker(slabs, options.frameSize));
    this.#group = new OwnerGroup(this.#reader, this.#writer);
    this.#sorter = isSorting ? new BatchSorter(this.#writer) : undefined;
    this.#verifier = options.tsig && new TsigStreamVerifier(options.tsig.key, options.tsig.priorMac, options.isFirst);
    this.#interpreter = options.isFirst ? new TransferInterpreter('AXFR') : TransferInterpreter.inZone();
  }

  run(start: number, end: number): BatchResult | 'out-of-order' {
    let at = start;
    while (at < end && this.#failure === undefined) {
      const length = ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number);
      this.#message(at + 2, at + 2 + length);
      at += 2 + length;
    }
    if (this.#failure === 'out-of-order') return 'out-of-order';
    const lastKey = this.#failure === undefined ? this.#flush() : undefined;
    if (this.#failure !== undefined) return { ok: false, failure: this.#failure as IngestFailure };
    return {
      ok: true,
      batch: {
        run: this.#writer.finish(lastKey),
        firstSoa: this.#firstSoa,
        lastSoa: this.#lastSoa,
        messages: this.#messages,
        records: this.#records,
        duplicates: this.#group.duplicates + (this.#sorter?.duplicates ?? 0),
        ignoredOutOfZone: this.#ignored,
        isSealed: this.#verifier?.isSealed ?? true,
      },
    };
  }

  #message(start: number, end: number): boolean {
    const header = readHeader(this.#bytes, start, end);
    if (header === undefined) return this.#fail('MESSAGE_TOO_SHORT', 'a message is shorter than its header');
    if (header.id !== this.#options.id)
      return this.#fail('WRONG_ID', `a message carries the id ${header.id}, not ours`);
    if ((header.flags & FLAG.QR) === 0 || header.opcode !== OPCODE.QUERY) {
      return this.#fail('NOT_A_RESPONSE', 'a message is not an answer to our query');
    }
    if (header.rcode !== 0) return this.#failRcode(header.rcode);
    if ((header.flags & FLAG.TC) !== 0) return this.#fail('TRUNCATED_ANSWER', 'a message says that it is truncated');
    if (header.questions > 1) return this.#fail('BAD_QUESTION', `a message has ${header.questions} questions`);
    this.#messages++;
    const reader = this.#reader;
    reader.message = start;
    reader.at = start + HEADER_LENGTH;
    reader.end = end;
    if (header.questions === 1 && !this.#question()) return false;
    for (let i = 0; i < header.answers; i++) if (!this.#record()) return false;
    if (this.#interpreter.endOfMessage() === 'failed') return this.#failSequence();
    let tsigOffset = -1;
    for (let i = 0; i < header.authorities + header.additionals; i++) {
      const offset = reader.at - start;
      if (!reader.skip()) return this.#failRecord();
      if (reader.type === TYPE.TSIG) tsigOffset = offset;
    }
    if (reader.at !== end) return this.#fail('TRAILING_OCTETS', 'a message goes on after its last record');
    return this.#verify(start, end, tsigOffset);
  }

  /** The question, when it is there, must be ours: this zone, AXFR, IN. */
  #question(): boolean {
    const reader = this.#reader;
    const { apex } = this.#options;
    const end = reader.at + apex.length + 4;
    if (end > reader.end) return this.#fail('BAD_QUESTION', 'the question of a message is not ours');
    for (let i = 0; i < apex.length; i++) {
      const octet = this.#bytes[reader.at + i] as number;
      if ((octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet) !== apex[i])
        return this.#fail('BAD_QUESTION', 'the question of a message names another zone');
    }
    const type = ((this.#bytes[end - 4] as number) << 8) | (this.#bytes[end - 3] as number);
    const klass = ((this.#bytes[end - 2] as number) << 8) | (this.#bytes[end - 1] as number);
    if (type !== TYPE.AXFR || klass !== CLASS.IN)
      return this.#fail('BAD_QUESTION', 'the question of a message is not ours');
    reader.at = end;
    return true;
  }

  #record(): boolean {
    const reader = this.#reader;
    if (!reader.head()) return this.#failRecord();
    this.#records++;
    if (reader.isOutOfZone) {
      if (this.#options.outOfZone === 'ignore') {
        this.#ignored++;
        return this.#skipOutOfZone();
      }
      return this.#failRecord('OUT_OF_ZONE');
    }
    if (reader.type === TYPE.SOA) return this.#soa();
    const state = this.#interpreter.record();
    if (state === 'failed') return this.#failSequence();
    if (this.#sorter !== undefined) {
      if (!reader.rdata()) return this.#failRecord();
      this.#sorter.push(reader);
      return true;
    }
    if (reader.ownerOrder !== 0 && !this.#group.isEmpty && !this.#flushGroup()) return false;
    if (reader.ownerOrder < 0) {
      this.#failure = 'out-of-order';
      return false;
    }
    if (!reader.rdata()) return this.#failRecord();
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
    if (reader.ownerLength !== this.#options.apex.length)
      return this.#fail('SOA_NOT_AT_APEX', 'a SOA record is not at the apex of the zone');
    if (reader.ownerOrder !== 0 && !this.#group.isEmpty && !this.#flushGroup()) return false;
    const { isEmpty, last } = this.#group;
    // Now, as the SOA is expanded over what the rdata of that record was expanded to.
    if (isEmpty && last !== undefined) this.#lastKey = fullKey(last);
    if (!reader.rdata()) return this.#failRecord();
    const rdata = new Uint8Array(reader.rdataBytes.subarray(reader.rdataStart, reader.rdataStart + reader.rdataLength));
    const serial = readSoaTimers(rdata)?.serial ?? 0;
    const soa = { owner: reader.owner.slice(0, reader.ownerLength), ttl: reader.ttl, rdata, serial };
    const state = this.#interpreter.soa(serial);
    if (state === 'lead') this.#firstSoa = soa;
    else if (state === 'end') this.#lastSoa = soa;
    else return this.#failSequence();
    // The SOA is in no frame; the apex may come back after it without being out of order.
    if (this.#group.isEmpty) reader.restart();
    return true;
  }

  /** The record's owner must not count in the order of the rest. */
  #skipOutOfZone(): boolean {
    if (!this.#group.isEmpty && !this.#flushGroup()) return false;
    if (this.#sorter === undefined) this.#failure = 'out-of-order';
    return this.#sorter !== undefined;
  }

  #flushGroup(): boolean {
    const fits = this.#group.flush(this.#groupOwner, this.#groupOwnerLength, this.#groupKey, this.#groupKeyLength);
    if (!fits) this.#fail('RECORD_TOO_LARGE', 'a record fits no message together with OPT and TSIG');
    return fits;
  }

  /** Gives the key of the last record. */
  #flush(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#sorter !== undefined) {
      const { fits, last } = this.#sorter.flush();
      if (!fits) this.#fail('RECORD_TOO_LARGE', 'a record fits no message together with OPT and TSIG');
      return last && fullKey(last);
    }
    if (!this.#group.isEmpty && this.#flushGroup() && this.#group.last !== undefined) return fullKey(this.#group.last);
    return this.#lastKey;
  }

  #verify(start: number, end: number, tsigOffset: number): boolean {
    const message = this.#bytes.subarray(start, end);
    const tsig = tsigOffset < 0 ? undefined : readTsigAt(message, tsigOffset);
    if (tsigOffset >= 0 && tsig === undefined) return this.#fail('BAD_TSIG_RECORD', 'a TSIG record is malformed');
    if (this.#verifier === undefined) return true;
    const failure = this.#verifier.take(message, tsig, this.#options.now);
    return failure === undefined || this.#fail(`TSIG_${failure}`, TSIG_TEXTS[failure]);
  }

  #failRcode(rcode: number): false {
    this.#failure = {
      code: 'ERROR_ANSWER',
      text: `the primary answered ${rcodeToText(rcode)}`,
      rcode,
    };
    return false;
  }

  #failSequence(): false {
    const code = this.#interpreter.failure ?? 'NO_FIRST_SOA';
    return this.#fail(code, SEQUENCE_TEXTS[code]);
  }

  #failRecord(code = this.#reader.failure ?? 'BAD_RDATA'): false {
    return this.#fail(code, RECORD_TEXTS[code]);
  }

  #fail(code: string, text: string): false {
    this.#failure ??= { code, text };
    return false;
  }
}
