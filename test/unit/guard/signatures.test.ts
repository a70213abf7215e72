/** The signatures of a zone: each thing that can be wrong with one, by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE } from '../../../src/wire/registry.ts';
import type { RawRecord } from '../../support/raw-messages.ts';
import { check, isAt, problemsOf, signAndCheck, unsignedAt, wrongAt, ZONE } from '../../support/signed-zones.ts';
import { apexOf, recordsOf } from '../../support/version-building.ts';
import { DAY, NOW, nameText, type SignerOptions, SigningKey, signZone } from '../../support/zone-signer.ts';

const utc = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000', '');

for (const [what, options, expected] of [
  ['is missing', unsignedAt('www.example', TYPE.A), 'NO_SIGNATURE www.example A: it has no signature'],
  ['over DS is missing', unsignedAt('secure.example', TYPE.DS), 'NO_SIGNATURE secure.example DS: it has no signature'],
  [
    'over a proof is missing',
    unsignedAt('insecure.example', TYPE.NSEC),
    'NO_SIGNATURE insecure.example NSEC: it has no signature',
  ],
  [
    'has ended',
    wrongAt('www.example', TYPE.A, { expiration: NOW - 1 }),
    `EXPIRED www.example A: its signature ended at ${utc(NOW - 1)}`,
  ],
  [
    'has not begun',
    wrongAt('www.example', TYPE.A, { inception: NOW + 60 }),
    `NOT_YET_VALID www.example A: its signature is not valid before ${utc(NOW + 60)}`,
  ],
  [
    'is by another zone',
    wrongAt('www.example', TYPE.A, { signer: apexOf('sub.example') }),
    'BAD_SIGNER www.example A: it is signed by sub.example',
  ],
  [
    'is that of a wildcard',
    wrongAt('a.b.c.ent.example', TYPE.A, { labels: 2 }),
    'BAD_LABELS a.b.c.ent.example A: its signature is for 2 labels, not 5',
  ],
  [
    'counts the star as a label',
    wrongAt('*.wild.example', TYPE.TXT, { labels: 3 }),
    'BAD_LABELS *.wild.example TXT: its signature is for 3 labels, not 2',
  ],
  [
    'is for another TTL',
    wrongAt('www.example', TYPE.A, { ttl: 60 }),
    'BAD_TTL www.example A: its TTL is 3600, that in its signature 60',
  ],
  [
    'is of an algorithm that is not supported',
    wrongAt('www.example', TYPE.A, { algorithm: 7 }),
    'UNSUPPORTED_ALGORITHM www.example A: algorithm 7 (RSASHA1-NSEC3-SHA1) is not supported',
  ],
] as const) {
  test(`an RRset whose signature ${what} is told, and nothing else`, () => {
    assert.deepEqual(problemsOf(signAndCheck(options as SignerOptions)), [expected]);
  });
}

test('a signature by a key that is not in the zone, and one that is wrong, are told with the tag', () => {
  const stranger = new SigningKey();
  const unknown = signAndCheck(wrongAt('www.example', TYPE.A, { key: stranger, tag: stranger.tag }));
  const zone = signZone('example', ZONE, wrongAt('www.example', TYPE.A, { key: stranger }));

  assert.deepEqual(problemsOf(unknown), [
    `UNKNOWN_KEY www.example A: its signature is by key ${stranger.tag}, which is none that it may be signed with`,
  ]);
  assert.deepEqual(problemsOf(check(zone)), [
    `BAD_SIGNATURE www.example A: its signature by key ${zone.zoneSigningKey.tag} is wrong`,
  ]);
});

test('records that were changed, added or taken away after signing are told', () => {
  const { records, ...zone } = signZone('example', ZONE);
  const key = zone.zoneSigningKey.tag;
  const wrong = (name: string, type: string) => [`BAD_SIGNATURE ${name} ${type}: its signature by key ${key} is wrong`];
  const changed = records.map((record) =>
    isAt('ns1.example', TYPE.A)(record) ? { ...record, rdata: Buffer.from([192, 0, 2, 99]) } : record,
  );
  const added = [...records, ...recordsOf('example', 'www 3600 A 192.0.2.22')];
  const removed = records.filter(({ type, rdata }) => !(type === TYPE.A && rdata.equals(Buffer.from([192, 0, 2, 21]))));
  const otherTtl = records.map((record) => (isAt('ns1.example', TYPE.A)(record) ? { ...record, ttl: 60 } : record));

  assert.deepEqual(problemsOf(check({ ...zone, records: changed })), wrong('ns1.example', 'A'));
  assert.deepEqual(problemsOf(check({ ...zone, records: added })), wrong('www.example', 'A'));
  assert.deepEqual(problemsOf(check({ ...zone, records: removed })), wrong('www.example', 'A'));
  assert.deepEqual(problemsOf(check({ ...zone, records: otherTtl })), [
    'BAD_TTL ns1.example A: its TTL is 60, that in its signature 3600',
  ]);
});

test('one good signature among bad ones is enough, and the fault that is told is the nearest to good', () => {
  const bad = wrongAt('www.example', TYPE.A, { expiration: NOW - 1 });
  const { records, ...zone } = signZone('example', ZONE);
  const stranger = signZone('example', ZONE, bad).records.filter(isAt('www.example', TYPE.RRSIG));
  const rest = records.filter(
    (record) => !isAt('www.example', TYPE.RRSIG)(record) || record.rdata.readUInt16BE(0) !== TYPE.A,
  );

  assert.deepEqual(problemsOf(check({ ...zone, records: [...records, ...stranger] })), []);
  const left = check({ ...zone, records: [...rest, ...stranger] });
  assert.deepEqual(
    left.problems.map(({ code }) => code),
    ['EXPIRED'],
  );
});

test('glue, what lies below a cut or a DNAME record, and NS records at a cut need no signature', () => {
  const zone = signZone('example', ZONE);
  const glue = ['ns.insecure.example', 'own.example', 'ns.secure.example', 'below.redirect.example'];
  const isUnsigned = ({ owner, type }: RawRecord): boolean =>
    (glue.includes(nameText(owner)) && (type === TYPE.A || type === TYPE.TXT)) ||
    (type === TYPE.NS && nameText(owner) !== 'example');
  const records = zone.records.map((record) => (isUnsigned(record) ? { ...record, ttl: 77 } : record));

  const covered = zone.records
    .filter(({ type, owner }) => type === TYPE.RRSIG && glue.includes(nameText(owner)))
    .map(({ rdata }) => rdata.readUInt16BE(0));

  assert.equal(records.filter(({ ttl }) => ttl === 77).length, 8);
  assert.deepEqual(covered, [TYPE.NSEC], 'of a cut that has its own address');
  assert.deepEqual(problemsOf(check({ ...zone, records })), []);
});

test('times are on a circle of 2^32 seconds', () => {
  const wrap = 2 ** 32;
  const fields: SignerOptions = {
    signature: (_o, _t, field) => {
      field.inception = (wrap - DAY) >>> 0;
      field.expiration = 2 * DAY;
      return true;
    },
  };
  const zone = signZone('example', ZONE, fields);

  assert.deepEqual(problemsOf(check(zone, [zone.ds], wrap - 100)), []);
  assert.deepEqual(problemsOf(check(zone, [zone.ds], wrap + 100, 0)), []);
  assert.equal(check(zone, [zone.ds], wrap + 3 * DAY).problems[0]?.code, 'EXPIRED');
});

test('signatures that end within min-validity are told once, with the first of them', () => {
  const soon: SignerOptions = {
    signature: (owner, type, fields) => {
      if (owner === 'www.example' && type !== TYPE.NSEC) fields.expiration = NOW + 3600;
      return true;
    },
  };
  const zone = signZone('example', ZONE, soon);

  const { problems, validUntil } = check(zone);

  const until = utc(NOW + 3600);
  assert.deepEqual(problems, [
    {
      code: 'ENDS_SOON',
      text: `www.example A and 2 more: signatures end in less than 86400 s (min-validity), the first at ${until}`,
    },
  ]);
  assert.equal(validUntil, NOW + 3600);
  assert.deepEqual(problemsOf(check(zone, [zone.ds], NOW, 3600)), []);
});

test('a zone that went wrong as a whole has twenty problems told', () => {
  const { problems } = signAndCheck({ signature: (_, type) => type === TYPE.DNSKEY });

  assert.equal(problems.length, 20);
});

test('keys with the same tag cannot make a check last for ever', () => {
  const zone = signZone('example', ZONE);
  const bad = zone.records
    .filter(isAt('www.example', TYPE.RRSIG))
    .find(({ rdata }) => rdata.readUInt16BE(0) === TYPE.A);
  assert.ok(bad !== undefined);
  const many = Array.from({ length: 2000 }, (_, i) => {
    const rdata = Buffer.from(bad.rdata);
    rdata.writeUInt32BE(i, rdata.length - 4);
    return { ...bad, rdata };
  });
  // In canonical order the good one comes after all of them, or is left out by its rank: either way there is an end.
  const { problems } = check({ ...zone, records: [...zone.records.filter((record) => record !== bad), ...many] });

  assert.deepEqual(
    problems.map(({ code }) => code),
    ['BAD_SIGNATURE'],
  );
});
