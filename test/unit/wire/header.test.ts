import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gateHeader, type Header, opcodeFlags, readHeader, writeHeader } from '../../../src/wire/header.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { rawMessage, u16 } from '../../support/raw-messages.ts';

test('a header is read with its opcode and response code apart', () => {
  const octets = u16(0xabcd, 0xa585, 1, 2, 3, 4);

  const header = readHeader(octets);

  assert.deepEqual(header, {
    id: 0xabcd,
    flags: 0xa585,
    opcode: 4,
    rcode: 5,
    questions: 1,
    answers: 2,
    authorities: 3,
    additionals: 4,
  });
});

test('a header needs twelve octets, of the range given', () => {
  const octets = Buffer.concat([Buffer.of(9, 9), u16(1, 2, 3, 4, 5, 6)]);
  for (let length = 0; length < 12; length++) assert.equal(readHeader(octets.subarray(0, length)), undefined);

  assert.equal(readHeader(octets, 3, 14), undefined);
  assert.equal(readHeader(octets, 2, 14)?.id, 1);
  assert.equal(readHeader(octets, 2)?.additionals, 6);
});

test('a header is written as it is read', () => {
  const octets = writeHeader(new Writer(), 0xfffe, 0x8400 | opcodeFlags(4), {
    questions: 1,
    answers: 65_535,
    authorities: 3,
    additionals: 256,
  }).view();

  assert.deepEqual(Buffer.from(octets), u16(0xfffe, 0xa400, 1, 65_535, 3, 256));
});

test('counts not given are zero', () => {
  assert.deepEqual(Buffer.from(writeHeader(new Writer(1), 1, 2, {}).view()), u16(1, 2, 0, 0, 0, 0));
});

const QUERY = 0x0000;
const NOTIFY = 0x2000;
const UPDATE = 0x2800;
const GATE: readonly [string, number, readonly [number, number, number, number], ReturnType<typeof gateHeader>][] = [
  ['a query', QUERY, [1, 0, 0, 0], 'accept'],
  ['a query with OPT and TSIG', QUERY, [1, 0, 0, 2], 'accept'],
  ['an IXFR with OPT, TSIG and one more', QUERY, [1, 0, 1, 3], 'accept'],
  ['a query with flags of no concern', QUERY | 0x0730, [1, 0, 0, 0], 'accept'],
  ['a query without a question', QUERY, [0, 0, 0, 0], 'malformed'],
  ['a query with two questions', QUERY, [2, 0, 0, 0], 'malformed'],
  ['a query with an answer', QUERY, [1, 1, 0, 0], 'malformed'],
  ['a query with two authorities', QUERY, [1, 0, 2, 0], 'malformed'],
  ['a query with four additionals', QUERY, [1, 0, 0, 4], 'malformed'],
  ['a NOTIFY', NOTIFY, [1, 0, 0, 0], 'accept'],
  ['a NOTIFY with its SOA', NOTIFY, [1, 1, 0, 1], 'accept'],
  ['a NOTIFY with two answers', NOTIFY, [1, 2, 0, 0], 'malformed'],
  ['a NOTIFY without a question', NOTIFY, [0, 0, 0, 0], 'malformed'],
  ['an UPDATE, whatever it holds', UPDATE, [1, 7, 8, 9], 'accept'],
  ['another opcode without a question', 0x3000, [0, 0, 0, 0], 'accept'],
  ['another opcode with two questions', 0x3000, [2, 0, 0, 0], 'malformed'],
  ['a response', QUERY | 0x8000, [1, 0, 0, 0], 'drop'],
  ['a response that would be malformed as a query', 0x8000, [9, 9, 9, 9], 'drop'],
  ['a response to a NOTIFY', NOTIFY | 0x8000, [1, 0, 0, 0], 'drop'],
];

for (const [what, flags, counts, expected] of GATE) {
  test(`the header gate: ${what} is ${expected === 'accept' ? 'let in' : expected}`, () => {
    const header = readHeader(rawMessage({ flags, counts })) as Header;

    assert.equal(gateHeader(header), expected);
  });
}
