/** Edits the frame table of a version: pages that no edit touches are shared with the next version as they are. */
import type { Bytes } from '../base/bytes.ts';
import { compareToKey, RecordCursor } from './cursor.ts';
import { type FrameEntry, type FrameList, listEntries, PAGE_FRAMES } from './frame-list.ts';
import { FRAME_HEAD, type FramePacker } from './packer.ts';
import { type PackedRecord, RunWriter } from './run-writer.ts';
import type { SlabRange, SlabWriter } from './slab.ts';
import { type PageEntry, storePage, storeRoot, type VersionReader } from './version.ts';

/** A page with fewer frames is joined with its neighbour. */
const LEAST_PAGE = PAGE_FRAMES / 4;

export interface FramePlace {
  readonly page: number;
  readonly index: number;
}

/** A new root, and by how much the new version has more than the one before. */
export interface EditedTable {
  readonly root: SlabRange;
  readonly frames: number;
  readonly records: number;
  readonly octets: number;
}

/** Frames of one or more pages that are stored anew. */
type Group = FrameEntry[];

export class TableEditor {
  readonly #base: VersionReader;
  readonly #apex: Bytes;
  readonly #packer: FramePacker;
  readonly #slabs: SlabWriter;
  /** By page, then by index in it: what takes the place of a frame. */
  readonly #edits = new Map<number, Map<number, readonly FrameEntry[]>>();
  readonly #fresh = new Set<FrameEntry>();
  #first: readonly FrameEntry[] = [];
  readonly #change = { frames: 0, records: 0, octets: 0 };
  #cachedPage = -1;
  #cached: FrameList | undefined;

  constructor(base: VersionReader, apex: Bytes, packer: FramePacker, slabs: SlabWriter) {
    this.#base = base;
    this.#apex = apex;
    this.#packer = packer;
    this.#slabs = slabs;
  }

