/**
 * Who may transfer now: places of a rule (`concurrent`), places of all (`limits.concurrent`), and those reserved for a
 * secondary, counted over all fronts. Who finds none may wait in its rule's queue.
 */
import type { Clock, Milliseconds } from '../base/clock.ts';
import { limitKey } from '../policy/limits/limit-key.ts';
import type { CountPlace, SharedCount } from '../policy/limits/shared-count.ts';
import type { TransferFacts } from './outcome.ts';
import type { PolicyState } from './policy-state.ts';

/** Places that other fronts give back are noticed so soon. */
const POLL_MS = 50;

/** A transfer's places. */
export interface Admitted {
  leave(): void;
}

/** A request that waits for places. */
export interface Ticket {
  /** The client has gone. */
  cancel(): void;
}

export type Entry =
  | { readonly kind: 'admitted'; readonly admitted: Admitted }
  | { readonly kind: 'full' }
  | { readonly kind: 'queued'; readonly ticket: Ticket };

interface Waiting {
  readonly transfer: TransferFacts;
  readonly until: Milliseconds;
  readonly place: number;
  readonly done: (admitted: Admitted | undefined) => void;
}

export class Places {
  readonly #counts: SharedCount;
  readonly #clock: Clock;
  readonly #policy: () => PolicyState;
  readonly #all: CountPlace;
  /** By rule and whom it counts apart: those who wait, the first in front. */
  readonly #queues = new Map<string, Waiting[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(counts: SharedCount, clock: Clock, policy: () => PolicyState) {
    this.#counts = counts;
    this.#clock = clock;
    this.#policy = policy;
    this.#all = counts.placeOf(ALL);
  }

  /** Transfers that hold a place that all share, over all fronts. */
  get running(): number {
    return this.#counts.countAt(this.#all);
  }

  /** `done`: for one that was queued; without places its time is over. */
  enter(transfer: TransferFacts, now: Milliseconds, done: (admitted: Admitted | undefined) => void): Entry {
    const { queue } = transfer.allowedBy.config.limits;
    const key = queue === undefined ? '' : queueKey(transfer).toString('latin1');
    // Nobody overtakes those who wait.
    const admitted = this.#queues.has(key) ? undefined : this.#admit(transfer);
    if (admitted !== undefined) return { kind: 'admitted', admitted };
    if (queue === undefined || queue.length === 0) return FULL;
    const place = this.#counts.enter(queueKey(transfer), queue.length);
    if (place === undefined) return FULL;
    const waiting: Waiting = { transfer, until: now + queue.waitMs, place, done };
    this.#queues.set(key, [...(this.#queues.get(key) ?? []), waiting]);
    this.#poll();
    return { kind: 'queued', ticket: { cancel: () => this.#drop(key, waiting) } };
  }

  #admit(transfer: TransferFacts): Admitted | undefined {
    const counts = this.#counts;
    const { concurrent } = transfer.allowedBy.config.limits;
    let own: number | undefined;
    if (concurrent !== undefined) {
      const key = limitKey('concurrent', transfer.allowedBy.name, concurrent.per, transfer.facts);
      own = counts.enter(key, concurrent.count);
      if (own === undefined) return undefined;
    }
    const shared = this.#reserved(transfer) ?? counts.enterAt(this.#all, this.#policy().limits.concurrent);
    if (shared === undefined) {
      if (own !== undefined) counts.leave(own);
      return undefined;
    }
    let isOver = false;
    return {
      leave: () => {
        if (isOver) return;
        isOver = true;
        counts.leave(shared);
        if (own !== undefined) counts.leave(own);
        if (this.#queues.size > 0) setImmediate(() => this.#look());
      },
    };
  }

  /** A place that is the secondary's own, where it has one that is free. */
  #reserved({ secondaries }: TransferFacts): number | undefined {
    for (const name of secondaries) {
      const { reservedTransfers } = this.#policy().terms(name);
      if (reservedTransfers === 0) continue;
      const place = this.#counts.enter(Buffer.from(`reserved\0${name}`), reservedTransfers);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  #poll(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, POLL_MS);
  }

  /** Lets in whom there is a place for, in order, and sends away whose time is over. */
  #look(): void {
    const now = this.#clock.now();
    for (const [key, queue] of [...this.#queues]) {
      for (const waiting of [...queue]) {
        const admitted = waiting === this.#queues.get(key)?.[0] ? this.#admit(waiting.transfer) : undefined;
        if (admitted === undefined && now < waiting.until) continue;
        this.#drop(key, waiting);
        waiting.done(admitted);
      }
    }
    if (this.#queues.size > 0) this.#poll();
  }

  #drop(key: string, waiting: Waiting): void {
    const queue = this.#queues.get(key) ?? [];
    const left = queue.filter((one) => one !== waiting);
    if (left.length === queue.length) return;
    this.#counts.leave(waiting.place);
    if (left.length > 0) this.#queues.set(key, left);
    else this.#queues.delete(key);
  }
}

const FULL: Entry = { kind: 'full' };
const ALL = Buffer.from('transfers');

function queueKey({ allowedBy, facts }: TransferFacts): Buffer {
  const { concurrent } = allowedBy.config.limits;
  if (concurrent === undefined) return Buffer.from(`queue\0${allowedBy.name}`);
  return Buffer.from(limitKey('queue', allowedBy.name, concurrent.per, facts));
}
