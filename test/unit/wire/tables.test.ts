/** Writer, SOA numbers and the registries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rdataShape, SHAPE_BY_TYPE } from '../../../src/wire/rdata.ts';
import {
  CLASS,
  classFromText,
  classToText,
  RCODE,
  rcodeToText,
  TYPE,
  typeFromText,
  typeToText,
} from '../../../src/wire/registry.ts';
import { readSoaTimers } from '../../../src/wire/soa.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { labels, u32 } from '../../support/raw-messages.ts';

test('a writer grows from any size and keeps what it holds', () => {
  for (const capacity of [0, 1, 3, 64]) {
    const writer = new Writer(capacity)
      .uint8(0xff)
      .uint16(0xabcd)
      .uint32(0xfedcba98)
      .uint48(0xfedcba987654)
      .octets(Buffer.alloc(100, 7))
      .uint8(1);

    assert.equal(writer.length, 114);
    const expected = `ffabcdfedcba98fedcba987654${'07'.repeat(100)}01`;
    assert.equal(Buffer.from(writer.view()).toString('hex'), expected);
  }
});

test('a count can be written in afterwards', () => {
  const writer = new Writer().uint32(0).patchUint16(1, 0xabcd);

  assert.equal(Buffer.from(writer.view()).toString('hex'), '00abcd00');
});

test('the numbers of a SOA are read behind its names', () => {
  const numbers = [0xffff_ffff, 0x8000_0000, 1, 0, 300] as const;
  const rdata = Buffer.concat([Buffer.alloc(3, 0xee), labels('ns1'), labels('host', 'org'), u32(...numbers)]);

  const timers = readSoaTimers(rdata.subarray(3));

  assert.deepEqual(timers, { serial: 0xffff_ffff, refresh: 0x8000_0000, retry: 1, expire: 0, minimum: 300 });
});

test('a SOA has room for two names and its numbers, or none', () => {
  assert.equal(readSoaTimers(Buffer.alloc(21)), undefined);
  assert.equal(readSoaTimers(Buffer.alloc(22))?.serial, 0);
});

test('types, classes and response codes have names, others a number with a prefix', () => {
  for (const [name, code] of Object.entries(TYPE)) {
    assert.equal(typeToText(code), name);
    assert.equal(typeFromText(name.toLowerCase()), code);
    assert.equal(typeFromText(`type${code}`), code);
  }
  for (const [name, code] of Object.entries(CLASS)) {
    assert.equal(classToText(code), name);
    assert.equal(classFromText(name.toLowerCase()), code);
  }
  for (const [name, code] of Object.entries(RCODE)) assert.equal(rcodeToText(code), name);
  assert.equal(typeToText(65_280), 'TYPE65280');
  assert.equal(classToText(7), 'CLASS7');
  assert.equal(rcodeToText(23), 'RCODE23');
});

test('no two names stand for one number', () => {
  for (const table of [TYPE, CLASS, RCODE]) {
    const codes = Object.values(table);
    assert.equal(new Set(codes).size, codes.length);
  }
});

test('numbered types and classes are numbers of 16 bits and nothing else', () => {
  assert.equal(typeFromText('TYPE65535'), 65_535);
  assert.equal(classFromText('CLASS0'), 0);
  for (const text of ['TYPE65536', 'TYPE', 'TYPE-1', 'TYPE1x', 'TYPE 1', 'TYPE999999', 'NOSUCH', '', 'constructor']) {
    assert.equal(typeFromText(text), undefined, text);
  }
  assert.equal(classFromText('TYPE1'), undefined);
});

test('names are compressed in the types of RFC 1035 only, and folded where RFC 4034 says so', () => {
  const compressible = Object.values(TYPE).filter((type) => rdataShape(type)?.compressible);
  const verbatim = Object.values(TYPE).filter((type) => rdataShape(type)?.lowerCase === false);

  assert.deepEqual(
    compressible.sort((a, b) => a - b),
    [2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15],
  );
  assert.deepEqual(
    verbatim.sort((a, b) => a - b),
    [TYPE.NSEC, TYPE.SVCB, TYPE.HTTPS, TYPE.LP],
  );
});

test('the table for ingest says the same as the one for all', () => {
  for (let type = 0; type < 65_536; type++) assert.equal(SHAPE_BY_TYPE[type], rdataShape(type));
});
