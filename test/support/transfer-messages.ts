/**
 * Messages of transfers, encoded independently of `src/wire`: names as text, TSIG by its own reading of RFC 8945. What
 * the code under test wrote must not be what it is tested with.
 */
import { createHmac } from 'node:crypto';

export const TYPE_NUMBERS = { A: 1, NS: 2, SOA: 6, TXT: 16, AXFR: 252, IXFR: 251 } as const;

export interface TestRecord {
  readonly owner: string;
  readonly type: number;
  readonly ttl?: number;
  readonly class?: number;
  readonly rdata: Buffer;
}

export interface TestMessage {
  readonly id?: number;
  /** Over QR and AA. */
  readonly flags?: number;
  readonly rcode?: number;
  /** `undefined` leaves the question out. */
  readonly question?: { readonly name: string; readonly type: number } | undefined;
  readonly answers?: readonly TestRecord[];
  /** Whole additional records, as `optRecord` makes them. */
  readonly additionals?: readonly Buffer[];
  /** Octets after the last record. */
  readonly trailing?: Buffer;
}

export const TEST_ID = 0x4a17;

export function encodeMessage(message: TestMessage): Buffer {
  const { question, answers = [], additionals = [], trailing = Buffer.alloc(0) } = message;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(message.id ?? TEST_ID, 0);
  header.writeUInt16BE((message.flags ?? 0x8400) | (message.rcode ?? 0), 2);
  header.writeUInt16BE(question === undefined ? 0 : 1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(additionals.length, 10);
  const asked =
    question === undefined ? Buffer.alloc(0) : Buffer.concat([wireName(question.name), u16(question.type, 1)]);
  return Buffer.concat([header, asked, ...answers.map(encodeRecord), ...additionals, trailing]);
}

export const encodeRecord = ({ owner, type, ttl = 3600, class: klass = 1, rdata }: TestRecord): Buffer =>
  Buffer.concat([wireName(owner), u16(type, klass), u32(ttl), u16(rdata.length), rdata]);

export const soaRecord = (zone: string, serial: number, ttl = 3600, master = `ns1.${zone}`): TestRecord => ({
  owner: zone,
  type: TYPE_NUMBERS.SOA,
  ttl,
  rdata: Buffer.concat([wireName(master), wireName(`hostmaster.${zone}`), u32(serial, 7200, 900, 1_209_600, 300)]),
});

export const addressRecord = (owner: string, last: number): TestRecord => ({
  owner,
  type: TYPE_NUMBERS.A,
  rdata: Buffer.of(192, 0, 2, last),
});

/** An OPT record with its options as they lie in the rdata. */
export const optRecord = (options: Buffer = Buffer.alloc(0), extendedRcode = 0): Buffer =>
  Buffer.concat([Buffer.of(0), u16(41, 1232), Buffer.of(extendedRcode, 0, 0, 0), u16(options.length), options]);

export const edeOption = (code: number, text: string): Buffer =>
  Buffer.concat([u16(15, 2 + Buffer.byteLength(text), code), Buffer.from(text)]);

export interface TestKey {
  readonly name: string;
  readonly hash: string;
  readonly secret: Buffer;
}

/** Signs the messages of one answer in turn (RFC 8945 §5.3.1). */
export class TestSigner {
  readonly #key: TestKey;
  #prior: Buffer;
  #unsigned: Buffer[] = [];
  #isFirst = true;

  /** `requestMac`: see `macOf`. */
  constructor(key: TestKey, requestMac: Buffer) {
    this.#key = key;
    this.#prior = requestMac;
  }

  /** A message that goes out without TSIG: the next MAC covers it. */
  pass(message: Buffer): Buffer {
    this.#unsigned.push(message);
    return message;
  }

  sign(message: Buffer, time: number, error = 0): Buffer {
    const { name, hash, secret } = this.#key;
    const algorithm = wireName(`hmac-${hash}`);
    const timers = Buffer.concat([u48(time), u16(300)]);
    const hmac = createHmac(hash, secret).update(u16(this.#prior.length)).update(this.#prior);
    for (const part of this.#unsigned) hmac.update(part);
    hmac.update(message);
    if (this.#isFirst) {
      hmac.update(Buffer.concat([wireName(name), u16(255), u32(0), algorithm, timers, u16(error, 0)]));
    } else hmac.update(timers);
    const mac = hmac.digest();
    this.#prior = mac;
    this.#unsigned = [];
    this.#isFirst = false;
    return appendTsig(
      message,
      name,
      Buffer.concat([algorithm, timers, u16(mac.length), mac, message.subarray(0, 2), u16(error, 0)]),
    );
  }
}

/** A TSIG record with an error and no MAC, as BADKEY and BADSIG are answered. */
export const withTsigError = (message: Buffer, name: string, time: number, error: number): Buffer =>
  appendTsig(
    message,
    name,
    Buffer.concat([wireName('hmac-sha256'), u48(time), u16(300, 0), message.subarray(0, 2), u16(error, 0)]),
  );

/** The MAC in a query whose TSIG record is its last, of a key whose hash gives `length` octets. */
export const macOf = (query: Uint8Array, length: number): Buffer =>
  Buffer.from(query.subarray(query.length - 6 - length, query.length - 6));

export function wireName(text: string): Buffer {
  const labels = text.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ]);
}

function appendTsig(message: Buffer, name: string, rdata: Buffer): Buffer {
  const signed = Buffer.concat([message, wireName(name), u16(250, 255), u32(0), u16(rdata.length), rdata]);
  signed.writeUInt16BE(signed.readUInt16BE(10) + 1, 10);
  return signed;
}

const u16 = (...values: number[]): Buffer => Buffer.from(values.flatMap((value) => [value >>> 8, value & 0xff]));

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, 4 * i);
  });
  return bytes;
}

function u48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}
