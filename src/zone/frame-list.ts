/**
 * A table of frames in one run of octets: what a page of a zone version is, and how a pool task tells of the frames it
 * made. Little-endian 32-bit words throughout: count, octets of fences, then ten words a frame, then the fences.
 */
import type { Bytes } from '../base/bytes.ts';

/** Octets kept of a frame's SHA-256. */
export const HASH_LENGTH = 16;
const HEADER_WORDS = 2;
const ENTRY_WORDS = 10;
const HASH_WORD = 6;

/**
 * Entries in a page of a zone version at most. A change of ten records touches ten pages of a large zone: with 256 their
 * tables cost a fifth of the change (0.85 of 4.2 ms), with 64 a twentieth.
 */
export const PAGE_FRAMES = 64;

export interface FrameEntry {
  readonly slab: number;
  /** Of the length prefix, in the slab. */
  readonly offset: number;
  /** Octets, the two of the length prefix included. */
  readonly length: number;
  readonly records: number;
  /** Keys in the frame are not below it, keys in the frame before are. Empty = below every key. */
  readonly fence: Bytes;
  readonly hash: Bytes;
}

export class FrameListBuilder {
  #entries: FrameEntry[] = [];

  get length(): number {
    return this.#entries.length;
  }

  add(entry: FrameEntry): void {
    this.#entries.push(entry);
  }

  /** The entries themselves; the builder is empty afterwards. */
  take(): FrameEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** The table as octets; the builder is empty afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    const entries = this.take();
    let fences = 0;
    for (const entry of entries) fences += entry.fence.length;
    const wordCount = HEADER_WORDS + entries.length * ENTRY_WORDS;
    const octets = new Uint8Array(wordCount * 4 + fences);
    const words = new Uint32Array(octets.buffer, 0, wordCount);
    words[0] = entries.length;
    words[1] = fences;
    let fenceAt = 0;
    entries.forEach((entry, i) => {
      const word = HEADER_WORDS + i * ENTRY_WORDS;
      words.set([entry.slab, entry.offset, entry.length, entry.records, fenceAt, entry.fence.length], word);
      octets.set(entry.hash, (word + HASH_WORD) * 4);
      octets.set(entry.fence, wordCount * 4 + fenceAt);
      fenceAt += entry.fence.length;
    });
    return octets;
  }
}

export const listEntries = (list: FrameList): FrameEntry[] =>
  Array.from({ length: list.length }, (_, i) => list.entry(i));

/** Reads a table where it lies. The accessors of one entry make no object: the serving path uses them. */
export class FrameList {
  readonly length: number;
  readonly #octets: Bytes;
  readonly #words: Uint32Array;

  /** `octets` begins at a multiple of four in its buffer. */
  constructor(octets: Bytes) {
    this.#octets = octets;
    const count = new Uint32Array(octets.buffer, octets.byteOffset, 1)[0] as number;
    this.length = count;
    this.#words = new Uint32Array(octets.buffer, octets.byteOffset, HEADER_WORDS + count * ENTRY_WORDS);
  }

  slab(i: number): number {
    return this.#words[HEADER_WORDS + i * ENTRY_WORDS] as number;
  }

  offset(i: number): number {
    return this.#words[HEADER_WORDS + i * ENTRY_WORDS + 1] as number;
  }

  octetLength(i: number): number {
    return this.#words[HEADER_WORDS + i * ENTRY_WORDS + 2] as number;
  }

  records(i: number): number {
    return this.#words[HEADER_WORDS + i * ENTRY_WORDS + 3] as number;
  }

  fence(i: number): Bytes {
    const word = HEADER_WORDS + i * ENTRY_WORDS + 4;
    const start = this.#words.length * 4 + (this.#words[word] as number);
    return this.#octets.subarray(start, start + (this.#words[word + 1] as number));
  }

  hash(i: number): Bytes {
    const start = (HEADER_WORDS + i * ENTRY_WORDS + HASH_WORD) * 4;
    return this.#octets.subarray(start, start + HASH_LENGTH);
  }

  entry(i: number): FrameEntry {
    return {
      slab: this.slab(i),
      offset: this.offset(i),
      length: this.octetLength(i),
      records: this.records(i),
      fence: this.fence(i),
      hash: this.hash(i),
    };
  }
}
