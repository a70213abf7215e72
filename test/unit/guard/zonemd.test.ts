/** ZONEMD (RFC 8976), on the example zones of its appendix A, as corrected by its errata. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkZonemd, computeZonemd } from '../../../src/guard/zonemd.ts';
import { rdataToText } from '../../../src/wire/presentation/print.ts';
import { TYPE } from '../../../src/wire/registry.ts';
import { repositoryRoot } from '../../support/repository.ts';
import { apexOf, recordsOf, VersionBuilder, versionFromText } from '../../support/version-building.ts';

const vector = (name: string): string => readFileSync(join(repositoryRoot(), 'test/vectors/zonemd', name), 'utf8');
const SIMPLE = vector('rfc8976-simple.zone');
const COMPLEX = vector('rfc8976-complex.zone');
const MULTIPLE = vector('rfc8976-multiple.zone');
/** Where owner is left out: in the first two. */
const APEX_ZONEMD = /^ +86400 +IN +ZONEMD[^)]*\)$/m;
const MATCHES = { kind: 'valid', hash: 'SHA-384' };

test('the simple example of RFC 8976 is valid', () => {
  assert.deepEqual(checkZonemd(versionFromText('example', SIMPLE)), MATCHES);
});

test('the complex one, too: case, wildcards, occluded and doubled records, a ZONEMD record below the apex', () => {
  assert.deepEqual(checkZonemd(versionFromText('example', COMPLEX)), MATCHES);
});

test('one digest of several that can be checked is enough', () => {
  const withoutSha384 = MULTIPLE.replace('62e6cf51', '62e6cf52');

  assert.deepEqual(checkZonemd(versionFromText('example', MULTIPLE)), MATCHES);
  assert.deepEqual(checkZonemd(versionFromText('example', withoutSha384)), { kind: 'valid', hash: 'SHA-512' });
});

test('a signed zone is digested with its signatures, but for the one over the ZONEMD record', () => {
  const text = vector('rfc8976-uri.arpa.zone');
  const otherSignature = text.replace(/(RRSIG\s+ZONEMD [^A-Z]*)\w/, '$1Z');
  const otherNsSignature = text.replace(/(RRSIG\s+NS [^A-Z]*)\w/, '$1Z');

  assert.notEqual(otherSignature, text);
  assert.notEqual(otherNsSignature, text);
  assert.deepEqual(checkZonemd(versionFromText('uri.arpa', text)), MATCHES);
  assert.deepEqual(checkZonemd(versionFromText('uri.arpa', otherSignature)), MATCHES);
  assert.equal(checkZonemd(versionFromText('uri.arpa', otherNsSignature)).kind, 'invalid');
});

test('a zone in many small frames has the same digest', () => {
  assert.deepEqual(checkZonemd(new VersionBuilder(512).fromText('example', COMPLEX)), MATCHES);
});

test('a zone without a ZONEMD record at its apex has none, whatever lies below', () => {
  const text = COMPLEX.replace(APEX_ZONEMD, '');

  assert.deepEqual(checkZonemd(versionFromText('example', text)), { kind: 'absent' });
});

test('any change of the zone is a mismatch, and the text tells both digests', () => {
  const changes: [RegExp, string][] = [
    [/203\.0\.113\.63/, '203.0.113.64'],
    [/ns1(\s+)3600/, 'ns1$13601'],
    [/^ns1 /m, 'ns3 '],
    [/1800 900/, '1801 900'],
    [/^ +86400 +IN +NS +ns2$/m, ''],
  ];
  for (const [from, to] of changes) {
    const text = SIMPLE.replace(from, to);
    assert.notEqual(text, SIMPLE);

    const result = checkZonemd(versionFromText('example', text));

    assert.ok(result.kind === 'invalid' && result.fault === 'MISMATCH', String(from));
    assert.match(result.text, /^the SHA-384 digest of the zone is [0-9a-f]{16}\.\.\., its ZONEMD record says c68090d9/);
  }
});

