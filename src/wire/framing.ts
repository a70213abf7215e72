/** Two-octet length framing of messages over a stream (RFC 1035 §4.2.2), fed in whatever pieces arrive. */
import type { Bytes } from '../base/bytes.ts';

export class MessageFramer {
  /** Begun but not whole: the length prefix and what came after it. */
  #partial: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #filled = 0;

  /** Whether a message has begun and is not whole yet. */
  get isInMessage(): boolean {
    return this.#filled > 0;
  }

  /** Octets of it that are kept. */
  get octets(): number {
    return this.#partial.length;
  }

  /**
   * Takes what arrived and calls `onMessage` with each whole message, without its prefix: a view that is valid during
   * the call only. Stops early, with the rest unread, when `onMessage` gives false.
   */
  push(data: Bytes, onMessage: (message: Bytes) => boolean): number {
    let at = 0;
    while (at < data.length) {
      if (this.#filled === 0 && data.length - at >= 2) {
        const length = ((data[at] as number) << 8) | (data[at + 1] as number);
        if (data.length - at - 2 >= length) {
          const end = at + 2 + length;
          at = end;
          if (!onMessage(data.subarray(end - length, end))) return at;
          continue;
        }
      }
      at += this.#collect(data, at);
      if (this.#isWhole()) {
        const message = this.#partial.subarray(2, this.#filled);
        this.#filled = 0;
        if (!onMessage(message)) return at;
      }
    }
    return at;
  }

  #collect(data: Bytes, at: number): number {
    const wanted = this.#filled < 2 ? 2 - this.#filled : this.#wholeLength() - this.#filled;
    const taken = Math.min(wanted, data.length - at);
    if (this.#filled + taken > this.#partial.length) {
      // Grown to what has come, never to what was announced: a prefix alone must not cost 64 KiB.
      const larger = new Uint8Array(Math.max(64, Math.min(this.#partial.length * 2, 65_537), this.#filled + taken));
      larger.set(this.#partial.subarray(0, this.#filled));
      this.#partial = larger;
    }
    this.#partial.set(data.subarray(at, at + taken), this.#filled);
    this.#filled += taken;
    return taken;
  }

  #wholeLength(): number {
    return 2 + (((this.#partial[0] as number) << 8) | (this.#partial[1] as number));
  }

  #isWhole(): boolean {
    return this.#filled >= 2 && this.#filled === this.#wholeLength();
  }
}
