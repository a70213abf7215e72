import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../../src/policy/decision.ts';
import { explain } from '../../../src/policy/explain.ts';
import { Policy } from '../../../src/policy/policy.ts';
import { parseAddress } from '../../../src/policy/prefix.ts';
import type { RuleConfig } from '../../../src/policy/rule-config.ts';
import { rule } from '../../support/rules.ts';

interface Client {
  readonly source?: string;
  readonly transport?: Facts['transport'];
  readonly key?: string;
  readonly zone?: string;
  readonly type?: Facts['type'];
}

function factsOf({ source = '192.0.2.1', transport = 'tcp', key, zone = 'example.org', type = 'AXFR' }: Client): Facts {
  const address = parseAddress(source);
  assert.ok(address !== undefined);
  return { source: address, transport, key, zone, type };
}

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

test('the candidates are the rules that source and transport leave, in order', () => {
  const policy = new Policy([
    rule('a', { source: ['10.0.0.0/8'] }),
    rule('b', { key: ['k'] }),
    rule('c', { transport: ['tls'] }),
    rule('d', { zone: ['example.net'] }),
  ]);

  const candidates = policy.candidates(factsOf({}).source, 'tcp');

  assert.deepEqual(candidates, [1, 3]);
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
