import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareNames,
  equalNames,
  lowerName,
  nameFromText,
  nameKey,
  nameToText,
  zoneLabel,
} from '../../../src/wire/name.ts';
import { labels } from '../../support/raw-messages.ts';

const text = (source: string, origin?: Uint8Array): Buffer => {
  const result = nameFromText(source, origin);
  assert.ok(result.ok, source);
  return Buffer.from(result.value);
};
const failureOf = (source: string, origin?: Uint8Array): string | undefined => {
  const result = nameFromText(source, origin);
  return result.ok ? undefined : result.failure;
};

test('names are read with and without a final dot, relative to an origin', () => {
  const cases: [string, Uint8Array | undefined, Buffer][] = [
    ['.', undefined, labels()],
    ['org.', undefined, labels('org')],
    ['org', undefined, labels('org')],
    ['www', labels('example', 'org'), labels('www', 'example', 'org')],
    ['www.', labels('example', 'org'), labels('www')],
    ['a.b', labels('org'), labels('a', 'b', 'org')],
    ['WwW.Org.', undefined, labels('WwW', 'Org')],
    ['*.org.', undefined, labels('*', 'org')],
    ['@', labels('org'), labels('@', 'org')],
  ];
  for (const [source, origin, expected] of cases) assert.deepEqual(text(source, origin), expected, source);
});

test('escapes stand for the octet, dots included', () => {
  const cases: [string, Buffer][] = [
    ['a\\.b.org.', labels('a.b', 'org')],
    ['a\\\\.org.', labels('a\\', 'org')],
    ['\\000\\255.', labels(Buffer.of(0, 255))],
    ['\\097.', labels('a')],
    ['\\x.', labels('x')],
    ['a\\.', labels('a.')],
    ['\\046\\.', labels('..')],
  ];
  for (const [source, expected] of cases) assert.deepEqual(text(source), expected, source);
});

test('what is no name says why', () => {
  const cases: [string, string][] = [
    ['', 'EMPTY_NAME'],
    ['..', 'EMPTY_LABEL'],
    ['.org', 'EMPTY_LABEL'],
    ['a..b', 'EMPTY_LABEL'],
    ['a\\', 'BAD_ESCAPE'],
    ['\\256', 'BAD_ESCAPE'],
    ['\\25', 'BAD_ESCAPE'],
    ['\\2x5', 'BAD_ESCAPE'],
    [`${'a'.repeat(64)}.`, 'LABEL_TOO_LONG'],
  ];
  for (const [source, expected] of cases) assert.equal(failureOf(source), expected, source);
});

test('a label of 63 octets and a name of 255 are the longest', () => {
  const three = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.`;

  assert.equal(text(`${'d'.repeat(63)}.`).length, 65);
  assert.equal(text(`${three}${'d'.repeat(61)}.`).length, 255);
  assert.equal(text(`${three}${'d'.repeat(61)}`).length, 255);
  assert.equal(failureOf(`${three}${'d'.repeat(62)}.`), 'NAME_TOO_LONG');
  assert.equal(failureOf(`${three}${'d'.repeat(62)}`), 'NAME_TOO_LONG');
  assert.equal(failureOf(`${three}${'d'.repeat(60)}.e.`), 'NAME_TOO_LONG');
  assert.equal(failureOf(`${three}${three}`), 'NAME_TOO_LONG');
  assert.equal(failureOf(`${three}${'d'.repeat(56)}`, labels('org'))?.length, undefined);
  assert.equal(failureOf(`${three}${'d'.repeat(58)}`, labels('org')), 'NAME_TOO_LONG');
});

test('text shows any octet so that it can be read back', () => {
  for (let octet = 0; octet < 256; octet++) {
    const name = labels(Buffer.of(octet), Buffer.of(0x61, octet, 0x62), 'org');

    const written = nameToText(name);

    assert.match(written, /^[!-~]+$/, 'printable octets only');
    assert.deepEqual(text(written), name);
  }
  assert.equal(nameToText(labels()), '.');
  assert.equal(nameToText(labels('a.b', 'c d', 'Org')), 'a\\.b.c\\032d.Org.');
});

test('zones are called by their lower-case text without the final dot', () => {
  assert.equal(zoneLabel(labels('Example', 'ORG')), 'example.org');
  assert.equal(zoneLabel(labels()), '.');
  assert.equal(zoneLabel(labels('a.')), 'a\\.');
});

test('names are equal case aside, for letters of ASCII only', () => {
  assert.ok(equalNames(labels('WWW', 'Org'), labels('www', 'oRG')));
  assert.ok(!equalNames(labels('www', 'org'), labels('wwx', 'org')));
  assert.ok(!equalNames(labels('www'), labels('www', 'org')));
  // 0x40 and 0x5b stand beside the letters, 0xc4 and 0xe4 are letters in Latin-1 only.
  for (const [a, b] of [
    [0x40, 0x60],
    [0x5b, 0x7b],
    [0xc4, 0xe4],
  ] as const) {
    assert.ok(!equalNames(labels(Buffer.of(a)), labels(Buffer.of(b))));
    assert.notEqual(nameKey(labels(Buffer.of(a))), nameKey(labels(Buffer.of(b))));
  }
  assert.equal(nameKey(labels('WWW')), nameKey(labels('www')));
  assert.deepEqual(Buffer.from(lowerName(labels('AZ@['))), labels('az@['));
});

test('canonical order is that of the example in RFC 4034 section 6.1', () => {
  const inOrder = [
    labels('example'),
    labels('a', 'example'),
    labels('yljkjljk', 'a', 'example'),
    labels('Z', 'a', 'example'),
    labels('zABC', 'a', 'EXAMPLE'),
    labels('z', 'example'),
    labels(Buffer.of(1), 'z', 'example'),
    labels('*', 'z', 'example'),
    labels(Buffer.of(200), 'z', 'example'),
  ];
  inOrder.forEach((name, i) => {
    inOrder.forEach((other, j) => {
      assert.equal(Math.sign(compareNames(name, other)), Math.sign(i - j), `${i} and ${j}`);
    });
  });
});

test('the root is before every name, and a label before its longer kin', () => {
  assert.ok(compareNames(labels(), labels(Buffer.of(0))) < 0);
  assert.ok(compareNames(labels('a'), labels('aa')) < 0);
  assert.ok(compareNames(labels('zz', 'a'), labels('aa')) < 0);
  assert.equal(compareNames(labels('A', 'b'), labels('a', 'B')), 0);
});
