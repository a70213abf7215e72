/** The compiled policy decides as a walk over the rules does that is written down without any cleverness. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Facts } from '../../src/policy/decision.ts';
import { explain } from '../../src/policy/explain.ts';
import { Policy } from '../../src/policy/policy.ts';
import { parseAddress } from '../../src/policy/prefix.ts';
import type { RuleConfig } from '../../src/policy/rule-config.ts';

const SOURCES = ['192.0.2.1', '192.0.2.200', '198.51.100.7', '2001:db8::1', '2001:db8:1::1', '::1'];
const PREFIXES = [
  '192.0.2.0/25',
  '192.0.2.0/24',
  '198.51.100.7',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '2001:db8:1::/48',
];
const KEYS = ['k1', 'k2'];
const ZONES = ['example.org', 'sub.example.org', 'a.sub.example.org', 'example.net', '.'];
const PATTERNS = [...ZONES, '*', '*.example.org', '*.sub.example.org'];
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
      }),
      action: fc.constantFrom('allow' as const, 'refuse' as const, 'drop' as const),
    }),
    { maxLength: 6 },
  )
  .map((all) => all.map((one, i): RuleConfig => ({ ...one, name: `r${i}`, limits: { rate: undefined } })));
const client = fc.record({
  source: fc.constantFrom(...SOURCES),
  transport: fc.constantFrom(...TRANSPORTS),
  key: fc.constantFrom(undefined, ...KEYS, 'k3'),
  zone: fc.constantFrom(...ZONES),
  type: fc.constantFrom(...TYPES),
});
type Client = typeof client extends fc.Arbitrary<infer T> ? T : never;

/** 128 binary digits. */
function digits(text: string): string {
  const octets = parseAddress(text);
  assert.ok(octets !== undefined);
  return [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
}

function isInside(source: string, prefix: string): boolean {
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

function walk(all: readonly RuleConfig[], facts: Client): { kind: string; rule: number } {
  for (const [i, { match, action }] of all.entries()) {
    if (match.source !== undefined && !match.source.some((prefix) => isInside(facts.source, prefix))) continue;
    if (match.transport !== undefined && !match.transport.includes(facts.transport)) continue;
    if (match.key !== undefined && !match.key.some((key) => key === facts.key)) continue;
    if (match.zone !== undefined && !match.zone.some((pattern) => fits(pattern, facts.zone))) continue;
    if (!(match.type ?? ['AXFR', 'IXFR', 'SOA']).includes(facts.type)) continue;
    return { kind: action, rule: i };
  }
  return { kind: 'refuse', rule: -1 };
}

const factsOf = (one: Client): Facts => ({ ...one, source: parseAddress(one.source) as Facts['source'] });

test('the compiled decision is that of the naive walk', () => {
  fc.assert(
    fc.property(rules, client, (all, one) => {
      const decision = new Policy(all).evaluate(factsOf(one));

      assert.deepEqual(decision, walk(all, one));
    }),
    { numRuns: 2000 },
  );
});

test('explain agrees with evaluate, and gives a reason for each rule passed over', () => {
  fc.assert(
    fc.property(rules, client, (all, one) => {
      const policy = new Policy(all);
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
