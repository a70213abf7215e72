import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HandshakeCharge, HandshakeLimit } from '../../../src/policy/limits/handshakes.ts';
import { newRateTable } from '../../../src/policy/limits/rate.ts';
import { type AddressBytes, parseAddress } from '../../../src/policy/prefix.ts';

const NOW = 1_700_000_000_000;
const RATES = { full: { count: 2, perMs: 1000 }, resumed: { count: 10, perMs: 1000 } };
const address = (text: string): AddressBytes => parseAddress(text) as AddressBytes;
const CLIENT = address('192.0.2.1');

/** What comes of handshakes in a row, full (F) or resumed (R): `.` let in, `x` ended when it was done, `-` never begun. */
function outcomes(kinds: string, source = CLIENT, limit = new HandshakeLimit(newRateTable())): string {
  return Array.from(kinds, (kind) => {
    const charge: HandshakeCharge | undefined = limit.begin(source, RATES, NOW);
    if (charge === undefined) return '-';
    return limit.end(source, charge, kind === 'R', RATES, NOW) ? '.' : 'x';
  }).join('');
}

const rows: readonly (readonly [string, string, string])[] = [
  ['FF', '..', 'full ones up to their rate'],
  ['RRRRRRRRRRR', '..........x', 'resumed ones up to theirs, and no full one is used up by them'],
  ['RRRRRRRRRRF', '...........', 'a full one after all the resumed ones'],
  ['FFRRRRRRRRRRR', '............-', 'resumed ones when there is no token for full ones left'],
  ['FFFRRRRRR', '..x....--', 'a full one more costs five resumed ones besides its own: 500 a second are 100'],
];

for (const [kinds, expected, what] of rows) {
  test(`handshakes: ${what}`, () => {
    assert.equal(outcomes(kinds), expected);
  });
}

test('sources of one IPv6 /56 share their handshakes, IPv4 addresses do not', () => {
  const limit = new HandshakeLimit(newRateTable());
  assert.equal(outcomes('FF', address('2001:db8::1'), limit), '..');
  assert.equal(outcomes('F', address('2001:db8:0:ff::9'), limit), 'x');
  assert.equal(outcomes('FF', address('2001:db8:0:100::1'), limit), '..');
  assert.equal(outcomes('FF', address('192.0.2.2'), limit), '..');
  assert.equal(outcomes('FF', address('192.0.2.3'), limit), '..');
});

test('strangers have a number of handshakes together, and get back what a resumed one did not cost', () => {
  const limit = new HandshakeLimit(newRateTable());
  const begin = (): boolean => limit.beginStranger(RATES.full, NOW);
  assert.deepEqual([begin(), begin(), begin()], [true, true, false]);
  limit.resumeStranger(RATES.full, NOW);
  assert.deepEqual([begin(), begin()], [true, false]);
});
