/**
 * A version of a zone: its SOA, and pages of frame references under a root, all in shared memory (DESIGN.md section 1).
 * Threads are sent the handle; everything else they read where it lies.
 */
import { type Bytes, equalBytes } from '../base/bytes.ts';
import { type FrameEntry, FrameList, FrameListBuilder, PAGE_FRAMES } from './frame-list.ts';
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
  /** Octets this version keeps alive, by slab. */
  readonly usage: readonly SlabUsage[];
}

export interface SlabUsage {
  readonly slab: number;
  readonly octets: number;
}

const ROOT_ENTRY_WORDS = 3;

/** Stores the pages and the root for frames in order; adds up what they keep alive. */
export function storeFrameTable(
  frames: readonly FrameEntry[],
  slabs: SlabWriter,
): { readonly root: SlabRange; readonly usage: Map<number, number> } {
  const usage = new Map<number, number>();
  const count = (slab: number, octets: number): void => {
    usage.set(slab, (usage.get(slab) ?? 0) + octets);
  };
  const pages: SlabRange[] = [];
  const builder = new FrameListBuilder();
  frames.forEach((frame, i) => {
    builder.add(frame);
    count(frame.slab, frame.length);
    if (builder.length < PAGE_FRAMES && i < frames.length - 1) return;
    pages.push(slabs.store(builder.finish()));
  });
  const words = new Uint32Array(1 + pages.length * ROOT_ENTRY_WORDS);
  words[0] = pages.length;
  pages.forEach((page, i) => {
    words.set([page.slab, page.offset, page.length], 1 + i * ROOT_ENTRY_WORDS);
    count(page.slab, page.length);
  });
  const root = slabs.store(new Uint8Array(words.buffer));
  count(root.slab, root.length);
  return { root, usage };
}

/** Reads the frame table of a version, page by page. */
export class VersionReader {
  readonly pageCount: number;
  readonly #words: Uint32Array;
  readonly #slabs: SlabDirectory;

  constructor(root: SlabRange, slabs: SlabDirectory) {
    const octets = slabs.view(root);
    this.#words = new Uint32Array(octets.buffer, octets.byteOffset, octets.length >> 2);
    this.pageCount = this.#words[0] as number;
    this.#slabs = slabs;
  }

  page(i: number): FrameList {
    const word = 1 + i * ROOT_ENTRY_WORDS;
    const slab = this.#words[word] as number;
    const offset = this.#words[word + 1] as number;
    const length = this.#words[word + 2] as number;
    return new FrameList(this.#slabs.view({ slab, offset, length }));
  }

  /** The messages of all frames in order, without their length prefixes: for tests, checks and small zones. */
  *messages(): Generator<Bytes> {
    for (let p = 0; p < this.pageCount; p++) {
      const page = this.page(p);
      for (let i = 0; i < page.length; i++) {
        const offset = page.offset(i) + 2;
        yield this.#slabs.view({ slab: page.slab(i), offset, length: page.octetLength(i) - 2 });
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
