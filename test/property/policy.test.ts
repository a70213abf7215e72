/** The compiled policy decides as a walk over the rules does that is written down without any cleverness. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Decision, Facts } from '../../src/policy/decision.ts';
import { explain } from '../../src/policy/explain.ts';
import { Policy } from '../../src/policy/policy.ts';
import { type Prefix, parseAddress, parsePrefix } from '../../src/policy/prefix.ts';
import { buildPrefixTable } from '../../src/policy/prefix-table.ts';
import type { Surroundings } from '../../src/policy/rule.ts';
import type { RuleConfig, TimeWindow } from '../../src/policy/rule-config.ts';
import { rule } from '../support/rules.ts';

const SOURCES = ['192.0.2.1', '192.0.2.200', '198.51.100.7', '2001:db8::1', '2001:db8:1::1', '::1'];
const PREFIXES = [
  '192.0.2.0/25',
  '192.0.2.0/24',
  '198.51.100.7',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '2001:db8:1::/48',
  'set:near',
  'set:far',
  'set:unknown',
];
const KEYS = ['k1', 'k2'];
const ZONES = ['example.org', 'sub.example.org', 'a.sub.example.org', 'example.net', '.'];
const PATTERNS = [...ZONES, '*', '*.example.org', '*.sub.example.org'];
const LISTENERS = ['0.0.0.0#53', '0.0.0.0#853'];
const NAMES = ['sec1.example.net', 'sec2.example.net'];
const PINS = ['pin1', 'pin2', 'pin3'];
const GROUPS = ['gold', 'silver'];
const SETS: Readonly<Record<string, readonly string[]>> = {
  near: ['192.0.2.0/24', '2001:db8::/32'],
  far: ['198.51.100.0/24', '198.51.100.7/32', '0.0.0.0/1'],
};
const ZONE_GROUPS: Readonly<Record<string, readonly string[]>> = { 'example.org': ['gold'], 'example.net': GROUPS };
const AROUND: Surroundings = {
  sets: new Map(Object.entries(SETS).map(([name, texts]) => [name, buildPrefixTable(texts.map(prefixOf))])),
  groups: new Map(Object.entries(ZONE_GROUPS)),
};
const minutes = fc.constantFrom(0, 1, 359, 360, 720, 1320, 1439);
const window = fc.record({
  days: fc.subarray([0, 1, 2, 3, 4, 5, 6]),
  from: minutes,
  to: minutes,
  zone: fc.constant('UTC'),
});
const TYPES = ['AXFR', 'IXFR', 'SOA', 'NOTIFY'] as const;
const TRANSPORTS = ['tcp', 'tls', 'udp'] as const;

const some = <T>(all: readonly T[]): fc.Arbitrary<T[] | undefined> =>
  fc.option(fc.subarray([...all]), { nil: undefined });
const rules = fc
  .array(
    fc.record({
      match: fc.record({
        source: some(PREFIXES),
        transport: some(TRANSPORTS),
        key: some(KEYS),
        zone: some(PATTERNS),
        type: some(TYPES),
        listener: some(LISTENERS),
        certificate: fc.option(fc.record({ names: fc.subarray(NAMES), pins: fc.subarray(PINS) }), { nil: undefined }),
        zoneGroup: some(GROUPS),
        time: fc.option(window, { nil: undefined }),
      }),
      shadow: fc.boolean(),
      action: fc.constantFrom('allow' as const, 'refuse' as const, 'drop' as const),
    }),
    { maxLength: 12 },
  )
  .map((all) => all.map(({ match, action, shadow }, i): RuleConfig => rule(`r${i}`, match, action, { shadow })));
const client = fc.record({
  source: fc.constantFrom(...SOURCES),
  transport: fc.constantFrom(...TRANSPORTS),
  key: fc.constantFrom(undefined, ...KEYS, 'k3'),
  zone: fc.constantFrom(...ZONES),
  type: fc.constantFrom(...TYPES),
  listener: fc.constantFrom(...LISTENERS),
  certificate: fc.option(fc.record({ names: fc.subarray(NAMES), pin: fc.constantFrom(...PINS) }), { nil: undefined }),
  now: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.getTime()),
});
type Client = typeof client extends fc.Arbitrary<infer T> ? T : never;

/** 128 binary digits. */
function digits(text: string): string {
  const octets = parseAddress(text);
  assert.ok(octets !== undefined);
  return [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  assert.ok(prefix.ok);
  return prefix.value;
}

function isInside(source: string, prefix: string): boolean {
  if (prefix.startsWith('set:')) return (SETS[prefix.slice(4)] ?? []).some((one) => isInside(source, one));
  const [base = '', length] = prefix.split('/');
  const isV4 = base.includes('.');
  const bits = length === undefined ? 128 : Number(length) + (isV4 ? 96 : 0);
  return digits(source).slice(0, bits) === digits(base).slice(0, bits);
}

function fits(pattern: string, zone: string): boolean {
  if (pattern === '*') return true;
  if (!pattern.startsWith('*.')) return pattern === zone;
  const below = zone.split('.');
  const above = pattern.slice(2).split('.');
  return below.length > above.length && above.every((label, i) => below[below.length - above.length + i] === label);
}

/** Minute by minute from when it begins: slow, and beyond doubt. */
function isOpen({ days, from, to }: TimeWindow, now: number): boolean {
  const length = from === to ? 1440 : (to - from + 1440) % 1440;
  for (let back = 0; back < length; back++) {
    const date = new Date(now - back * 60_000);
    if (date.getUTCHours() * 60 + date.getUTCMinutes() !== from) continue;
    if (days.length === 0 || days.includes(date.getUTCDay())) return true;
  }
  return false;
}

function holds({ match }: RuleConfig, facts: Client): boolean {
  const { certificate: wanted, zoneGroup } = match;
  const shown = facts.certificate;
  return (
    (match.source?.some((prefix) => isInside(facts.source, prefix)) ?? true) &&
    (match.transport?.includes(facts.transport) ?? true) &&
    (match.listener?.includes(facts.listener) ?? true) &&
    (match.key?.some((key) => key === facts.key) ?? true) &&
    (match.zone?.some((pattern) => fits(pattern, facts.zone)) ?? true) &&
    (match.type ?? ['AXFR', 'IXFR', 'SOA']).includes(facts.type) &&
    (wanted === undefined ||
      (shown !== undefined &&
        (wanted.names.length === 0 || wanted.names.some((name) => shown.names.includes(name))) &&
        (wanted.pins.length === 0 || wanted.pins.includes(shown.pin)))) &&
    (zoneGroup?.some((group) => ZONE_GROUPS[facts.zone]?.includes(group) ?? false) ?? true) &&
    (match.time === undefined || isOpen(match.time, facts.now))
  );
}

function walk(all: readonly RuleConfig[], facts: Client): Decision {
  const shadows: number[] = [];
  for (const [i, one] of all.entries()) {
    if (!holds(one, facts)) continue;
    if (!one.shadow) return { kind: one.action, rule: i, shadows };
    shadows.push(i);
  }
  return { kind: 'refuse', rule: -1, shadows };
}

const factsOf = (one: Client): Facts => {
  const source = parseAddress(one.source);
  assert.ok(source !== undefined);
  // A certificate is shown over TLS, and nowhere else.
  const certificate = one.transport === 'tls' ? one.certificate : undefined;
  return { ...one, source, certificate, sig0: undefined };
};
const seen = (one: Client): Client => (one.transport === 'tls' ? one : { ...one, certificate: undefined });

test('the compiled decision is that of the naive walk', () => {
  fc.assert(
    fc.property(rules, client, (all, one) => {
      const decision = new Policy(all, AROUND).evaluate(factsOf(one));

      assert.deepEqual(decision, walk(all, seen(one)));
    }),
    { numRuns: 2000 },
  );
});

test('whoever is no stranger to the rules is one to nobody before them', () => {
  fc.assert(
    fc.property(rules, client, (all, one) => {
      const policy = new Policy(all, AROUND);
      const facts = factsOf(one);

      const { isKnown, isShadowed } = policy.view(facts);
      const { rule: deciding, shadows } = policy.evaluate(facts);

      if (!isKnown) assert.equal(deciding, -1);
      if (!isKnown && !isShadowed) assert.deepEqual(shadows, []);
    }),
    { numRuns: 1000 },
  );
});

test('explain agrees with evaluate, and gives a reason for each rule passed over', () => {
  fc.assert(
    fc.property(rules, client, (all, one) => {
      const policy = new Policy(all, AROUND);
      const facts = factsOf(one);
      const decision = policy.evaluate(facts);

      const explanation = explain(policy, facts);

      assert.equal(explanation.decision, decision.kind);
      assert.equal(explanation.rule, policy.ruleName(decision.rule));
      assert.equal(explanation.passedOver.length, decision.rule < 0 ? all.length : decision.rule);
      explanation.passedOver.forEach(({ rule, because }, i) => {
        assert.equal(rule, `r${i}`);
        assert.ok(because.length > 0);
      });
    }),
    { numRuns: 500 },
  );
});
