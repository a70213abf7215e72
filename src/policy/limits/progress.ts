/** How fast a client takes what it is sent, over a window of the time that was its own to take it. */
import type { Milliseconds } from '../../base/clock.ts';

/** The window moves on by so many parts. */
const PARTS = 16;

interface Part {
  octets: number;
  ms: Milliseconds;
}

export class Progress {
  readonly #overMs: Milliseconds;
  readonly #parts: Part[] = [];
  #octets = 0;
  #ms = 0;
  #taken = 0;
  #at: Milliseconds;

  constructor(overMs: Milliseconds, startedAt: Milliseconds) {
    this.#overMs = overMs;
    this.#at = startedAt;
  }

  /** `taken`: octets since the start; `isClients`: it was the client that was waited for. */
  look(taken: number, now: Milliseconds, isClients: boolean): void {
    const octets = Math.max(0, taken - this.#taken);
    const ms = isClients ? now - this.#at : 0;
    this.#taken += octets;
    this.#at = now;
    let part = this.#parts.at(-1);
    if (part === undefined || part.ms >= this.#overMs / PARTS) {
      part = { octets: 0, ms: 0 };
      this.#parts.push(part);
    }
    part.octets += octets;
    part.ms += ms;
    this.#octets += octets;
    this.#ms += ms;
    for (
      let first = this.#parts[0];
      first !== undefined && this.#ms - first.ms >= this.#overMs;
      first = this.#parts[0]
    ) {
      this.#parts.shift();
      this.#octets -= first.octets;
      this.#ms -= first.ms;
    }
  }

  /** Octets a second; without end where nothing was waited for. */
  get rate(): number {
    return this.#ms === 0 ? Number.POSITIVE_INFINITY : (this.#octets * 1000) / this.#ms;
  }

  /** Time that was looked at. */
  get ms(): Milliseconds {
    return this.#ms;
  }

  get isWhole(): boolean {
    return this.#ms >= this.#overMs;
  }
}
