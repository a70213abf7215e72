/** Rules, keys and limits as a front uses them, replaced as a whole by a reload. */
import { LRUCache } from 'lru-cache';
import type { ConnectionLimits } from '../config/config.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import { Policy } from '../policy/policy.ts';
import { type Prefix, parsePrefix } from '../policy/prefix.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { PolicyUpdate } from './messages.ts';
import type { Peer } from './peer.ts';

/** Some 100 octets each. */
const REMEMBERED_SOURCES = 10_000;

export class PolicyState {
  readonly policy: Policy;
  readonly keys: ReadonlyMap<string, TsigKey>;
  readonly limits: ConnectionLimits;
  readonly notifyFrom: ReadonlyMap<string, readonly Prefix[]>;
  readonly rates: RateTable;
  /**
   * Rules that a source could match, by transport and address: a secondary opens a connection for each transfer, and
   * the walk over the rules is not to be repeated each time.
   */
  readonly #candidates = new LRUCache<string, readonly number[]>({ max: REMEMBERED_SOURCES });

  constructor(update: PolicyUpdate, rates: RateTable) {
    this.policy = new Policy(update.rules);
    this.keys = update.keys;
    this.limits = update.limits;
    this.rates = rates;
    this.notifyFrom = new Map(
      [...update.notifyFrom].map(([zone, texts]) => [
        zone,
        texts.flatMap((text) => {
          const prefix = parsePrefix(text);
          return prefix.ok ? [prefix.value] : [];
        }),
      ]),
    );
  }

  candidates(peer: Peer): readonly number[] {
    const key = `${peer.transport} ${peer.addressText}`;
    let candidates = this.#candidates.get(key);
    if (candidates === undefined) {
      candidates = this.policy.candidates(peer.address, peer.transport);
      this.#candidates.set(key, candidates);
    }
    return candidates;
  }
}
