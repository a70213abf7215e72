/**
 * Answers in the formats that single secondaries want: renders of a version, made when they are first asked for, shared by
 * all who want the same, and gone with the version. Those who ask get theirs whatever is served meanwhile.
 */
import type { Pool } from '../pool/pool.ts';
import type { CachedAnswer } from '../store/answer-cache.ts';
import type { TransferFormat } from '../wire/transfer-format.ts';
import type { IxfrStep } from '../xfr/ixfr-answer.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { VersionHandle } from '../zone/version.ts';
import type { IxfrAnswers } from './ixfr-answers.ts';
import type { Leases } from './leases.ts';
import type { Zone } from './zone.ts';

export interface RenderWish {
  /** Leased by who asks, until this is answered. */
  readonly version: VersionHandle;
  readonly slot: number;
  /** null: the whole zone. */
  readonly from: number | null;
  readonly format: TransferFormat;
}

interface Parts {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly leases: Leases;
  readonly answers: IxfrAnswers;
}

type Making = Promise<CachedAnswer | undefined>;

export class Renders {
  readonly #parts: Parts;
  /** Let go of, and still read: octets by zone and lease slot. */
  readonly #retired = new Map<Zone, Map<number, number>>();
  /** Of the version that is served. */
  readonly #kept = new Map<Zone, Map<string, Making>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Undefined where it could not be made. */
  async get(zone: Zone, wish: RenderWish): Making {
    // In what form is decided for all formats alike: by what it takes compressed.
    const isIxfr =
      wish.from !== null && isServed(zone, wish) && (await this.#parts.answers.get(zone, wish.from)) !== 'AXFR';
    const steps = isIxfr && isServed(zone, wish) ? zone.history.stepsFrom(wish.from as number) : undefined;
    if (!isServed(zone, wish)) {
      const made = this.#make(zone, wish, steps);
      this.#dropWhenTold(zone, made);
      return made;
    }
    const kept = this.#kept.get(zone) ?? new Map<string, Making>();
    this.#kept.set(zone, kept);
    const key = `${wish.format} ${steps === undefined ? 'zone' : wish.from}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = this.#make(zone, wish, steps);
    kept.set(key, made);
    if ((await made) === undefined) kept.delete(key);
    return made;
  }

  /** What only readers keep, as `History` has it for versions. */
  readOnly(zone: Zone): { readonly octets: number; readonly slots: readonly number[] } {
    const retired = this.#retired.get(zone) ?? NOTHING;
    let octets = 0;
    for (const each of retired.values()) octets += each;
    return { octets, slots: [...retired.keys()] };
  }

  /** Another version is served, or none. */
  forget(zone: Zone): void {
    for (const made of this.#kept.get(zone)?.values() ?? []) this.#dropWhenTold(zone, made);
    this.#kept.delete(zone);
  }

  async #make(zone: Zone, wish: RenderWish, steps: readonly IxfrStep[] | undefined): Making {
    const { pool, leases } = this.#parts;
    const { apex, frameSize } = zone.config;
    const options = { apex, frameSize, format: wish.format };
    const release = steps === undefined ? leases.hold(wish.slot) : zone.history.holdSteps(steps);
    try {
      const { version } = wish;
      const result = await (steps === undefined
        ? pool.renderZone({ version, options })
        : pool.render({ steps, options }));
      return result.ok ? { answer: result.value, slot: leases.take() } : undefined;
    } catch {
      return undefined;
    } finally {
      release();
    }
  }

  /** Who waits for it takes a lease in the turn in which it is there. */
  #dropWhenTold(zone: Zone, made: Making): void {
    void made.then((live) => {
      if (live === undefined) return;
      setImmediate(() => this.#retire(zone, live));
    });
  }

  #retire(zone: Zone, { slot, answer }: CachedAnswer): void {
    const { leases, registry } = this.#parts;
    const retired = this.#retired.get(zone) ?? new Map<number, number>();
    this.#retired.set(zone, retired.set(slot, answer.octets));
    leases.retire(slot, () => {
      retired.delete(slot);
      if (retired.size === 0) this.#retired.delete(zone);
      registry.release(answer.usage);
    });
  }
}

const isServed = (zone: Zone, { version }: RenderWish): boolean => zone.served?.handle.id === version.id;
const NOTHING: ReadonlyMap<number, number> = new Map();
