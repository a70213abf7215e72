/** Zones as the store has them, at the start of the service and when the configuration brings one back. */
import type { Clock } from '../base/clock.ts';
import type { LoadedZone, VersionStore, ZoneRecord } from '../store/version-store.ts';
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import { readSoaRecord } from '../xfr/soa-record.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { KeptVersion } from './history.ts';
import { restoredSync } from './machine.ts';
import type { Zone } from './zone.ts';

export interface RestorerDeps {
  readonly store: VersionStore;
  readonly registry: SlabRegistry;
  readonly clock: Clock;
  readonly isLive: (zone: Zone) => boolean;
  /** The version to serve, its history in place. */
  readonly restored: (zone: Zone, version: KeptVersion) => void;
}

export class Restorer {
  readonly #deps: RestorerDeps;
  #nextId = 1;

  constructor(deps: RestorerDeps) {
    this.#deps = deps;
  }

  /** An id that no version has, stored ones included. */
  nextId(): number {
    return this.#nextId++;
  }

  async restore(zones: readonly Zone[]): Promise<void> {
    const byName = new Map(zones.map((zone) => [zone.name, zone]));
    const wanted = zones.map(({ name, config: { apex, frameSize } }) => ({
      zone: name,
      apex: new Uint8Array(apex),
      frameSize,
    }));
    await this.#deps.store.load(wanted, (loaded) => this.#install(byName.get(loaded.zone), loaded));
    for (const zone of zones) zone.isRestoring = false;
  }

  #install(zone: Zone | undefined, { versions, record }: LoadedZone): void {
    const { registry, clock, isLive, restored } = this.#deps;
    for (const { made } of versions) this.#nextId = Math.max(this.#nextId, made.version.id + 1);
    if (zone === undefined || !isLive(zone)) {
      for (const { made, step } of versions) registry.release([...made.added, ...(step?.usage ?? [])]);
      return;
    }
    const { history } = zone;
    history.pin(record?.pinned);
    for (const { made, step, primarySerial, at } of versions) history.add(made, step, primarySerial, at);
    const { newest } = history;
    if (newest === undefined) return;
    const pinned = history.versions.find(({ handle }) => handle.id === record?.pinned);
    zone.isPinned = pinned !== undefined;
    zone.isDiverged = record?.isDiverged ?? false;
    zone.rejected = record?.rejected;
    const timers = readSoaTimers(readSoaRecord(newest.handle.soaRecord).rdata) as SoaTimers;
    // Without a record the process ended within seconds of the first version.
    const known = record ?? { lastContact: newest.at, expiresAt: newest.at + timers.expire * 1000 };
    zone.sync = restoredSync(clock.now(), timers, known);
    restored(zone, pinned ?? newest);
  }
}

/** What the store is to know of a zone besides its versions. */
export const recordOf = (zone: Zone): ZoneRecord => ({
  lastContact: zone.sync.lastContact,
  expiresAt: zone.sync.expiresAt,
  pinned: zone.isPinned ? zone.served?.handle.id : undefined,
  isDiverged: zone.isDiverged || zone.shadow !== undefined,
  rejected: zone.rejected,
});
