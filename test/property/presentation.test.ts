import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareNames } from '../../src/wire/name.ts';
import { rdataFromText, rdataFromTokens } from '../../src/wire/presentation/parse.ts';
import { rdataToText, recordToText } from '../../src/wire/presentation/print.ts';
import { tokensFromText } from '../../src/wire/presentation/scanner.ts';
import { presentableTypes } from '../../src/wire/presentation/types.ts';
import { TYPE, typeToText } from '../../src/wire/registry.ts';
import { type MasterFileOptions, parseMasterFile } from '../../src/zone/master-file.ts';

const ROOT = Uint8Array.of(0);

// Rdata from pieces that types are made of, so that valid rdata is common, and octets of any kind.
const octets = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const name = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 9 }), { maxLength: 4 })
  .map((labels) => Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...label])), ROOT]));
const string = octets(20).map((value) => Buffer.from([value.length, ...value]));
const window = fc
  .tuple(fc.nat(255), fc.uint8Array({ minLength: 1, maxLength: 32 }))
  .map(([number, bits]) => Buffer.from([number, bits.length, ...bits]));
const parameter = fc
  .tuple(fc.nat(9), fc.oneof(octets(6), string, fc.uint8Array({ minLength: 16, maxLength: 16 })))
  .map(([key, value]) => Buffer.from([0, key, 0, value.length, ...value]));
const piece = fc.oneof(name, string, window, parameter, octets(4), fc.uint8Array({ minLength: 2, maxLength: 2 }));
const anyRdata = fc.oneof(
  fc.array(piece, { maxLength: 6 }).map((pieces) => Buffer.concat(pieces)),
  octets(40),
);

const sized = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const some = fc.uint8Array({ minLength: 1, maxLength: 40 });
const withLength = (value: Uint8Array): Buffer => Buffer.from([value.length, ...value]);
const numbers = (max: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(fc.nat(max), { maxLength: 6 }).map((all) => all.sort((a, b) => a - b));
const u32 = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);

const bitmap = fc
  .tuple(numbers(255), sized(31), fc.integer({ min: 1, max: 255 }), fc.nat(31))
  .map(([windows, bits, last, length]) =>
    Buffer.concat(windows.map((window) => Buffer.from([window, length + 1, ...bits.subarray(0, length), last]))),
  );
const precision = fc.oneof(
  fc.constant(0),
  fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(9)).map(([digit, power]) => digit * 16 + power),
);
const angle = (degrees: number): fc.Arbitrary<Buffer> =>
  fc.integer({ min: -degrees * 3_600_000, max: degrees * 3_600_000 }).map((offset) => u32(0x8000_0000 + offset));
const location = fc
  .tuple(precision, precision, precision, angle(90), angle(180), sized(4))
  .map(([size, horizontal, vertical, ...rest]) =>
    Buffer.concat([Buffer.from([0, size, horizontal, vertical]), ...rest]),
  );
const prefix = fc
  .tuple(fc.boolean(), fc.nat(32), fc.uint8Array({ maxLength: 3 }), fc.integer({ min: 1, max: 255 }))
  .map(([isNegated, length, octets, last]) => {
    const part = octets.length === 0 ? [] : [...octets, last];
    return Buffer.from([0, 1 + (length & 1), length, part.length | (isNegated ? 0x80 : 0), ...part]);
  });
const SERVICE_VALUES: readonly fc.Arbitrary<Uint8Array>[] = [
  fc.constant(Buffer.from([0, 1])), // alpn, which is always there
  fc.array(some.map(withLength), { minLength: 1, maxLength: 3 }).map((all) => Buffer.concat(all)),
  fc.constant(Buffer.alloc(0)),
  sized(2),
  fc.oneof(sized(4), sized(8)),
  some,
  fc.oneof(sized(16), sized(32)),
  some,
  octets(20),
];
const parameters = fc.tuple(fc.subarray([0, 2, 3, 4, 5, 6, 7, 8]), fc.tuple(...SERVICE_VALUES)).map(([keys, values]) =>
  Buffer.concat(
    [...keys, 1]
      .sort((a, b) => a - b)
      .map((key) => {
        const value = values[key] as Uint8Array;
        return Buffer.from([0, key, 0, value.length, ...value]);
      }),
  ),
);
const gateway = fc.oneof(
  ...[fc.constant(Buffer.alloc(0)), sized(4), sized(16), name].map((form, type) =>
    fc
      .tuple(fc.nat(255), fc.nat(255), form)
      .map(([precedence, algorithm, octets]) => Buffer.from([precedence, type, algorithm, ...octets])),
  ),
);
const identity = fc
  .tuple(some, fc.nat(255), some)
  .map(([tag, algorithm, key]) => Buffer.from([tag.length, algorithm, 0, key.length, ...tag, ...key]));
