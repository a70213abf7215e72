import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../../src/policy/decision.ts';
import { explain } from '../../../src/policy/explain.ts';
import { Policy } from '../../../src/policy/policy.ts';
import { parseAddress, parsePrefix } from '../../../src/policy/prefix.ts';
import { buildPrefixTable } from '../../../src/policy/prefix-table.ts';
import type { RuleConfig } from '../../../src/policy/rule-config.ts';
import { rule } from '../../support/rules.ts';

interface Client {
  readonly source?: string;
  readonly transport?: Facts['transport'];
  readonly key?: string;
  readonly zone?: string;
  readonly type?: Facts['type'];
  readonly certificate?: Facts['certificate'];
  readonly listener?: string;
  /** ISO text. */
  readonly at?: string;
}

function factsOf(client: Client): Facts {
  const { source = '192.0.2.1', transport = 'tcp', key, zone = 'example.org', type = 'AXFR', certificate } = client;
  const { listener = '127.0.0.1#53', at = '2026-11-21T12:00:00Z' } = client;
  const address = parseAddress(source);
  assert.ok(address !== undefined);
  return { source: address, transport, listener, certificate, key, sig0: undefined, zone, type, now: Date.parse(at) };
}

const SEC1 = { names: ['sec1.example.net', 'other.example'], pin: 'pin1' };
const sec1Only = rule('c', { certificate: { names: ['sec1.example.net'], pins: [] } });
const night = { days: [1, 2], from: 22 * 60, to: 6 * 60, zone: 'UTC' };

