/** What DNSSEC says of a ZONEMD record, where the zone is not validated as a whole (RFC 8976 §4 steps 1 to 3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkZonemdTrust } from '../../../src/guard/dnssec/zonemd-trust.ts';
import { TYPE } from '../../../src/wire/registry.ts';
import { anchorOf, changedAt, problemsOf, unsignedAt, withoutAt, wrongAt, ZONE } from '../../support/signed-zones.ts';
import { apexOf, VersionBuilder } from '../../support/version-building.ts';
import {
  DAY,
  NOW,
  nameText,
  nsec3Hash,
  nsec3Owner,
  type SignerOptions,
  signZone,
  typeBitmap,
} from '../../support/zone-signer.ts';

const { SOA, NS, MX, A, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, ZONEMD } = TYPE;
const WITH_ZONEMD = `${ZONE}@ ZONEMD 1 1 1 ${'ab'.repeat(48)}\n`;
const NOT_PROVEN =
  'ZONEMD_NOT_PROVEN_ABSENT example: it has no ZONEMD record, and no NSEC or NSEC3 record proves that it should have none (RFC 8976 section 4)';

function trust(zone: string, options: SignerOptions = {}, now = NOW) {
  const { records, ds } = signZone('example', zone, options);
  const version = new VersionBuilder().fromRecords('example', records);
  return checkZonemdTrust(version, { anchors: [anchorOf(ds)], minValidityS: DAY }, now);
}

test('SOA and ZONEMD are verified, and nothing else', () => {
  const broken = unsignedAt('www.example', A);

  const report = trust(WITH_ZONEMD, broken);

  assert.deepEqual(report, { problems: [], verified: 3, validUntil: NOW + 10 * DAY });
});

test('a ZONEMD or SOA record whose signature is wrong or missing cannot be believed', () => {
  assert.deepEqual(problemsOf(trust(WITH_ZONEMD, unsignedAt('example', ZONEMD))), [
    'NO_SIGNATURE example ZONEMD: it has no signature',
  ]);
  assert.deepEqual(problemsOf(trust(WITH_ZONEMD, unsignedAt('example', SOA))), [
    'NO_SIGNATURE example SOA: it has no signature',
  ]);
  assert.equal(trust(WITH_ZONEMD, wrongAt('example', ZONEMD, { expiration: NOW - 1 })).problems[0]?.code, 'EXPIRED');
  assert.equal(trust(WITH_ZONEMD, wrongAt('example', DNSKEY, { tag: 1 })).problems[0]?.code, 'UNKNOWN_KEY');
});

test('the absence of a ZONEMD record is proven by the NSEC record of the apex', () => {
  const lies = typeBitmap([SOA, NS, MX, RRSIG, NSEC, DNSKEY, ZONEMD]);
  const next = (rdata: Buffer): Buffer => rdata.subarray(0, rdata.indexOf(0) + 1);

  assert.deepEqual(problemsOf(trust(ZONE)), []);
  // As when somebody took the record away on the way to us.
  const hidden = trust(
    ZONE,
    changedAt('example', NSEC, (rdata) => Buffer.concat([next(rdata), lies])),
  );
  assert.deepEqual(problemsOf(hidden), [NOT_PROVEN]);
  assert.deepEqual(problemsOf(trust(ZONE, withoutAt('example', NSEC))), [NOT_PROVEN]);
  assert.deepEqual(problemsOf(trust(ZONE, unsignedAt('example', NSEC))), [
    'NO_SIGNATURE example NSEC: it has no signature',
    NOT_PROVEN,
  ]);
});

test('or by the NSEC3 record of its hash, wherever that lies', () => {
  const hash = nsec3Hash(apexOf('example'), Buffer.alloc(0), 0);
  const owner = nameText(nsec3Owner(hash, apexOf('example')));
  const lies = typeBitmap([SOA, NS, MX, RRSIG, DNSKEY, NSEC3PARAM, ZONEMD]);
  const nsec3 = (options: SignerOptions = {}): SignerOptions => ({ denial: 'nsec3', ...options });

  assert.deepEqual(trust(ZONE, nsec3()), { problems: [], verified: 3, validUntil: NOW + 10 * DAY });
  const hidden = nsec3(changedAt(owner, NSEC3, (rdata) => Buffer.concat([rdata.subarray(0, 26), lies])));
  assert.deepEqual(problemsOf(trust(ZONE, hidden)), [NOT_PROVEN]);
  assert.deepEqual(problemsOf(trust(ZONE, nsec3(withoutAt(owner, NSEC3)))), [NOT_PROVEN]);
  assert.deepEqual(problemsOf(trust(ZONE, nsec3(unsignedAt(owner, NSEC3)))), [
    `NO_SIGNATURE ${owner} NSEC3: it has no signature`,
    NOT_PROVEN,
  ]);
  assert.deepEqual(problemsOf(trust(ZONE, { denial: 'none' })), [NOT_PROVEN]);
});
