/** Wakes many things (zones, NOTIFYs) with one timer: a binary heap of due times, the last word on each counting. */
import type { Clock, Milliseconds } from '../base/clock.ts';

interface Entry {
  readonly at: Milliseconds;
  readonly key: string;
}

/** Timers overflow beyond 2^31 ms; looking again once a day is no cost. */
const LONGEST_SLEEP_MS = 86_400_000;
/** Replaced entries that may stand beside those that count, and as many again. */
const STALE_ENTRIES = 64;

export class Scheduler {
  readonly #clock: Clock;
  readonly #wake: (key: string) => void;
  readonly #heap: Entry[] = [];
  /** The due time that counts, by key: older entries in the heap are passed over. */
  readonly #due = new Map<string, Milliseconds>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(clock: Clock, wake: (key: string) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Wakes `key` at `at`, in place of what was set before. Infinity = not at all. */
  set(key: string, at: Milliseconds): void {
    if (this.#due.get(key) === at) return;
    if (at === Number.POSITIVE_INFINITY) {
      this.#due.delete(key);
      return;
    }
    this.#due.set(key, at);
    if (this.#heap.length > 2 * this.#due.size + STALE_ENTRIES) this.#forgetReplaced();
    this.#push({ at, key });
    if (this.#heap[0]?.key === key) this.#arm();
  }

  delete(key: string): void {
    this.#due.delete(key);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#heap[0];
    if (next === undefined || this.#isStopped) return;
    const delay = Math.min(Math.max(0, next.at - this.#clock.now()), LONGEST_SLEEP_MS);
    this.#timer = setTimeout(() => this.#run(), delay);
  }

  #run(): void {
    const now = this.#clock.now();
    for (let next = this.#heap[0]; next !== undefined && next.at <= now; next = this.#heap[0]) {
      this.#pop();
      if (this.#due.get(next.key) !== next.at) continue;
      this.#due.delete(next.key);
      this.#wake(next.key);
    }
    this.#arm();
  }

  /** What was replaced stays in the heap until it comes due: days, where a NOTIFY came in a quiet zone. */
  #forgetReplaced(): void {
    const live = this.#heap.filter((entry) => this.#due.get(entry.key) === entry.at);
    this.#heap.length = 0;
    for (const entry of live) this.#push(entry);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    heap.push(entry);
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as Entry).at <= entry.at) break;
      heap[i] = heap[parent] as Entry;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Entry).at < (heap[child] as Entry).at) child++;
      if ((heap[child] as Entry).at >= last.at) break;
      heap[i] = heap[child] as Entry;
      i = child;
    }
    heap[i] = last;
  }
}
