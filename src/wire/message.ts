/** Small messages read whole: requests from secondaries, and answers to our own SOA queries. */
import type { Bytes } from '../base/bytes.ts';
import { type Edns, readEdns } from './edns.ts';
import type { WireFailure } from './failure.ts';
import { type Header, readHeader } from './header.ts';
import { rdataShape } from './rdata.ts';
import { Reader } from './reader.ts';
import { CLASS, TYPE } from './registry.ts';
import { Writer } from './writer.ts';

export interface Question {
  /** Wire form, case as the client wrote it. */
  readonly name: Bytes;
  readonly type: number;
  readonly class: number;
  /** Name, type and class as they came: an answer repeats these octets (RFC 5936 §3.4). */
  readonly wire: Bytes;
}

export interface ReadRecord {
  readonly owner: Bytes;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Names in it expanded. */
  readonly rdata: Bytes;
}

/** A signature over the message (RFC 2931). Times in seconds, modulo 2^32. */
export interface Sig0Record {
  /** Octets of the message in front of the record. */
  readonly offset: number;
  readonly algorithm: number;
  readonly expiration: number;
  readonly inception: number;
  readonly tag: number;
  /** Case as received. */
  readonly signer: Bytes;
  /** The rdata up to the signature. */
  readonly head: Bytes;
  readonly signature: Bytes;
}

export interface TsigRecord {
  /** Octets of the message in front of the TSIG record: what the MAC covers. */
  readonly offset: number;
  /** Key name, case as received. */
  readonly keyName: Bytes;
  readonly algorithm: Bytes;
  /** Seconds since the epoch. */
  readonly timeSigned: number;
  readonly fudge: number;
  readonly mac: Bytes;
  readonly originalId: number;
  readonly error: number;
  readonly otherData: Bytes;
}

export interface Message {
  readonly header: Header;
  readonly question: Question | undefined;
  readonly answers: readonly ReadRecord[];
  readonly authorities: readonly ReadRecord[];
  readonly edns: Edns | undefined;
  readonly tsig: TsigRecord | undefined;
  readonly sig0: Sig0Record | undefined;
}

export type ParsedMessage =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly failure: WireFailure; readonly question: Question | undefined };

/** Reads a whole message. Views into `bytes` are kept: copy what outlives it. `bytes` has at least a header. */
export function parseMessage(bytes: Bytes): ParsedMessage {
  const reader = new Reader(bytes);
  const header = readHeader(bytes);
  if (header === undefined) return { ok: false, failure: reader.fail('TRUNCATED'), question: undefined };
  reader.skip(12);
  let question: Question | undefined;
  for (let i = 0; i < header.questions && reader.failure === undefined; i++) question = readQuestion(reader);
  const failed = (): ParsedMessage => ({ ok: false, failure: reader.failure ?? reader.fail('BAD_COUNTS'), question });
  if (reader.failure) return { ok: false, failure: reader.failure, question: undefined };

  const answers = readRecords(reader, header.answers);
  const authorities = readRecords(reader, header.authorities);
  if (reader.failure) return failed();
  let edns: Edns | undefined;
  let tsig: TsigRecord | undefined;
  let sig0: Sig0Record | undefined;
  for (let i = 0; i < header.additionals; i++) {
    const offset = reader.offset;
    const record = readRecord(reader);
    if (reader.failure) return failed();
    if (record.type === TYPE.OPT) {
      // One OPT, owned by the root (RFC 6891 §6.1.1).
      const options =
        edns === undefined && record.owner.length === 1 ? readEdns(record.class, record.ttl, record.rdata) : undefined;
      if (options === undefined) return { ok: false, failure: reader.fail('BAD_OPT'), question };
      edns = options;
    } else if (record.type === TYPE.TSIG) {
      // Last and only (RFC 8945 §5.2).
      tsig = i === header.additionals - 1 ? readTsig(record, offset) : undefined;
      if (tsig === undefined) return { ok: false, failure: reader.fail('BAD_TSIG'), question };
    } else if (record.type === TYPE.SIG) {
      // Last and only, too: one that stands elsewhere covers what is not there.
      sig0 = i === header.additionals - 1 ? readSig0(record, offset) : undefined;
      if (sig0 === undefined) return { ok: false, failure: reader.fail('BAD_TSIG'), question };
    }
  }
  if (reader.remaining > 0) return { ok: false, failure: reader.fail('TRAILING_OCTETS'), question };
  if ([...answers, ...authorities].some((record) => record.type === TYPE.TSIG || record.type === TYPE.OPT)) {
    return { ok: false, failure: reader.fail('BAD_TSIG'), question };
  }
  return { ok: true, message: { header, question, answers, authorities, edns, tsig, sig0 } };
}

