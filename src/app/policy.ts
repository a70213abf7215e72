/** What the fronts and the UDP side go by, put together from the configuration and from what changes without it. */
import type { Config } from '../config/config.ts';
import type { PolicyUpdate } from '../front/messages.ts';
import type { RelayTarget } from '../front/relay.ts';
import { TallyBook } from '../front/rule-tallies.ts';
import { readClientTls } from '../net/client-tls.ts';
import { newSignedTimes } from '../policy/limits/last-signed.ts';
import type { PrefixTable } from '../policy/prefix-table.ts';
import { DEFAULT_PADDING, type Padding } from '../wire/padding.ts';

type PolicyConfig = Pick<
  Config,
  'zones' | 'primaries' | 'certificates' | 'secondaries' | 'rules' | 'keys' | 'sig0Keys' | 'limits'
>;

export class PolicyMaker {
  readonly tallies: TallyBook;
  #signedTimes = newSignedTimes([]);

  /** `threads` that decide: the fronts and the UDP side. */
  constructor(threads: number) {
    this.tallies = new TallyBook(threads);
  }

  /** `zones` of the configuration: members of catalogs included. */
  make(config: PolicyConfig, sets: ReadonlyMap<string, PrefixTable>): PolicyUpdate {
    const { rules, keys, limits, secondaries, sig0Keys } = config;
    const checked = [...keys.values()].filter(({ isReplayChecked }) => isReplayChecked).map(({ name }) => name);
    this.#signedTimes = newSignedTimes(checked, this.#signedTimes);
    return {
      rules,
      keys,
      signedTimes: this.#signedTimes,
      sig0Keys: [...sig0Keys.values()],
      limits,
      sets,
      tallies: this.tallies.open(rules.map(({ name }) => name)),
      secondaries: [...secondaries.values()],
      relays: relayTargets(config),
      ...zoneFacts(config),
    };
  }
}

/** Files of `tls` are read here, as the fronts touch no disk. */
function relayTargets({ zones, primaries, certificates }: PolicyConfig): ReadonlyMap<string, RelayTarget> {
  const targets = new Map<string, RelayTarget>();
  for (const [name, { mode, relay, primary }] of zones) {
    const server = mode === 'relay' ? primaries.get(primary) : undefined;
    if (server?.kind !== 'server') continue;
    const { addresses, tls, sourceAddress, stallTimeoutMs, transferTimeoutMs } = server;
    targets.set(name, {
      primary,
      addresses,
      tls: tls && readClientTls(tls, certificates, tls.alpn === 'required'),
      sourceAddress,
      stallTimeoutMs,
      transferTimeoutMs,
      ...relay,
    });
  }
  return targets;
}

/** Lists that zones have in common are one object, so that 100,000 members of a catalog cost one list. */
function zoneFacts({
  zones,
  primaries,
}: PolicyConfig): Pick<PolicyUpdate, 'notifyFrom' | 'groups' | 'secondariesOf' | 'padding'> {
  const notifyFrom = new Map<string, readonly string[]>();
  const groups = new Map<string, readonly string[]>();
  const secondariesOf = new Map<string, readonly string[]>();
  const padding = new Map<string, Padding>();
  for (const [name, zone] of zones) {
    const primary = primaries.get(zone.primary);
    if (primary?.kind === 'server') notifyFrom.set(name, primary.notifyFrom);
    if (zone.groups.length > 0) groups.set(name, zone.groups);
    if (zone.padding !== DEFAULT_PADDING) padding.set(name, zone.padding);
    if (zone.secondaries.length > 0) secondariesOf.set(name, zone.secondaries);
  }
  return { notifyFrom, groups, secondariesOf, padding };
}