const TABLE: readonly [string, readonly RuleConfig[], Client, string, string][] = [
  ['no rules at all', [], {}, 'refuse', 'none'],
  ['a rule that matches all', [rule('all')], {}, 'allow', 'all'],
  ['a rule that matches all, for NOTIFY', [rule('all')], { type: 'NOTIFY' }, 'refuse', 'none'],
  ['a rule for NOTIFY', [rule('n', { type: ['NOTIFY'] })], { type: 'NOTIFY' }, 'allow', 'n'],
  ['a rule for NOTIFY, asked for AXFR', [rule('n', { type: ['NOTIFY'] })], {}, 'refuse', 'none'],
  ['the first of two that match', [rule('a', {}, 'refuse'), rule('b')], {}, 'refuse', 'a'],
  [
    'the second where the first does not match',
    [rule('a', { transport: ['tls'] }, 'refuse'), rule('b')],
    {},
    'allow',
    'b',
  ],
  ['a rule that drops', [rule('d', { source: ['192.0.2.0/24'] }, 'drop')], {}, 'drop', 'd'],
  ['a source in one of the prefixes', [rule('s', { source: ['10.0.0.0/8', '192.0.2.1'] })], {}, 'allow', 's'],
  ['a source in none', [rule('s', { source: ['10.0.0.0/8', '192.0.2.2'] })], {}, 'refuse', 'none'],
  ['an empty list of sources', [rule('s', { source: [] })], {}, 'refuse', 'none'],
  ['a transport of the list', [rule('t', { transport: ['tls', 'udp'] })], { transport: 'udp' }, 'allow', 't'],
  ['a transport not of the list', [rule('t', { transport: ['tls', 'udp'] })], {}, 'refuse', 'none'],
  ['a key of the list', [rule('k', { key: ['k1', 'k2'] })], { key: 'k2' }, 'allow', 'k'],
  ['another key', [rule('k', { key: ['k1'] })], { key: 'k2' }, 'refuse', 'none'],
  ['a key wanted and none there', [rule('k', { key: ['k1'] })], {}, 'refuse', 'none'],
  ['no key wanted and one there', [rule('k')], { key: 'k1' }, 'allow', 'k'],
  ['a zone by name', [rule('z', { zone: ['example.net', 'example.org'] })], {}, 'allow', 'z'],
  ['a zone below one by name', [rule('z', { zone: ['example.org'] })], { zone: 'sub.example.org' }, 'refuse', 'none'],
  ['a zone below a wildcard', [rule('z', { zone: ['*.example.org'] })], { zone: 'a.b.example.org' }, 'allow', 'z'],
  ['the apex of a wildcard', [rule('z', { zone: ['*.example.org'] })], {}, 'refuse', 'none'],
  [
    'a zone that only ends alike',
    [rule('z', { zone: ['*.example.org'] })],
    { zone: 'badexample.org' },
    'refuse',
    'none',
  ],
  ['a dot inside a label', [rule('z', { zone: ['*.example.org'] })], { zone: 'bad\\.example.org' }, 'refuse', 'none'],
  [
    'a backslash at the end of a label',
    [rule('z', { zone: ['*.example.org'] })],
    { zone: 'x\\\\.example.org' },
    'allow',
    'z',
  ],
  ['any zone', [rule('z', { zone: ['*'] })], { zone: '.' }, 'allow', 'z'],
  ['the root by name', [rule('z', { zone: ['.'] })], { zone: '.' }, 'allow', 'z'],
  ['a type of the list', [rule('y', { type: ['SOA', 'IXFR'] })], { type: 'IXFR' }, 'allow', 'y'],
  ['a type not of the list', [rule('y', { type: ['SOA', 'IXFR'] })], {}, 'refuse', 'none'],
  ['a certificate with the name', [sec1Only], { transport: 'tls', certificate: SEC1 }, 'allow', 'c'],
  [
    'a certificate without the name',
    [sec1Only],
    { transport: 'tls', certificate: { names: ['sec2.example.net'], pin: 'pin1' } },
    'refuse',
    'none',
  ],
  ['no certificate over TLS', [sec1Only], { transport: 'tls' }, 'refuse', 'none'],
  ['a certificate wanted, over TCP (NSD CVE-2026-12490)', [sec1Only], {}, 'refuse', 'none'],
  [
    'a certificate with the name and another pin',
    [rule('c', { certificate: { names: ['sec1.example.net'], pins: ['pin2'] } })],
    { transport: 'tls', certificate: SEC1 },
    'refuse',
    'none',
  ],
  [
    'the name of one rule and the source of another (nsd#489)',
    [
      rule('a', { source: ['10.0.0.0/8'], certificate: { names: ['sec1.example.net'], pins: [] } }),
      rule('b', { source: ['192.0.2.0/24'], certificate: { names: ['sec2.example.net'], pins: [] } }),
    ],
    { transport: 'tls', certificate: SEC1 },
    'refuse',
    'none',
  ],
  ['the listener', [rule('l', { listener: ['127.0.0.1#53'] })], {}, 'allow', 'l'],
  ['another listener', [rule('l', { listener: ['127.0.0.1#5300'] })], {}, 'refuse', 'none'],
  ['Monday night', [rule('w', { time: night })], { at: '2026-11-23T23:30:00Z' }, 'allow', 'w'],
  ['the morning after Tuesday', [rule('w', { time: night })], { at: '2026-11-25T05:59:00Z' }, 'allow', 'w'],
  ['its end', [rule('w', { time: night })], { at: '2026-11-25T06:00:00Z' }, 'refuse', 'none'],
  ['the morning of Monday', [rule('w', { time: night })], { at: '2026-11-23T05:00:00Z' }, 'refuse', 'none'],
  [
    'another clock, in summer',
    [rule('w', { time: { days: [], from: 8 * 60, to: 9 * 60, zone: 'Europe/Berlin' } })],
    { at: '2026-07-01T06:30:00Z' },
    'allow',
    'w',
  ],
  ['a rule in shadow', [rule('s', {}, 'refuse', { shadow: true }), rule('a')], {}, 'allow', 'a'],
  ['a rule that delays', [rule('d', {}, 'delay')], {}, 'delay', 'd'],
  [
    'every item of a rule, all of which hold',
    [rule('all', { source: ['2001:db8::/32'], transport: ['tls'], key: ['k'], zone: ['*'], type: ['SOA'] })],
    { source: '2001:db8::5', transport: 'tls', key: 'k', type: 'SOA' },
    'allow',
    'all',
  ],
];

