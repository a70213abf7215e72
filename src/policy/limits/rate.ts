/**
 * Token buckets shared by all fronts, one 64-bit word each, changed by compare-and-swap: so a limit is exact however
 * many fronts there are, and none ever waits for another.
 *
 * A bucket is kept as the time at which it will be full again (generic cell rate algorithm): a request moves that time
 * on by one interval, and is over the limit where this leads further ahead than the burst. A word holds 28 bits of the
 * key's hash and 36 bits of time in units of 10 µs, modulo 2^36 (7.9 days). A bucket that is full is the same as none,
 * so its word is free for any other key. When all words a key may use are taken, the fullest bucket gives way.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import type { Rate } from '../rule-config.ts';

const WORDS = 1 << 16;
const PROBES = 8;
const TIME_BITS = 36n;
const TIME_MASK = (1n << TIME_BITS) - 1n;
const UNITS_PER_MS = 100;
/** No bucket takes longer to fill: a word further ahead is a leftover from before the clock went round. */
const LONGEST_UNITS = BigInt(3_600_000 * UNITS_PER_MS);

export interface RateTable {
  readonly words: BigInt64Array<SharedArrayBuffer>;
  /** Keeps clients from choosing where their buckets lie. */
  readonly seed: Uint8Array;
}

export const newRateTable = (): RateTable => ({
  words: new BigInt64Array(new SharedArrayBuffer(WORDS * 8)),
  seed: new Uint8Array(randomBytes(16)),
});

/** Takes one token from the bucket of `key` (rule and source, say). False when it is empty. `now` in milliseconds. */
export const takeToken = (table: RateTable, key: Bytes, rate: Rate, now: number): boolean =>
  changeBucket(table, key, rate, now, (ahead, interval) => {
    const next = ahead + interval;
    return next > interval * BigInt(rate.count) ? undefined : next;
  });

/** Takes tokens that are owed: a bucket that has fewer is emptied, and stays so for as long again at most. */
export const chargeTokens = (table: RateTable, key: Bytes, rate: Rate, now: number, count: number): void => {
  changeBucket(table, key, rate, now, (ahead, interval) => {
    const debt = interval * BigInt(rate.count * 2);
    const next = ahead + interval * BigInt(count);
    return next > debt ? debt : next;
  });
};

/** Gives back a token that was taken for nothing. */
export const returnToken = (table: RateTable, key: Bytes, rate: Rate, now: number): void => {
  changeBucket(table, key, rate, now, (ahead, interval) => (ahead > interval ? ahead - interval : 0n));
};

/** `change`: how far ahead the bucket is to be full, from how far it is; undefined leaves it, and gives false. */
function changeBucket(
  table: RateTable,
  key: Bytes,
  rate: Rate,
  now: number,
  change: (ahead: bigint, interval: bigint) => bigint | undefined,
): boolean {
  const digest = createHmac('sha256', table.seed).update(key).digest();
  const tag = BigInt(digest.readUInt32LE(0) >>> 4);
  const first = digest.readUInt32LE(4);
  const time = BigInt(Math.floor(now * UNITS_PER_MS)) & TIME_MASK;
  const interval = BigInt(Math.max(1, Math.round((rate.perMs * UNITS_PER_MS) / rate.count)));
  for (;;) {
    const { index, word } = findWord(table.words, first, tag, time);
    const ahead = BigInt.asUintN(64, word) >> TIME_BITS === tag ? unitsAhead(word, time) : 0n;
    const next = change(ahead, interval);
    if (next === undefined) return false;
    const end = next > LONGEST_UNITS ? LONGEST_UNITS : next;
    const replacement = BigInt.asIntN(64, (tag << TIME_BITS) | ((time + end) & TIME_MASK));
    if (Atomics.compareExchange(table.words, index, word, replacement) === word) return true;
  }
}

/** The word of `tag`, else one that is free, else the one closest to being so. */
function findWord(
  words: BigInt64Array<SharedArrayBuffer>,
  first: number,
  tag: bigint,
  time: bigint,
): { readonly index: number; readonly word: bigint } {
  let best = { index: -1, word: 0n };
  let bestAhead = LONGEST_UNITS * 2n;
  for (let probe = 0; probe < PROBES; probe++) {
    const index = (first + probe) & (WORDS - 1);
    const word = Atomics.load(words, index);
    if (word !== 0n && BigInt.asUintN(64, word) >> TIME_BITS === tag) return { index, word };
    const ahead = unitsAhead(word, time);
    if (ahead < bestAhead) {
      best = { index, word };
      bestAhead = ahead;
    }
  }
  return best;
}

/** How far ahead of `time` the bucket will be full again; 0 when it is full. */
function unitsAhead(word: bigint, time: bigint): bigint {
  const ahead = (word - time) & TIME_MASK;
  return word === 0n || ahead > LONGEST_UNITS ? 0n : ahead;
}
