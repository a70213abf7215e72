/**
 * Reads the messages of a transfer's answer as they lie in memory: checks header, question, form and TSIG of each, and
 * hands the records on one by one.
 */
import type { Bytes } from '../base/bytes.ts';
import type { TsigKey } from '../tsig/key.ts';
import { TsigStreamVerifier } from '../tsig/stream-verifier.ts';
import { HEADER_LENGTH, readHeader } from '../wire/header.ts';
import { readTsigAt } from '../wire/message.ts';
import { CLASS, FLAG, OPCODE, rcodeToText, TYPE } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import { RecordReader } from '../zone/record-reader.ts';
import { RECORD_TEXTS, SEQUENCE_TEXTS, TSIG_TEXTS } from './client-failure.ts';
import type { TransferInterpreter } from './interpreter.ts';
import type { SoaRecord } from './soa-record.ts';

export interface AnswerOptions {
  /** Wire form, lower case. */
  readonly apex: Bytes;
  /** Message id that every message must carry. */
  readonly id: number;
  /** What was asked. */
  readonly query: 'AXFR' | 'IXFR';
  /** Whether the octets begin the answer. */
  readonly isFirst: boolean;
  /** Prior MAC: of the request where `isFirst`, else of the last signed message before. */
  readonly tsig: { readonly key: TsigKey; readonly priorMac: Bytes } | undefined;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** A stable code with a sentence for people. */
export interface IngestFailure {
  readonly code: string;
  readonly text: string;
  /** Set when the primary answered with an error. */
  readonly rcode?: number;
}

export class AnswerReader {
  readonly reader: RecordReader;
  messages = 0;
  /** As received, SOA and duplicates included. */
  records = 0;
  failure: IngestFailure | undefined;
  readonly #options: AnswerOptions;
  readonly #interpreter: TransferInterpreter;
  /** Takes the record whose head the reader has read; false ends the reading. */
  readonly #onRecord: () => boolean;
  readonly #verifier: TsigStreamVerifier | undefined;
  #bytes: Bytes = new Uint8Array(0);

  constructor(options: AnswerOptions, interpreter: TransferInterpreter, onRecord: () => boolean) {
    this.#options = options;
    this.#interpreter = interpreter;
    this.#onRecord = onRecord;
    this.reader = new RecordReader(options.apex);
    this.#verifier = options.tsig && new TsigStreamVerifier(options.tsig.key, options.tsig.priorMac, options.isFirst);
  }

  /** Whether the last message was signed; true without TSIG. */
  get isSealed(): boolean {
    return this.#verifier?.isSealed ?? true;
  }

