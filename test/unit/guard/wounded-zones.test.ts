/** A signed zone with one bit wrong, anywhere: it is refused, and nothing is thrown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkDnssec } from '../../../src/guard/dnssec/check.ts';
import { checkZonemdTrust } from '../../../src/guard/dnssec/zonemd-trust.ts';
import { checkZonemd, computeZonemd } from '../../../src/guard/zonemd.ts';
import { TYPE } from '../../../src/wire/registry.ts';
import type { RawRecord } from '../../support/raw-messages.ts';
import { anchorOf, ZONE } from '../../support/signed-zones.ts';
import { type BuiltVersion, VersionBuilder } from '../../support/version-building.ts';
import { DAY, NOW, nameText, type SignedZone, signZone } from '../../support/zone-signer.ts';

const UNSIGNED = ['ns.insecure.example', 'own.example', 'ns.secure.example', 'below.redirect.example'];

/** Glue, what is hidden, and NS records at cuts: nobody signs them. */
const isSigned = ({ owner, type }: RawRecord): boolean =>
  type === TYPE.RRSIG ||
  type === TYPE.NSEC ||
  (!UNSIGNED.includes(nameText(owner)) && !(type === TYPE.NS && nameText(owner) !== 'example'));

const withRdata = (records: readonly RawRecord[], at: RawRecord, rdata: Buffer): RawRecord[] =>
  records.map((record) => (record === at ? { ...record, rdata } : record));

/** Undefined where the records make no zone any more: such a version never gets as far as the guards. */
function built(records: readonly RawRecord[]): BuiltVersion | undefined {
  try {
    return new VersionBuilder().fromRecords('example', records);
  } catch {
    return undefined;
  }
}

function checkAll(version: BuiltVersion, { ds }: SignedZone): number {
  const policy = { anchors: [anchorOf(ds)], minValidityS: DAY };
  checkZonemdTrust(version, policy, NOW);
  checkZonemd(version);
  computeZonemd(version);
  return checkDnssec(version, policy, NOW).problems.length;
}

for (const denial of ['nsec', 'nsec3'] as const) {
  const zone = signZone('example', `${ZONE}@ ZONEMD 1 1 1 ${'ab'.repeat(48)}\n`, {
    denial,
    salt: 'abcd',
    iterations: 1,
  });
  const wounded = fc.record({ record: fc.constantFrom(...zone.records), place: fc.nat(), other: fc.nat(255) });

  test(`any bit of what is signed counts (${denial})`, () => {
    let tried = 0;
    fc.assert(
      fc.property(wounded, ({ record, place }) => {
        const rdata = Buffer.from(record.rdata);
        // Never a change of case alone, which is none.
        if (rdata.length > 0) rdata.writeUInt8(rdata.readUInt8(place % rdata.length) ^ 1, place % rdata.length);
        const version = built(withRdata(zone.records, record, rdata));
        if (version === undefined || !isSigned(record)) return;

        tried++;
        assert.notEqual(checkAll(version, zone), 0, `${nameText(record.owner)} ${record.type}`);
      }),
      { numRuns: 300 },
    );
    assert.ok(tried > 200, `${tried} of 300 were zones`);
  });

  test(`rdata that is cut off or longer is refused, and throws nothing (${denial})`, () => {
    fc.assert(
      fc.property(wounded, ({ record, place, other }) => {
        const cut = record.rdata.subarray(0, place % (record.rdata.length + 1));
        for (const rdata of [cut, Buffer.concat([record.rdata, Buffer.alloc(3, other)])]) {
          const version = built(withRdata(zone.records, record, rdata));
          if (version === undefined || rdata.equals(record.rdata) || !isSigned(record)) continue;

          assert.notEqual(
            checkAll(version, zone),
            0,
            `${nameText(record.owner)} ${record.type} ${rdata.toString('hex')}`,
          );
        }
      }),
      { numRuns: 200 },
    );
  });
}
