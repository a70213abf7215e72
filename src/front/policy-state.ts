/** Rules, keys and limits as a front uses them, replaced as a whole by a reload. */
import type { ConnectionLimits } from '../config/config.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import { Policy } from '../policy/policy.ts';
import { type Prefix, parsePrefix } from '../policy/prefix.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { PolicyUpdate } from './messages.ts';
import type { Peer } from './peer.ts';

export class PolicyState {
  readonly policy: Policy;
  readonly keys: ReadonlyMap<string, TsigKey>;
  readonly limits: ConnectionLimits;
  readonly notifyFrom: ReadonlyMap<string, readonly Prefix[]>;
  readonly rates: RateTable;
  /** Rules a peer could match; a peer object lives as long as its connection. */
  readonly #candidates = new WeakMap<Peer, readonly number[]>();

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
    let candidates = this.#candidates.get(peer);
    if (candidates === undefined) {
      candidates = this.policy.candidates(peer.address, peer.transport);
      this.#candidates.set(peer, candidates);
    }
    return candidates;
  }
}