for (const [what, rules, client, kind, name] of TABLE) {
  test(`${what}: ${kind} by ${name}`, () => {
    const policy = new Policy(rules);

    const decision = policy.evaluate(factsOf(client));

    assert.equal(decision.kind, kind);
    assert.equal(policy.ruleName(decision.rule), name);
  });
}

test('who could match no rule is a stranger, whatever he says', () => {
  const policy = new Policy([
    rule('a', { source: ['10.0.0.0/8'] }),
    rule('b', { source: ['192.0.2.0/24'], key: ['k'] }),
    rule('c', { transport: ['tls'] }),
    rule('d', { source: ['203.0.113.0/24'], certificate: { names: ['x'], pins: [] } }),
    rule('e', { source: ['198.51.100.0/24'] }, 'allow', { shadow: true }),
  ]);
  const known = (client: Client): [boolean, boolean] => {
    const { isKnown, isShadowed } = policy.view(factsOf(client));
    return [isKnown, isShadowed];
  };

  assert.deepEqual(known({ source: '192.0.2.1' }), [true, false]);
  assert.deepEqual(known({ source: '203.0.113.1' }), [false, false]);
  assert.deepEqual(known({ source: '203.0.113.1', transport: 'tls' }), [true, false]);
  assert.deepEqual(known({ source: '198.51.100.1' }), [false, true]);
});

test('a prefix set lets in whom it holds, and nobody before it is loaded', () => {
  const rules = [rule('s', { source: ['set:lab', '10.0.0.0/8'] })];
  const parsed = parsePrefix('192.0.2.0/24');
  assert.ok(parsed.ok);
  const sets = new Map([['lab', buildPrefixTable([parsed.value])]]);

  assert.equal(new Policy(rules).evaluate(factsOf({})).kind, 'refuse');
  assert.equal(new Policy(rules, { sets, groups: new Map() }).evaluate(factsOf({})).kind, 'allow');
  assert.equal(new Policy(rules).evaluate(factsOf({ source: '10.1.1.1' })).kind, 'allow');
});

test('groups of a catalog match, and rules in shadow are named', () => {
  const rules = [
    rule('strict', { zoneGroup: ['silver'] }, 'refuse', { shadow: true }),
    rule('gold', { zoneGroup: ['gold', 'platinum'] }),
  ];
  const policy = new Policy(rules, { sets: new Map(), groups: new Map([['example.org', ['silver', 'gold']]]) });

  assert.deepEqual(policy.evaluate(factsOf({})), { kind: 'allow', rule: 1, shadows: [0] });
  assert.equal(policy.evaluate(factsOf({ zone: 'example.net' })).kind, 'refuse');
  assert.deepEqual(explain(policy, factsOf({})).passedOver, [{ rule: 'strict', because: ['shadow'] }]);
});

test('a source that the configuration should not have let in is a defect', () => {
  assert.throws(() => new Policy([rule('a', { source: ['192.0.2.1/24'] })]), /rule a: 192\.0\.2\.1\/24/);
});

test('explain names the deciding rule, and what kept each one before it from matching', () => {
  const policy = new Policy([
    rule('elsewhere', { source: ['10.0.0.0/8'], transport: ['tls'] }, 'drop'),
    rule('signed', { key: ['k1'], zone: ['example.net'], type: ['SOA'] }),
    rule('mine', {}, 'refuse'),
    rule('after'),
  ]);

  const explanation = explain(policy, factsOf({}));

  assert.deepEqual(explanation, {
    decision: 'refuse',
    rule: 'mine',
    passedOver: [
      { rule: 'elsewhere', because: ['source', 'transport'] },
      { rule: 'signed', because: ['key', 'zone', 'type'] },
    ],
  });
});

test('explain lists every rule where none matched', () => {
  const explanation = explain(new Policy([rule('a', { key: ['k'] })]), factsOf({}));

  assert.deepEqual(explanation, { decision: 'refuse', rule: 'none', passedOver: [{ rule: 'a', because: ['key'] }] });
});
