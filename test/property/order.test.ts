/** Orders: of serials, of names, and of the octets that stand for names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareNames, nameFromText, nameToText } from '../../src/wire/name.ts';
import { compareRanges, countLabels, MAX_OWNER_KEY, shortestFence, writeOwnerKey } from '../../src/zone/order.ts';
import { compareSerials } from '../../src/zone/serial.ts';
import { compareOwners } from '../support/message-decoder.ts';
import { labels } from '../support/raw-messages.ts';

// Few octets, the ones at the edges of what the key escapes, so that labels are each other's beginnings.
const octet = fc.oneof(fc.constantFrom(0, 1, 2, 0x40, 0x41, 0x5a, 0x5b, 0x61, 0x7a, 0xff), fc.nat(255));
const label = fc.array(octet, { minLength: 1, maxLength: 5 }).map((octets) => Buffer.from(octets));
const name = fc.array(label, { maxLength: 5 }).map((parts) => labels(...parts));
const longName = fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 127 }).map((parts) => {
  let length = 1;
  return labels(
    ...parts.filter((part) => {
      const fits = length + 1 + part.length <= 255;
      if (fits) length += 1 + part.length;
      return fits;
    }),
  );
});
const serial = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff));

const keyOf = (owner: Buffer, apexLabels = 0): Buffer => {
  const out = new Uint8Array(MAX_OWNER_KEY);
  return Buffer.from(out.subarray(0, writeOwnerKey(owner, 0, apexLabels, out)));
};

test('serial comparison is antisymmetric, and moves with both serials', () => {
  const opposite = { newer: 'older', older: 'newer', equal: 'equal', undefined: 'undefined' } as const;
  fc.assert(
    fc.property(serial, serial, serial, (a, b, step) => {
      const order = compareSerials(a, b);

      assert.equal(compareSerials(b, a), opposite[order]);
      assert.equal(compareSerials((a + step) >>> 0, (b + step) >>> 0), order);
    }),
  );
});

test('compareNames is a total order, the one of RFC 4034', () => {
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      const order = Math.sign(compareNames(a, b));

      assert.equal(order, Math.sign(compareOwners(a, b)));
      assert.equal(Math.sign(compareNames(b, a)), 0 - order);
      if (order <= 0 && compareNames(b, c) <= 0) assert.ok(compareNames(a, c) <= 0);
    }),
    { numRuns: 500 },
  );
});

test('keys of owners compare with memcmp as the names do', () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      const [left, right] = [keyOf(a), keyOf(b)];

      const order = compareRanges(left, 0, left.length, right, 0, right.length);

      assert.equal(Math.sign(order), Math.sign(compareOwners(a, b)));
      assert.equal(Math.sign(order), Buffer.compare(left, right));
    }),
    { numRuns: 1000 },
  );
});

test('no key of an owner begins with that of another, and the longest has room', () => {
  fc.assert(
    fc.property(name, longName, (a, b) => {
      const [left, right] = [keyOf(a), keyOf(b)];

      assert.ok(right.length <= MAX_OWNER_KEY);
      if (compareOwners(a, b) !== 0) assert.ok(!left.subarray(0, right.length).equals(right));
    }),
    { numRuns: 500 },
  );
  assert.ok(keyOf(labels(...Array.from({ length: 127 }, () => Buffer.of(0)))).length <= MAX_OWNER_KEY);
  assert.ok(keyOf(labels(...[63, 63, 63, 61].map((length) => Buffer.alloc(length, 1)))).length <= MAX_OWNER_KEY);
});

test('leaving out the apex changes no order', () => {
  fc.assert(
    fc.property(name, name, fc.array(label, { maxLength: 3 }), (a, b, tail) => {
      const apex = labels(...tail);
      const [left, right] = [a, b].map((one) => Buffer.concat([one.subarray(0, -1), apex])) as [Buffer, Buffer];
      const count = countLabels(apex);

      assert.equal(count, tail.length);
      const order = Buffer.compare(keyOf(left, count), keyOf(right, count));
      assert.equal(order, Math.sign(compareOwners(left, right)));
    }),
    { numRuns: 300 },
  );
});

test('a fence lies between two keys: above the one before, not above the one after', () => {
  const key = fc.array(fc.constantFrom(0, 1, 2, 255), { maxLength: 8 }).map((octets) => Buffer.from(octets));
  fc.assert(
    fc.property(key, key, (a, b) => {
      fc.pre(Buffer.compare(a, b) !== 0);
      const [before, after] = Buffer.compare(a, b) < 0 ? [a, b] : [b, a];

      const fence = Buffer.from(shortestFence(before, after));

      assert.ok(Buffer.compare(before, fence) < 0);
      assert.ok(Buffer.compare(fence, after) <= 0);
      assert.ok(fence.length === 0 || Buffer.compare(fence.subarray(0, -1), before) <= 0, 'it could be shorter');
    }),
    { numRuns: 500 },
  );
});

test('any name is the same after its text', () => {
  fc.assert(
    fc.property(fc.oneof(name, longName), (one) => {
      const read = nameFromText(nameToText(one));

      assert.ok(read.ok);
      assert.deepEqual(Buffer.from(read.value), one);
    }),
    { numRuns: 300 },
  );
});

test('any text is a name of 255 octets at most, or not', () => {
  const character = fc.constantFrom('a', 'Z', '.', '.', '\\', '0', '2', '5', 'ä', '\u0000', 'x'.repeat(40));
  fc.assert(
    fc.property(fc.array(character, { maxLength: 30 }), name, (characters, origin) => {
      const read = nameFromText(characters.join(''), origin);

      if (!read.ok) return;
      assert.ok(read.value.length <= 255);
      const again = nameFromText(nameToText(read.value));
      assert.ok(again.ok);
      assert.deepEqual(again.value, read.value);
    }),
    { numRuns: 500 },
  );
});
