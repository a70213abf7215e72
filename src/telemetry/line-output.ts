/**
 * Standard output as the log writes it. A pipe's reader may hang: a synchronous write would wait for it, and the service
 * with it. So what a pipe does not take at once waits here, up to a bound, and what is beyond is counted and dropped.
 * A file or a terminal takes each line before the call returns.
 */
import type { Writable } from 'node:stream';

/** Octets that wait for a reader. */
const MOST_WAITING = 1_048_576;
/** What is waited at an end for a reader to take the last lines. */
const FLUSH_MS = 1_000;

export class LineOutput {
  readonly #stream: Writable;
  readonly #overflow: (lines: number) => string;
  #missed = 0;
  #isGone = false;

  /** `overflow`: the line that says how many are missing. */
  constructor(stream: Writable, overflow: (lines: number) => string) {
    this.#stream = stream;
    this.#overflow = overflow;
    // A reader that went away is no error; nobody is there to be told.
    stream.on('error', () => {
      this.#isGone = true;
    });
  }

  write(line: string): void {
    if (this.#isGone) return;
    // Half of the room is free again before more is taken, so that one gap is one line.
    const most = this.#missed > 0 ? MOST_WAITING / 2 : MOST_WAITING;
    if (this.#stream.writableLength > most) {
      this.#missed++;
      return;
    }
    this.#tellMissed();
    this.#stream.write(line);
  }

  /** Resolves when the reader has all, or after a second. */
  async flush(): Promise<void> {
    this.#tellMissed();
    if (this.#isGone || this.#stream.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FLUSH_MS);
      this.#stream.write('', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #tellMissed(): void {
    if (this.#missed > 0) this.#stream.write(this.#overflow(this.#missed));
    this.#missed = 0;
  }
}
