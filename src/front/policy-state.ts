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
    // Zones of one primary share its list: of 100,000 members of a catalog it is parsed once (1.2 s less).
    const parsed = new Map<readonly string[], readonly Prefix[]>();
    const prefixes = (texts: readonly string[]): readonly Prefix[] => {
      const known = parsed.get(texts) ?? texts.flatMap((text) => prefixOf(text));
      parsed.set(texts, known);
      return known;
    };
    this.notifyFrom = new Map(Array.from(update.notifyFrom, ([zone, texts]) => [zone, prefixes(texts)]));
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

function prefixOf(text: string): Prefix[] {
  const prefix = parsePrefix(text);
  return prefix.ok ? [prefix.value] : [];
}
