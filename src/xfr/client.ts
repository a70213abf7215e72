/**
 * The asking side of a transfer, without a socket or a clock: gives the query, takes the messages of the answer and
 * says when it is whole, checked and authenticated, or what is wrong with it.
 *
 *     const client = new TransferClient({ zone, kind: 'AXFR', id, now });
 *     send(client.query());
 *     for each message: const step = client.take(message, now); // until it is not `more`
 *
 * Limitations: records that stand twice are counted twice (RFC 5936 §2.2 has them ignored), and the AA bit is not asked
 * for, as servers that forget it send right zones.
 */
import { type Bytes, copyBytes, equalBytes } from '../base/bytes.ts';
import { TsigStreamVerifier } from '../tsig/stream-verifier.ts';
import { HEADER_LENGTH, type Header, readHeader } from '../wire/header.ts';
import { readTsigAt, type TsigRecord } from '../wire/message.ts';
import { lowerName } from '../wire/name.ts';
import { CLASS, FLAG, OPCODE, rcodeToText, TYPE } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import { type RecordFailure, RecordReader } from '../zone/record-reader.ts';
import { type AnswerEdns, edeToText, readAnswerEdns, tsigErrorToText } from './client-answer.ts';
import {
  type ClientFailure,
  type ClientFailureCode,
  EMPTY_MESSAGES_TEXT,
  MOST_EMPTY_MESSAGES,
  RECORD_TEXTS,
  SEQUENCE_TEXTS,
  TSIG_TEXTS,
} from './client-failure.ts';
import { buildQuery, type ClientQuery } from './client-query.ts';
import { TransferInterpreter, type TransferState } from './interpreter.ts';

export interface TransferClientOptions extends ClientQuery {
  /** Seconds since the epoch: when the query is signed. */
  readonly now: number;
  /** Over UDP the answer is one message, and may say that the rest is to be had by TCP. */
  readonly isDatagram?: boolean;
  /**
   * Called with each record, the SOA that ends the transfer apart. Nothing is proved before the step is `done`: keep it
   * aside until then.
   */
  readonly onRecord?: (change: RecordChange, record: ReceivedRecord) => void;
}

/** Of the zone itself, or in an IXFR deleted from it and added to it. */
export type RecordChange = 'zone' | 'deleted' | 'added';

/** One object, used again for each record: views that are valid for the length of the call. */
export interface ReceivedRecord {
  readonly owner: Bytes;
  readonly type: number;
  readonly ttl: number;
  /** Names in it expanded, case kept. */
  readonly rdata: Bytes;
}

export type ClientStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'done' }
  /** The datagram was cut, or was a SOA newer than ours (RFC 1995 §2): ask again over a stream, with a new client. */
  | { readonly kind: 'ask-by-stream'; readonly why: 'truncated' | 'newer' }
  | { readonly kind: 'failed'; readonly failure: ClientFailure };

/** What the server sent; `current`: one SOA, as it has nothing newer than our serial. */
export type SentAs = 'AXFR' | 'IXFR' | 'current' | 'SOA';

const MORE: ClientStep = { kind: 'more' };

export class TransferClient {
  readonly #options: TransferClientOptions;
  readonly #zone: Bytes;
  readonly #query: Uint8Array<ArrayBuffer>;
  readonly #requestMac: Bytes;
  readonly #reader: RecordReader;
  readonly #interpreter: TransferInterpreter;
  readonly #verifier: TsigStreamVerifier | undefined;
  readonly #record = { owner: new Uint8Array(0) as Bytes, type: 0, ttl: 0, rdata: new Uint8Array(0) as Bytes };
  #step: ClientStep = MORE;
  #sentAs: SentAs | undefined;
  #serial: number | undefined;
  #firstSoa: { owner: Bytes; ttl: number; rdata: Bytes; canonical: Bytes } | undefined;
  #edns: AnswerEdns | undefined;
  #messages = 0;
  #emptyMessages = 0;
  #signedMessages = 0;
  #records = 0;
  #bytes = 0;
  #deleted = 0;
  #added = 0;
  #differences = 0;

  constructor(options: TransferClientOptions) {
    this.#options = options;
    this.#zone = lowerName(options.zone);
    const { message, mac } = buildQuery(options, options.now);
    this.#query = message;
    this.#requestMac = mac;
    this.#reader = new RecordReader(this.#zone);
    // A SOA answer is the first record of a transfer, and no more.
    this.#interpreter = new TransferInterpreter(options.kind === 'IXFR' ? 'IXFR' : 'AXFR', options.serial);
    this.#verifier = options.key && new TsigStreamVerifier(options.key, mac);
  }