function readQuestion(reader: Reader): Question {
  // Repeated in the answer as it came, so it may not be compressed: in a first question it has nothing to point at.
  const name = reader.name();
  const type = reader.uint16();
  const klass = reader.uint16();
  const wire = new Writer(name.length + 4).octets(name).uint16(type).uint16(klass).view();
  return { name, type, class: klass, wire };
}

function readRecords(reader: Reader, count: number): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (let i = 0; i < count && reader.failure === undefined; i++) records.push(readRecord(reader));
  return records;
}

function readRecord(reader: Reader): ReadRecord {
  const owner = reader.name();
  const type = reader.uint16();
  const klass = reader.uint16();
  const ttl = reader.uint32();
  const length = reader.uint16();
  const rdata = readRdata(reader, type, length);
  return { owner, type, class: klass, ttl, rdata };
}

/** Expands the names of rdata; a type without names is a view. */
function readRdata(reader: Reader, type: number, length: number): Bytes {
  const shape = rdataShape(type);
  if (shape === undefined || length > reader.remaining) return reader.octets(length);
  const end = reader.offset + length;
  const out = new Writer(length + 64);
  for (const element of shape.elements) {
    if (reader.failure || length === 0) break;
    if (element === 'name') out.octets(reader.name());
    else if (element === 'string') {
      const octets = reader.uint8();
      out.uint8(octets).octets(reader.octets(octets));
    } else out.octets(reader.octets(element));
  }
  // Behind a SOA's names are its numbers and nothing else. No rdata at all is what an UPDATE may have (RFC 2136 §2.4).
  const isWhole = type !== TYPE.SOA || length === 0 || end - reader.offset === 20;
  if (reader.failure === undefined && (reader.offset > end || !isWhole)) reader.fail('BAD_RDATA');
  return out.octets(reader.octets(end - reader.offset)).view();
}

/** Undefined where it covers records, and so is none that signs a message (RFC 2931 §3). */
function readSig0(record: ReadRecord, offset: number): Sig0Record | undefined {
  const reader = new Reader(record.rdata);
  const covered = reader.uint16();
  const algorithm = reader.uint8();
  reader.skip(1 + 4);
  const expiration = reader.uint32();
  const inception = reader.uint32();
  const tag = reader.uint16();
  const signer = reader.name();
  const head = record.rdata.subarray(0, reader.offset);
  if (reader.failure || covered !== 0 || reader.remaining === 0) return undefined;
  return { offset, algorithm, expiration, inception, tag, signer, head, signature: reader.octets(reader.remaining) };
}

/** The TSIG record that begins `offset` octets into the message and must end it; undefined if it does not. */
export function readTsigAt(message: Bytes, offset: number): TsigRecord | undefined {
  const reader = new Reader(message);
  reader.skip(offset);
  const record = readRecord(reader);
  return reader.failure || reader.remaining > 0 || record.type !== TYPE.TSIG ? undefined : readTsig(record, offset);
}

function readTsig(record: ReadRecord, offset: number): TsigRecord | undefined {
  if (record.class !== CLASS.ANY || record.ttl !== 0) return undefined;
  const reader = new Reader(record.rdata);
  const algorithm = reader.name();
  const timeSigned = reader.uint48();
  const fudge = reader.uint16();
  const mac = reader.octets(reader.uint16());
  const originalId = reader.uint16();
  const error = reader.uint16();
  const otherData = reader.octets(reader.uint16());
  if (reader.failure || reader.remaining > 0) return undefined;
  return { offset, keyName: record.owner, algorithm, timeSigned, fudge, mac, originalId, error, otherData };
}
