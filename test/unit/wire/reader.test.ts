import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader } from '../../../src/wire/reader.ts';
import { labels } from '../../support/raw-messages.ts';

const ALL_OCTETS = Array.from({ length: 256 }, (_, octet) => octet);

test('numbers are read big-endian, one after the other', () => {
  const reader = new Reader(Buffer.from('7fabcdfedcba98fedcba987654aabb', 'hex'));

  const numbers = [reader.uint8(), reader.uint16(), reader.uint32(), reader.uint48()];

  assert.deepEqual(numbers, [0x7f, 0xabcd, 0xfedcba98, 0xfedcba987654]);
  assert.equal(reader.offset, 13);
  assert.equal(reader.remaining, 2);
  assert.deepEqual(Buffer.from(reader.octets(2)), Buffer.of(0xaa, 0xbb));
  assert.equal(reader.remaining, 0);
  assert.equal(reader.failure, undefined);
});

test('a read past the end fails at its place and gives nothing but zeros from then on', () => {
  for (const [read, length] of [
    [(reader: Reader) => reader.uint8(), 0],
    [(reader: Reader) => reader.uint16(), 1],
    [(reader: Reader) => reader.uint32(), 3],
    [(reader: Reader) => reader.uint48(), 5],
  ] as const) {
    const reader = new Reader(Buffer.alloc(2 + length, 0xff));
    reader.skip(2);

    const value = read(reader);

    assert.equal(value, 0);
    assert.deepEqual(reader.failure, { code: 'TRUNCATED', offset: 2 });
    assert.equal(reader.remaining, 0);
    assert.deepEqual([reader.uint8(), reader.uint16(), reader.uint32(), reader.uint48()], [0, 0, 0, 0]);
    assert.equal(reader.octets(0).length, 0);
    assert.deepEqual(Buffer.from(reader.name()), Buffer.of(0));
    assert.equal(reader.offset, 2);
  }
});

test('the first failure stays, whoever finds another', () => {
  const reader = new Reader(Buffer.of(1));
  reader.uint16();

  const failure = reader.fail('BAD_RDATA');

  assert.deepEqual(failure, { code: 'TRUNCATED', offset: 0 });
});

test('a failure found by the caller ends the reading, too', () => {
  const reader = new Reader(Buffer.of(1, 2, 3));
  reader.uint8();
  reader.fail('BAD_OPT');

  const value = reader.uint8();

  assert.equal(value, 0);
  assert.deepEqual(reader.failure, { code: 'BAD_OPT', offset: 1 });
});

test('offsets and pointers count from the message, not from the buffer', () => {
  const bytes = Buffer.concat([Buffer.alloc(5, 0xee), labels('org'), Buffer.of(0xc0, 0), Buffer.of(0xee)]);
  const reader = new Reader(bytes, 5, bytes.length - 1);
  reader.skip(5);

  const name = reader.name();

  assert.deepEqual(Buffer.from(name), labels('org'));
  assert.equal(reader.offset, 7);
  assert.equal(reader.remaining, 0);
});

test('a name may be a label and a pointer to a label and a pointer, and so on', () => {
  const bytes = Buffer.concat([
    labels('org'), // 0
    Buffer.from([7, ...Buffer.from('example'), 0xc0, 0]), // 5
    Buffer.from([3, ...Buffer.from('www'), 0xc0, 5]), // 15
    Buffer.from([0xc0, 15, 0xaa]), // 21
  ]);
  const reader = new Reader(bytes);
  reader.skip(21);

  const name = reader.name();

  assert.deepEqual(Buffer.from(name), labels('www', 'example', 'org'));
  assert.equal(reader.uint8(), 0xaa);
});

test('a pointer must lead strictly backwards', () => {
  const cases: [string, Buffer, number][] = [
    ['itself', Buffer.of(0xc0, 0), 0],
    ['forward', Buffer.of(0xc0, 2, 0), 0],
    ['the beginning of its own labels', Buffer.of(1, 0x61, 0xc0, 0), 0],
    ['the middle of its own labels', Buffer.of(2, 1, 0x61, 0xc0, 1), 0],
    ['each other', Buffer.of(0xc0, 2, 0xc0, 0), 2],
    ['the same place twice', Buffer.of(1, 0x61, 0xc0, 0, 0xc0, 0), 4],
  ];
  for (const [what, bytes, start] of cases) {
    const reader = new Reader(bytes);
    reader.skip(start);

    const name = reader.name();

    assert.equal(reader.failure?.code, 'BAD_POINTER', what);
    assert.deepEqual(Buffer.from(name), Buffer.of(0), what);
  }
});

test('a name has 255 octets at most, however it is put together', () => {
  const rest = labels(Buffer.alloc(63, 0x61), Buffer.alloc(63, 0x62), Buffer.alloc(63, 0x63));
  const whole = (last: number): Buffer => Buffer.concat([Buffer.of(last), Buffer.alloc(last, 0x64), rest]);
  const pointing = (last: number): Buffer =>
    Buffer.concat([rest, Buffer.of(last), Buffer.alloc(last, 0x64), Buffer.of(0xc0, 0)]);
  for (const [bytes, start] of [
    [whole, 0],
    [pointing, rest.length],
  ] as const) {
    const fits = new Reader(bytes(61));
    fits.skip(start);
    const exceeds = new Reader(bytes(62));
    exceeds.skip(start);

    const name = fits.name();
    exceeds.name();

    assert.equal(name.length, 255);
    assert.deepEqual(Buffer.from(name), whole(61));
    assert.equal(exceeds.failure?.code, 'NAME_TOO_LONG');
  }
});

test('a name may have 127 labels, and no more fit', () => {
  const most = labels(...Array.from({ length: 127 }, () => 'a'));
  const tooMany = labels(...Array.from({ length: 128 }, () => 'a'));
  const reader = new Reader(tooMany);

  const name = new Reader(most).name();
  reader.name();

  assert.deepEqual(Buffer.from(name), most);
  assert.equal(reader.failure?.code, 'NAME_TOO_LONG');
});

test('a label has 63 octets at most: length octets from 64 to 191 mean nothing', () => {
  const longest = labels(Buffer.alloc(63, 0x61));
  for (const octet of ALL_OCTETS.slice(64, 192)) {
    const reader = new Reader(Buffer.concat([Buffer.of(octet), Buffer.alloc(300)]));

    reader.name();

    assert.deepEqual(reader.failure, { code: 'BAD_LABEL', offset: 0 });
  }
  assert.deepEqual(Buffer.from(new Reader(longest).name()), longest);
});

test('labels hold any octet, and case stays', () => {
  for (const octet of ALL_OCTETS) {
    const bytes = labels(Buffer.of(octet, octet), 'Org');

    const name = new Reader(bytes).name();

    assert.deepEqual(Buffer.from(name), bytes);
  }
});

test('a name cut anywhere is truncated', () => {
  const bytes = Buffer.concat([labels('org'), Buffer.from([3, ...Buffer.from('www'), 0xc0, 0])]);
  for (let length = 5; length < bytes.length; length++) {
    const reader = new Reader(bytes, 0, length);
    reader.skip(5);

    reader.name();

    assert.equal(reader.failure?.code, 'TRUNCATED', `cut at ${length}`);
  }
});

test('a name is a copy, octets are a view', () => {
  const bytes = Buffer.concat([labels('org'), Buffer.of(1, 2)]);
  const reader = new Reader(bytes);
  const name = reader.name();
  const view = reader.octets(2);

  bytes.fill(9);

  assert.deepEqual(Buffer.from(name), labels('org'));
  assert.deepEqual(Buffer.from(view), Buffer.of(9, 9));
});
