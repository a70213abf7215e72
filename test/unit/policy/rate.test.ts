import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  chargeTokens,
  newRateTable,
  newVolumeTable,
  type RateTable,
  returnToken,
  takeToken,
} from '../../../src/policy/limits/rate.ts';
import type { Rate } from '../../../src/policy/rule-config.ts';
import type { HammerTask } from '../../support/rate-hammer.ts';

const NOW = 1_700_000_000_000;
const key = (text: string): Buffer => Buffer.from(text);

/** A table whose places do not depend on chance. */
const table = (): RateTable => ({ ...newRateTable(), seed: Buffer.alloc(16, 5) });

/** How many of so many attempts are let through. */
function passes(rates: RateTable, name: string, rate: Rate, now: number, attempts: number): number {
  let count = 0;
  for (let i = 0; i < attempts; i++) if (takeToken(rates, key(name), rate, now)) count++;
  return count;
}

test('a full bucket holds exactly the count, whatever the rate', () => {
  for (const [count, perMs] of [
    [1, 1000],
    [3, 1000],
    [7, 1000],
    [10, 60_000],
    [1000, 1000],
    [1, 3_600_000],
    [60, 3_600_000],
  ] as const) {
    assert.equal(passes(table(), 'k', { count, perMs }, NOW, count + 20), count, `${count} per ${perMs}`);
  }
});

test('tokens come back evenly, one an interval', () => {
  const rates = table();
  const rate = { count: 10, perMs: 1000 };
  passes(rates, 'k', rate, NOW, 10);
  const times: number[] = [];

  for (let ms = 1; ms <= 1000; ms++) if (takeToken(rates, key('k'), rate, NOW + ms)) times.push(ms);

  assert.deepEqual(times, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
});

test('a bucket left alone is full again after its period, and never fuller', () => {
  const rates = table();
  const rate = { count: 5, perMs: 1000 };
  passes(rates, 'k', rate, NOW, 5);

  assert.equal(passes(rates, 'k', rate, NOW + 600, 10), 3);
  assert.equal(passes(rates, 'k', rate, NOW + 600 + 1000, 10), 5);
  assert.equal(passes(rates, 'k', rate, NOW + 600 + 86_400_000, 10), 5);
});

test('a refusal costs nothing', () => {
  const rates = table();
  const rate = { count: 1, perMs: 1000 };
  passes(rates, 'k', rate, NOW, 1);

  assert.equal(passes(rates, 'k', rate, NOW + 500, 1000), 0);
  assert.equal(passes(rates, 'k', rate, NOW + 1000, 10), 1);
});

test('several keys have a bucket each', () => {
  const rates = table();
  const rate = { count: 4, perMs: 1000 };

  const counts = Array.from({ length: 500 }, (_, i) => passes(rates, `key ${i}`, rate, NOW, 6));

  assert.ok(counts.every((count) => count === 4));
});

test('where the table is full of buckets, limits hold for most, and nobody is without one', () => {
  const rates = table();
  const rate = { count: 2, perMs: 1000 };
  for (let i = 0; i < 100_000; i++) takeToken(rates, key(`flood ${i}`), rate, NOW);

  const counts = Array.from({ length: 200 }, (_, i) => passes(rates, `late ${i}`, rate, NOW, 50));

  assert.ok(counts.every((count) => count === 2));
});

test('the clock of 36 bits may go round: a bucket that is being used stays right', () => {
  const period = 2 ** 36 / 100;
  const rate = { count: 4, perMs: 1000 };
  for (const early of [0, 1, 250, 999, 1000]) {
    const rates = table();
    const now = Math.ceil((NOW / period) | 0) * period + period - early;

    assert.equal(passes(rates, 'k', rate, now, 9), 4, `${early} ms before`);
    assert.equal(passes(rates, 'k', rate, now, 9), 0);
    assert.equal(passes(rates, 'k', rate, now + 500, 9), 2);
    assert.equal(passes(rates, 'k', rate, now + 5000, 9), 4);
  }
});

test('what a bucket left in the table before the clock went round stops nobody', () => {
  const period = 2 ** 36 / 100;
  const rates = table();
  const rate = { count: 3, perMs: 3_600_000 };
  passes(rates, 'k', rate, NOW, 3);

  // Just before the same reading comes again, the old one would lie an hour ahead at most.
  assert.equal(passes(rates, 'k', rate, NOW + period - 3_600_001, 9), 3);
  assert.equal(passes(rates, 'k', rate, NOW + 10 * period + 86_400_000, 9), 3);
});

/** What two threads say that take from one bucket at once. */
async function hammer<T>(task: Omit<HammerTask, 'now' | 'ready' | 'threads'>): Promise<[T, T]> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = new URL(`../../support/rate-hammer.${extension}`, import.meta.url);
  const ready = new Int32Array(new SharedArrayBuffer(4));
  const workerData: HammerTask = { ...task, now: NOW, ready, threads: 2 };
  const workers = [1, 2].map(() => new Worker(entry, { workerData }));
  const said = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as T));
  await Promise.all(workers.map((worker) => worker.terminate()));
  return said as [T, T];
}

