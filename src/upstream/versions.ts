/**
 * The versions that live, and who keeps them alive: the zone that serves one, and every front's leases. What nobody
 * keeps is given back to the slabs.
 */
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { VersionHandle } from '../zone/version.ts';

/** One counter a version a front; 1 MiB of address space a front, touched as used. */
export const LEASE_SLOTS = 1 << 18;
const LOOK_MS = 100;

export interface LiveVersion {
  readonly handle: VersionHandle;
  /** Lease slot, the same in every front's row. */
  readonly slot: number;
}

export class Versions {
  readonly #registry: SlabRegistry;
  /** By front; an entry is replaced when a front is. */
  readonly #rows: Int32Array<SharedArrayBuffer>[] = [];
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;
  #nextId = 1;
  readonly #retired = new Set<LiveVersion>();
  #timer: NodeJS.Timeout | undefined;

  constructor(registry: SlabRegistry) {
    this.#registry = registry;
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** The row of a front, made at first use; cleared, as its front is new. */
  row(front: number): Int32Array<SharedArrayBuffer> {
    const row = this.#rows[front] ?? new Int32Array(new SharedArrayBuffer(LEASE_SLOTS * 4));
    this.#rows[front] = row;
    row.fill(0, 0, this.#nextSlot);
    return row;
  }

  /** Takes over a version whose usage the pool has retained. */
  adopt(handle: VersionHandle): LiveVersion {
    const slot = this.#freeSlots.pop() ?? this.#nextSlot++;
    if (slot >= LEASE_SLOTS) throw new Error('more versions are alive than there are lease slots');
    return { handle, slot };
  }

  /** A lease on behalf of a front that is about to be told of the version: it will give it back itself. */
  leaseFor(front: number, version: LiveVersion): void {
    const row = this.#rows[front];
    if (row !== undefined) Atomics.add(row, version.slot, 1);
  }

  /** The zone serves it no more; it lives on while a front has a lease. */
  retire(version: LiveVersion): void {
    this.#retired.add(version);
    this.#look();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  get retiredCount(): number {
    return this.#retired.size;
  }

  #look(): void {
    for (const version of this.#retired) {
      if (this.#rows.some((row) => Atomics.load(row, version.slot) > 0)) continue;
      this.#retired.delete(version);
      this.#registry.release(version.handle.usage);
      this.#freeSlots.push(version.slot);
    }
    clearTimeout(this.#timer);
    if (this.#retired.size > 0) this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
  }
}
