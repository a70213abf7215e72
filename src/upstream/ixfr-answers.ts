/** Answers to IXFR over several steps, made when they are first asked for and shared by all who ask. */
import type { Pool } from '../pool/pool.ts';
import { type AnswerCache, type CachedAnswer, newAnswerCache } from '../store/answer-cache.ts';
import type { IxfrStep } from '../xfr/ixfr-answer.ts';
import type { TransferAnswer } from '../xfr/transfer-answer.ts';
import { FRAME_HEAD } from '../zone/packer.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { VersionHandle } from '../zone/version.ts';
import type { Leases } from './leases.ts';
import type { Zone } from './zone.ts';

/** Octets of answers that are kept besides those of single steps. */
const MOST_OCTETS = 64_000_000;

export type LiveAnswer = CachedAnswer;

interface Parts {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly leases: Leases;
}

export class IxfrAnswers {
  readonly #parts: Parts;
  readonly #answers: AnswerCache;
  readonly #keys = new Map<Zone, string[]>();
  readonly #making = new Map<string, Promise<LiveAnswer | 'AXFR'>>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#answers = newAnswerCache(MOST_OCTETS, ({ slot, answer }) =>
      parts.leases.retire(slot, () => parts.registry.release(answer.usage)),
    );
  }

  get stats(): { readonly answers: number; readonly octets: number } {
    return { answers: this.#answers.size, octets: this.#answers.calculatedSize };
  }

  /** What a client with `from` gets to have the version served; AXFR where that is shorter, or all there is. */
  get(zone: Zone, from: number): Promise<LiveAnswer | 'AXFR'> | LiveAnswer | 'AXFR' {
    const to = zone.served;
    const steps = to === undefined || to !== zone.history.newest ? undefined : zone.history.stepsFrom(from);
    if (to === undefined || steps === undefined) return 'AXFR';
    const own = steps.length === 1 ? to.step : undefined;
    if (own !== undefined) return isShorter(own.answer, to.handle) ? own : 'AXFR';
    // By zone, too: a zone that comes back from the store has ids that others may have been given meanwhile.
    const key = `${zone.name} ${to.handle.id} ${from}`;
    const known = this.#answers.get(key) ?? this.#making.get(key);
    if (known !== undefined) return known;
    const making = this.#make(zone, to.handle, key, steps);
    this.#making.set(key, making);
    return making;
  }

  /** A new version is served: what leads to the one before is asked for no more. */
  forget(zone: Zone): void {
    for (const key of this.#keys.get(zone) ?? []) this.#answers.delete(key);
    this.#keys.delete(zone);
  }

  async #make(zone: Zone, to: VersionHandle, key: string, steps: readonly IxfrStep[]): Promise<LiveAnswer | 'AXFR'> {
    const { pool, registry, leases } = this.#parts;
    const { apex, frameSize } = zone.config;
    const release = zone.history.holdSteps(steps);
    try {
      const result = await pool.render({ steps, options: { apex, frameSize } });
      if (!result.ok) return 'AXFR';
      const answer = result.value;
      // The cache takes no more than it holds, and gives nothing back of what it does not take.
      if (zone.served?.handle !== to || !isShorter(answer, to) || answer.octets > MOST_OCTETS) {
        registry.release(answer.usage);
        return 'AXFR';
      }
      const live = { answer, slot: leases.take() };
      this.#answers.set(key, live);
      this.#keys.set(zone, [...(this.#keys.get(zone) ?? []), key]);
      return live;
    } finally {
      release();
      this.#making.delete(key);
    }
  }
}

/** Than the whole zone with its two SOA records (RFC 1995 §4). */
export const isShorter = (answer: TransferAnswer, { octets, soaRecord }: VersionHandle): boolean =>
  answer.octets <= octets + 2 * (FRAME_HEAD + soaRecord.length);
