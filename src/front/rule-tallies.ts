/** How often each rule decides, counted in shared memory, one row a thread, and read by control when it is asked. */
import type { Milliseconds } from '../base/clock.ts';

const HITS = 0;
const SHADOW_HITS = 1;
const LAST_MATCH = 2;
const WORDS = 3;

export interface TallyTable {
  readonly words: Float64Array<SharedArrayBuffer>;
  readonly rules: number;
}

export const newTallyTable = (rules: number, rows: number): TallyTable => ({
  words: new Float64Array(new SharedArrayBuffer(rules * rows * WORDS * 8)),
  rules,
});

/** One thread's row: it alone writes. */
export class RuleTallies {
  readonly #words: Float64Array;
  readonly #base: number;

  constructor({ words, rules }: TallyTable, row: number) {
    this.#words = words;
    this.#base = row * rules * WORDS;
  }

  hit(rule: number, now: Milliseconds): void {
    this.#note(rule, HITS, now);
  }

  shadowHit(rule: number, now: Milliseconds): void {
    this.#note(rule, SHADOW_HITS, now);
  }

  #note(rule: number, what: number, now: Milliseconds): void {
    const at = this.#base + rule * WORDS;
    this.#words[at + what] = (this.#words[at + what] as number) + 1;
    this.#words[at + LAST_MATCH] = now;
  }
}

export interface Tally {
  hits: number;
  shadowHits: number;
  /** Undefined where it never matched. */
  lastMatch: Milliseconds | undefined;
}

/** Control's side: the sums by rule name, which outlive a reload. */
export class TallyBook {
  readonly #rows: number;
  readonly #past = new Map<string, Tally>();
  #tables: { readonly table: TallyTable; readonly names: readonly string[] }[] = [];

  constructor(rows: number) {
    this.#rows = rows;
  }

  /** A table for these rules. The one before is read on for a while: threads change over one after the other. */
  open(names: readonly string[]): TallyTable {
    const table = newTallyTable(names.length, this.#rows);
    this.#tables.push({ table, names });
    const done = this.#tables.length > 2 ? this.#tables.shift() : undefined;
    if (done !== undefined) this.#add(done, this.#past);
    return table;
  }

  sums(): ReadonlyMap<string, Tally> {
    const sums = new Map(Array.from(this.#past, ([name, tally]) => [name, { ...tally }]));
    for (const one of this.#tables) this.#add(one, sums);
    return sums;
  }

  #add({ table, names }: { table: TallyTable; names: readonly string[] }, to: Map<string, Tally>): void {
    names.forEach((name, i) => {
      const sum = to.get(name) ?? { hits: 0, shadowHits: 0, lastMatch: undefined };
      to.set(name, sum);
      for (let row = 0; row < this.#rows; row++) {
        const at = (row * table.rules + i) * WORDS;
        sum.hits += table.words[at + HITS] as number;
        sum.shadowHits += table.words[at + SHADOW_HITS] as number;
        const last = table.words[at + LAST_MATCH] as number;
        if (last > (sum.lastMatch ?? 0)) sum.lastMatch = last;
      }
    });
  }
}
