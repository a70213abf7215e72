/** Why a decision is what it is: the deciding rule, and what kept each rule before it from deciding. */
import type { Decision, Facts } from './decision.ts';
import type { Policy } from './policy.ts';
import { ITEMS } from './rule.ts';

export interface Explanation {
  readonly decision: Decision['kind'];
  /** `none` when no rule matched. */
  readonly rule: string;
  /** Items of `match` that do not hold, in the words of the configuration; `shadow` where all do, in a shadow rule. */
  readonly passedOver: readonly { readonly rule: string; readonly because: readonly string[] }[];
}

/** As the configuration has them: who it is, what is asked, when. */
const ORDER = ['source', 'transport', 'listener', 'key', 'sig0', 'certificate', 'zone', 'zone-group', 'type', 'time'];
const IN_ORDER = ITEMS.toSorted(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));

export function explain(policy: Policy, facts: Facts): Explanation {
  const { kind, rule: deciding } = policy.evaluate(facts);
  const before = deciding < 0 ? policy.rules : policy.rules.slice(0, deciding);
  return {
    decision: kind,
    rule: policy.ruleName(deciding),
    passedOver: before.map((rule) => {
      const because = IN_ORDER.filter(([, holds]) => !holds(rule, facts, policy.around)).map(([name]) => name);
      return { rule: rule.name, because: because.length === 0 ? ['shadow'] : because };
    }),
  };
}
