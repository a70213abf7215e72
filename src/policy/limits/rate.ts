/**
 * Token buckets shared by all fronts, one 64-bit word each, changed by compare-and-swap: so a limit is exact however
 * many fronts there are, and none ever waits for another.
 *
 * A bucket is kept as the time at which it will be full again (generic cell rate algorithm): what is taken moves that
 * time on, and a bucket whose time is further ahead than its burst is empty, or in debt. A word holds 28 bits of the
 * key's hash and 36 bits of time in the table's units, modulo 2^36 (7.9 days of 10 µs). A bucket that is full is the
 * same as none, so its word is free for any other key. When all words a key may use are taken, the fullest gives way.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import type { Milliseconds } from '../../base/clock.ts';
import type { Rate } from '../rule-config.ts';

const WORDS = 1 << 16;
const PROBES = 8;
const TIME_BITS = 36n;
const TIME_MASK = (1n << TIME_BITS) - 1n;

export interface RateTable {
  readonly words: BigInt64Array<SharedArrayBuffer>;
  /** Keeps clients from choosing where their buckets lie. */
  readonly seed: Uint8Array;
  readonly unitsPerMs: number;
  /** No bucket takes longer to fill: a word further ahead is a leftover from before the clock went round. */
  readonly longestMs: Milliseconds;
}

/** A thread may read a bucket at an earlier time than the one that another has filled it up at. */
const CLOCKS_APART_MS = 60_000;

/** For requests and for octets a second. */
export const newRateTable = (): RateTable => newTable(100, 3_600_000 + CLOCKS_APART_MS);

/** For volumes over an hour, which may be in debt for days: units of a millisecond go round in two years. */
export const newVolumeTable = (): RateTable => newTable(1, 30 * 86_400_000);

const newTable = (unitsPerMs: number, longestMs: Milliseconds): RateTable => ({
  words: new BigInt64Array(new SharedArrayBuffer(WORDS * 8)),
  seed: new Uint8Array(randomBytes(16)),
  unitsPerMs,
  longestMs,
});

/** Takes one token from the bucket of `key` (rule and source, say). False when it is empty. `now` in milliseconds. */
export function takeToken(table: RateTable, key: Bytes, rate: Rate, now: Milliseconds): boolean {
  const interval = intervalOf(table, rate);
  const burst = interval * BigInt(rate.count);
  const taken = change(table, placeOf(table, key), now, (ahead) =>
    ahead + interval > burst ? undefined : ahead + interval,
  );
  return taken !== undefined;
}

/** Takes tokens that are owed: a bucket that has fewer is emptied, and stays so for as long again at most. */
export function chargeTokens(table: RateTable, key: Bytes, rate: Rate, now: Milliseconds, count: number): void {
  const interval = intervalOf(table, rate);
  const debt = least(interval * BigInt(rate.count * 2), longestDebt(table));
  change(table, placeOf(table, key), now, (ahead) => least(ahead + interval * BigInt(count), debt));
}

/** Gives back a token that was taken for nothing. */
export function returnToken(table: RateTable, key: Bytes, rate: Rate, now: Milliseconds): void {
  const interval = intervalOf(table, rate);
  change(table, placeOf(table, key), now, (ahead) => (ahead > interval ? ahead - interval : 0n));
}

/** Takes `cost` where anything is left, and more than there is: the bucket is in debt then. False while it is. */
export function takeWithDebt(table: RateTable, key: Bytes, rate: Rate, cost: number, now: Milliseconds): boolean {
  const units = (amount: number): bigint => BigInt(Math.round((amount * rate.perMs * table.unitsPerMs) / rate.count));
  const burst = units(rate.count);
  const longest = longestDebt(table);
  const taken = change(table, placeOf(table, key), now, (ahead) =>
    ahead >= burst ? undefined : least(ahead + units(cost), longest),
  );
  return taken !== undefined;
}

