/** Control's book of slabs: who writes to which, how much of each lives, and which are free. */
import { newSlab, newSlabIds, type SlabHandle, type SlabIds, type SlabReport } from './slab.ts';
import type { SlabUsage } from './version.ts';

interface Entry {
  readonly handle: SlabHandle;
  live: number;
  isOpen: boolean;
}

export class SlabRegistry {
  readonly ids: SlabIds = newSlabIds();
  readonly #entries = new Map<number, Entry>();
  readonly #free: SlabHandle[] = [];
  /** Apart from the others: of a slab for received octets only the first part is ever touched. */
  readonly #freeForReceiving: SlabHandle[] = [];
  readonly #receiving = new Set<number>();

  /** Told of slabs that are new to the book. */
  onSlab: (handles: readonly SlabHandle[]) => void = () => undefined;

  /** Free slabs for a pool task to use first: at most `most`. */
  spares(most: number): SlabHandle[] {
    return this.#free.splice(Math.max(0, this.#free.length - most));
  }

  /** A slab for received octets; `giveBack` it. */
  take(): SlabHandle {
    const handle = this.#freeForReceiving.pop() ?? newSlab(this.ids);
    this.#receiving.add(handle.id);
    return handle;
  }

  giveBack(handle: SlabHandle): void {
    if (!this.#receiving.delete(handle.id)) throw new Error(`slab ${handle.id} was not taken`);
    this.#freeForReceiving.push(handle);
  }

  /** Takes note of what a pool task did. To be called before `retain` of what it made, in the same turn. */
  apply(report: SlabReport): void {
    for (const handle of report.opened) this.#entries.set(handle.id, { handle, live: 0, isOpen: true });
    this.onSlab(report.opened);
    this.#free.push(...report.unused);
  }

  /** Slabs that a task will write to no more; call it after `retain`, lest what was just made is thought dead. */
  settle(report: SlabReport): void {
    for (const id of report.closed) this.#close(id);
  }

  retain(usage: readonly SlabUsage[]): void {
    for (const { slab, octets } of usage) this.#entry(slab).live += octets;
  }

  release(usage: readonly SlabUsage[]): void {
    for (const { slab, octets } of usage) {
      const entry = this.#entry(slab);
      entry.live -= octets;
      if (entry.live < 0) throw new Error(`slab ${slab} is released more than it was retained`);
      this.#freeIfDead(entry);
    }
  }

  /** Slabs that nobody writes to any more, with the octets that live in each. */
  closedSlabs(): {
    readonly closed: readonly { readonly id: number; readonly live: number }[];
    readonly liveOctets: number;
  } {
    const closed: { id: number; live: number }[] = [];
    let liveOctets = 0;
    for (const { handle, live, isOpen } of this.#entries.values()) {
      if (isOpen) continue;
      closed.push({ id: handle.id, live });
      liveOctets += live;
    }
    return { closed, liveOctets };
  }

  handle(id: number): SlabHandle {
    return this.#entry(id).handle;
  }

  handles(usage: Iterable<SlabUsage>): SlabHandle[] {
    const ids = new Set<number>();
    for (const { slab } of usage) ids.add(slab);
    return [...ids].map((id) => this.handle(id));
  }

  get stats(): { readonly slabs: number; readonly free: number; readonly liveOctets: number } {
    let liveOctets = 0;
    for (const entry of this.#entries.values()) liveOctets += entry.live;
    const free = this.#free.length + this.#freeForReceiving.length;
    return { slabs: this.#entries.size + this.#receiving.size + free, free, liveOctets };
  }

  #close(id: number): void {
    const entry = this.#entry(id);
    entry.isOpen = false;
    this.#freeIfDead(entry);
  }

  #freeIfDead(entry: Entry): void {
    if (entry.isOpen || entry.live > 0) return;
    this.#entries.delete(entry.handle.id);
    this.#free.push(entry.handle);
  }

  #entry(id: number): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new Error(`slab ${id} is not in the book`);
    return entry;
  }
}
