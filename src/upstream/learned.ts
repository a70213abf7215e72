/** What was found out about a primary's addresses: what they cannot do is not asked of them again for a while. */
import type { Milliseconds } from '../base/clock.ts';
import type { Address } from '../config/config.ts';

/** Software is updated: after so long it is tried again. */
const REMEMBERED_MS = 3_600_000;

export type Ability = 'ixfr' | 'edns';

export interface LearnedAddress {
  readonly address: string;
  readonly cannot: readonly Ability[];
}

export class Learned {
  /** By address, then what it cannot do, until when. */
  readonly #cannot = new Map<string, Map<Ability, Milliseconds>>();

  can(address: Address, ability: Ability, now: Milliseconds): boolean {
    return (this.#cannot.get(textOf(address))?.get(ability) ?? 0) <= now;
  }

  cannot(address: Address, ability: Ability, now: Milliseconds): void {
    const known = this.#cannot.get(textOf(address)) ?? new Map<Ability, Milliseconds>();
    this.#cannot.set(textOf(address), known.set(ability, now + REMEMBERED_MS));
  }

  of(addresses: readonly Address[], now: Milliseconds): LearnedAddress[] {
    return addresses.map((address) => ({
      address: textOf(address),
      cannot: (['ixfr', 'edns'] as const).filter((ability) => !this.can(address, ability, now)),
    }));
  }
}

const textOf = ({ host, port }: Address): string => `${host}#${port}`;
