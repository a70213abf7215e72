/**
 * Where an answer ends that is passed on unread: SOA query, AXFR, or IXFR in all its forms (RFC 5936 §2.2, RFC 1995 §4).
 * Records are skipped, not made sense of; only serials of SOA records are looked at.
 */
import type { Bytes } from '../base/bytes.ts';
import { HEADER_LENGTH, readHeader } from '../wire/header.ts';
import { FLAG, RCODE, TYPE } from '../wire/registry.ts';
import { RecordReader } from '../zone/record-reader.ts';
import { TransferInterpreter } from './interpreter.ts';

/** Serial, refresh, retry, expire and minimum: what a SOA's rdata ends with. */
const SOA_NUMBERS = 20;

export class AnswerEnd {
  /** As received, SOA included. */
  records = 0;
  /** Of the first SOA. */
  serial: number | undefined;
  rcode = 0;
  readonly #id: number;
  readonly #transfer: TransferInterpreter | undefined;
  readonly #reader: RecordReader;
  #form: 'SOA' | 'AXFR' | 'IXFR' = 'SOA';

  /** `known`: the serial that an IXFR asks from. */
  constructor(type: 'SOA' | 'AXFR' | 'IXFR', id: number, known?: number) {
    this.#id = id;
    this.#transfer = type === 'SOA' ? undefined : new TransferInterpreter(type, known);
    this.#reader = new RecordReader(ROOT);
  }

  /** What was sent in answer. */
  get sentAs(): 'SOA' | 'AXFR' | 'IXFR' {
    return this.#transfer?.isCurrent ? 'SOA' : this.#form;
  }

  /** Takes a message without its length prefix. `broken`: it is no answer to the query, or not well-formed. */
  take(message: Bytes): 'more' | 'end' | 'broken' {
    const header = readHeader(message);
    if (header === undefined || header.id !== this.#id || (header.flags & FLAG.QR) === 0) return 'broken';
    if (header.rcode !== RCODE.NOERROR) {
      this.rcode = header.rcode;
      return 'end';
    }
    const reader = this.#reader;
    reader.bytes = message;
    reader.at = HEADER_LENGTH;
    reader.end = message.length;
    for (let i = 0; i < header.questions; i++) if (!reader.skipQuestion()) return 'broken';
    for (let i = 0; i < header.answers; i++) {
      if (!reader.skip()) return 'broken';
      this.records++;
      if (!this.#record(message, reader)) return 'broken';
    }
    if (this.#transfer === undefined) return 'end';
    const state = this.#transfer.endOfMessage();
    return state === 'end' ? 'end' : state === 'failed' ? 'broken' : 'more';
  }

  #record(message: Bytes, { type, at }: RecordReader): boolean {
    if (type !== TYPE.SOA) return this.#transfer === undefined || this.#note(this.#transfer.record());
    const start = at - SOA_NUMBERS;
    if (start < HEADER_LENGTH) return false;
    const serial = new DataView(message.buffer, message.byteOffset).getUint32(start);
    this.serial ??= serial;
    return this.#transfer === undefined || this.#note(this.#transfer.soa(serial));
  }

  #note(state: TransferInterpreter['state']): boolean {
    if (state === 'zone') this.#form = 'AXFR';
    else if (state === 'deleting' || state === 'adding') this.#form = 'IXFR';
    else if (state === 'end' && this.#form === 'SOA') this.#form = 'AXFR';
    return state !== 'failed';
  }
}

const ROOT = new Uint8Array(1);
