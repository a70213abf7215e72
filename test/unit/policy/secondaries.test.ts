import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../src/policy/prefix.ts';
import { type Client, type SecondaryLooks, SecondaryMatcher } from '../../../src/policy/secondaries.ts';

const looks = (name: string, more: Partial<SecondaryLooks> = {}): SecondaryLooks => ({
  name,
  sources: ['192.0.2.7/32'],
  keys: [],
  certificate: undefined,
  ...more,
});

const matcher = new SecondaryMatcher([
  looks('plain'),
  looks('keyed', { keys: ['old-key', 'new-key'] }),
  looks('certified', { certificate: { names: ['sec.example'], pins: ['pin1'] } }),
  looks('network', { sources: ['2001:db8::/32', '198.51.100.0/24'] }),
]);
const ALL = ['plain', 'keyed', 'certified', 'network'];

function clientFrom(address: string, more: Partial<Client> = {}): Client {
  const source = parseAddress(address);
  assert.ok(source !== undefined);
  return { source, key: undefined, certificate: undefined, ...more };
}

const CASES: readonly [string, Client, readonly string[]][] = [
  ['by its address', clientFrom('192.0.2.7'), ['plain']],
  ['not by another', clientFrom('192.0.2.8'), []],
  ['by any of its keys', clientFrom('192.0.2.7', { key: 'new-key' }), ['keyed']],
  ['with another key by its address', clientFrom('192.0.2.7', { key: 'k' }), ['plain']],
  ['not by a key from elsewhere', clientFrom('203.0.113.1', { key: 'new-key' }), []],
  [
    'by its certificate',
    clientFrom('192.0.2.7', { certificate: { names: ['x', 'sec.example'], pin: 'pin1' } }),
    ['certified'],
  ],
  [
    'not by the name with another pin',
    clientFrom('192.0.2.7', { certificate: { names: ['sec.example'], pin: 'pin2' } }),
    ['plain'],
  ],
  ['by a network', clientFrom('2001:db8::9'), ['network']],
];

for (const [how, client, expected] of CASES) {
  test(`a client is known ${how}`, () => {
    assert.deepEqual(matcher.match(ALL, client), expected);
  });
}

test('only the secondaries of the zone come into question', () => {
  assert.deepEqual(matcher.match(['network'], clientFrom('192.0.2.7')), []);
});
