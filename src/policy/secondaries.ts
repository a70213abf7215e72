/**
 * Which of a zone's secondaries a client is: by where it comes from, and by its key and its certificate where the
 * secondary has such.
 */
import type { TransferFormat } from '../wire/transfer-format.ts';
import type { ClientCertificate } from './decision.ts';
import { type AddressBytes, isInPrefix, type Prefix, parsePrefix } from './prefix.ts';
import type { CertificateMatch } from './rule-config.ts';

/** As the configuration has it. */
export interface SecondaryLooks {
  readonly name: string;
  /** CIDR text. */
  readonly sources: readonly string[];
  /** Canonical names of keys. */
  readonly keys: readonly string[];
  readonly certificate: CertificateMatch | undefined;
}

/** What a secondary is given, and how. */
export interface SecondaryTerms {
  /** Places for its transfers that strangers never take, besides those that all share. */
  readonly reservedTransfers: number;
  /** Share of a bandwidth limit. */
  readonly weight: number;
  readonly format: TransferFormat;
  /** Without, no OPT is sent to it, whatever it asks. */
  readonly edns: boolean;
}

export const NO_TERMS: SecondaryTerms = { reservedTransfers: 0, weight: 1, format: 'compressed', edns: true };

export interface Client {
  readonly source: AddressBytes;
  readonly key: string | undefined;
  readonly certificate: ClientCertificate | undefined;
}

interface Looks {
  readonly sources: readonly Prefix[];
  readonly keys: ReadonlySet<string>;
  readonly certificate: CertificateMatch | undefined;
}

export class SecondaryMatcher {
  readonly #looks: ReadonlyMap<string, Looks>;

  constructor(secondaries: readonly SecondaryLooks[]) {
    this.#looks = new Map(
      secondaries.map(({ name, sources, keys, certificate }) => {
        const prefixes = sources.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
        return [name, { sources: prefixes, keys: new Set(keys), certificate }];
      }),
    );
  }

  /**
   * Of `names`. Several where they look alike, of which `check` warns. One that is known by its key or certificate goes
   * before those without.
   */
  match(names: readonly string[], client: Client): readonly string[] {
    if (names.length === 0) return names;
    const from = names.filter((name) => this.#fits(name, client));
    const proved = from.filter((name) => this.#isProved(name));
    return proved.length > 0 ? proved : from;
  }

  #isProved(name: string): boolean {
    const looks = this.#looks.get(name);
    return looks !== undefined && (looks.keys.size > 0 || looks.certificate !== undefined);
  }

  #fits(name: string, { source, key, certificate }: Client): boolean {
    const looks = this.#looks.get(name);
    if (looks === undefined || !looks.sources.some((prefix) => isInPrefix(source, prefix))) return false;
    if (looks.keys.size > 0 && (key === undefined || !looks.keys.has(key))) return false;
    return looks.certificate === undefined || hasLooks(looks.certificate, certificate);
  }
}

const hasLooks = ({ names, pins }: CertificateMatch, shown: ClientCertificate | undefined): boolean =>
  shown !== undefined &&
  (pins.length === 0 || pins.includes(shown.pin)) &&
  (names.length === 0 || names.some((name) => shown.names.includes(name)));
