/**
 * How many of something each of many has (connections of a source, say), over all fronts. Every front writes to a row of
 * its own and reads all of them, so counting needs no lock, and the row of a front that died is simply cleared. A front
 * counts first and looks then: two that race may both be turned away at the limit, never both let in.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Bytes } from '../../base/bytes.ts';

const SLOTS = 1 << 16;
const PROBES = 16;

export interface CountTable {
  /** For each front: `SLOTS` tags, then `SLOTS` counts. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly rows: number;
  readonly seed: Uint8Array;
}

export const newCountTable = (rows: number): CountTable => ({
  words: new Int32Array(new SharedArrayBuffer(rows * 2 * SLOTS * 4)),
  rows,
  seed: new Uint8Array(randomBytes(16)),
});

/** Forgets what a front had counted: it is gone. */
export const clearRow = (table: CountTable, row: number): void => {
  table.words.fill(0, row * 2 * SLOTS, (row + 1) * 2 * SLOTS);
};

export interface CountPlace {
  readonly tag: number;
  readonly first: number;
}

export class SharedCount {
  readonly #table: CountTable;
  readonly #base: number;
  #total = 0;

  constructor(table: CountTable, row: number) {
    this.#table = table;
    this.#base = row * 2 * SLOTS;
  }

  /** Of this front. */
  get total(): number {
    return this.#total;
  }

  /** Counts one more; a handle to give back with `leave`, or undefined where that would be more than `limit`. */
  enter(key: Bytes, limit: number): number | undefined {
    return this.enterAt(this.placeOf(key), limit);
  }

  /** Where a key is counted: found once for one that is counted often. */
  placeOf(key: Bytes): CountPlace {
    const digest = createHmac('sha256', this.#table.seed).update(key).digest();
    return { tag: digest.readInt32LE(0) | 1, first: digest.readUInt32LE(4) };
  }

  enterAt({ tag, first }: CountPlace, limit: number): number | undefined {
    const slot = this.#ownSlot(first, tag);
    if (slot === undefined) return undefined;
    const { words } = this.#table;
    Atomics.store(words, this.#base + slot, tag);
    Atomics.add(words, this.#base + SLOTS + slot, 1);
    this.#total++;
    if (this.#sum(first, tag) <= limit) return slot;
    this.leave(slot);
    return undefined;
  }

  leave(slot: number): void {
    const { words } = this.#table;
    this.#total--;
    if (Atomics.sub(words, this.#base + SLOTS + slot, 1) === 1) Atomics.store(words, this.#base + slot, 0);
  }

  /** Over all fronts. */
  countAt({ tag, first }: CountPlace): number {
    return this.#sum(first, tag);
  }

  #ownSlot(first: number, tag: number): number | undefined {
    let free: number | undefined;
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (first + probe) & (SLOTS - 1);
      const found = this.#table.words[this.#base + slot];
      if (found === tag) return slot;
      if (found === 0) free ??= slot;
    }
    return free;
  }

  #sum(first: number, tag: number): number {
    const { words, rows } = this.#table;
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      const base = row * 2 * SLOTS;
      for (let probe = 0; probe < PROBES; probe++) {
        const slot = (first + probe) & (SLOTS - 1);
        if (Atomics.load(words, base + slot) === tag) sum += Atomics.load(words, base + SLOTS + slot);
      }
    }
    return sum;
  }
}
