/**
 * A version of a zone: its SOA, and pages of frame references under a root, all in shared memory (DESIGN.md section 1).
 * Threads are sent the handle; everything else they read where it lies.
 */
import { createHash } from 'node:crypto';
import { type Bytes, equalBytes } from '../base/bytes.ts';
import { type FrameEntry, FrameList, FrameListBuilder, HASH_LENGTH, PAGE_FRAMES } from './frame-list.ts';
import type { SlabDirectory, SlabRange, SlabWriter } from './slab.ts';

export interface VersionHandle {
  /** Unique in the process: serials come back, ids do not. */
  readonly id: number;
  readonly serial: number;
  /** The SOA record, uncompressed, ready to be written into an answer. */
  readonly soaRecord: Uint8Array<ArrayBuffer>;
  readonly root: SlabRange;
  readonly frames: number;
  /** The SOA counts once. */
  readonly records: number;
  /** Octets of frames, length prefixes included. */
  readonly octets: number;
  /** The whole AXFR answer as one message, for zones of one frame at most; see `SINGLE` in single.ts. */
  readonly single: SlabRange | undefined;
  /** Octets this version refers to, by slab; other versions may refer to the same. */
  readonly usage: readonly SlabUsage[];
}

export interface SlabUsage {
  readonly slab: number;
  readonly octets: number;
}

/** Place (slab, offset, length), number of frames, hash of what the page says apart from places. */
const ROOT_ENTRY_WORDS = 4 + HASH_LENGTH / 4;

export interface PageEntry extends SlabRange {
  readonly frames: number;
  /** Of frame hashes and fences: equal where the contents are, wherever the frames lie. */
  readonly hash: Bytes;
}

/** Stores the pages and the root for frames in order. */
export function storeFrameTable(frames: readonly FrameEntry[], slabs: SlabWriter): SlabRange {
  const pages: PageEntry[] = [];
  for (let i = 0; i < frames.length; i += PAGE_FRAMES) pages.push(storePage(frames.slice(i, i + PAGE_FRAMES), slabs));
  return storeRoot(pages, slabs);
}

export function storePage(frames: readonly FrameEntry[], slabs: SlabWriter): PageEntry {
  const builder = new FrameListBuilder();
  const hash = createHash('sha256');
  const lengths = new Uint32Array(1);
  for (const frame of frames) {
    builder.add(frame);
    lengths[0] = frame.fence.length;
    hash.update(frame.hash).update(new Uint8Array(lengths.buffer)).update(frame.fence);
  }
  const range = slabs.store(builder.finish());
  return { ...range, frames: frames.length, hash: hash.digest().subarray(0, HASH_LENGTH) };
}

export function storeRoot(pages: readonly PageEntry[], slabs: SlabWriter): SlabRange {
  const words = new Uint32Array(1 + pages.length * ROOT_ENTRY_WORDS);
  const octets = new Uint8Array(words.buffer);
  words[0] = pages.length;
  pages.forEach((page, i) => {
    const at = 1 + i * ROOT_ENTRY_WORDS;
    words.set([page.slab, page.offset, page.length, page.frames], at);
    octets.set(page.hash, (at + 4) * 4);
  });
  return slabs.store(octets);
}

/** Reads the frame table of a version, page by page. */
export class VersionReader {
  readonly root: SlabRange;
  readonly pageCount: number;
  readonly slabs: SlabDirectory;
  readonly #words: Uint32Array;

  constructor(root: SlabRange, slabs: SlabDirectory) {
    const octets = slabs.view(root);
    this.root = root;
    this.#words = new Uint32Array(octets.buffer, octets.byteOffset, octets.length >> 2);
    this.pageCount = this.#words[0] as number;
    this.slabs = slabs;
  }

  page(i: number): FrameList {
    return new FrameList(this.slabs.view(this.pageEntry(i)));
  }

  pageEntry(i: number): PageEntry {
    const word = 1 + i * ROOT_ENTRY_WORDS;
    const words = this.#words;
    return {
      slab: words[word] as number,
      offset: words[word + 1] as number,
      length: words[word + 2] as number,
      frames: words[word + 3] as number,
      hash: new Uint8Array(words.buffer, words.byteOffset + (word + 4) * 4, HASH_LENGTH),
    };
  }

  /** The messages of all frames in order, without their length prefixes: for tests, checks and small zones. */
  *messages(): Generator<Bytes> {
    for (let p = 0; p < this.pageCount; p++) {
      const page = this.page(p);
      for (let i = 0; i < page.length; i++) {
        const offset = page.offset(i) + 2;
        yield this.slabs.view({ slab: page.slab(i), offset, length: page.octetLength(i) - 2 });
      }
    }
  }
}

/** Whether the frames listed are, one by one, the frames of a version: the same records, packed the same way. */
export function hasSameFrames(version: VersionReader, frames: FrameList | undefined): boolean {
  let at = 0;
  for (let p = 0; p < version.pageCount; p++) {
    const page = version.page(p);
    for (let i = 0; i < page.length; i++, at++) {
      if (frames === undefined || at >= frames.length || !equalBytes(page.hash(i), frames.hash(at))) return false;
    }
  }
  return at === (frames?.length ?? 0);
}
