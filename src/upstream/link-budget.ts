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
/** For how long fewer transfers are asked of a primary that said it has too many. */
const LOWERED_MS: Milliseconds = 60_000;

export class Budget {
  #settings: BudgetSettings;
  #fullAt: Milliseconds = 0;
  #transfers = 0;
  /** Learned, as it is not in our configuration. */
  #lowered = Number.POSITIVE_INFINITY;
  #loweredUntil: Milliseconds = 0;

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

  hasTransferSlot(now: Milliseconds): boolean {
    const most = now < this.#loweredUntil ? this.#lowered : Number.POSITIVE_INFINITY;
    return this.#transfers < Math.min(most, this.#settings.concurrentTransfers);
  }

  /**
   * The primary has reached a limit of its own: no more for now than run beside the one that it refused. False where
   * none does, so that it cannot be for that.
   */
  lowerTransfers(now: Milliseconds): boolean {
    const others = this.#transfers - 1;
    if (others < 1) return false;
    this.#lowered = others;
    this.#loweredUntil = now + LOWERED_MS;
    return true;
  }

  takeTransferSlot(): void {
    this.#transfers++;
  }

  freeTransferSlot(): void {
    this.#transfers--;
  }

  get #interval(): Milliseconds {
    return BUCKET_MS / this.#settings.queriesPerSecond;
  }
}
