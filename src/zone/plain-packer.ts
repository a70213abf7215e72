/** Packs records into messages without compression: for clients that cannot follow pointers, or must not meet any. */
import { type Bytes, putUint16 } from '../base/bytes.ts';
import { CLASS, FLAG } from '../wire/registry.ts';
import { type FrameEntry, HASH_LENGTH } from './frame-list.ts';
import { FRAME_HEAD } from './packer.ts';
import type { SlabWriter } from './slab.ts';

const NOTHING = new Uint8Array(0);
/** These messages are never compared. */
const NO_HASH = new Uint8Array(HASH_LENGTH);
const LARGEST = 2 + 65_535;

export class PlainPacker {
  /** A question for the next message that begins. */
  question: Bytes | undefined;
  records = 0;
  readonly #slabs: SlabWriter;
  readonly #frameSize: number;
  readonly #out = new Uint8Array(LARGEST);
  #entries: FrameEntry[] = [];
  #at = 0;
  #count = 0;
  #questions = 0;

  /** `frameSize`: octets of a message, more only where one record needs them. */
  constructor(slabs: SlabWriter, frameSize: number) {
    this.#slabs = slabs;
    this.#frameSize = frameSize;
  }

  /** Messages that are whole. */
  get frames(): number {
    return this.#entries.length;
  }

  /** Adds a record that fits a message, rdata with its names expanded. */
  add(
    owner: Bytes,
    ownerLength: number,
    _isSameOwner: boolean,
    type: number,
    ttl: number,
    rdata: Bytes,
    rdataStart: number,
    rdataLength: number,
  ): void {
    const length = ownerLength + 10 + rdataLength;
    if (this.#count > 0 && this.#at + length > 2 + this.#frameSize) this.#endMessage();
    if (this.#count === 0) this.#beginMessage();
    const out = this.#out;
    out.set(owner.subarray(0, ownerLength), this.#at);
    const at = this.#at + ownerLength;
    putUint16(out, at, type);
    putUint16(out, at + 2, CLASS.IN);
    putUint16(out, at + 4, ttl >>> 16);
    putUint16(out, at + 6, ttl & 0xffff);
    putUint16(out, at + 8, rdataLength);
    out.set(rdata.subarray(rdataStart, rdataStart + rdataLength), at + 10);
    this.#at += length;
    this.#count++;
    this.records++;
  }

  /** The messages made since the last call; the one at hand is ended. */
  take(): FrameEntry[] {
    if (this.#count > 0) this.#endMessage();
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  #beginMessage(): void {
    const question = this.question ?? NOTHING;
    this.#questions = this.question === undefined ? 0 : 1;
    this.question = undefined;
    this.#out.set(question, FRAME_HEAD);
    this.#at = FRAME_HEAD + question.length;
  }

  #endMessage(): void {
    const length = this.#at;
    const out = this.#out;
    [length - 2, 0, FLAG.QR | FLAG.AA, this.#questions, this.#count, 0, 0].forEach((word, i) => {
      putUint16(out, 2 * i, word);
    });
    this.#slabs.reserve(length);
    this.#slabs.bytes.set(out.subarray(0, length), this.#slabs.used);
    this.#entries.push({ ...this.#slabs.commit(length), records: this.#count, fence: NOTHING, hash: NO_HASH });
    this.#count = 0;
  }
}
