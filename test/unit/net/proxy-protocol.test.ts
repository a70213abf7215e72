import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readProxyHeader } from '../../../src/net/proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const V4 = 'c0000201c63364070035d431';
const V6 = `${'20010db8000000000000000000000001'.repeat(2)}14e90355`;
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const rows: readonly (readonly [string, string, object])[] = [
  ['a client over IPv4', `${SIGNATURE}2111000c${V4}`, { kind: 'proxy', address: '192.0.2.1', port: 53 }],
  ['a client over IPv6', `${SIGNATURE}21210024${V6}`, { kind: 'proxy', address: '2001:db8::1', port: 5353 }],
  ['TLVs behind the addresses', `${SIGNATURE}21110010${V4}04000100`, { kind: 'proxy', address: '192.0.2.1', port: 53 }],
  [
    'octets of the client behind it',
    `${SIGNATURE}2111000c${V4}160301`,
    { kind: 'proxy', address: '192.0.2.1', port: 53 },
  ],
  ['the balancer itself', `${SIGNATURE}20000000`, { kind: 'local' }],
  ['the balancer itself, with addresses that do not count', `${SIGNATURE}2011000c${V4}`, { kind: 'local' }],
  ['a client without an address', `${SIGNATURE}21000000`, { kind: 'bad' }],
  ['a client over UDP', `${SIGNATURE}2112000c${V4}`, { kind: 'bad' }],
  ['addresses that are cut', `${SIGNATURE}2111000b${V4}`, { kind: 'bad' }],
  ['an unknown command', `${SIGNATURE}2211000c${V4}`, { kind: 'bad' }],
  ['version 1', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.7 53 5353\r\n').toString('hex'), { kind: 'bad' }],
  ['more than 536 octets', `${SIGNATURE}21110209${V4}`, { kind: 'bad' }],
  ['536 octets that have not come yet', `${SIGNATURE}21110208${V4}`, { kind: 'more', octets: 536 }],
];

for (const [what, octets, expected] of rows) {
  test(`a PROXY header: ${what}`, () => {
    assert.deepEqual(readProxyHeader(hex(octets)), expected);
  });
}

test('cut anywhere it wants more, and never more than there is in all', () => {
  const whole = hex(`${SIGNATURE}21210024${V6}`);
  for (let length = 1; length < whole.length; length++) {
    const reading = readProxyHeader(whole.subarray(0, length));
    assert.ok(reading.kind === 'more' && reading.octets > length && reading.octets <= whole.length, `${length}`);
  }
});

test('no octets make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (octets, isSigned) => {
      readProxyHeader(isSigned ? Buffer.concat([hex(SIGNATURE), octets]) : octets);
    }),
  );
});
