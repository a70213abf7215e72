import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AddressBytes,
  addressToText,
  isInPrefix,
  maskAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../../src/policy/prefix.ts';

const address = (text: string): AddressBytes => {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
};
const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
};
const failureOf = (text: string): string => {
  const parsed = parsePrefix(text);
  assert.ok(!parsed.ok, text);
  return parsed.failure;
};

test('addresses are sixteen octets, IPv4 mapped', () => {
  const cases: [string, string][] = [
    ['192.0.2.1', '00000000000000000000ffffc0000201'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['2001:db8::1', '20010db8000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
  ];
  for (const [text, expected] of cases) assert.equal(Buffer.from(address(text)).toString('hex'), expected);
});

test('what is no address is none', () => {
  for (const text of ['', 'example.org', '192.0.2.256', '192.0.2.1/24', '2001:db8::g', '1.2.3.4.5', ':::']) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

test('addresses are printed in the family they came in', () => {
  assert.equal(addressToText(address('192.0.2.1')), '192.0.2.1');
  assert.equal(addressToText(address('2001:DB8:0:0::1')), '2001:db8::1');
});

const INSIDE: readonly [string, readonly string[], readonly string[]][] = [
  ['192.0.2.0/24', ['192.0.2.0', '192.0.2.255', '::ffff:192.0.2.9'], ['192.0.1.255', '192.0.3.0', '2001:db8::1']],
  ['192.0.2.7', ['192.0.2.7'], ['192.0.2.6', '192.0.2.8']],
  ['192.0.2.7/32', ['192.0.2.7'], ['192.0.2.6']],
  ['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127']],
  ['10.0.0.0/9', ['10.127.255.255'], ['10.128.0.0']],
  ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['::', '2001:db8::1']],
  ['::/0', ['::', 'ffff::', '192.0.2.1'], []],
  ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff::1'], ['2001:db9::', '192.0.2.1']],
  ['2001:db8::8/125', ['2001:db8::8', '2001:db8::f'], ['2001:db8::7', '2001:db8::10']],
  ['2001:db8::1/128', ['2001:db8::1'], ['2001:db8::']],
  ['::ffff:192.0.2.0/120', ['192.0.2.0', '192.0.2.255'], ['192.0.3.0']],
];

for (const [text, inside, outside] of INSIDE) {
  test(`${text} holds what it should and nothing else`, () => {
    for (const one of inside) assert.ok(isInPrefix(address(one), prefix(text)), one);
    for (const one of outside) assert.ok(!isInPrefix(address(one), prefix(text)), one);
  });
}

test('bits behind the prefix are refused, with what was meant', () => {
  assert.match(failureOf('192.0.2.1/24'), /did you mean 192\.0\.2\.0\/24\?/);
  assert.match(failureOf('2001:db8::1/64'), /did you mean 2001:db8::\/64\?/);
  assert.match(failureOf('192.0.2.1/0'), /did you mean/);
});

test('a prefix length is a number up to that of the family', () => {
  for (const text of ['192.0.2.0/33', '2001:db8::/129', '192.0.2.0/', '192.0.2.0/x', '192.0.2.0/-1', '192.0.2.0/1e1']) {
    assert.match(failureOf(text), /prefix length/, text);
  }
  for (const text of ['', '/24', '192.0.2.0/24/8', 'any', '192.0.2/24x']) assert.ok(failureOf(text).length > 0, text);
});

test('masking keeps the leading bits and no others', () => {
  const all = new Uint8Array(16).fill(0xff);
  for (let bits = 0; bits <= 128; bits++) {
    const masked = [...maskAddress(all, bits)].map((octet) => octet.toString(2).padStart(8, '0')).join('');

    assert.equal(masked, '1'.repeat(bits) + '0'.repeat(128 - bits));
  }
});
