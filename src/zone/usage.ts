/** What versions keep alive, by slab: of one version, and of what lies between two that share most of theirs. */
import type { FrameList } from './frame-list.ts';
import { placeOf, type SlabRange, slabOfPlace } from './slab.ts';
import type { SlabUsage, VersionReader } from './version.ts';

/** Octets by slab, added up. */
export class UsageSum {
  readonly #octets = new Map<number, number>();

  add(slab: number, octets: number): this {
    this.#octets.set(slab, (this.#octets.get(slab) ?? 0) + octets);
    return this;
  }

  addRange(range: SlabRange | undefined): this {
    return range === undefined ? this : this.add(range.slab, range.length);
  }

  addAll(usage: readonly SlabUsage[], sign = 1): this {
    for (const { slab, octets } of usage) this.add(slab, sign * octets);
    return this;
  }

  addFrames(list: FrameList): this {
    for (let i = 0; i < list.length; i++) this.add(list.slab(i), list.octetLength(i));
    return this;
  }

  /** What is left of each slab; what came to nothing is left out. */
  list(): SlabUsage[] {
    return Array.from(this.#octets, ([slab, octets]) => ({ slab, octets })).filter(({ octets }) => octets !== 0);
  }
}

/** What a version refers to: it has a frame table, and for a small zone a message. */
export interface Footprint {
  readonly reader: VersionReader;
  readonly single: SlabRange | undefined;
}

/** Everything that a version refers to. */
export function usageOfVersion({ reader, single }: Footprint): SlabUsage[] {
  const sum = new UsageSum().addRange(reader.root).addRange(single);
  for (let p = 0; p < reader.pageCount; p++) sum.addRange(reader.pageEntry(p)).addFrames(reader.page(p));
  return sum.list();
}

export interface UsageChange {
  /** What the second refers to and the first does not, and the reverse. */
  readonly added: readonly SlabUsage[];
  readonly dropped: readonly SlabUsage[];
}

/** Walks only pages that the two do not share, so that it costs what the change did. */
export function usageBetween(before: Footprint, after: Footprint): UsageChange {
  const [old, young] = [pagesOf(before.reader), pagesOf(after.reader)];
  for (const place of [...old.keys()]) if (young.delete(place)) old.delete(place);
  const [oldFrames, youngFrames] = [framesOf(before.reader, old), framesOf(after.reader, young)];
  const added = new UsageSum();
  const dropped = new UsageSum();
  for (const [place, length] of youngFrames) if (!oldFrames.has(place)) added.add(slabOfPlace(place), length);
  for (const [place, length] of oldFrames) if (!youngFrames.has(place)) dropped.add(slabOfPlace(place), length);
  for (const { entry } of young.values()) added.addRange(entry);
  for (const { entry } of old.values()) dropped.addRange(entry);
  if (placeOf(before.reader.root) !== placeOf(after.reader.root)) {
    added.addRange(after.reader.root);
    dropped.addRange(before.reader.root);
  }
  const sharesSingle = before.single && after.single && placeOf(before.single) === placeOf(after.single);
  if (!sharesSingle) {
    added.addRange(after.single);
    dropped.addRange(before.single);
  }
  return { added: added.list(), dropped: dropped.list() };
}

interface PageAt {
  readonly index: number;
  readonly entry: SlabRange;
}

/** The pages of a version, by place. */
function pagesOf(reader: VersionReader): Map<number, PageAt> {
  const pages = new Map<number, PageAt>();
  for (let index = 0; index < reader.pageCount; index++) {
    const entry = reader.pageEntry(index);
    pages.set(placeOf(entry), { index, entry });
  }
  return pages;
}

/** Lengths of the frames of some pages, by place. */
function framesOf(reader: VersionReader, pages: ReadonlyMap<number, PageAt>): Map<number, number> {
  const frames = new Map<number, number>();
  for (const { index } of pages.values()) {
    const list = reader.page(index);
    for (let i = 0; i < list.length; i++) {
      frames.set(placeOf({ slab: list.slab(i), offset: list.offset(i) }), list.octetLength(i));
    }
  }
  return frames;
}
