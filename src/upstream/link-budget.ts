/**
 * What a primary may be asked: so many messages a second, as a token bucket of a second's worth, and so many transfers
 * at a time. Kept as the time at which the bucket is full again: nothing has to run for it to fill.
 */
import type { Milliseconds } from '../base/clock.ts';

export interface BudgetSettings {
  readonly queriesPerSecond: number;
  readonly concurrentTransfers: number;
}

/** A bucket that is full for as long as it was emptied: what is further ahead comes from a clock that was set back. */
const BUCKET_MS = 1000;
/** For how long fewer transfers are asked of a primary that said it has too many; then it is tried again. */
const LOWERED_MS: Milliseconds = 5_000;
/** A server may count a transfer as running after its last message: so long is waited for that, and so often tried. */
const SETTLE_MS: Milliseconds = 100;
const RECENT_MS: Milliseconds = 1_000;

export class Budget {
  #settings: BudgetSettings;
  #fullAt: Milliseconds = 0;
  #transfers = 0;
  /** Learned, as it is not in our configuration. */
  #lowered = 1;
  #loweredUntil: Milliseconds = 0;
  #heldUntil: Milliseconds = 0;
  #endedAt: Milliseconds = 0;

  constructor(settings: BudgetSettings) {
    this.#settings = settings;
  }

  set settings(settings: BudgetSettings) {
    this.#settings = settings;
  }

  /** Takes a token, if there is one. */
  take(now: Milliseconds): boolean {
    if (this.waitMs(now) > 0) return false;
    this.#fullAt = Math.max(this.#fullAt, now) + this.#interval;
    return true;
  }

  /** How long until there is a token; 0: there is one. */
  waitMs(now: Milliseconds): Milliseconds {
    if (this.#fullAt > now + BUCKET_MS) this.#fullAt = now + BUCKET_MS;
    // A bucket of `n` tokens holds one while what was taken is worth no more than `n - 1`.
    return Math.max(0, this.#fullAt - now - (BUCKET_MS - this.#interval));
  }

  /** How long until one more transfer may be asked for; 0: now, infinite: when one ends. */
  transferWaitMs(now: Milliseconds): Milliseconds {
    if (this.#transfers >= this.#settings.concurrentTransfers) return Number.POSITIVE_INFINITY;
    const lowered = this.#transfers >= this.#lowered ? this.#loweredUntil - now : 0;
    // What a clock that was set back makes longer is not waited for.
    return Math.min(Math.max(0, lowered, this.#heldUntil - now), LOWERED_MS);
  }

  /**
   * The primary refused a transfer: if it has a limit of its own, no more for now than run beside the refused one. False
   * where none does, and none has just ended, so that it cannot be for that.
   */
  lowerTransfers(now: Milliseconds): boolean {
    const others = this.#transfers - 1;
    if (others < 1 && now - this.#endedAt > RECENT_MS) return false;
    this.#lowered = Math.max(1, others);
    this.#loweredUntil = now + LOWERED_MS;
    if (others < 1) this.#heldUntil = now + SETTLE_MS;
    return true;
  }

  takeTransferSlot(): void {
    this.#transfers++;
  }

  freeTransferSlot(now: Milliseconds): void {
    this.#transfers--;
    this.#endedAt = now;
  }

  /** Of a transfer that did not take place. */
  returnTransferSlot(): void {
    this.#transfers--;
  }

  get #interval(): Milliseconds {
    return BUCKET_MS / this.#settings.queriesPerSecond;
  }
}
