/** Where rdata is put together, and read apart for printing. */
import type { Bytes } from '../../base/bytes.ts';
import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from '../name.ts';

export const MAX_RDATA_LENGTH = 65_535;

/** Grows as needed and is meant to be used again; past 65535 octets it only remembers that it overflowed. */
export class OctetWriter {
  length = 0;
  overflowed = false;
  #octets = new Uint8Array(512);

  reset(): void {
    this.length = 0;
    this.overflowed = false;
  }

  /** Makes room for `count` octets after `length` and gives the buffer, to be written directly. */
  reserve(count: number): Uint8Array {
    if (this.length > MAX_RDATA_LENGTH) {
      this.overflowed = true;
      this.length = 0; // what follows has a place to go; nobody will read it
    }
    const needed = this.length + count;
    if (needed > this.#octets.length) {
      const larger = new Uint8Array(Math.max(needed, this.#octets.length * 2));
      larger.set(this.#octets.subarray(0, this.length));
      this.#octets = larger;
    }
    return this.#octets;
  }

  u8(value: number): undefined {
    this.reserve(1)[this.length++] = value;
  }

  u16(value: number): undefined {
    const octets = this.reserve(2);
    octets[this.length++] = value >>> 8;
    octets[this.length++] = value;
  }

  u32(value: number): undefined {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  append(bytes: Bytes): undefined {
    const octets = this.reserve(bytes.length);
    // Names and addresses are short: a loop costs less than the call of set().
    for (let i = 0; i < bytes.length; i++) octets[this.length + i] = bytes[i] as number;
    this.length += bytes.length;
  }

  /** Sets an octet written before, such as a length known only afterwards. */
  patch(at: number, value: number): void {
    this.#octets[at] = value;
  }

  /** Whether all that was written is there and fits a record. */
  isWhole(): boolean {
    return !this.overflowed && this.length <= MAX_RDATA_LENGTH;
  }

  /** Valid until the next write. */
  view(start = 0): Uint8Array<ArrayBuffer> {
    return this.#octets.subarray(start, this.length);
  }
}

/** Reads with a sticky failure: past the end it gives zeros and empty arrays, and `failed` stays true. */
export class OctetReader {
  failed = false;
  readonly #octets: Bytes;
  #at = 0;

  constructor(octets: Bytes) {
    this.#octets = octets;
  }

  get left(): number {
    return Math.max(0, this.#octets.length - this.#at);
  }

  u8(): number {
    if (this.left === 0) this.fail();
    return this.#octets[this.#at++] ?? 0;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  bytes(count: number): Bytes {
    if (count > this.left) {
      this.fail();
      return this.#octets.subarray(0, 0);
    }
    this.#at += count;
    return this.#octets.subarray(this.#at - count, this.#at);
  }

  rest(): Bytes {
    return this.bytes(this.left);
  }

  /** An uncompressed name; a pointer is a failure. */
  name(): Bytes {
    const start = this.#at;
    for (;;) {
      const label = this.u8();
      if (label > MAX_LABEL_LENGTH) return this.fail();
      this.bytes(label);
      if (this.failed || this.#at - start > MAX_NAME_LENGTH) return this.fail();
      if (label === 0) return this.#octets.subarray(start, this.#at);
    }
  }

  /** What was read has no text form that would give the same octets again. */
  fail(): Bytes {
    this.failed = true;
    this.#at = this.#octets.length;
    return ROOT;
  }
}

const ROOT: Bytes = new Uint8Array(1);
