/** What a transfer is held to once it is known what it would send: octets over a time, and repeated full transfers. */
import type { Bytes } from '../../base/bytes.ts';
import type { Milliseconds } from '../../base/clock.ts';
import type { Facts } from '../decision.ts';
import type { Rule } from '../rule.ts';
import { limitKey } from './limit-key.ts';
import { newVolumeTable, type RateTable, takeWithDebt } from './rate.ts';
import { newRepeatTable, RepeatBook, type RepeatTable } from './repeat.ts';

/** In memory that all fronts share. */
export interface QuotaTables {
  readonly volumes: RateTable;
  readonly repeats: RepeatTable;
}

export const newQuotaTables = (): QuotaTables => ({ volumes: newVolumeTable(), repeats: newRepeatTable() });

/** What is about to be sent. */
export interface Answer {
  readonly asked: 'AXFR' | 'IXFR';
  readonly sentAs: 'AXFR' | 'IXFR';
  readonly serial: number;
  readonly octets: number;
}

export type QuotaVerdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'repeat'; readonly until: Milliseconds; readonly began: boolean };

const ALLOWED: QuotaVerdict = { kind: 'allowed' };

export class Quotas {
  readonly #volumes: RateTable;
  readonly #repeats: RepeatBook;

  constructor(tables: QuotaTables, rates: RateTable) {
    this.#volumes = tables.volumes;
    this.#repeats = new RepeatBook(tables.repeats, rates);
  }

  /** Charges the answer in full where it is allowed. */
  judge({ name, config }: Rule, facts: Facts, answer: Answer, now: Milliseconds): QuotaVerdict {
    const { repeatAxfr, bytes } = config.limits;
    if (repeatAxfr !== undefined && answer.asked === 'AXFR') {
      const verdict = this.#repeats.judge(repeatKey(name, repeatAxfr, facts), repeatAxfr, answer.serial, now);
      if (verdict.kind === 'cooling') return { ...verdict, kind: 'repeat' };
    }
    if (bytes === undefined) return ALLOWED;
    const key = limitKey('bytes', name, bytes.per, facts);
    return takeWithDebt(this.#volumes, key, bytes, answer.octets, now) ? ALLOWED : { kind: 'bytes' };
  }

  /** Octets that were sent, or 0 before any are; false where too many have been. */
  takeOctets({ name, config }: Rule, facts: Facts, octets: number, now: Milliseconds): boolean {
    const { bytes } = config.limits;
    return (
      bytes === undefined || takeWithDebt(this.#volumes, limitKey('bytes', name, bytes.per, facts), bytes, octets, now)
    );
  }

  /** How a transfer that was allowed ended. */
  ended(
    { name, config }: Rule,
    facts: Facts,
    answer: Omit<Answer, 'octets'>,
    isDone: boolean,
    now: Milliseconds,
  ): void {
    const { repeatAxfr } = config.limits;
    if (repeatAxfr === undefined) return;
    const key = repeatKey(name, repeatAxfr, facts);
    if (isDone && answer.sentAs === 'AXFR') this.#repeats.delivered(key, answer.serial, now);
    else if (answer.asked === 'IXFR') this.#repeats.askedIxfr(key, now);
  }
}

/** Zones apart, whatever else is counted apart. */
const repeatKey = (rule: string, { per }: { readonly per: Parameters<typeof limitKey>[2] }, facts: Facts): Bytes =>
  Buffer.concat([limitKey('repeat', rule, per, facts), Buffer.from(`\0${facts.zone}`)]);
