/** What versions keep alive, by slab: of one version, and of what lies between two that share most of theirs. */
import type { FrameList } from './frame-list.ts';
import { placeOf, type SlabRange, slabOfPlace } from './slab.ts';
import { type Unshared, unsharedBetween } from './unshared.ts';
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

  addUnshared(version: VersionReader, { pages, frames }: Unshared): this {
    for (const { place, page, index } of frames) this.add(slabOfPlace(place), page.octetLength(index));
    for (const p of pages) this.addRange(version.pageEntry(p));
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
  const [old, young] = unsharedBetween(before.reader, after.reader);
  const added = new UsageSum().addUnshared(after.reader, young);
  const dropped = new UsageSum().addUnshared(before.reader, old);
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