/** A bucket of octets a second that is asked again and again: its place is found once. */
export class SharedBucket {
  /** What may be sent at once after a rest. */
  static readonly #BURST_MS = 100;
  readonly #table: RateTable;
  readonly #place: Place;
  #unitsPerOctet: number;

  constructor(table: RateTable, key: Bytes, bytesPerSecond: number) {
    this.#table = table;
    this.#place = placeOf(table, key);
    this.#unitsPerOctet = (1000 * table.unitsPerMs) / bytesPerSecond;
  }

  set bytesPerSecond(value: number) {
    this.#unitsPerOctet = (1000 * this.#table.unitsPerMs) / value;
  }

  /**
   * Takes so many octets, whatever is there, and says in how many milliseconds they have come: who asks first has his
   * first, on whichever front. A negative number gives back.
   */
  reserve(octets: number, now: Milliseconds): Milliseconds {
    const table = this.#table;
    const cost = BigInt(Math.round(octets * this.#unitsPerOctet));
    const longest = longestDebt(table);
    const before = change(table, this.#place, now, (ahead) =>
      ahead + cost < 0n ? 0n : least(ahead + cost, longest),
    ) as bigint;
    return Math.max(0, Number(before) / table.unitsPerMs - SharedBucket.#BURST_MS);
  }
}

interface Place {
  readonly tag: bigint;
  readonly first: number;
}

function placeOf(table: RateTable, key: Bytes): Place {
  const digest = createHmac('sha256', table.seed).update(key).digest();
  return { tag: BigInt(digest.readUInt32LE(0) >>> 4), first: digest.readUInt32LE(4) };
}

/** How far ahead the bucket was before `next` changed it; undefined where that changes nothing. */
function change(
  table: RateTable,
  { tag, first }: Place,
  now: Milliseconds,
  next: (ahead: bigint) => bigint | undefined,
): bigint | undefined {
  const time = BigInt(Math.floor(now * table.unitsPerMs)) & TIME_MASK;
  const longest = longestUnits(table);
  for (;;) {
    const { index, word } = findWord(table, first, tag, time);
    const ahead = BigInt.asUintN(64, word) >> TIME_BITS === tag ? unitsAhead(word, time, longest) : 0n;
    const changed = next(ahead);
    if (changed === undefined) return undefined;
    const replacement = BigInt.asIntN(64, (tag << TIME_BITS) | ((time + changed) & TIME_MASK));
    if (Atomics.compareExchange(table.words, index, word, replacement) === word) return ahead;
  }
}

/** The word of `tag`, else one that is free, else the one closest to being so. */
function findWord(
  table: RateTable,
  first: number,
  tag: bigint,
  time: bigint,
): { readonly index: number; readonly word: bigint } {
  const longest = longestUnits(table);
  let best = { index: -1, word: 0n };
  let bestAhead = longest * 2n;
  for (let probe = 0; probe < PROBES; probe++) {
    const index = (first + probe) & (WORDS - 1);
    const word = Atomics.load(table.words, index);
    if (word !== 0n && BigInt.asUintN(64, word) >> TIME_BITS === tag) return { index, word };
    const ahead = unitsAhead(word, time, longest);
    if (ahead < bestAhead) {
      best = { index, word };
      bestAhead = ahead;
    }
  }
  return best;
}

/** How far ahead of `time` the bucket will be full again; 0 when it is full. */
function unitsAhead(word: bigint, time: bigint, most: bigint): bigint {
  const ahead = (word - time) & TIME_MASK;
  return word === 0n || ahead > most ? 0n : ahead;
}

const intervalOf = ({ unitsPerMs }: RateTable, { count, perMs }: Rate): bigint =>
  BigInt(Math.max(1, Math.round((perMs * unitsPerMs) / count)));

const longestUnits = ({ longestMs, unitsPerMs }: RateTable): bigint => BigInt(longestMs * unitsPerMs);
const longestDebt = ({ longestMs, unitsPerMs }: RateTable): bigint =>
  BigInt((longestMs - CLOCKS_APART_MS) * unitsPerMs);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