const tag = fc.stringMatching(/^[0-9A-Za-z]{1,15}$/).map((text) => withLength(Buffer.from(text)));
const repeated = (what: fc.Arbitrary<Uint8Array>, minLength: number): fc.Arbitrary<Uint8Array> =>
  fc.array(what, { minLength, maxLength: 4 }).map((all) => Buffer.concat(all));
const filled = some.map(withLength);

/** Valid rdata, said apart from the table under test. */
const VALID: Readonly<Partial<Record<keyof typeof TYPE, readonly (number | fc.Arbitrary<Uint8Array>)[]>>> = {
  A: [4],
  NS: [name],
  MD: [name],
  MF: [name],
  CNAME: [name],
  SOA: [name, name, 20],
  MB: [name],
  MG: [name],
  MR: [name],
  PTR: [name],
  HINFO: [string, string],
  MINFO: [name, name],
  MX: [2, name],
  TXT: [repeated(string, 1)],
  RP: [name, name],
  AFSDB: [2, name],
  X25: [string],
  ISDN: [string, string],
  RT: [2, name],
  NSAP: [some],
  SIG: [18, name, some],
  KEY: [4, octets(20)],
  PX: [2, name, name],
  AAAA: [16],
  LOC: [location],
  SRV: [6, name],
  NAPTR: [4, string, string, string, name],
  KX: [2, name],
  CERT: [5, some],
  DNAME: [name],
  APL: [repeated(prefix, 0)],
  DS: [4, some],
  SSHFP: [2, some],
  IPSECKEY: [gateway, octets(20)],
  RRSIG: [18, name, some],
  NSEC: [name, bitmap],
  DNSKEY: [4, some],
  DHCID: [some],
  NSEC3: [4, string, filled, bitmap],
  NSEC3PARAM: [4, string],
  TLSA: [3, some],
  SMIMEA: [3, some],
  HIP: [identity, repeated(name, 0)],
  CDS: [4, some],
  CDNSKEY: [4, some],
  OPENPGPKEY: [some],
  CSYNC: [6, bitmap],
  ZONEMD: [6, some],
  SVCB: [2, name, parameters],
  HTTPS: [2, name, parameters],
  SPF: [repeated(string, 1)],
  NID: [10],
  L32: [6],
  L64: [10],
  LP: [2, name],
  EUI48: [6],
  EUI64: [8],
  URI: [4, octets(40)],
  CAA: [1, tag, octets(40)],
};

const validRdata = (type: number): fc.Arbitrary<Uint8Array> => {
  const parts = VALID[typeToText(type) as keyof typeof TYPE] ?? [octets(40)];
  const arbitraries = parts.map((part) => (typeof part === 'number' ? sized(part) : part));
  return fc.tuple(...arbitraries).map((all) => Buffer.concat(all));
};

const FALLBACK = /^\\# \d+/;

for (const type of presentableTypes()) {
  test(`${typeToText(type)}: valid rdata has a text of its own that reads back as the same octets`, () => {
    fc.assert(
      fc.property(validRdata(type), (rdata) => {
        const text = rdataToText(type, rdata);
        const read = rdataFromText(type, text, ROOT);

        assert.doesNotMatch(text, FALLBACK);
        assert.ok(read.ok, `${text}: ${read.ok ? '' : read.failure}`);
        assert.deepEqual(Buffer.from(read.value), Buffer.from(rdata));
      }),
      { numRuns: 150 },
    );
  });
}

