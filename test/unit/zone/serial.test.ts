import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSerials, isNewer, type SerialOrder } from '../../../src/zone/serial.ts';

const HALF = 0x8000_0000;
const MOST = 0xffff_ffff;

const TABLE: readonly [number, number, SerialOrder][] = [
  [0, 0, 'equal'],
  [MOST, MOST, 'equal'],
  [1, 0, 'newer'],
  [0, 1, 'older'],
  [44, 0, 'newer'],
  [HALF - 1, 0, 'newer'],
  [HALF, 0, 'undefined'],
  [0, HALF, 'undefined'],
  [HALF + 1, 0, 'older'],
  [MOST, 0, 'older'],
  [0, MOST, 'newer'],
  [100, 0xffff_ff00, 'newer'],
  [0xffff_ff00, 100, 'older'],
  [HALF, 1, 'newer'],
  [HALF + 1, 1, 'undefined'],
  [2024010203, 2024010202, 'newer'],
];

for (const [serial, reference, expected] of TABLE) {
  test(`serial ${serial} is ${expected} as seen from ${reference} (RFC 1982 section 3.2)`, () => {
    assert.equal(compareSerials(serial, reference), expected);
    assert.equal(isNewer(serial, reference), expected === 'newer');
  });
}