test('two threads that hammer one bucket get what it holds, no more and no less', { timeout: 20_000 }, async () => {
  const count = 500;
  for (let round = 0; round < 3; round++) {
    const rate = { count, perMs: 60_000 };
    const taken = await hammer<number>({ table: newRateTable(), key: key(`round ${round}`), rate, attempts: 5000 });

    assert.equal(taken[0] + taken[1], count);
  }
});

test('two threads that take octets of one volume get all of it, and one answer more at most', {
  timeout: 20_000,
}, async () => {
  // A second an octet, so that nothing is rounded.
  const rate = { count: 3600, perMs: 3_600_000 };
  for (const each of [1, 7, 3599]) {
    const octets = { of: 'volume', each } as const;
    const taken = await hammer<number>({ table: newVolumeTable(), key: key(`${each}`), rate, attempts: 4000, octets });

    assert.equal(taken[0] + taken[1], Math.ceil(rate.count / each), `${each} octets each`);
  }
});

test('two threads that take shares of one bandwidth are told times that no other has, without a gap', {
  timeout: 20_000,
}, async () => {
  const [attempts, each] = [2000, 1000];
  const octets = { of: 'bandwidth', each } as const;
  const rate = { count: 1_000_000, perMs: 1000 };
  const [one, other] = await hammer<number[]>({ table: newRateTable(), key: key('b'), rate, attempts, octets });

  // A millisecond each, and a tenth of a second of them is there after a rest.
  const times = [...one, ...other].sort((a, b) => a - b);
  assert.deepEqual(
    times,
    Array.from({ length: 2 * attempts }, (_, i) => Math.max(0, i - 100)),
  );
  for (const told of [one, other]) assert.ok(told.every((time, i) => i === 0 || time >= (told[i - 1] as number)));
});

test('a token that is given back can be taken again, and none is won by it', () => {
  const rates = table();
  const rate = { count: 5, perMs: 1000 };
  passes(rates, 'k', rate, NOW, 5);

  returnToken(rates, key('k'), rate, NOW);
  assert.equal(passes(rates, 'k', rate, NOW, 5), 1);

  for (let i = 0; i < 20; i++) returnToken(rates, key('k'), rate, NOW);
  assert.equal(passes(rates, 'k', rate, NOW, 20), 5);
});

test('what is charged beyond what there is keeps the bucket empty, twice its time at most', () => {
  const rates = table();
  const rate = { count: 5, perMs: 1000 };
  chargeTokens(rates, key('k'), rate, NOW, 7);
  assert.equal(passes(rates, 'k', rate, NOW + 599, 1), 0, 'two are owed still, and one more is needed');
  assert.equal(passes(rates, 'k', rate, NOW + 600, 2), 1);

  chargeTokens(rates, key('other'), rate, NOW, 1_000_000);
  assert.equal(passes(rates, 'other', rate, NOW + 2000, 20), 5);
});
