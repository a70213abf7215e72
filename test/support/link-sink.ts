/** Takes in a transfer for a test: keeps its messages, and says to each what the test wants. */

import type { ZonegateError } from '../../src/base/errors.ts';
import type { Asker, TransferHandle, Verdict } from '../../src/upstream/link-exchange.ts';
import { Deferred, within } from './deferred.ts';

export class LinkSink implements Asker {
  readonly messages: Buffer[] = [];
  readonly ids: number[] = [];
  /** Resolves with the error that ended it. */
  readonly error = new Deferred<ZonegateError>();
  handle: TransferHandle | undefined;
  verdict: (message: Buffer, count: number) => Verdict;
  busy = false;
  readonly #query: (id: number) => Uint8Array;
  #wake: (() => void)[] = [];

  constructor(query: (id: number) => Uint8Array, verdict: (message: Buffer, count: number) => Verdict = () => 'more') {
    this.#query = query;
    this.verdict = verdict;
  }

  query(id: number): Uint8Array {
    this.ids.push(id);
    return this.#query(id);
  }

  message(framed: Uint8Array): Verdict {
    const message = Buffer.from(framed.subarray(2));
    if (((framed[0] as number) << 8) + (framed[1] as number) !== message.length) throw new Error('wrong prefix');
    this.messages.push(message);
    for (const wake of this.#wake.splice(0)) wake();
    return this.verdict(message, this.messages.length);
  }

  ended(error: ZonegateError): void {
    this.error.resolve(error);
  }

  isBusy(): boolean {
    return this.busy;
  }

  /** Waits until so many messages have come. */
  async until(count: number): Promise<void> {
    while (this.messages.length < count) {
      await within(new Promise<void>((resolve) => this.#wake.push(resolve)), 5_000, `message ${count}`);
    }
  }
}
