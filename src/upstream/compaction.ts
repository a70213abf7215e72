/**
 * Empties slabs of which little lives: frames die one by one as their zone changes, and a slab is free only when all of
 * it is dead.
 */
import type { Pool } from '../pool/pool.ts';
import { SLAB_SIZE } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { Zone } from './zone.ts';

/** Dead octets that are let be, whatever lives. */
const WASTE_LET_BE = SLAB_SIZE;
/** And in proportion to what lives. */
const WASTE_SHARE = 0.15;
/** A slab that is fuller is not worth the copying. */
const FULL_ENOUGH = 0.75;
/** Slabs emptied at once. */
const MOST_VICTIMS = 2;

export interface CompactionDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly zones: () => Iterable<Zone>;
  /** Does work on a zone when nothing else is done to it. */
  readonly inTurn: <T>(zone: Zone, work: () => Promise<T>) => Promise<T>;
  readonly isLive: (zone: Zone) => boolean;
  /** The versions of a zone lie elsewhere now. */
  readonly moved: (zone: Zone) => void;
}

export class Compaction {
  readonly #deps: CompactionDeps;
  #isRunning = false;
  runs = 0;

  constructor(deps: CompactionDeps) {
    this.#deps = deps;
  }

  /** Looks whether it is worth it, and begins if so. Cheap: called after every change. */
  look(): void {
    if (this.#isRunning) return;
    const victims = this.#victims();
    if (victims.length === 0) return;
    this.#isRunning = true;
    this.runs++;
    // It fails with the pool, as when the service ends: then everything stays where it is.
    const end = (): void => {
      this.#isRunning = false;
    };
    this.#run(victims).then(end, end);
  }

  #victims(): number[] {
    const { closed, liveOctets } = this.#deps.registry.closedSlabs();
    const waste = closed.length * SLAB_SIZE - liveOctets;
    if (waste <= WASTE_LET_BE + WASTE_SHARE * liveOctets) return [];
    return closed
      .filter(({ live }) => live < FULL_ENOUGH * SLAB_SIZE)
      .sort((a, b) => a.live - b.live)
      .slice(0, MOST_VICTIMS)
      .map(({ id }) => id);
  }

  async #run(victims: readonly number[]): Promise<void> {
    const { zones, inTurn, isLive } = this.#deps;
    const wanted = new Set(victims);
    const touched = [...zones()].filter((zone) => zone.history.usesSlab(wanted) || usesSlab(zone, wanted));
    for (const zone of touched) {
      await inTurn(zone, async () => {
        if (isLive(zone)) await this.#move(zone, victims);
      });
    }
  }

  async #move(zone: Zone, victims: readonly number[]): Promise<void> {
    const { pool, registry, moved, isLive } = this.#deps;
    const { history, shadow } = zone;
    const steps = history.steps;
    const versions = [...history.versions, ...(shadow === undefined ? [] : [shadow])].map(({ handle }) => handle);
    if (versions.length === 0) return;
    const result = await pool.relocate({ versions, steps, victims }, history.usage(shadow));
    if (!result.ok) return;
    if (!isLive(zone)) {
      registry.release([
        ...result.value.versions.flatMap(({ added }) => added),
        ...result.value.steps.flatMap(({ usage }) => usage),
      ]);
      return;
    }
    const servedId = zone.served?.handle.id;
    const aside = history.relocate(result.value, shadow);
    if (shadow !== undefined && aside !== undefined) zone.shadow = { ...shadow, ...aside };
    zone.served = history.versions.find(({ handle }) => handle.id === servedId);
    moved(zone);
  }
}

const usesSlab = ({ shadow }: Zone, slabs: ReadonlySet<number>): boolean =>
  shadow?.handle.usage.some(({ slab }) => slabs.has(slab)) ?? false;
