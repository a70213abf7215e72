/** Rules for tests: what is not said matches all. */
import type { RuleConfig } from '../../src/policy/rule-config.ts';

export const rule = (
  name: string,
  match: Partial<RuleConfig['match']> = {},
  action: RuleConfig['action'] = 'allow',
  rate?: RuleConfig['limits']['rate'],
): RuleConfig => ({
  name,
  match: { source: undefined, transport: undefined, key: undefined, zone: undefined, type: undefined, ...match },
  action,
  limits: { rate },
});
