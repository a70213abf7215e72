/**
 * The versions of one zone that are in memory, oldest first, and what only lives because of the older ones. Versions
 * share most of what they refer to; when one goes, just what no other refers to is given back.
 */
import type { MadeVersion } from '../xfr/version-maker.ts';
import type { SlabDirectory } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import { type Footprint, UsageSum, usageBetween } from '../zone/usage.ts';
import { type SlabUsage, type VersionHandle, VersionReader } from '../zone/version.ts';

interface Link {
  readonly handle: VersionHandle;
  /** What this version refers to and the next one in the chain does not. */
  dropped: readonly SlabUsage[];
}

export class MemoryChain {
  readonly #registry: SlabRegistry;
  readonly #directory: SlabDirectory;
  readonly #links: Link[] = [];

  /** `directory`: control's own, which knows every slab of the book. */
  constructor(registry: SlabRegistry, directory: SlabDirectory) {
    this.#registry = registry;
    this.#directory = directory;
  }

  /** Octets that live for the sake of older versions alone; of those that `counts`. */
  oldOctets(counts: (version: VersionHandle) => boolean): number {
    let sum = 0;
    for (const { handle, dropped } of this.#links) {
      if (counts(handle)) for (const { octets } of dropped) sum += octets;
    }
    return sum;
  }

  /** The newest version, made from any in the chain, or from none: what it added to that one has been retained. */
  append({ version, base, added, dropped }: MadeVersion): void {
    const last = this.#links.at(-1);
    const link = { handle: version, dropped: [] };
    this.#links.push(link);
    if (last === undefined) return;
    if (last.handle.id === base) {
      last.dropped = dropped;
      return;
    }
    const change = usageBetween(this.#footprint(last), this.#footprint(link));
    last.dropped = change.dropped;
    this.#registry.retain(change.added);
    this.#registry.release(added);
  }

  remove(handle: VersionHandle): void {
    const at = this.#links.findIndex((link) => link.handle === handle);
    const [link] = this.#links.splice(at, at < 0 ? 0 : 1);
    if (link === undefined) throw new Error(`version ${handle.id} is not in memory`);
    const [before, after] = [this.#links[at - 1], this.#links[at]];
    this.#registry.release(this.#freedBy(link, before, after));
  }

  /** What goes with a version between two others; tells the one before what it now has that the one after has not. */
  #freedBy(link: Link, before: Link | undefined, after: Link | undefined): readonly SlabUsage[] {
    if (before === undefined) return after === undefined ? link.handle.usage : link.dropped;
    if (after === undefined) {
      before.dropped = [];
      return usageBetween(this.#footprint(before), this.#footprint(link)).added;
    }
    const lost = new UsageSum().addAll(before.dropped).addAll(link.dropped);
    before.dropped = usageBetween(this.#footprint(before), this.#footprint(after)).dropped;
    return lost.addAll(before.dropped, -1).list();
  }

  #footprint({ handle }: Link): Footprint {
    return { reader: new VersionReader(handle.root, this.#directory), single: handle.single };
  }
}
