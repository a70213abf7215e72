/** A thread that takes tokens or octets from one bucket as fast as it can, at a time that stands still. */
import { parentPort, workerData } from 'node:worker_threads';
import { type RateTable, SharedBucket, takeToken, takeWithDebt } from '../../src/policy/limits/rate.ts';
import type { Rate } from '../../src/policy/rule-config.ts';

export interface HammerTask {
  readonly table: RateTable;
  readonly key: Uint8Array;
  readonly rate: Rate;
  readonly now: number;
  readonly attempts: number;
  /** Octets that each attempt takes: of a volume, or of a bandwidth of so many a second. A token where it is left out. */
  readonly octets?: { readonly of: 'volume' | 'bandwidth'; readonly each: number };
  /** Counts the threads that are ready: all begin at once. */
  readonly ready: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
}

const task = workerData as HammerTask;
Atomics.add(task.ready, 0, 1);
while (Atomics.load(task.ready, 0) < task.threads) Atomics.wait(task.ready, 0, Atomics.load(task.ready, 0), 1);
parentPort?.postMessage(hammer(task));

/** How many attempts took something; for a bandwidth, in how many milliseconds what each took has come. */
function hammer({ table, key, rate, now, attempts, octets }: HammerTask): number | number[] {
  if (octets?.of === 'bandwidth') {
    const bucket = new SharedBucket(table, key, rate.count);
    return Array.from({ length: attempts }, () => bucket.reserve(octets.each, now));
  }
  let taken = 0;
  for (let i = 0; i < attempts; i++) {
    const isTaken =
      octets === undefined ? takeToken(table, key, rate, now) : takeWithDebt(table, key, rate, octets.each, now);
    if (isTaken) taken++;
  }
  return taken;
}
