/** A TCP or TLS connection to a secondary: it carries a burst of NOTIFYs, and is closed when nothing more happens on it. */
import type { Bytes } from '../base/bytes.ts';
import { connectStream, type DnsStream, type DnsTarget } from '../net/dns-client.ts';

export interface StreamOwner {
  message(message: Bytes): void;
  /** Once; `wasUsed` where it had brought an answer before. */
  ended(why: string, wasUsed: boolean): void;
}

/** To connect, and without anything from the secondary. */
export const STREAM_TIMEOUT_MS = 10_000;

export class PeerStream {
  readonly #owner: StreamOwner;
  #waiting: Bytes[] = [];
  #stream: DnsStream | undefined;
  #wasUsed = false;
  #isClosed = false;

  constructor(target: Omit<DnsTarget, 'timeoutMs'>, owner: StreamOwner) {
    this.#owner = owner;
    void this.#run({ ...target, timeoutMs: STREAM_TIMEOUT_MS });
  }

  send(message: Bytes): void {
    if (this.#stream === undefined) this.#waiting.push(message);
    else this.#stream.send(message);
  }

  /** Its owner hears nothing of it any more. */
  close(): void {
    this.#isClosed = true;
    this.#stream?.close();
  }

  async #run(target: DnsTarget): Promise<void> {
    try {
      const stream = await connectStream(target);
      if (this.#isClosed) return stream.close();
      this.#stream = stream;
      for (const message of this.#waiting) stream.send(message);
      this.#waiting = [];
      await stream.receive((message) => {
        this.#wasUsed = true;
        this.#owner.message(message);
        return !this.#isClosed;
      });
    } catch (error) {
      if (!this.#isClosed) this.#owner.ended((error as Error).message, this.#wasUsed);
    }
  }
}
