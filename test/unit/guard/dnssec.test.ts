/** Signed zones that are right, and the way from the trust anchors to their keys. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTrustAnchor, readTrustAnchors, type TrustAnchor } from '../../../src/guard/dnssec/anchor.ts';
import { checkDnssec } from '../../../src/guard/dnssec/check.ts';
import { TYPE } from '../../../src/wire/registry.ts';
import type { RawRecord } from '../../support/raw-messages.ts';
import { repositoryRoot } from '../../support/repository.ts';
import { anchorOf, check, isAt, problemsOf, signAndCheck, ZONE } from '../../support/signed-zones.ts';
import { apexOf, recordsOf, VersionBuilder, versionFromText } from '../../support/version-building.ts';
import { DAY, NOW, SigningKey, signZone } from '../../support/zone-signer.ts';

// --- Zones that are right --------------------------------------------------------------------------------------

for (const [name, algorithm] of Object.entries({
  RSASHA256: 8,
  RSASHA512: 10,
  ECDSAP256: 13,
  ECDSAP384: 14,
  ED25519: 15,
})) {
  test(`a zone signed with ${name} is good, with NSEC and with NSEC3`, () => {
    assert.deepEqual(problemsOf(signAndCheck({ algorithm })), []);
    assert.deepEqual(problemsOf(signAndCheck({ algorithm, denial: 'nsec3', salt: 'abcd', iterations: 3 })), []);
  });
}

test('every RRset that the zone answers for is verified, and only those', () => {
  const { verified } = signAndCheck({ denial: 'nsec' });

  // SOA, NS, MX and DNSKEY of the apex, 9 of other names, one DS, and the NSEC of each of 12 names.
  assert.equal(verified, 4 + 9 + 1 + 12);
});

test('an NSEC3 zone with opt-out is good, with insecure delegations left out or not', () => {
  assert.deepEqual(problemsOf(signAndCheck({ denial: 'nsec3', optOut: true })), []);
  const allIn = (records: RawRecord[]): RawRecord[] =>
    records.map((record) => (record.type === TYPE.NSEC3 ? { ...record, rdata: withFlag(record.rdata, 1) } : record));
  assert.deepEqual(problemsOf(signAndCheck({ denial: 'nsec3', change: allIn })), []);
});

test('opt-out may hold for a part of the chain: then only names there may be missing', () => {
  const reports = [0, 1].map((flag) => {
    // Of the records that cover what opt-out left out, all but one; or the other way round.
    const signed = signZone('example', ZONE, {
      denial: 'nsec3',
      optOut: true,
      change: (records) =>
        records.map((record, i) =>
          record.type === TYPE.NSEC3 ? { ...record, rdata: withFlag(record.rdata, i % 2 === flag ? 1 : 0) } : record,
        ),
    });
    return check(signed);
  });

  const missing = reports.map(({ problems }) => problems.map(({ text }) => text.split(':')[0]).sort());
  assert.ok(reports.every(({ problems }) => problems.every(({ code }) => code === 'NSEC3_MISSING')));
  // Each of the four names is covered by one record, which says opt-out in one of the two zones.
  assert.deepEqual(missing.flat().sort(), [
    'entcut.example',
    'insecure.example',
    'own.example',
    'x.y.entcut.example',
    'y.entcut.example',
  ]);
});

test('a zone that changes from NSEC to NSEC3 has both, and both must be right', () => {
  const nsec3 = signZone('example', ZONE, { denial: 'nsec3' }).records;
  const proofs = nsec3.filter(({ type }) => type === TYPE.NSEC3 || type === TYPE.NSEC3PARAM);
  const withBoth = `${ZONE}@ 0 NSEC3PARAM 1 0 0 -\n`;
  const fixTypes = (records: RawRecord[]) => [...records, ...proofs.filter(({ type }) => type === TYPE.NSEC3)];
  const both = signAndCheck({ change: fixTypes }, withBoth);
  const oneGone = signAndCheck(
    { change: (records) => fixTypes(records).filter((_, i, all) => i !== all.length - 1) },
    withBoth,
  );

  assert.deepEqual(problemsOf(both), []);
  assert.deepEqual([...new Set(oneGone.problems.map(({ code }) => code))].sort(), ['NSEC3_CHAIN', 'NSEC3_MISSING']);
});

test('the signed example of RFC 8976 is good at its time, and expired after it', () => {
  const text = readFileSync(join(repositoryRoot(), 'test/vectors/zonemd/rfc8976-uri.arpa.zone'), 'utf8');
  const version = versionFromText('uri.arpa', text);
  const key = recordsOf('uri.arpa', text).filter(
    ({ type, rdata }) => type === TYPE.DNSKEY && rdata.readUInt16BE(0) === 257,
  );
  const anchors = key.map(({ rdata }): TrustAnchor => ({ type: 'DNSKEY', owner: undefined, rdata }));
  const at = (date: string) => checkDnssec(version, { anchors, minValidityS: DAY }, Date.parse(date) / 1000);

  const inTime = at('2021-02-01T00:00:00Z');
  const late = at('2021-03-01T00:00:00Z');

  assert.deepEqual(problemsOf(inTime), []);
  assert.equal(inTime.validUntil, Date.parse('2021-02-17T23:24:40Z') / 1000);
  assert.deepEqual(problemsOf(late), ['EXPIRED uri.arpa DNSKEY: its signature ended at 2021-02-17T23:24:40Z']);
});

test('shares of the work find together what one finds alone', () => {
  const zone = signZone('example', ZONE, {
    signature: (owner, type, fields) => {
      if (owner === 'www.example' && type === TYPE.A) fields.tag++;
      return !(owner === 'ns1.example' && type === TYPE.A);
    },
    change: (records) => records.filter((record) => !isAt('www.example', TYPE.CAA)(record)),
  });
  const version = new VersionBuilder().fromRecords('example', zone.records);
  const policy = { anchors: [anchorOf(zone.ds)], minValidityS: DAY };

  const whole = checkDnssec(version, policy, NOW);
  const parts = [0, 1, 2].map((index) => checkDnssec(version, policy, NOW, { index, of: 3 }));

  assert.equal(whole.problems.length, 3);
  assert.deepEqual(parts.flatMap(problemsOf).sort(), problemsOf(whole).sort());
  assert.equal(
    parts.reduce((sum, { verified }) => sum + verified, 0),
    whole.verified + 2,
    'each verifies the keys',
  );
});

// --- From the anchors to the keys ------------------------------------------------------------------------------

test('an anchor is a DS record by SHA-256 or SHA-384, or the DNSKEY record itself', () => {
  const zone = signZone('example', ZONE);
  const apex = apexOf('example');
  const dnskey = `DNSKEY 257 3 15 ${zone.keySigningKey.dnskey.subarray(4).toString('base64')}`;

  for (const anchor of [zone.ds, zone.keySigningKey.ds(apex, 'sha384'), dnskey, `example. 3600 IN ${dnskey}`]) {
    assert.deepEqual(problemsOf(check(zone, [anchor])), [], anchor);
  }
  assert.deepEqual(problemsOf(check(zone, [new SigningKey(257).ds(apex), zone.ds])), [], 'one of several is enough');
});

test('keys that no anchor vouches for are told with their tags', () => {
  const zone = signZone('example', ZONE);

  const other = check(zone, [new SigningKey(257).ds(apexOf('example'))]);
  const otherDigest = check(zone, [zone.ds.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))]);

  for (const { problems, verified } of [other, otherDigest]) {
    assert.equal(verified, 0);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['NO_TRUSTED_KEY'],
    );
    const tags = [zone.keySigningKey.tag, zone.zoneSigningKey.tag].map((tag) => `${tag} of algorithm 15 (ED25519)`);
    for (const tag of tags) assert.ok(problems[0]?.text.includes(tag), problems[0]?.text);
  }
});

test('a zone that should be signed and is not has no DNSKEY record', () => {
  const version = versionFromText('example', ZONE);

  const report = checkDnssec(
    version,
    { anchors: [anchorOf(new SigningKey().ds(apexOf('example')))], minValidityS: 0 },
    NOW,
  );

  assert.deepEqual(problemsOf(report), ['NO_DNSKEY example: it has no DNSKEY record, but is expected to be signed']);
  assert.equal(report.validUntil, undefined);
});

test('an anchor of an algorithm or digest that is not supported is no anchor', () => {
  const zone = signZone('example', ZONE);
  const digest = 'ab'.repeat(20);
  for (const [anchor, why] of [
    [`DS 1 7 2 ${digest}`, 'algorithm 7 (RSASHA1-NSEC3-SHA1) is not supported'],
    [`DS 1 16 2 ${digest}`, 'algorithm 16 (ED448) is not supported'],
    [`DS 1 13 1 ${digest}`, 'DS digest type 1 is not supported'],
    ['DNSKEY 257 3 5 AAAA', 'algorithm 5 (RSASHA1) is not supported'],
  ] as const) {
    assert.deepEqual(problemsOf(check(zone, [anchor])), [
      `UNSUPPORTED_ALGORITHM example: no trust anchor can be used: ${why}`,
    ]);
    assert.deepEqual(problemsOf(check(zone, [anchor, zone.ds])), []);
  }
});

test('a key that is revoked, of another protocol, or not for zones vouches for nothing', () => {
  for (const change of [
    (rdata: Buffer) => rdata.writeUInt16BE(257 | 0x80, 0),
    (rdata: Buffer) => rdata.writeUInt16BE(1, 0),
    (rdata: Buffer) => rdata.writeUInt8(2, 2),
  ]) {
    const zone = signZone('example', ZONE, {
      change: (records) => {
        for (const { type, rdata } of records) if (type === TYPE.DNSKEY && rdata.readUInt16BE(0) === 257) change(rdata);
        return records;
      },
    });
    const dnskey = zone.records.find(({ type, rdata }) => type === TYPE.DNSKEY && rdata.readUInt16BE(0) !== 256);

    const report = checkDnssec(
      new VersionBuilder().fromRecords('example', zone.records),
      { anchors: [{ type: 'DNSKEY', owner: undefined, rdata: dnskey?.rdata as Buffer }], minValidityS: 0 },
      NOW,
    );

    assert.deepEqual(
      report.problems.map(({ code }) => code),
      ['NO_TRUSTED_KEY'],
    );
  }
});

test('the DNSKEY RRset must be signed by the key that is trusted', () => {
  const zone = signZone('example', ZONE, {
    signature: (_, type, fields) => {
      if (type === TYPE.DNSKEY) fields.tag = 1;
      return true;
    },
  });

  assert.deepEqual(problemsOf(check(zone)), [
    'UNKNOWN_KEY example DNSKEY: its signature is by key 1, which is none that it may be signed with',
  ]);
});

test('anchors are read with owner, TTL and class or without, and anything else is refused', () => {
  const ds = 'DS 12345 13 2 ABCD';
  for (const text of [
    ds,
    `example. ${ds}`,
    `example. 3600 IN ${ds}`,
    `example. IN 1h ${ds}`,
    `IN ${ds}`,
    `example. ds 12345 13 2 ( AB\n CD )`,
  ]) {
    assert.equal(readTrustAnchor(text).ok, true, text);
  }
  for (const text of [
    '',
    ds.slice(0, 8),
    `a b ${ds}`,
    `${ds}\n${ds}`,
    'example. A 192.0.2.1',
    `a..b ${ds}`,
    `${ds} zz`,
    '(',
  ]) {
    assert.equal(readTrustAnchor(text).ok, false, text);
  }
  const several = readTrustAnchors(`; keys\nexample. ${ds}\n\nb.example. DS x\nc.example. ${ds}\nd.example. TXT y\n`);
  assert.deepEqual(several.ok ? [] : several.failure.map(({ line }) => line), [4, 6]);
});

function withFlag(rdata: Buffer, flag: number): Buffer {
  const out = Buffer.from(rdata);
  out.writeUInt8(flag, 1);
  return out;
}
