/** Rules for tests: what is not said matches all and limits nothing. */
import type { PolicyUpdate } from '../../src/front/messages.ts';
import { newTallyTable } from '../../src/front/rule-tallies.ts';
import { newSignedTimes } from '../../src/policy/limits/last-signed.ts';
import { BY_SOURCE } from '../../src/policy/limits/limit-key.ts';
import type { Rate, RuleConfig, RuleLimits, RuleMatch } from '../../src/policy/rule-config.ts';

const ANY: RuleMatch = {
  source: undefined,
  transport: undefined,
  listener: undefined,
  key: undefined,
  sig0: undefined,
  certificate: undefined,
  zone: undefined,
  zoneGroup: undefined,
  type: undefined,
  time: undefined,
};

const UNLIMITED: RuleLimits = {
  rate: undefined,
  concurrent: undefined,
  queue: undefined,
  bandwidth: undefined,
  bytes: undefined,
  repeatAxfr: undefined,
  minProgress: undefined,
};

export const rule = (
  name: string,
  match: Partial<RuleMatch> = {},
  action: RuleConfig['action'] = 'allow',
  more: Partial<Pick<RuleConfig, 'shadow' | 'answer' | 'delay'>> & { readonly limits?: Partial<RuleLimits> } = {},
): RuleConfig => ({
  name,
  match: { ...ANY, ...match },
  action,
  shadow: false,
  answer: undefined,
  delay: undefined,
  ...more,
  limits: { ...UNLIMITED, ...more.limits },
});

/** A limit of so many requests, counted by source. */
export const atRate = (rate: Rate): { readonly limits: Partial<RuleLimits> } => ({
  limits: { rate: { ...rate, per: BY_SOURCE } },
});

/** Rules without anything around them, for three threads. */
export const policyUpdate = (
  rules: readonly RuleConfig[],
  more: Partial<Omit<PolicyUpdate, 'rules' | 'tallies'>> = {},
): PolicyUpdate => ({
  rules,
  tallies: newTallyTable(rules.length, 3),
  sets: new Map(),
  groups: new Map(),
  relays: new Map(),
  signedTimes: newSignedTimes([]),
  sig0Keys: [],
  secondaries: [],
  secondariesOf: new Map(),
  keys: new Map(),
  limits: {
    connections: 1000,
    connectionsPerSource: 1000,
    newConnectionsPerSource: { count: 1000, perMs: 1000 },
    handshakes: { count: 1000, perMs: 1000 },
    handshakesPerSource: { count: 1000, perMs: 1000 },
    resumedHandshakesPerSource: { count: 1000, perMs: 1000 },
    queriesPerConnection: 1000,
    queriesInFlight: 64,
    memoryPerConnection: 1_000_000,
    idleTimeoutMs: 1000,
    firstMessageTimeoutMs: 1000,
    messageTimeoutMs: 1000,
    concurrent: 1000,
  },
  notifyFrom: new Map(),
  padding: new Map(),
  ...more,
});
