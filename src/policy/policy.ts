/** The rules as a whole: deny by default, first match wins, and every decision names its rule (DESIGN.md section 7). */
import { type Decision, type Facts, NO_RULE, type Origin } from './decision.ts';
import { compileRule, couldMatch, matches, type Rule, type Surroundings } from './rule.ts';
import type { RuleConfig } from './rule-config.ts';
import { RuleIndex, walk } from './rule-index.ts';

/** What is known of all requests from one place: asked once a connection. */
export interface OriginView {
  /** Lists of places of rules that together hold every rule that matches the source. */
  readonly lists: readonly (readonly number[])[];
  /** Otherwise a stranger, who is refused before any MAC is computed. */
  readonly isKnown: boolean;
  /** Rules in shadow could match: what they would do is found out, and changes nothing. */
  readonly isShadowed: boolean;
}

const NOBODY: readonly number[] = [];
const NOWHERE: Surroundings = { sets: new Map(), groups: new Map() };

export class Policy {
  readonly rules: readonly Rule[];
  readonly around: Surroundings;
  readonly #index: RuleIndex;

  constructor(rules: readonly RuleConfig[], around: Surroundings = NOWHERE) {
    this.rules = rules.map(compileRule);
    this.around = around;
    this.#index = new RuleIndex(this.rules);
  }

  view(origin: Origin): OriginView {
    const lists = this.#index.ofSource(origin.source, this.around);
    let isKnown = false;
    let isShadowed = false;
    walk(lists, (place) => {
      const rule = this.rules[place] as Rule;
      if (!couldMatch(rule, origin)) return false;
      if (rule.config.shadow) isShadowed = true;
      else isKnown = true;
      return isKnown;
    });
    return { lists, isKnown, isShadowed };
  }

  /** `view`: of the request's origin. */
  decide(view: OriginView, facts: Facts): Decision {
    let deciding = NO_RULE;
    let shadows = NOBODY;
    walk(this.#index.candidates(view.lists, facts), (place) => {
      const rule = this.rules[place] as Rule;
      if (!matches(rule, facts, this.around)) return false;
      if (rule.config.shadow) {
        shadows = [...shadows, place];
        return false;
      }
      deciding = place;
      return true;
    });
    return { kind: this.rules[deciding]?.config.action ?? 'refuse', rule: deciding, shadows };
  }

  evaluate(facts: Facts): Decision {
    return this.decide(this.view(facts), facts);
  }

  /** Name of a rule by its place; `none` when no rule matched. */
  ruleName(rule: number): string {
    return this.rules[rule]?.name ?? 'none';
  }
}