  /** The frame in whose range a record falls; undefined in a version without frames. */
  locate(record: PackedRecord): FramePlace | undefined {
    const { pageCount } = this.#base;
    if (pageCount === 0) return undefined;
    const page = lastNotAbove(pageCount, (p) => compareToKey(record, this.#page(p).fence(0)) >= 0);
    const list = this.#page(page);
    return { page, index: lastNotAbove(list.length, (i) => compareToKey(record, list.fence(i)) >= 0) };
  }

  frame({ page, index }: FramePlace): FrameEntry {
    return this.#page(page).entry(index);
  }

  /** Where the range of a frame ends; undefined for the last. */
  fenceAfter({ page, index }: FramePlace): Bytes | undefined {
    const list = this.#page(page);
    if (index + 1 < list.length) return list.fence(index + 1);
    return page + 1 < this.#base.pageCount ? this.#base.page(page + 1).fence(0) : undefined;
  }

  /** Puts other frames in place of one; without a place, into a version that has none. */
  replace(place: FramePlace | undefined, frames: readonly FrameEntry[]): void {
    for (const frame of frames) this.#fresh.add(frame);
    if (place === undefined) {
      this.#first = frames;
      return;
    }
    const edits = this.#edits.get(place.page) ?? new Map<number, readonly FrameEntry[]>();
    this.#edits.set(place.page, edits.set(place.index, frames));
  }

  /** Stores the pages that changed, and the root. */
  finish(): EditedTable {
    if (this.#edits.size === 0 && this.#first.length === 0) return { root: this.#base.root, ...this.#change };
    const groups = this.#joinSmall();
    const first = groups[0];
    // Every key is in some frame's range: what was before the first frame is in the first.
    if (Array.isArray(first) && first[0] !== undefined) first[0] = { ...first[0], fence: NO_FENCE };
    const pages: PageEntry[] = [];
    for (const group of groups) {
      if (typeof group === 'number') {
        pages.push(this.#base.pageEntry(group));
        continue;
      }
      const frames = this.#balance(group);
      this.#count(frames, 1);
      for (const part of evenParts(frames, PAGE_FRAMES)) pages.push(storePage(part, this.#slabs));
    }
    return { root: storeRoot(pages, this.#slabs), ...this.#change };
  }

  /** Untouched pages by number, others as their frames; pages with few frames joined with a neighbour. */
  #joinSmall(): (number | Group)[] {
    const groups: (number | Group)[] = [];
    const isSmall = (group: number | Group | undefined): boolean => Array.isArray(group) && group.length < LEAST_PAGE;
    const add = (group: number | Group): void => {
      const before = groups.at(-1);
      if (before === undefined || (!isSmall(group) && !isSmall(before))) groups.push(group);
      else groups[groups.length - 1] = [...this.#group(before), ...this.#group(group)];
    };
    if (this.#first.length > 0) add([...this.#first]);
    for (let page = 0; page < this.#base.pageCount; page++) {
      const edits = this.#edits.get(page);
      add(edits === undefined ? page : this.#group(page).flatMap((frame, i) => edits.get(i) ?? frame));
    }
    return groups.filter((group) => typeof group === 'number' || group.length > 0);
  }

  #group(group: number | Group): Group {
    if (typeof group !== 'number') return group;
    const frames = listEntries(this.#base.page(group));
    this.#count(frames, -1);
    return frames;
  }

  #count(frames: readonly FrameEntry[], sign: 1 | -1): void {
    const change = this.#change;
    change.frames += sign * frames.length;
    for (const { records, length } of frames) {
      change.records += sign * records;
      change.octets += sign * length;
    }
  }

  /** Joins each frame packed by this edit that is smaller than a quarter with a neighbour that can take it. */
  #balance(group: Group): Group {
    const full = this.#packer.frameSize + 2;
    // One that is larger holds one record, and gains nobody anything.
    const canJoin = (other: FrameEntry | undefined): boolean => other !== undefined && other.length <= full;
    let frames = group;
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i] as FrameEntry;
      if (!this.#fresh.has(frame) || frame.length >= full / 4) continue;
      const from = canJoin(frames[i + 1]) ? i : canJoin(frames[i - 1]) ? i - 1 : -1;
      if (from < 0) continue;
      const joined = this.#repack(frames.slice(from, from + 2));
      if (joined.length === 1) for (const made of joined) this.#fresh.add(made);
      frames = [...frames.slice(0, from), ...joined, ...frames.slice(from + 2)];
      i = from - 1;
    }
    return frames;
  }

  /** The records of frames that follow each other, in frames of like size; fewer where they fit. */
  #repack(frames: readonly FrameEntry[]): FrameEntry[] {
    const packer = this.#packer;
    const whole = packer.frameSize;
    let octets = FRAME_HEAD;
    for (const { length } of frames) octets += length - FRAME_HEAD;
    const parts = Math.ceil((octets - 2) / whole);
    if (parts > 1) packer.frameSize = Math.min(whole, Math.ceil(octets / parts) + UNEVEN);
    packer.expected = undefined;
    const cursor = new RecordCursor(frames.values(), this.#apex, this.#base.slabs);
    const writer = new RunWriter(packer);
    writer.begin((frames[0] as FrameEntry).fence);
    for (; !cursor.isAtEnd; cursor.next()) writer.add(cursor.record, cursor.reader.ownerOrder === 0);
    packer.frameSize = whole;
    return packer.take();
  }

  #page(page: number): FrameList {
    if (this.#cached === undefined || this.#cachedPage !== page) {
      this.#cached = this.#base.page(page);
      this.#cachedPage = page;
    }
    return this.#cached;
  }
}

const NO_FENCE: Bytes = new Uint8Array(0);
/** Room above the even size: a record more or less, and what compression makes of other neighbours. */
const UNEVEN = 512;

/** The least number of parts of at most `most`, all but equal. */
function evenParts<T>(items: readonly T[], most: number): T[][] {
  const count = Math.ceil(items.length / most);
  return Array.from({ length: count }, (_, i) =>
    items.slice(Math.floor((i * items.length) / count), Math.floor(((i + 1) * items.length) / count)),
  );
}

/** The last of `count` places for which `isNotAbove` holds; it holds for the first, and for all before one for which it does. */
function lastNotAbove(count: number, isNotAbove: (i: number) => boolean): number {
  let low = 0;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (isNotAbove(middle)) low = middle;
    else high = middle;
  }
  return low;
}