test('a change of case alone, and a signer that writes names in full, change nothing', () => {
  const text = SIMPLE.replace(/^ns1 /m, 'NS1.EXAMPLE. ').replace(/NS\s+ns2$/m, 'NS Ns2.Example.');

  assert.notEqual(text, SIMPLE);
  assert.deepEqual(checkZonemd(versionFromText('example', text)), MATCHES);
});

const DIGEST = /c68090d9[0-9a-f\s]*/;

for (const [what, text, fault, expected] of [
  [
    'a digest for another serial',
    SIMPLE.replace('ZONEMD  2018031900', 'ZONEMD  2018031901'),
    'BAD_SERIAL',
    'a ZONEMD record is for serial 2018031901, the zone has 2018031900',
  ],
  [
    'a scheme that is not known',
    SIMPLE.replace('2018031900 1 1 (', '2018031900 7 1 ('),
    'UNSUPPORTED',
    'a ZONEMD record has scheme 7 and hash algorithm 1, which is not supported',
  ],
  [
    'a hash that is not known',
    SIMPLE.replace('2018031900 1 1 (', '2018031900 1 240 ('),
    'UNSUPPORTED',
    'a ZONEMD record has scheme 1 and hash algorithm 240, which is not supported',
  ],
  [
    'a digest that is too short',
    SIMPLE.replace(DIGEST, 'c68090d9 0102030405060708'),
    'BAD_DIGEST_LENGTH',
    'a ZONEMD record has a SHA-384 digest of 12 octets, not 48',
  ],
  [
    'two digests by the same scheme and hash, one of them right',
    `${SIMPLE}\nexample. 86400 ZONEMD 2018031900 1 1 ${'00'.repeat(48)}\n`,
    'DOUBLED',
    'more than one ZONEMD record has scheme 1 and hash algorithm 1',
  ],
] as const) {
  test(`${what} is not valid`, () => {
    assert.notEqual(text, SIMPLE);

    const result = checkZonemd(versionFromText('example', text));

    assert.ok(result.kind === 'invalid');
    assert.equal(result.fault, fault);
    assert.ok(result.text.startsWith(expected), result.text);
  });
}

test('a record that ends before its digest is not valid', () => {
  const records = recordsOf('example', SIMPLE).filter(({ type }) => type !== TYPE.ZONEMD);
  const owner = apexOf('example');
  for (const length of [0, 3, 6]) {
    const cut = { owner, type: TYPE.ZONEMD, ttl: 86_400, rdata: Buffer.alloc(length, 1) };

    const result = checkZonemd(new VersionBuilder().fromRecords('example', [...records, cut]));

    assert.deepEqual(result, { kind: 'invalid', fault: 'MALFORMED', text: 'a ZONEMD record has no digest' });
  }
});

test('digests for another serial are those of the zone with that serial', () => {
  const version = versionFromText('example', MULTIPLE);
  const other = versionFromText('example', MULTIPLE.replace('admin 2018031900', 'admin 2018031977'));

  const computed = computeZonemd({ ...version, soaRecord: other.soaRecord });

  assert.deepEqual(
    computed.map((rdata) => rdataToText(TYPE.ZONEMD, rdata).slice(0, 15)),
    ['2018031977 1 1 ', '2018031977 1 2 '],
  );
  const text = MULTIPLE.replace('admin 2018031900', 'admin 2018031977').replace(/^example\.\s.*ZONEMD[^)]*\)$/gm, '');
  const records = computed.map((rdata) => `example. 86400 ZONEMD ${rdataToText(TYPE.ZONEMD, rdata)}`).join('\n');
  assert.deepEqual(checkZonemd(versionFromText('example', `${text}\n${records}\n`)), MATCHES);
});

test('digests are computed by the algorithms of the zone, or those that are asked for', () => {
  const without = versionFromText('example', SIMPLE.replace(APEX_ZONEMD, ''));

  assert.deepEqual(computeZonemd(without), []);
  assert.deepEqual(
    computeZonemd(without, [2, 240]).map(([, , , , scheme, hash]) => [scheme, hash]),
    [[1, 2]],
  );
  const [rdata] = computeZonemd(without, [1]);
  assert.match(rdataToText(TYPE.ZONEMD, rdata as Uint8Array).toLowerCase(), /^2018031900 1 1 c68090d90a7aed71/);
});
