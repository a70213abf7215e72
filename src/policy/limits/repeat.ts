/**
 * Which serial of a zone a client was delivered in full, and how long it has to wait when it asks for the same again and
 * again. One entry a client and zone, in memory that all fronts share: written word by word, so that two fronts that
 * judge the same client at the same moment may let one more through, and no more harm comes of it.
 *
 * Over the rate a cool-down begins; each next one is twice as long, and each quiet time of the rate's own length (an
 * hour of 3/h) after one takes one doubling away. Never counted: the first transfer of a serial, and one that comes
 * right after an IXFR of the same client.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';
import type { Milliseconds } from '../../base/clock.ts';
import type { RepeatLimit } from '../rule-config.ts';
import { type RateTable, takeToken } from './rate.ts';

const SLOTS = 1 << 15;
const PROBES = 8;
const WORDS = 8;
const TAG = 0;
const SERIAL = 1;
/** 1 where SERIAL was delivered. */
const IS_DELIVERED = 2;
/** Doublings of the next cool-down, plus one. */
const LEVEL = 3;
/** Seconds since the epoch, as all times here. */
const COOL_UNTIL = 4;
/** Of the last IXFR that was not just told to be current. */
const IXFR_AT = 5;
const TOUCHED = 6;

/** An AXFR this long after an IXFR is what a client does that could not use the answer. */
const FALLBACK_S = 60;

export interface RepeatTable {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly seed: Uint8Array;
}

export const newRepeatTable = (): RepeatTable => ({
  words: new Int32Array(new SharedArrayBuffer(SLOTS * WORDS * 4)),
  seed: new Uint8Array(randomBytes(16)),
});

export type RepeatVerdict =
  | { readonly kind: 'allowed' }
  /** `began`: with this request. */
  | { readonly kind: 'cooling'; readonly until: Milliseconds; readonly began: boolean };

const ALLOWED: RepeatVerdict = { kind: 'allowed' };

export class RepeatBook {
  readonly #table: RepeatTable;
  readonly #rates: RateTable;

  constructor(table: RepeatTable, rates: RateTable) {
    this.#table = table;
    this.#rates = rates;
  }

  /** A client asks for AXFR of a serial. `key`: rule, client and zone. */
  judge(key: Bytes, limit: RepeatLimit, serial: number, now: Milliseconds): RepeatVerdict {
    const at = this.#find(key, now, false);
    if (at === undefined) return ALLOWED;
    const seconds = Math.floor(now / 1000);
    const isFallback = seconds - this.#time(at + IXFR_AT) <= FALLBACK_S;
    // Once for each IXFR.
    if (isFallback) this.#set(at + IXFR_AT, 0);
    if (isFallback || this.#get(at + IS_DELIVERED) === 0 || this.#get(at + SERIAL) !== (serial | 0)) return ALLOWED;
    const until = this.#time(at + COOL_UNTIL);
    if (until > seconds) return { kind: 'cooling', until: until * 1000, began: false };
    if (takeToken(this.#rates, key, limit.rate, now)) return ALLOWED;
    return { kind: 'cooling', until: this.#beginCoolDown(at, limit, seconds) * 1000, began: true };
  }

  /** It has the whole zone of this serial now. */
  delivered(key: Bytes, serial: number, now: Milliseconds): void {
    const at = this.#find(key, now, true) as number;
    this.#set(at + SERIAL, serial);
    this.#set(at + IS_DELIVERED, 1);
  }

  /** It was sent differences, or its IXFR failed: the AXFR that may follow is a fallback. */
  askedIxfr(key: Bytes, now: Milliseconds): void {
    this.#set((this.#find(key, now, true) as number) + IXFR_AT, Math.floor(now / 1000));
  }

  #beginCoolDown(at: number, { coolDownMs, longestMs, rate }: RepeatLimit, seconds: number): number {
    const before = this.#time(at + COOL_UNTIL);
    const quiet = before === 0 ? 0 : Math.floor((seconds - before) / (rate.perMs / 1000));
    const level = Math.max(0, this.#get(at + LEVEL) - quiet);
    const coolDown = Math.min(longestMs, coolDownMs * 2 ** Math.min(level, 40));
    const until = seconds + Math.max(1, Math.ceil(coolDown / 1000));
    this.#set(at + COOL_UNTIL, until);
    this.#set(at + LEVEL, Math.min(level + 1, 40));
    return until;
  }

  /** Where the entry of a key begins; a new one takes the place of one that was not touched for longest. */
  #find(key: Bytes, now: Milliseconds, isWanted: boolean): number | undefined {
    const digest = createHmac('sha256', this.#table.seed).update(key).digest();
    const tag = digest.readInt32LE(0) | 1;
    const first = digest.readUInt32LE(4);
    const seconds = Math.floor(now / 1000);
    let oldest = -1;
    let oldestTime = Number.POSITIVE_INFINITY;
    for (let probe = 0; probe < PROBES; probe++) {
      const at = ((first + probe) & (SLOTS - 1)) * WORDS;
      const found = this.#get(at + TAG);
      if (found === tag) {
        this.#set(at + TOUCHED, seconds);
        return at;
      }
      const time = found === 0 ? 0 : Math.max(this.#time(at + TOUCHED), this.#time(at + COOL_UNTIL));
      if (time < oldestTime) {
        oldest = at;
        oldestTime = time;
      }
    }
    if (!isWanted) return undefined;
    for (let word = 1; word < WORDS; word++) this.#set(oldest + word, 0);
    this.#set(oldest + TOUCHED, seconds);
    this.#set(oldest + TAG, tag);
    return oldest;
  }

  #get(word: number): number {
    return Atomics.load(this.#table.words, word);
  }

  #time(word: number): number {
    return Atomics.load(this.#table.words, word) >>> 0;
  }

  #set(word: number, value: number): void {
    Atomics.store(this.#table.words, word, value | 0);
  }
}
