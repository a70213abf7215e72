/** Rules, keys and limits as a front uses them, replaced as a whole by a reload. */
import { LRUCache } from 'lru-cache';
import type { ConnectionLimits } from '../config/config.ts';
import type { SignedTimes } from '../policy/limits/last-signed.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import { NamedSources } from '../policy/named-sources.ts';
import { type OriginView, Policy } from '../policy/policy.ts';
import { type AddressBytes, type Prefix, parsePrefix } from '../policy/prefix.ts';
import { NO_TERMS, SecondaryMatcher, type SecondaryTerms } from '../policy/secondaries.ts';
import { Sig0Keys } from '../sig0/verify.ts';
import type { TsigKey } from '../tsig/key.ts';
import { DEFAULT_PADDING, type Padding } from '../wire/padding.ts';
import type { PolicyUpdate } from './messages.ts';
import type { Peer } from './peer.ts';
import type { RelayTarget } from './relay.ts';
import { RuleTallies } from './rule-tallies.ts';

/** Some 100 octets each. */
const REMEMBERED_ORIGINS = 10_000;

export class PolicyState {
  readonly policy: Policy;
  readonly keys: ReadonlyMap<string, TsigKey>;
  readonly signedTimes: SignedTimes;
  readonly sig0Keys: Sig0Keys;
  readonly limits: ConnectionLimits;
  readonly notifyFrom: ReadonlyMap<string, readonly Prefix[]>;
  readonly rates: RateTable;
  readonly tallies: RuleTallies;
  /** Zones that are relayed, by `zoneLabel`. */
  readonly relays: ReadonlyMap<string, RelayTarget>;
  /** There are secondaries that are to get no OPT. */
  readonly hasPlainSecondaries: boolean;
  readonly #padding: ReadonlyMap<string, Padding>;
  readonly #update: PolicyUpdate;
  #named: NamedSources | undefined;
  readonly #secondaries: SecondaryMatcher;
  readonly #terms: ReadonlyMap<string, SecondaryTerms>;
  readonly #secondariesOf: ReadonlyMap<string, readonly string[]>;
  /**
   * Which rules could match, by where a request comes from: a secondary opens a connection for each transfer, and the
   * search is not to be repeated each time.
   */
  readonly #views = new LRUCache<string, OriginView>({ max: REMEMBERED_ORIGINS });

  /** `row`: of this thread, in the tallies. */
  constructor(update: PolicyUpdate, rates: RateTable, row: number) {
    this.#update = update;
    this.policy = new Policy(update.rules, { sets: update.sets, groups: update.groups });
    this.keys = update.keys;
    this.signedTimes = update.signedTimes;
    this.sig0Keys = new Sig0Keys(update.sig0Keys);
    this.limits = update.limits;
    this.rates = rates;
    this.relays = update.relays;
    this.tallies = new RuleTallies(update.tallies, row);
    this.#padding = update.padding;
    this.#secondaries = new SecondaryMatcher(update.secondaries);
    this.#terms = new Map(update.secondaries.map((secondary) => [secondary.name, { ...NO_TERMS, ...secondary }]));
    this.hasPlainSecondaries = update.secondaries.some(({ edns }) => edns === false);
    this.#secondariesOf = update.secondariesOf;
    // Zones of one primary share its list: of 100,000 members of a catalog it is parsed once (1.2 s less).
    const parsed = new Map<readonly string[], readonly Prefix[]>();
    const prefixes = (texts: readonly string[]): readonly Prefix[] => {
      const known = parsed.get(texts) ?? texts.flatMap((text) => prefixOf(text));
      parsed.set(texts, known);
      return known;
    };
    this.notifyFrom = new Map(Array.from(update.notifyFrom, ([zone, texts]) => [zone, prefixes(texts)]));
  }

  view(peer: Peer): OriginView {
    const id = `${peer.transport} ${peer.listener} ${peer.addressText}`;
    let view = this.#views.get(id);
    if (view === undefined) {
      view = this.policy.view({ source: peer.address, transport: peer.transport, listener: peer.listener });
      this.#views.set(id, view);
    }
    return view;
  }

  /** How answers over TLS about the zone are padded. */
  paddingOf(zone: string): Padding {
    return this.#padding.get(zone) ?? DEFAULT_PADDING;
  }

  /** Whether the configuration names the source: a secondary, a primary, a network that a rule lets in. */
  isNamed(source: AddressBytes): boolean {
    this.#named ??= this.#nameSources();
    return this.#named.has(source);
  }

  /** Not before it is needed: most of the time there is room for strangers, too. */
  #nameSources(): NamedSources {
    const { secondaries, notifyFrom } = this.#update;
    const primaries = [...new Set(notifyFrom.values())].flat();
    return new NamedSources(this.policy.rules, this.policy.around, [
      ...secondaries.flatMap(({ sources }) => sources),
      ...primaries,
    ]);
  }

  terms(secondary: string): SecondaryTerms {
    return this.#terms.get(secondary) ?? NO_TERMS;
  }

  /** Of a client that looks like these; like the first where it looks like several. */
  termsOf([first]: readonly string[]): SecondaryTerms {
    return first === undefined ? NO_TERMS : this.terms(first);
  }

  /** Names of the zone's secondaries that the client looks like. */
  secondaries(zone: string, { address: source, certificate }: Peer, key: string | undefined): readonly string[] {
    return this.#secondaries.match(this.#secondariesOf.get(zone) ?? NOBODY, { source, key, certificate });
  }
}

const NOBODY: readonly string[] = [];

function prefixOf(text: string): Prefix[] {
  const prefix = parsePrefix(text);
  return prefix.ok ? [prefix.value] : [];
}