test('octets of any kind, of any type, read back as the same; malformed ones stay refused', () => {
  const types = fc.constantFrom(...presentableTypes(), TYPE.NULL, TYPE.WKS, 65_280);
  fc.assert(
    fc.property(types, anyRdata, (type, rdata) => {
      const text = rdataToText(type, rdata);
      const read = rdataFromText(type, text, ROOT);

      if (!read.ok && presentableTypes().includes(type) && FALLBACK.test(text)) return;
      assert.ok(read.ok, `${text}: ${read.ok ? '' : read.failure}`);
      assert.deepEqual(Buffer.from(read.value), Buffer.from(rdata));
    }),
    { numRuns: 5000 },
  );
});

test('a printed record is read by the zone file parser as the same owner, type, TTL and rdata', () => {
  fc.assert(
    fc.property(
      name,
      fc.nat(0x7fff_ffff),
      fc.constantFrom(...presentableTypes()),
      octets(30),
      (owner, ttl, type, rdata) => {
        const text = recordToText(owner, ttl, 1, type, rdata);
        const seen: unknown[] = [];
        const failures = parse(Buffer.from(`${text}\n`), (...record) => seen.push(record.map(comparable)));

        if (failures.length > 0 && FALLBACK.test(text.slice(text.lastIndexOf('\t') + 1))) return;
        assert.deepEqual(failures, []);
        assert.deepEqual(seen, [[owner, type, ttl, rdata].map(comparable)]);
      },
    ),
    { numRuns: 500 },
  );
});

test('names keep their octets and case through text', () => {
  fc.assert(
    fc.property(name, (owner) => {
      const seen: Buffer[] = [];
      const failures = parse(Buffer.from(`${recordToText(owner, 0, 1, TYPE.A, Uint8Array.of(1, 2, 3, 4))}\n`), (read) =>
        seen.push(Buffer.from(read)),
      );

      assert.deepEqual(failures, []);
      assert.deepEqual(seen, [owner]);
      assert.equal(compareNames(seen[0] ?? ROOT, owner), 0);
    }),
  );
});

const word = fc.constantFrom(
  '$ORIGIN',
  '$TTL',
  '$INCLUDE',
  '$GENERATE',
  '1-3',
  '0-4294967295/65536',
  '@',
  '.',
  'a',
  'a.b.',
  '\\',
  '\\00',
  '\\#',
  '"',
  '"a b"',
  '(',
  ')',
  ';',
  '\n',
  '\r\n',
  '\r',
  '\t',
  ' ',
  'IN',
  'CH',
  'CLASS1',
  '3600',
  '1h',
  '99999999999',
  'A',
  'TXT',
  'SOA',
  'SVCB',
  'TYPE',
  'TYPE65536',
  '192.0.2.1',
  '$',
  '${',
  `\${0,3,d}`,
  `\${-5}`,
  'alpn="',
  '=',
  '4',
  'c0000201',
  '\ufeff',
  '\0',
);
const fileText = fc.oneof(
  fc.array(fc.oneof(word, fc.string({ maxLength: 3 })), { maxLength: 60 }).map((words) => Buffer.from(words.join(' '))),
  fc.array(word, { maxLength: 60 }).map((words) => Buffer.from(words.join(''))),
  octets(300),
);

test('the parser ends without throwing on any octets, and names a line that the file has', () => {
  fc.assert(
    fc.property(fileText, (text) => {
      const failures = parse(text, () => undefined);

      assert.ok(failures.length <= 100);
      const lines = text.filter((octet) => octet === 0x0a).length + 1;
      for (const failure of failures) assert.ok(failure.line >= 1 && failure.line <= lines);
    }),
    { numRuns: 2000 },
  );
});

test('rdata of every type is read from any words without throwing', () => {
  fc.assert(
    fc.property(fc.constantFrom(...presentableTypes()), fileText, (type, text) => {
      const tokens = tokensFromText(text);

      if (tokens.ok) rdataFromTokens(type, tokens.value, ROOT);
    }),
    { numRuns: 2000 },
  );
});

const comparable = (value: Uint8Array | number): string =>
  typeof value === 'number' ? String(value) : Buffer.from(value).toString('hex');

function parse(text: Uint8Array, onRecord: MasterFileOptions['onRecord']): ReturnType<typeof parseMasterFile> {
  return parseMasterFile({ file: 'f', text, origin: ROOT, onRecord, readInclude: () => 'no file' });
}
