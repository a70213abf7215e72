import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isInPrefix, maskAddress, type Prefix, parseAddress, parsePrefix } from '../../../src/policy/prefix.ts';
import { buildPrefixTable, containsAddress, findPrefix } from '../../../src/policy/prefix-table.ts';

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
};
const around = (texts: readonly string[], address: string): string[] => {
  const table = buildPrefixTable(texts.map(prefix));
  const octets = parseAddress(address);
  assert.ok(octets !== undefined);
  const found: string[] = [];
  for (let at = findPrefix(table, octets); at >= 0; at = table.outer[at] as number) found.push(texts[at] as string);
  return found;
};

const NESTED = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.0/24',
  '10.1.2.3',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  'ffff::/16',
];

const CASES: readonly [string, readonly string[]][] = [
  ['10.1.2.3', ['10.1.2.3', '10.1.2.0/24', '10.1.0.0/16', '10.0.0.0/8', '0.0.0.0/0', '::/0']],
  ['10.1.2.4', ['10.1.2.0/24', '10.1.0.0/16', '10.0.0.0/8', '0.0.0.0/0', '::/0']],
  ['10.255.255.255', ['10.0.0.0/8', '0.0.0.0/0', '::/0']],
  ['11.0.0.0', ['0.0.0.0/0', '::/0']],
  ['255.255.255.255', ['0.0.0.0/0', '::/0']],
  ['2001:db8::1', ['2001:db8::/32', '::/0']],
  ['::', ['::/0']],
  ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['ffff::/16', '::/0']],
];

for (const [address, expected] of CASES) {
  test(`around ${address} lie ${expected.join(', ')}`, () => {
    assert.deepEqual(around(NESTED, address), expected);
  });
}

test('of nothing nothing is found', () => {
  assert.deepEqual(around([], '192.0.2.1'), []);
  assert.deepEqual(around([], '::1'), []);
});

/** Few bits, so that prefixes meet: the last two octets vary, in either family. */
const octets = fc.tuple(fc.boolean(), fc.nat(3), fc.nat(255)).map(([isV4, upper, lower]) => {
  const address = new Uint8Array(16);
  if (isV4) address.set([0xff, 0xff], 10);
  address[14] = upper;
  address[15] = lower;
  return address;
});
const prefixes = fc.array(
  fc
    .tuple(octets, fc.integer({ min: 76, max: 128 }))
    .map(([address, bits]) => ({ address: maskAddress(address, bits), bits })),
  { maxLength: 30 },
);

test('what is found is the smallest prefix around an address, and the links lead through all others', () => {
  fc.assert(
    fc.property(prefixes, octets, (all, address) => {
      const table = buildPrefixTable(all);

      const found: number[] = [];
      for (let at = findPrefix(table, address); at >= 0; at = table.outer[at] as number) found.push(at);

      const expected = all.flatMap((one, i) => (isInPrefix(address, one) ? [i] : []));
      assert.deepEqual(
        [...found].sort((a, b) => a - b),
        expected,
      );
      const lengths = found.map((i) => (all[i] as Prefix).bits);
      assert.deepEqual(
        lengths,
        [...lengths].sort((a, b) => b - a),
      );
      assert.equal(containsAddress(table, address), expected.length > 0);
    }),
    { numRuns: 3000 },
  );
});
