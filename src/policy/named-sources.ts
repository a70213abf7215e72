/** Sources that the configuration names: secondaries, primaries, and networks that a rule lets in. */
import { type AddressBytes, isMapped, type Prefix, parsePrefix } from './prefix.ts';
import { buildPrefixTable, containsAddress, type PrefixTable } from './prefix-table.ts';
import type { Rule, Surroundings } from './rule.ts';

export class NamedSources {
  readonly #prefixes: PrefixTable;
  readonly #setNames: readonly string[];
  readonly #around: Surroundings;

  /** `others`: CIDR text. */
  constructor(rules: readonly Rule[], around: Surroundings, others: readonly string[]) {
    const opening = rules.filter(({ config }) => config.action === 'allow' && !config.shadow);
    const named = others.flatMap((text) => {
      const prefix = parsePrefix(text);
      return prefix.ok ? [prefix.value] : [];
    });
    const prefixes = [...named, ...opening.flatMap(({ source }) => source?.prefixes ?? [])];
    this.#prefixes = buildPrefixTable(prefixes.filter((prefix) => !isEverybody(prefix)));
    this.#setNames = [...new Set(opening.flatMap(({ source }) => source?.sets ?? []))];
    this.#around = around;
  }

  has(source: AddressBytes): boolean {
    if (containsAddress(this.#prefixes, source)) return true;
    return this.#setNames.some((name) => {
      const set = this.#around.sets.get(name);
      return set !== undefined && containsAddress(set, source);
    });
  }
}

/** `0.0.0.0/0` names nobody. */
const isEverybody = ({ address, bits }: Prefix): boolean => bits === 0 || (bits === 96 && isMapped(address));
