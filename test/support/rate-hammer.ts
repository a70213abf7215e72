/** A thread that takes tokens from one bucket as fast as it can, at a time that stands still. */
import { parentPort, workerData } from 'node:worker_threads';
import { type RateTable, takeToken } from '../../src/policy/limits/rate.ts';
import type { Rate } from '../../src/policy/rule-config.ts';

export interface HammerTask {
  readonly table: RateTable;
  readonly key: Uint8Array;
  readonly rate: Rate;
  readonly now: number;
  readonly attempts: number;
  /** Counts the threads that are ready: all begin at once. */
  readonly ready: Int32Array<SharedArrayBuffer>;
  readonly threads: number;
}

const task = workerData as HammerTask;
Atomics.add(task.ready, 0, 1);
while (Atomics.load(task.ready, 0) < task.threads) Atomics.wait(task.ready, 0, Atomics.load(task.ready, 0), 1);
let taken = 0;
for (let i = 0; i < task.attempts; i++) if (takeToken(task.table, task.key, task.rate, task.now)) taken++;
parentPort?.postMessage(taken);
