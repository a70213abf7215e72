/** The zones as a front knows them: for each the version it serves, with the lease that keeps its memory alive. */
import { SlabDirectory, type SlabHandle } from '../zone/slab.ts';
import { type VersionHandle, VersionReader } from '../zone/version.ts';
import type { ZoneState } from './messages.ts';

/** A version that can be served. Control took the first lease on it for this front before it told us. */
export class ServedVersion {
  readonly handle: VersionHandle;
  readonly reader: VersionReader;
  readonly slabs: SlabDirectory;
  readonly #leases: Int32Array<SharedArrayBuffer>;
  readonly #slot: number;

  constructor(handle: VersionHandle, slot: number, slabs: SlabDirectory, leases: Int32Array<SharedArrayBuffer>) {
    this.handle = handle;
    this.slabs = slabs;
    this.reader = new VersionReader(handle.root, slabs);
    this.#leases = leases;
    this.#slot = slot;
  }

  /** To be held while memory of this version is handed to a socket; `release` after the last write is done. */
  lease(): void {
    Atomics.add(this.#leases, this.#slot, 1);
  }

  release(): void {
    Atomics.sub(this.#leases, this.#slot, 1);
  }
}

export type FrontZone =
  | { readonly kind: 'loading' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'served'; readonly version: ServedVersion };

export class FrontZones {
  /** By `zoneLabel`. */
  readonly #zones = new Map<string, FrontZone>();
  readonly #slabs = new SlabDirectory();
  readonly #leases: Int32Array<SharedArrayBuffer>;

  constructor(leases: Int32Array<SharedArrayBuffer>) {
    this.#leases = leases;
  }

  get(zone: string): FrontZone | undefined {
    return this.#zones.get(zone);
  }

  /** One assignment: transfers in progress keep the version they began with. */
  set(zone: string, state: ZoneState, slabs: readonly SlabHandle[]): void {
    this.#slabs.add(slabs);
    const before = this.#zones.get(zone);
    const next: FrontZone =
      state.kind === 'served'
        ? { kind: 'served', version: new ServedVersion(state.version, state.lease, this.#slabs, this.#leases) }
        : state;
    this.#zones.set(zone, next);
    if (before?.kind === 'served') before.version.release();
  }

  remove(zone: string): void {
    const before = this.#zones.get(zone);
    this.#zones.delete(zone);
    if (before?.kind === 'served') before.version.release();
  }
}
