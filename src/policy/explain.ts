/** Why a decision is what it is: the deciding rule, and what kept each rule before it from matching. */
import type { Decision, Facts } from './decision.ts';
import type { Policy } from './policy.ts';
import { matchesKey, matchesSource, matchesTransport, matchesType, matchesZone, type Rule } from './rule.ts';

export interface Explanation {
  readonly decision: Decision['kind'];
  /** `none` when no rule matched. */
  readonly rule: string;
  readonly passedOver: readonly { readonly rule: string; readonly because: readonly string[] }[];
}

export function explain(policy: Policy, facts: Facts): Explanation {
  const decision = policy.evaluate(facts);
  const before = decision.rule < 0 ? policy.rules : policy.rules.slice(0, decision.rule);
  return {
    decision: decision.kind,
    rule: policy.ruleName(decision.rule),
    passedOver: before.map((rule) => ({ rule: rule.name, because: mismatches(rule, facts) })),
  };
}

function mismatches(rule: Rule, facts: Facts): string[] {
  const because: string[] = [];
  if (!matchesSource(rule, facts.source)) because.push('source');
  if (!matchesTransport(rule, facts.transport)) because.push('transport');
  if (!matchesKey(rule, facts.key)) because.push('key');
  if (!matchesZone(rule, facts.zone)) because.push('zone');
  if (!matchesType(rule, facts.type)) because.push('type');
  return because;
}
