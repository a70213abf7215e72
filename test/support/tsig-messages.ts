/** Signs requests and checks answers by the tests' own reading of RFC 8945, with every field open to be wrong. */
import assert from 'node:assert/strict';
import { createHmac, type Hmac } from 'node:crypto';
import { decodeMessage } from './message-decoder.ts';
import { rawRecord, u16, u32, u48 } from './raw-messages.ts';
import { type TestKey, wireName } from './transfer-messages.ts';

export interface SignOptions {
  readonly time: number;
  readonly fudge?: number;
  readonly error?: number;
  readonly otherData?: Buffer;
  readonly originalId?: number;
  /** Octets of the MAC that are sent. */
  readonly macLength?: number;
  /** Owner of the record, where its case differs from the key's. */
  readonly writtenName?: Buffer;
}

export interface SignedRequest {
  readonly message: Buffer;
  /** As sent. */
  readonly mac: Buffer;
}

export function signRequest(request: Buffer, key: TestKey, options: SignOptions): SignedRequest {
  const { time, fudge = 300, error = 0, otherData = Buffer.alloc(0) } = options;
  const originalId = options.originalId ?? request.readUInt16BE(0);
  const algorithm = wireName(`hmac-${key.hash}`);
  const digested = Buffer.concat([u16(originalId), request.subarray(2)]);
  const variables = Buffer.concat([
    wireName(key.name),
    u16(255),
    u32(0),
    algorithm,
    u48(time),
    u16(fudge, error, otherData.length),
    otherData,
  ]);
  const full = createHmac(key.hash, key.secret).update(digested).update(variables).digest();
  const mac = Buffer.alloc(options.macLength ?? full.length);
  full.copy(mac);
  const rdata = Buffer.concat([
    algorithm,
    u48(time),
    u16(fudge, mac.length),
    mac,
    u16(originalId, error, otherData.length),
    otherData,
  ]);
  return { message: withTsig(request, options.writtenName ?? wireName(key.name), rdata), mac };
}

/** Appends a TSIG record and counts it. */
export function withTsig(message: Buffer, owner: Buffer, rdata: Buffer): Buffer {
  const signed = Buffer.concat([message, rawRecord({ owner, type: 250, class: 255, ttl: 0, rdata })]);
  signed.writeUInt16BE(signed.readUInt16BE(10) + 1, 10);
  return signed;
}

export interface ReadTsig {
  readonly owner: Buffer;
  readonly algorithm: Buffer;
  readonly time: number;
  readonly fudge: number;
  readonly mac: Buffer;
  readonly originalId: number;
  readonly error: number;
  readonly otherData: Buffer;
  readonly offset: number;
}

/** The TSIG record at the end of a message; undefined where there is none. */
export function readTsig(message: Buffer): ReadTsig | undefined {
  const record = decodeMessage(message).additionals.at(-1);
  if (record === undefined || record.type !== 250) return undefined;
  assert.equal(record.class, 255);
  assert.equal(record.ttl, 0);
  const { rdata } = record;
  let at = 0;
  while (rdata.readUInt8(at) !== 0) at += 1 + rdata.readUInt8(at);
  at += 1;
  const macEnd = at + 10 + rdata.readUInt16BE(at + 8);
  const other = rdata.subarray(macEnd + 6);
  assert.equal(other.length, rdata.readUInt16BE(macEnd + 4));
  return {
    owner: record.owner,
    algorithm: rdata.subarray(0, at),
    time: rdata.readUIntBE(at, 6),
    fudge: rdata.readUInt16BE(at + 6),
    mac: rdata.subarray(at + 10, macEnd),
    originalId: rdata.readUInt16BE(macEnd),
    error: rdata.readUInt16BE(macEnd + 2),
    otherData: other,
    offset: record.offset,
  };
}

/** Checks the signed messages of one answer in turn; throws at the first that does not hold. */
export class TestVerifier {
  readonly #key: TestKey;
  #prior: Buffer;
  #hmac: Hmac | undefined;
  #isFirst = true;

  constructor(key: TestKey, requestMac: Buffer) {
    this.#key = key;
    this.#prior = requestMac;
  }

  /** Gives the TSIG record, whose MAC held. */
  take(message: Buffer): ReadTsig {
    const tsig = readTsig(message);
    assert.ok(tsig !== undefined, 'a message is not signed');
    assert.deepEqual(tsig.owner, wireName(this.#key.name));
    assert.deepEqual(tsig.algorithm, wireName(`hmac-${this.#key.hash}`));
    const stripped = Buffer.from(message.subarray(0, tsig.offset));
    stripped.writeUInt16BE(tsig.originalId, 0);
    stripped.writeUInt16BE(stripped.readUInt16BE(10) - 1, 10);
    const timers = Buffer.concat([u48(tsig.time), u16(tsig.fudge)]);
    this.#hmac ??= createHmac(this.#key.hash, this.#key.secret).update(u16(this.#prior.length)).update(this.#prior);
    this.#hmac.update(stripped);
    if (this.#isFirst) {
      const error = Buffer.concat([u16(tsig.error, tsig.otherData.length), tsig.otherData]);
      this.#hmac.update(Buffer.concat([tsig.owner, u16(255), u32(0), tsig.algorithm, timers, error]));
    } else this.#hmac.update(timers);
    assert.deepEqual(tsig.mac, this.#hmac.digest(), 'a MAC does not hold');
    this.#hmac = undefined;
    this.#prior = Buffer.from(tsig.mac);
    this.#isFirst = false;
    return tsig;
  }
}