  /** The question to send, without a length prefix. */
  query(): Uint8Array<ArrayBuffer> {
    return this.#query;
  }

  /** The MAC that the answer's first MAC covers; empty without a key. */
  get requestMac(): Bytes {
    return this.#requestMac;
  }

  /** The serial of the SOA that the answer began with. */
  get serial(): number | undefined {
    return this.#serial;
  }

  /** Known from the second record on, or from the end. */
  get sentAs(): SentAs | undefined {
    return this.#sentAs;
  }

  /** OPT of the first message that has one. */
  get edns(): AnswerEdns | undefined {
    return this.#edns;
  }

  /** The SOA record that the answer began with. */
  get soa(): ReceivedRecord | undefined {
    return this.#firstSoa && { ...this.#firstSoa, type: TYPE.SOA };
  }

  /** `records` as they came, SOAs included; `bytes` without length prefixes. */
  get counters() {
    return {
      messages: this.#messages,
      signedMessages: this.#signedMessages,
      records: this.#records,
      bytes: this.#bytes,
      differences: this.#differences,
      deleted: this.#deleted,
      added: this.#added,
    };
  }

  /** Takes the next message, whole and without its prefix; `now` in seconds. After a step other than `more` it is over. */
  take(message: Bytes, now: number): ClientStep {
    if (this.#step.kind === 'done') return this.#fail('MESSAGE_AFTER_END', 'a message follows the end of the transfer');
    if (this.#step.kind !== 'more') return this.#step;
    this.#messages++;
    this.#bytes += message.length;
    const header = readHeader(message);
    if (header === undefined) return this.#fail('MESSAGE_TOO_SHORT', 'a message is shorter than its header');
    if (this.#checkHeader(header)) this.#body(header, message, now);
    return this.#step;
  }

  #checkHeader(header: Header): boolean {
    const { id } = this.#options;
    if (header.id !== id) {
      this.#fail('WRONG_ID', `a message carries the id ${header.id}, the query had ${id}`);
    } else if ((header.flags & FLAG.QR) === 0 || header.opcode !== OPCODE.QUERY) {
      this.#fail('NOT_A_RESPONSE', 'a message is not an answer to a query');
    } else if ((header.flags & FLAG.TC) !== 0 && this.#options.isDatagram !== true) {
      this.#fail('TRUNCATED_ANSWER', 'a message says that it is truncated');
    }
    return this.#step.kind === 'more';
  }

  #body(header: Header, message: Bytes, now: number): void {
    const reader = this.#reader;
    reader.bytes = message;
    reader.at = HEADER_LENGTH;
    reader.end = message.length;
    const isError = header.rcode !== 0;
    const isTruncated = (header.flags & FLAG.TC) !== 0;
    // An error, and a datagram that is cut, is read for its OPT and TSIG alone.
    if (!this.#question(header.questions, isError)) return;
    for (let i = 0; i < header.answers; i++) {
      if (isError || isTruncated ? !this.#skip() : !this.#answer()) return;
    }
    reader.releaseScratch();
    const around = this.#skipToEnd(header.authorities, header.additionals);
    if (around === undefined) return;
    this.#edns ??= around.edns;
    const rcode = header.rcode | ((around.edns?.extendedRcode ?? 0) << 4);
    if (rcode !== 0) this.#refused(rcode, message, around, now);
    else if (this.#verify(message, around.tsig, now)) this.#endOfMessage(header, isTruncated);
  }

  /**
   * The first message must repeat the question, later ones may (RFC 5936 §2.2.1). Old servers leave it out (axfrdns), as
   * errors may; on a connection the id tells enough, while a datagram could be anybody's.
   */
  #question(count: number, isError: boolean): boolean {
    if (count === 0 && (this.#options.isDatagram !== true || isError)) return true;
    const reader = this.#reader;
    const { bytes, at } = reader;
    const length = this.#zone.length;
    const type = TYPE[this.#options.kind];
    if (
      count !== 1 ||
      at + length + 4 > reader.end ||
      !equalBytes(lowerName(bytes.subarray(at, at + length)), this.#zone) ||
      (((bytes[at + length] as number) << 8) | (bytes[at + length + 1] as number)) !== type ||
      (((bytes[at + length + 2] as number) << 8) | (bytes[at + length + 3] as number)) !== CLASS.IN
    ) {
      this.#fail('WRONG_QUESTION', 'the question of a message is not the one that was asked');
      return false;
    }
    reader.at = at + length + 4;
    return true;
  }

  #answer(): boolean {
    const reader = this.#reader;
    if (!reader.head() || !reader.rdata()) return this.#failRecord(reader.failure ?? 'BAD_RDATA');
    if (reader.isOutOfZone) return this.#failRecord('OUT_OF_ZONE');
    this.#records++;
    if (reader.type === TYPE.SOA && reader.ownerLength === this.#zone.length) return this.#soa();
    if (this.#options.kind === 'SOA') return true; // beside the SOA, such as its RRSIG
    const before = this.#interpreter.state;
    const state = this.#interpreter.record();
    if (before === 'lead' && state === 'zone') this.#beginZone();
    return this.#emit(state);
  }

  #soa(): boolean {
    const reader = this.#reader;
    const rdata = reader.rdataBytes.subarray(reader.rdataStart, reader.rdataStart + reader.rdataLength);
    const serial = readSoaTimers(rdata)?.serial ?? 0;
    const canonical = reader.rdataBytes.subarray(reader.canonicalStart, reader.canonicalStart + reader.rdataLength);
    const before = this.#interpreter.state;
    const state = this.#interpreter.soa(serial);
    if (before === 'start') {
      this.#serial = serial;
      const owner = copyBytes(reader.owner.subarray(0, reader.ownerLength));
      this.#firstSoa = { owner, ttl: reader.ttl, rdata: copyBytes(rdata), canonical: copyBytes(canonical) };
      return true;
    }
    if (state !== 'end') {
      if (before === 'lead') this.#sentAs = 'IXFR';
      if (state === 'deleting') this.#differences++;
      return this.#emit(state);
    }
    if (before === 'lead') this.#beginZone(); // a zone of its SOA and nothing else
    if (this.#firstSoa?.ttl === reader.ttl && equalBytes(this.#firstSoa.canonical, canonical)) return true;
    this.#fail('SOA_DIFFERS', 'the transfer begins and ends with SOA records that differ');
    return false;
  }

  /** The first SOA is of the zone only when no differences follow: that is why it was kept back. */
  #beginZone(): void {
    this.#sentAs = 'AXFR';
    if (this.#firstSoa !== undefined) this.#options.onRecord?.('zone', { ...this.#firstSoa, type: TYPE.SOA });
  }

  #emit(state: TransferState): boolean {
    if (state === 'failed') {
      const code = this.#interpreter.failure ?? 'NO_FIRST_SOA';
      this.#fail(code, SEQUENCE_TEXTS[code]);
      return false;
    }
    const change: RecordChange = state === 'zone' ? 'zone' : state === 'deleting' ? 'deleted' : 'added';
    if (change === 'deleted') this.#deleted++;
    else if (change === 'added') this.#added++;
    if (this.#options.onRecord === undefined) return true;
    const reader = this.#reader;
    const record = this.#record;
    record.owner = reader.owner.subarray(0, reader.ownerLength);
    record.type = reader.type;
    record.ttl = reader.ttl;
    record.rdata = reader.rdataBytes.subarray(reader.rdataStart, reader.rdataStart + reader.rdataLength);
    this.#options.onRecord(change, record);
    reader.releaseScratch();
    return true;
  }

  /** Reads over what follows the answers; gives what matters in it. */
  #skipToEnd(authorities: number, additionals: number): { edns?: AnswerEdns; tsig?: TsigRecord } | undefined {
    const reader = this.#reader;
    const found: { edns?: AnswerEdns; tsig?: TsigRecord } = {};
    for (let i = 0; i < authorities + additionals; i++) {
      const start = reader.at;
      if (!this.#skip()) return undefined;
      if (reader.type === TYPE.OPT) {
        // Owned by the root, and one of them (RFC 6891 §6.1.1).
        const isPlain = reader.bytes[start] === 0 && found.edns === undefined;
        const edns = isPlain ? readAnswerEdns(reader.bytes, start + 3) : undefined;
        if (edns === undefined) {
          this.#fail('BAD_OPT', 'an OPT record is malformed');
          return undefined;
        }
        found.edns = edns;
      } else if (reader.type === TYPE.TSIG) {
        // `readTsigAt` wants it to end the message (RFC 8945 §5.1).
        const tsig = readTsigAt(reader.bytes, start);
        if (tsig === undefined) {
          this.#fail('BAD_TSIG', 'a TSIG record is malformed or not the last of its message');
          return undefined;
        }
        found.tsig = tsig;
      }
    }
    if (reader.at === reader.end) return found;
    this.#fail('TRAILING_OCTETS', 'a message goes on after its last record');
    return undefined;
  }

  #skip(): boolean {
    return this.#reader.skip() || this.#failRecord(this.#reader.failure ?? 'TRUNCATED');
  }

  #verify(message: Bytes, tsig: TsigRecord | undefined, now: number): boolean {
    if (tsig !== undefined) this.#signedMessages++;
    const failure = this.#verifier?.take(message, tsig, now);
    if (failure === undefined) return true;
    const tsigError = tsig !== undefined && tsig.error !== 0 ? { tsigError: tsig.error } : {};
    this.#fail(`TSIG_${failure}`, TSIG_TEXTS[failure], tsigError);
    return false;
  }

  #endOfMessage(header: Header, isTruncated: boolean): void {
    if (isTruncated) {
      this.#step = { kind: 'ask-by-stream', why: 'truncated' };
      return;
    }
    if (this.#messages === 1 && header.answers === 0) {
      this.#fail('EMPTY_ANSWER', 'the first message of the answer holds no records');
      return;
    }
    this.#emptyMessages = header.answers === 0 ? this.#emptyMessages + 1 : 0;
    if (this.#emptyMessages > MOST_EMPTY_MESSAGES) {
      this.#fail('EMPTY_MESSAGES', EMPTY_MESSAGES_TEXT);
      return;
    }
    if (this.#options.kind === 'SOA') {
      if (this.#serial === undefined) this.#fail('NO_FIRST_SOA', SEQUENCE_TEXTS.NO_FIRST_SOA);
      else this.#finish('SOA');
      return;
    }
    const state = this.#interpreter.endOfMessage();
    if (state === 'end') {
      this.#finish(this.#sentAs ?? 'current');
    } else if (state === 'failed') {
      const code = this.#interpreter.failure ?? 'NO_FIRST_SOA';
      this.#fail(code, SEQUENCE_TEXTS[code]);
    } else if (this.#options.isDatagram === true) {
      this.#step = { kind: 'ask-by-stream', why: 'newer' };
    }
  }

  #finish(sentAs: SentAs): void {
    this.#sentAs = sentAs;
    // What comes after the last signature could be anybody's (RFC 8945 §5.3.1).
    if (this.#verifier?.isSealed === false) this.#fail('LAST_NOT_SIGNED', 'the last message is not signed');
    else this.#step = { kind: 'done' };
  }

  /** An error is believed without a signature, as it gives nothing but the bad news; the text says if it had none. */
  #refused(rcode: number, message: Bytes, around: { edns?: AnswerEdns; tsig?: TsigRecord }, now: number): void {
    const { tsig, edns } = around;
    const failure = this.#verifier?.take(message, tsig, now);
    if (tsig !== undefined) this.#signedMessages += tsig.mac.length > 0 ? 1 : 0;
    const tsigError = tsig?.error ?? 0;
    let text = `the server answered ${rcodeToText(rcode)}`;
    for (const { code, text: reason } of edns?.ede ?? []) {
      text += `, extended error ${edeToText(code)}${reason === '' ? '' : `: ${JSON.stringify(reason)}`}`;
    }
    if (tsigError !== 0) text += `, TSIG error ${tsigErrorToText(tsigError)}`;
    else if (failure !== undefined) text += tsig === undefined ? ' (not signed)' : ` (${TSIG_TEXTS[failure]})`;
    this.#fail('ERROR_ANSWER', text, { rcode, ede: edns?.ede ?? [], ...(tsigError === 0 ? {} : { tsigError }) });
  }

  #failRecord(code: RecordFailure): false {
    this.#fail(code, `${RECORD_TEXTS[code]} (record ${this.#records + 1}, message ${this.#messages})`);
    return false;
  }

  #fail(code: ClientFailureCode, text: string, more: Partial<ClientFailure> = {}): ClientStep {
    this.#step = { kind: 'failed', failure: { code, text, ...more } };
    return this.#step;
  }
}