  /** Reads the length-prefixed messages in `bytes[start..end]`. False where something is wrong, or was to `onRecord`. */
  read(bytes: Bytes, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.reader.bytes = bytes;
    let at = start;
    while (at < end) {
      const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      if (!this.#message(at + 2, at + 2 + length)) return false;
      at += 2 + length;
    }
    return true;
  }

  #message(start: number, end: number): boolean {
    const header = readHeader(this.#bytes, start, end);
    if (header === undefined) return this.fail('MESSAGE_TOO_SHORT', 'a message is shorter than its header');
    if (header.id !== this.#options.id) return this.fail('WRONG_ID', `a message carries the id ${header.id}, not ours`);
    if ((header.flags & FLAG.QR) === 0 || header.opcode !== OPCODE.QUERY) {
      return this.fail('NOT_A_RESPONSE', 'a message is not an answer to our query');
    }
    if (header.rcode !== 0) return this.#failRcode(header.rcode);
    if ((header.flags & FLAG.TC) !== 0) return this.fail('TRUNCATED_ANSWER', 'a message says that it is truncated');
    if (header.questions > 1) return this.fail('BAD_QUESTION', `a message has ${header.questions} questions`);
    this.messages++;
    const reader = this.reader;
    reader.message = start;
    reader.at = start + HEADER_LENGTH;
    reader.end = end;
    if (header.questions === 1 && !this.#question()) return false;
    for (let i = 0; i < header.answers; i++) {
      if (!reader.head()) return this.failRecord();
      this.records++;
      if (!this.#onRecord()) return false;
    }
    if (this.#interpreter.endOfMessage() === 'failed') return this.failSequence();
    let tsigOffset = -1;
    for (let i = 0; i < header.authorities + header.additionals; i++) {
      const offset = reader.at - start;
      if (!reader.skip()) return this.failRecord();
      if (reader.type === TYPE.TSIG) tsigOffset = offset;
    }
    if (reader.at !== end) return this.fail('TRAILING_OCTETS', 'a message goes on after its last record');
    return this.#verify(start, end, tsigOffset);
  }

  /** The question, when it is there, must be ours. */
  #question(): boolean {
    const reader = this.reader;
    const { apex, query } = this.#options;
    const end = reader.at + apex.length + 4;
    if (end > reader.end) return this.fail('BAD_QUESTION', 'the question of a message is not ours');
    for (let i = 0; i < apex.length; i++) {
      const octet = this.#bytes[reader.at + i] as number;
      if ((octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet) !== apex[i])
        return this.fail('BAD_QUESTION', 'the question of a message names another zone');
    }
    const type = ((this.#bytes[end - 4] as number) << 8) | (this.#bytes[end - 3] as number);
    const klass = ((this.#bytes[end - 2] as number) << 8) | (this.#bytes[end - 1] as number);
    if (type !== TYPE[query] || klass !== CLASS.IN)
      return this.fail('BAD_QUESTION', 'the question of a message is not ours');
    reader.at = end;
    return true;
  }

  #verify(start: number, end: number, tsigOffset: number): boolean {
    const message = this.#bytes.subarray(start, end);
    const tsig = tsigOffset < 0 ? undefined : readTsigAt(message, tsigOffset);
    if (tsigOffset >= 0 && tsig === undefined) return this.fail('BAD_TSIG_RECORD', 'a TSIG record is malformed');
    if (this.#verifier === undefined) return true;
    const failure = this.#verifier.take(message, tsig, this.#options.now);
    return failure === undefined || this.fail(`TSIG_${failure}`, TSIG_TEXTS[failure]);
  }

  #failRcode(rcode: number): false {
    this.failure ??= {
      code: 'ERROR_ANSWER',
      text: `the primary answered ${rcodeToText(rcode)}`,
      rcode,
    };
    return false;
  }

  /** The record at hand, which is a SOA; undefined where it is not that of the zone, or malformed. */
  soa(): SoaRecord | undefined {
    const { reader } = this;
    if (reader.ownerLength !== this.#options.apex.length) {
      this.fail('SOA_NOT_AT_APEX', 'a SOA record is not at the apex of the zone');
      return undefined;
    }
    if (!reader.rdata()) {
      this.failRecord();
      return undefined;
    }
    const rdata = new Uint8Array(reader.rdataBytes.subarray(reader.rdataStart, reader.rdataStart + reader.rdataLength));
    const serial = readSoaTimers(rdata)?.serial ?? 0;
    return { owner: reader.owner.slice(0, reader.ownerLength), ttl: reader.ttl, rdata, serial };
  }

  failSequence(): false {
    const code = this.#interpreter.failure ?? 'NO_FIRST_SOA';
    return this.fail(code, SEQUENCE_TEXTS[code]);
  }

  failRecord(code = this.reader.failure ?? 'BAD_RDATA'): false {
    return this.fail(code, RECORD_TEXTS[code]);
  }

  failTooLarge(): false {
    return this.fail('RECORD_TOO_LARGE', 'a record fits no message together with OPT and TSIG');
  }

  fail(code: string, text: string): false {
    this.failure ??= { code, text };
    return false;
  }
}
