/** Which of a zone's secondaries a client is: by its address, and by its key where the secondary has keys. */
import type { Config } from '../config/config.ts';
import { isInPrefix, type Prefix, parseAddress, parsePrefix } from '../policy/prefix.ts';

/** What a client did, as the events of the fronts have it. */
export interface ClientDeed {
  readonly zone: string;
  /** Address text and port. */
  readonly client: string;
  /** TSIG key. */
  readonly identity: string | null;
}

interface Looks {
  readonly sources: readonly Prefix[];
  readonly keys: ReadonlySet<string>;
}

export class SecondaryMatcher {
  readonly #zones: Config['zones'];
  readonly #looks: ReadonlyMap<string, Looks>;

  constructor({ secondaries, zones }: Pick<Config, 'secondaries' | 'zones'>) {
    this.#zones = zones;
    this.#looks = new Map(
      Array.from(secondaries.values(), ({ name, sources, keys }) => {
        const prefixes = sources.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
        return [name, { sources: prefixes, keys: new Set(keys) }];
      }),
    );
  }

  /** Several where they look alike, of which `check` warns. One that is known by its key goes before those without. */
  match({ zone, client, identity }: ClientDeed): readonly string[] {
    const names = this.#zones.get(zone)?.secondaries ?? [];
    const address = names.length === 0 ? undefined : parseAddress(client.slice(0, client.lastIndexOf('#')));
    if (address === undefined) return [];
    const from = names.filter((name) => this.#looks.get(name)?.sources.some((prefix) => isInPrefix(address, prefix)));
    const keyed = from.filter((name) => identity !== null && this.#looks.get(name)?.keys.has(identity) === true);
    return keyed.length > 0 ? keyed : from.filter((name) => this.#looks.get(name)?.keys.size === 0);
  }
}
