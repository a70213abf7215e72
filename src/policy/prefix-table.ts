/**
 * Many prefixes, looked up by address. Prefixes lie inside each other or apart, so together they cut the addresses into
 * ranges that each have one smallest prefix around them: one binary search finds it, and links lead to those around it.
 */
import type { Bytes } from '../base/bytes.ts';
import { isMapped, type Prefix } from './prefix.ts';

/** Built once, read by all threads. A prefix is known by its place among those given. */
export interface PrefixTable {
  /** Where ranges begin, four words each, ascending. */
  readonly starts: Uint32Array<SharedArrayBuffer>;
  /** The smallest prefix around each range, or -1. */
  readonly inner: Int32Array<SharedArrayBuffer>;
  /** For each prefix the smallest one around it, or -1. */
  readonly outer: Int32Array<SharedArrayBuffer>;
  /** The ranges that begin at an IPv4 address: they differ in their last word only. */
  readonly v4: { readonly first: number; readonly end: number };
}

/** Of prefixes that are equal the first given is the outermost. */
export function buildPrefixTable(prefixes: readonly Prefix[]): PrefixTable {
  const { starts, inner, outer } = new RangeCutter(prefixes).cut();
  const isV4 = (i: number): boolean =>
    starts[i * 4] === 0 && starts[i * 4 + 1] === 0 && starts[i * 4 + 2] === MAPPED_WORD;
  let first = 0;
  while (first < inner.length && !isV4(first) && compareToMapped(starts, first) < 0) first++;
  let end = first;
  while (end < inner.length && isV4(end)) end++;
  return { starts, inner, outer, v4: { first, end } };
}

/** The smallest prefix around the address, or -1; `outer` leads on. */
export function findPrefix({ starts, inner, v4 }: PrefixTable, address: Bytes): number {
  const last = wordAt(address, 12);
  let low = 0;
  let high = inner.length;
  if (isMapped(address)) {
    low = v4.first;
    high = v4.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle * 4 + 3] as number) <= last) low = middle + 1;
      else high = middle;
    }
  } else {
    const [a, b, c] = [wordAt(address, 0), wordAt(address, 4), wordAt(address, 8)];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = middle * 4;
      let difference = (starts[at] as number) - a;
      if (difference === 0) difference = (starts[at + 1] as number) - b;
      if (difference === 0) difference = (starts[at + 2] as number) - c;
      if (difference === 0) difference = (starts[at + 3] as number) - last;
      if (difference <= 0) low = middle + 1;
      else high = middle;
    }
  }
  return low === 0 ? -1 : (inner[low - 1] as number);
}

export const containsAddress = (table: PrefixTable, address: Bytes): boolean => findPrefix(table, address) >= 0;

const MAPPED_WORD = 0xffff;

class RangeCutter {
  readonly #prefixes: readonly Prefix[];
  readonly #words: readonly Uint32Array[];
  readonly #outer: Int32Array<SharedArrayBuffer>;
  readonly #starts: Uint32Array[] = [];
  readonly #inner: number[] = [];
  /** Prefixes around the place at hand, the smallest last. */
  readonly #open: number[] = [];

  constructor(prefixes: readonly Prefix[]) {
    this.#prefixes = prefixes;
    this.#words = prefixes.map(({ address }) =>
      Uint32Array.of(wordAt(address, 0), wordAt(address, 4), wordAt(address, 8), wordAt(address, 12)),
    );
    this.#outer = new Int32Array(new SharedArrayBuffer(prefixes.length * 4));
  }

  cut(): Pick<PrefixTable, 'starts' | 'inner' | 'outer'> {
    const order = this.#prefixes.map((_, i) => i);
    order.sort((a, b) => compareWords(this.#start(a), this.#start(b)) || this.#bits(a) - this.#bits(b) || a - b);
    for (const i of order) {
      const at = this.#start(i);
      this.#closeUpTo(at);
      this.#outer[i] = this.#open.at(-1) ?? -1;
      this.#begin(at, i);
      this.#open.push(i);
    }
    this.#closeUpTo(undefined);
    const starts = new Uint32Array(new SharedArrayBuffer(this.#starts.length * 16));
    this.#starts.forEach((at, i) => {
      starts.set(at, i * 4);
    });
    const inner = new Int32Array(new SharedArrayBuffer(this.#inner.length * 4));
    inner.set(this.#inner);
    return { starts, inner, outer: this.#outer };
  }

  #start(i: number): Uint32Array {
    return this.#words[i] as Uint32Array;
  }

  #bits(i: number): number {
    return (this.#prefixes[i] as Prefix).bits;
  }

  /** Two that begin at one place: the later one is inside. */
  #begin(at: Uint32Array, prefix: number): void {
    const last = this.#starts.at(-1);
    if (last !== undefined && compareWords(last, at) === 0) this.#inner[this.#inner.length - 1] = prefix;
    else {
      this.#starts.push(at);
      this.#inner.push(prefix);
    }
  }

  #closeUpTo(at: Uint32Array | undefined): void {
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      const end = endOf(this.#start(top), this.#bits(top));
      if (at !== undefined && (end === undefined || compareWords(end, at) > 0)) return;
      this.#open.pop();
      if (end !== undefined) this.#begin(end, this.#open.at(-1) ?? -1);
    }
  }
}

const compareToMapped = (starts: Uint32Array, i: number): number =>
  (starts[i * 4] as number) || (starts[i * 4 + 1] as number) || (starts[i * 4 + 2] as number) - MAPPED_WORD;

/** The first address behind the prefix; undefined where it goes to the end of all addresses. */
function endOf(start: Uint32Array, bits: number): Uint32Array | undefined {
  if (bits === 0) return undefined;
  const end = start.slice();
  let carry = 2 ** ((128 - bits) % 32);
  for (let i = (bits - 1) >> 5; i >= 0 && carry > 0; i--) {
    const sum = (end[i] as number) + carry;
    end[i] = sum;
    carry = sum > 0xffff_ffff ? 1 : 0;
  }
  return carry > 0 ? undefined : end;
}

function compareWords(a: Uint32Array, b: Uint32Array): number {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return 0;
}

const wordAt = (octets: Bytes, at: number): number =>
  (((octets[at] as number) << 24) |
    ((octets[at + 1] as number) << 16) |
    ((octets[at + 2] as number) << 8) |
    (octets[at + 3] as number)) >>>
  0;
