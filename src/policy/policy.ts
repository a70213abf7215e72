/** The rules as a whole: deny by default, first match wins, and every decision names its rule (DESIGN.md section 7). */

import { type Decision, type Facts, NO_RULE } from './decision.ts';
import type { AddressBytes } from './prefix.ts';
import {
  compileRule,
  matchesKey,
  matchesSource,
  matchesTransport,
  matchesType,
  matchesZone,
  type Rule,
} from './rule.ts';
import type { RequestType, RuleConfig, Transport } from './rule-config.ts';

export class Policy {
  readonly rules: readonly Rule[];

  constructor(rules: readonly RuleConfig[]) {
    this.rules = rules.map(compileRule);
  }

  /**
   * The rules that a client from here could match, by their place in the list: asked once a connection, so that a
   * stranger is refused before any MAC is computed.
   */
  candidates(source: AddressBytes, transport: Transport): readonly number[] {
    const candidates: number[] = [];
    this.rules.forEach((rule, i) => {
      if (matchesTransport(rule, transport) && matchesSource(rule, source)) candidates.push(i);
    });
    return candidates;
  }

  /** Decides among the candidates of the client's source and transport. */
  decide(candidates: readonly number[], key: string | undefined, zone: string, type: RequestType): Decision {
    for (const i of candidates) {
      const rule = this.rules[i] as Rule;
      if (matchesType(rule, type) && matchesZone(rule, zone) && matchesKey(rule, key)) {
        return { kind: rule.action, rule: i };
      }
    }
    return { kind: 'refuse', rule: NO_RULE };
  }

  evaluate(facts: Facts): Decision {
    return this.decide(this.candidates(facts.source, facts.transport), facts.key, facts.zone, facts.type);
  }

  /** Name of a rule by its place; `none` when no rule matched. */
  ruleName(rule: number): string {
    return this.rules[rule]?.name ?? 'none';
  }
}
