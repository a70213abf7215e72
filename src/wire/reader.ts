/**
 * A cursor over one message with a sticky failure: a read past the end records the first failure and gives zeros, so
 * callers check once at the end of a record or section. Nothing is thrown: a thrown error costs some 3 µs, and bad
 * messages are a firewall's daily bread.
 */
import type { Bytes } from '../base/bytes.ts';
import type { WireFailure, WireFailureCode } from './failure.ts';
import { MAX_NAME_LENGTH, ROOT_NAME } from './name.ts';

export class Reader {
  readonly #bytes: Bytes;
  readonly #start: number;
  readonly #end: number;
  #at: number;
  #failure: WireFailure | undefined;

  /** Compression pointers count from `start`: it must be the first octet of the message's header. */
  constructor(bytes: Bytes, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  get failure(): WireFailure | undefined {
    return this.#failure;
  }

  /** Octets from the start of the message. */
  get offset(): number {
    return this.#at - this.#start;
  }

  get remaining(): number {
    return this.#failure === undefined ? this.#end - this.#at : 0;
  }

  uint8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : (this.#bytes[at] as number);
  }

  uint16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#pair(at);
  }

  uint32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#pair(at) * 0x10000 + this.#pair(at + 2);
  }

  uint48(): number {
    const at = this.#take(6);
    return at < 0 ? 0 : (this.#pair(at) * 0x10000 + this.#pair(at + 2)) * 0x10000 + this.#pair(at + 4);
  }

  /** A view: valid as long as the message is. */
  octets(length: number): Bytes {
    const at = this.#take(length);
    return at < 0 ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** A name, expanded, case kept. A copy. */
  name(): Bytes {
    if (this.#failure !== undefined) return ROOT_NAME;
    const out = new Uint8Array(MAX_NAME_LENGTH);
    let length = 0;
    let at = this.#at;
    let next = -1;
    let before = at;
    for (;;) {
      if (at >= this.#end) return this.#failName('TRUNCATED', at);
      const octet = this.#bytes[at] as number;
      if (octet >= 0xc0) {
        if (at + 1 >= this.#end) return this.#failName('TRUNCATED', at);
        const target = this.#start + (((octet & 0x3f) << 8) | (this.#bytes[at + 1] as number));
        if (next < 0) next = at + 2;
        // Only strictly backwards from where this run of labels began: no loop is possible (RFC 1035 §4.1.4).
        if (target >= before) return this.#failName('BAD_POINTER', at);
        before = target;
        at = target;
        continue;
      }
      if (octet > 63) return this.#failName('BAD_LABEL', at);
      if (at + octet + 1 > this.#end) return this.#failName('TRUNCATED', at);
      if (length + octet + 1 > MAX_NAME_LENGTH) return this.#failName('NAME_TOO_LONG', at);
      for (let i = 0; i <= octet; i++) out[length++] = this.#bytes[at + i] as number;
      at += octet + 1;
      if (octet === 0) break;
    }
    this.#at = next < 0 ? at : next;
    return out.slice(0, length);
  }

  /** Records a failure found by the caller at the present place. */
  fail(code: WireFailureCode): WireFailure {
    this.#failure ??= { code, offset: this.offset };
    return this.#failure;
  }

  #pair(at: number): number {
    return ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number);
  }

  #take(length: number): number {
    if (this.#failure !== undefined) return -1;
    if (this.#at + length > this.#end) {
      this.fail('TRUNCATED');
      return -1;
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #failName(code: WireFailureCode, at: number): Bytes {
    this.#failure ??= { code, offset: at - this.#start };
    return ROOT_NAME;
  }
}
