/** What a front holds transfers to, apart from the rate of requests: places, bandwidth, octets, repetition. */
import type { Clock, Milliseconds } from '../base/clock.ts';
import { limitKey } from '../policy/limits/limit-key.ts';
import { type Answer, Quotas, type QuotaTables } from '../policy/limits/quota.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import { type CountTable, SharedCount } from '../policy/limits/shared-count.ts';
import { addressToText } from '../policy/prefix.ts';
import { EDE, RCODE } from '../wire/registry.ts';
import { buildAnswer } from './answer.ts';
import type { Counters } from './counters.ts';
import type { RefusalReason } from './messages.ts';
import type { AcceptedTransfer, Refusal, TransferFacts } from './outcome.ts';
import { type Paced, Pacer } from './pacer.ts';
import { Places } from './places.ts';
import type { PolicyState } from './policy-state.ts';

export interface TransferLimitParts {
  readonly clock: Clock;
  readonly counters: Counters;
  /** This front's row. */
  readonly row: number;
  readonly counts: CountTable;
  readonly rates: RateTable;
  readonly quotas: QuotaTables;
  /** The present one. */
  readonly policy: () => PolicyState;
}

/** A transfer that may not begin, and what its client is told. */
export interface TransferRefusal {
  readonly message: Uint8Array;
  readonly refusal: Refusal;
}

export class TransferLimits {
  readonly places: Places;
  readonly quotas: Quotas;
  readonly #pacer: Pacer;
  readonly #policy: () => PolicyState;
  readonly #counters: Counters;

  constructor({ clock, counters, row, counts, rates, quotas, policy }: TransferLimitParts) {
    this.places = new Places(new SharedCount(counts, row), clock, policy);
    this.quotas = new Quotas(quotas, rates);
    this.#pacer = new Pacer(rates, clock);
    this.#policy = policy;
    this.#counters = counters;
  }

  /** Places that all share. */
  get mostConcurrent(): number {
    return this.#policy().limits.concurrent;
  }

  /** Undefined where its rule has no bandwidth. */
  pace(transfer: TransferFacts, go: () => void): Paced | undefined {
    const { allowedBy, facts } = transfer;
    const { bandwidth } = allowedBy.config.limits;
    if (bandwidth === undefined) return undefined;
    const [secondary] = transfer.secondaries;
    return this.#pacer.begin({
      key: limitKey('bandwidth', allowedBy.name, bandwidth.per, facts),
      bytesPerSecond: bandwidth.bytesPerSecond,
      identity: secondary ?? transfer.identity ?? addressToText(facts.source),
      weight: secondary === undefined ? 1 : this.#policy().terms(secondary).weight,
      go,
    });
  }

  /** Charges what is about to be sent, or says why it may not be: RFC 9103 §6.3.3 wants SERVFAIL. */
  charge(transfer: AcceptedTransfer, answer: Answer, now: Milliseconds): TransferRefusal | undefined {
    const verdict = this.quotas.judge(transfer.allowedBy, transfer.facts, answer, now);
    switch (verdict.kind) {
      case 'allowed':
        return undefined;
      case 'bytes':
        return refuseTransfer(transfer, 'bytes', 'transfer volume limit reached');
      case 'repeat': {
        if (verdict.began) this.#counters.add('cool-downs');
        const until = new Date(verdict.until).toISOString().replace('.000Z', 'Z');
        return refuseTransfer(transfer, 'repeat', `this serial was delivered already; not again before ${until}`);
      }
    }
  }
}

export function refuseTransfer(transfer: AcceptedTransfer, why: RefusalReason, text: string): TransferRefusal {
  const { zone, type, identity, rule, secondaries, query, sign, manner } = transfer;
  const parts = { manner, rcode: RCODE.SERVFAIL, ede: { code: EDE.OTHER, text } };
  return { message: buildAnswer(query, parts, sign), refusal: { why, zone, type, identity, rule, secondaries } };
}
