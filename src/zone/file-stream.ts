/**
 * Turns the records of a zone file into the messages of an AXFR, so that a zone file takes the same way in as a
 * transfer: checked, sorted and packed by the same code.
 */
import type { Bytes } from '../base/bytes.ts';
import { HEADER_LENGTH } from '../wire/header.ts';
import { equalNames } from '../wire/name.ts';
import { CLASS, FLAG, TYPE } from '../wire/registry.ts';

/** Records to a message end here; a larger record has a message of its own. */
const SOFT_LIMIT = 60_000;

export class FileStream {
  readonly #apex: Bytes;
  #bytes = new Uint8Array(1 << 20);
  #length = 0;
  #messageAt = -1;
  #count = 0;
  #soa: Uint8Array<ArrayBuffer> | undefined;
  #tooLarge = false;

  constructor(apex: Bytes) {
    this.#apex = apex;
  }

  /** Whether a record fits no message. */
  get hasTooLarge(): boolean {
    return this.#tooLarge;
  }

  add(owner: Bytes, type: number, ttl: number, rdata: Bytes): void {
    if (type === TYPE.SOA && this.#soa === undefined && equalNames(owner, this.#apex)) {
      this.#soa = encodeRecord(owner, type, ttl, rdata);
      return;
    }
    const length = owner.length + 10 + rdata.length;
    if (length > 65_535 - HEADER_LENGTH) {
      this.#tooLarge = true;
      return;
    }
    if (this.#messageAt >= 0 && this.#length - this.#messageAt - 2 + length > SOFT_LIMIT) this.#endMessage();
    if (this.#messageAt < 0) this.#beginMessage();
    this.#append(encodeRecord(owner, type, ttl, rdata));
    this.#count++;
  }

  /** The length-prefixed messages, SOA first and last; undefined where the file had no SOA. */
  finish(): Uint8Array<ArrayBuffer> | undefined {
    this.#endMessage();
    const soa = this.#soa;
    if (soa === undefined) return undefined;
    const records = this.#bytes.subarray(0, this.#length);
    const edge = new Uint8Array(2 + HEADER_LENGTH + soa.length);
    edge.set(messageHead(HEADER_LENGTH + soa.length, 1));
    edge.set(soa, 2 + HEADER_LENGTH);
    const whole = new Uint8Array(edge.length * 2 + records.length);
    whole.set(edge);
    whole.set(records, edge.length);
    whole.set(edge, edge.length + records.length);
    return whole;
  }

  #beginMessage(): void {
    this.#messageAt = this.#length;
    this.#count = 0;
    this.#append(new Uint8Array(2 + HEADER_LENGTH));
  }

  #endMessage(): void {
    if (this.#messageAt < 0) return;
    this.#bytes.set(messageHead(this.#length - this.#messageAt - 2, this.#count), this.#messageAt);
    this.#messageAt = -1;
  }

  #append(octets: Uint8Array): void {
    if (this.#length + octets.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + octets.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(octets, this.#length);
    this.#length += octets.length;
  }
}

function messageHead(length: number, answers: number): Uint8Array {
  const head = new Uint8Array(2 + HEADER_LENGTH);
  const view = new DataView(head.buffer);
  view.setUint16(0, length);
  view.setUint16(4, FLAG.QR | FLAG.AA);
  view.setUint16(8, answers);
  return head;
}

function encodeRecord(owner: Bytes, type: number, ttl: number, rdata: Bytes): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(owner.length + 10 + rdata.length);
  record.set(owner);
  const view = new DataView(record.buffer, owner.length);
  view.setUint16(0, type);
  view.setUint16(2, CLASS.IN);
  view.setUint32(4, ttl);
  view.setUint16(8, rdata.length);
  record.set(rdata, owner.length + 10);
  return record;
}
