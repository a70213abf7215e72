/** Requests that a rule delays: held for its time, so many at once over all fronts. */
import type { Milliseconds } from '../base/clock.ts';
import type { SharedCount } from '../policy/limits/shared-count.ts';

export interface Delay {
  readonly byMs: Milliseconds;
  readonly atMost: number;
  readonly next: 'allow' | 'refuse' | 'drop';
  readonly rule: string;
}

export class Tarpit {
  readonly #held: SharedCount;

  constructor(held: SharedCount) {
    this.#held = held;
  }

  /**
   * Calls back after the time. Where too many are held already it does so at once; what was to be allowed is dropped
   * then, as a bound that lets everybody through would be none.
   */
  hold({ byMs, atMost, next, rule }: Delay, end: (how: 'go-on' | 'drop') => void): void {
    const place = this.#held.enter(Buffer.from(`delay\0${rule}`), atMost);
    if (place === undefined) {
      end(next === 'allow' ? 'drop' : 'go-on');
      return;
    }
    setTimeout(() => {
      this.#held.leave(place);
      end('go-on');
    }, byMs);
  }
}
