/** Zones for the tests of the DNSSEC guard: every kind of name, signed right or with one thing wrong. */
import assert from 'node:assert/strict';
import { readTrustAnchor, type TrustAnchor } from '../../src/guard/dnssec/anchor.ts';
import { checkDnssec, type DnssecReport } from '../../src/guard/dnssec/check.ts';
import type { RawRecord } from './raw-messages.ts';
import { VersionBuilder } from './version-building.ts';
import {
  DAY,
  NOW,
  nameText,
  type SignatureFields,
  type SignedZone,
  type SignerOptions,
  signZone,
} from './zone-signer.ts';

/** Every kind of name: a wildcard, empty ones, cuts with and without DS and glue, a DNAME with something below. */
export const ZONE = `$TTL 3600
@ SOA ns1 admin 1 1800 900 604800 86400
@ NS ns1
@ NS NS2
@ MX 10 Mail
ns1 A 192.0.2.1
NS2 AAAA 2001:db8::1
*.wild TXT "w"
a.b.c.ent A 192.0.2.3
b2.c.ent A 192.0.2.3
insecure NS ns.insecure
ns.insecure A 192.0.2.9
x.y.entcut NS ns1
own NS own
own A 192.0.2.77
secure NS ns.secure
secure DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132
ns.secure A 192.0.2.9
redirect DNAME other.test.
below.redirect TXT "occluded"
www CAA 0 issue "x"
www TYPE65280 \\# 3 010203
www A 192.0.2.20
www A 192.0.2.21
`;

export const anchorOf = (text: string): TrustAnchor => {
  const anchor = readTrustAnchor(text);
  assert.ok(anchor.ok);
  return anchor.value;
};

export function check(zone: SignedZone, anchors = [zone.ds], now = NOW, minValidityS = DAY): DnssecReport {
  const version = new VersionBuilder().fromRecords('example', zone.records);
  return checkDnssec(version, { anchors: anchors.map(anchorOf), minValidityS }, now);
}

export const signAndCheck = (options: SignerOptions = {}, zone = ZONE): DnssecReport =>
  check(signZone('example', zone, options));

export const problemsOf = (report: DnssecReport): string[] =>
  report.problems.map(({ code, text }) => `${code} ${text}`);

export const isAt = (name: string, type: number) => (record: RawRecord) =>
  record.type === type && nameText(record.owner).toLowerCase() === name;

/** Changes what the signature over one RRset says before it is made. */
export const wrongAt = (name: string, type: number, changes: Partial<SignatureFields>): SignerOptions => ({
  signature: (owner, covered, fields) => {
    if (owner === name && covered === type) Object.assign(fields, changes);
    return true;
  },
});

export const unsignedAt = (name: string, type: number): SignerOptions => ({
  signature: (owner, covered) => !(owner === name && covered === type),
});

/** Changes the rdata of one record before the zone is signed. */
export const changedAt = (name: string, type: number, change: (rdata: Buffer) => Buffer): SignerOptions => ({
  change: (records) =>
    records.map((record) => (isAt(name, type)(record) ? { ...record, rdata: change(record.rdata) } : record)),
});

/** Leaves out one record before the zone is signed. */
export const withoutAt = (name: string, type: number): SignerOptions => ({
  change: (records) => records.filter((record) => !isAt(name, type)(record)),
});
