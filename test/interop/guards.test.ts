/**
 * Zones signed and digested by BIND, ldns and Knot DNS: taken as they are, and refused once they are damaged, as the
 * verifiers of BIND and ldns do. Programs of Debian 12: bind9-utils, ldnsutils, knot, knot-dnssecutils.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readTrustAnchors } from '../../src/guard/dnssec/anchor.ts';
import { checkDnssec, type DnssecReport } from '../../src/guard/dnssec/check.ts';
import { checkZonemdTrust } from '../../src/guard/dnssec/zonemd-trust.ts';
import { checkZonemd, computeZonemd } from '../../src/guard/zonemd.ts';
import { rdataToText, recordToText } from '../../src/wire/presentation/print.ts';
import { TYPE } from '../../src/wire/registry.ts';
import { hasProgram } from '../support/dns-peers.ts';
import type { RawRecord } from '../support/raw-messages.ts';
import { repositoryRoot } from '../support/repository.ts';
import { problemsOf, ZONE } from '../support/signed-zones.ts';
import { recordsOf, VersionBuilder, versionFromText } from '../support/version-building.ts';
import { nameText } from '../support/zone-signer.ts';

/** Debian has some of the tools in sbin. */
const SEARCH = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
const DAY = 86_400;
const folder = mkdtempSync(join(tmpdir(), 'zonegate-guards-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface SignedByTool {
  /** Of a folder of its own. */
  readonly dir: string;
  readonly text: string;
  /** DS or DNSKEY records, as the tool prints them. */
  readonly anchors: readonly string[];
}

function run(program: string, words: readonly string[], dir: string): string {
  const result = spawnSync(program, words, { env: SEARCH, cwd: dir, timeout: 60_000, encoding: 'utf8' });
  assert.equal(result.status, 0, `${program}: ${result.error?.message ?? ''}${result.stderr}${result.stdout}`);
  return result.stdout;
}

function refuses(program: string, words: readonly string[], dir: string): void {
  const { status } = spawnSync(program, words, { env: SEARCH, cwd: dir, timeout: 60_000 });
  assert.ok(status !== null && status !== 0, `${program} ${words.join(' ')} gave ${status}`);
}

let folders = 0;
function newFolder(zone: string): string {
  const dir = join(folder, String(folders++));
  mkdirSync(dir);
  writeFileSync(join(dir, 'zone'), `$ORIGIN example.\n${zone}`);
  return dir;
}

const read = (dir: string, file: string): string => readFileSync(join(dir, file), 'utf8');

function signByBind(algorithm: string, words: readonly string[] = [], zone = ZONE): SignedByTool {
  const dir = newFolder(zone);
  const size = algorithm.startsWith('RSA') ? ['-b', '2048'] : [];
  const [ksk, zsk] = [['-f', 'KSK'], []].map((flags) =>
    run('dnssec-keygen', ['-q', '-a', algorithm, ...size, ...flags, 'example'], dir).trim(),
  );
  writeFileSync(join(dir, 'zone'), `$ORIGIN example.\n${zone}${read(dir, `${ksk}.key`)}${read(dir, `${zsk}.key`)}`);
  const output = ['-O', 'full', '-f', 'signed'];
  run('dnssec-signzone', ['-q', '-o', 'example', ...output, '-k', `${ksk}.key`, ...words, 'zone', `${zsk}.key`], dir);
  const ds = ['SHA-256', 'SHA-384'].map((hash) => run('dnssec-dsfromkey', ['-a', hash, `${ksk}.key`], dir));
  return { dir, text: read(dir, 'signed'), anchors: [...ds, read(dir, `${ksk}.key`)] };
}

function signByLdns(words: readonly string[], zone = ZONE): SignedByTool {
  const dir = newFolder(zone);
  const ksk = run('ldns-keygen', ['-k', '-a', 'ECDSAP256SHA256', 'example'], dir).trim();
  const zsk = run('ldns-keygen', ['-a', 'ECDSAP256SHA256', 'example'], dir).trim();
  run('ldns-signzone', [...words, '-f', 'signed', '-o', 'example', 'zone', ksk, zsk], dir);
  return { dir, text: read(dir, 'signed'), anchors: [read(dir, `${ksk}.ds`), read(dir, `${ksk}.key`)] };
}

function signByKnot(policy: string, zone: string): SignedByTool {
  const dir = newFolder(zone);
  const configuration = `database:
  storage: "${dir}"
policy:
  - id: p
    algorithm: ecdsap256sha256
    cds-cdnskey-publish: none
${policy}
template:
  - id: default
    storage: "${dir}"
zone:
  - domain: example.
    file: zone
    dnssec-signing: on
    dnssec-policy: p
    zonemd-generate: zonemd-sha384
`;
  writeFileSync(join(dir, 'knot.conf'), configuration);
  run('kzonesign', ['-c', 'knot.conf', '-o', join(dir, 'out'), 'example.'], dir);
  const anchors = run('keymgr', ['-c', 'knot.conf', 'example.', 'ds'], dir);
  return { dir, text: read(dir, 'out/zone'), anchors: anchors.split('\n').filter((line) => / [24] \w+$/.test(line)) };
}

function check(records: readonly RawRecord[], anchorText: string): DnssecReport {
  const anchors = readTrustAnchors(anchorText);
  assert.ok(anchors.ok);
  const version = new VersionBuilder().fromRecords('example', records);
  const now = Math.floor(Date.now() / 1000);
  const policy = { anchors: anchors.value, minValidityS: DAY };
  const trust = checkZonemdTrust(version, policy, now);
  const report = checkDnssec(version, policy, now);
  // What is wrong for the ZONEMD record alone is wrong for the zone as well.
  if (trust.problems.length > 0) assert.notEqual(report.problems.length, 0);
  return report;
}

function isTaken({ text, anchors }: SignedByTool): void {
  assert.ok(anchors.length > 0);
  for (const anchor of anchors) {
    const report = check(recordsOf('example', text), anchor);
    assert.deepEqual(problemsOf(report), [], anchor);
    assert.ok(report.verified > 15, String(report.verified));
  }
}

for (const algorithm of ['RSASHA256', 'RSASHA512', 'ECDSAP256SHA256', 'ECDSAP384SHA384', 'ED25519']) {
  test(`a zone that BIND signed with ${algorithm} is taken`, (context) => {
    if (!hasProgram(context, 'dnssec-signzone')) return;

    isTaken(signByBind(algorithm));
    isTaken(signByBind(algorithm, ['-3', 'abcd', '-H', '5']));
  });
}

test('a zone that BIND signed with Ed448 is refused, as it is not supported', (context) => {
  if (!hasProgram(context, 'dnssec-signzone')) return;
  const { text, anchors } = signByBind('ED448');

  const report = check(recordsOf('example', text), anchors[0] ?? '');

  assert.deepEqual(problemsOf(report), [
    'UNSUPPORTED_ALGORITHM example: no trust anchor can be used: algorithm 16 (ED448) is not supported',
  ]);
});

test('a zone that BIND signed with NSEC3 and opt-out is taken', (context) => {
  if (!hasProgram(context, 'dnssec-signzone')) return;

  isTaken(signByBind('ECDSAP256SHA256', ['-3', '-', '-A']));
});

for (const [what, words] of [
  ['NSEC', []],
  ['NSEC3', ['-n', '-s', 'abcd', '-t', '5']],
  ['NSEC3 and opt-out', ['-n', '-p']],
] as const) {
  test(`a zone that ldns signed with ${what} is taken, and so are its digests`, (context) => {
    if (!hasProgram(context, 'ldns-signzone')) return;
    const signed = signByLdns([...words, '-z', '1:1', '-z', '1:2']);

    isTaken(signed);
    assert.deepEqual(checkZonemd(versionFromText('example', signed.text)), { kind: 'valid', hash: 'SHA-384' });
  });
}

for (const [what, policy] of [
  ['NSEC', '    nsec3: off'],
  ['NSEC3', '    nsec3: on\n    nsec3-salt-length: 4\n    nsec3-iterations: 3'],
  ['NSEC3 and opt-out', '    nsec3: on\n    nsec3-opt-out: on'],
] as const) {
  test(`a zone that Knot DNS signed with ${what} is taken, and so is its digest`, (context) => {
    if (!hasProgram(context, 'kzonesign') || !hasProgram(context, 'keymgr')) return;
    const signed = signByKnot(policy, ZONE);

    isTaken(signed);
    assert.deepEqual(checkZonemd(versionFromText('example', signed.text)), { kind: 'valid', hash: 'SHA-384' });
  });
}

/** What somebody on the way, or a broken signer, may do to a zone. `proof`: NSEC or NSEC3. */
const DAMAGES: readonly [string, (records: readonly RawRecord[], proof: number) => RawRecord[]][] = [
  [
    'an address is another',
    (all) => all.map((r) => (isAt(r, 'www', TYPE.A) ? { ...r, rdata: Buffer.alloc(4, 9) } : r)),
  ],
  ['a record is taken out of an RRset', (all) => withoutFirst(all, (r) => isAt(r, 'www', TYPE.A))],
  ['a record is added to an RRset', (all) => [...all, ...recordsOf('example', 'www 3600 A 192.0.2.250\n')]],
  ['a name is added without a signature', (all) => [...all, ...recordsOf('example', 'zzz 3600 A 192.0.2.250\n')]],
  ['a signature is taken away', (all) => all.filter((r) => !(isAt(r, 'ns1', TYPE.RRSIG) && covers(r, TYPE.A)))],
  ['a name is taken out with all it has', (all) => all.filter(({ owner }) => nameText(owner) !== 'www.example')],
  ['a DS record is taken away', (all) => all.filter((r) => !isAt(r, 'secure', TYPE.DS))],
  [
    'an RRset is taken away with its signature',
    (all) => all.filter((r) => !(isAt(r, 'www', TYPE.CAA) || (isAt(r, 'www', TYPE.RRSIG) && covers(r, TYPE.CAA)))),
  ],
  [
    'a proof is taken away with its signature',
    (all, proof) => {
      const last = all.filter(({ type }) => type === proof).at(-1)?.owner as Buffer;
      return all.filter(
        (r) => !(r.owner.equals(last) && (r.type === proof || (r.type === TYPE.RRSIG && covers(r, proof)))),
      );
    },
  ],
  ['all proofs are taken away', (all, proof) => all.filter(({ type }) => type !== proof)],
  ['the keys are taken away', (all) => all.filter(({ type }) => type !== TYPE.DNSKEY)],
  ['the serial is another', (all) => all.map((r) => (r.type === TYPE.SOA ? { ...r, rdata: otherSerial(r.rdata) } : r))],
];

for (const [what, words, proof] of [
  ['NSEC', [], TYPE.NSEC],
  ['NSEC3', ['-3', 'abcd'], TYPE.NSEC3],
  ['NSEC3 and opt-out', ['-3', '-', '-A'], TYPE.NSEC3],
] as const) {
  test(`a zone with ${what} that was damaged after BIND signed it is refused, as BIND does`, (context) => {
    if (!hasProgram(context, 'dnssec-signzone') || !hasProgram(context, 'dnssec-verify')) return;
    const { dir, text, anchors } = signByBind('ECDSAP256SHA256', words);
    const records = recordsOf('example', text);
    run('dnssec-verify', ['-q', '-o', 'example', 'signed'], dir);

    for (const [damage, damaged] of DAMAGES) {
      const left = damaged(records, proof);
      assert.notDeepEqual(left, records, damage);
      writeFileSync(join(dir, 'damaged'), textOf(left));

      const { problems } = check(left, anchors[0] ?? '');

      assert.ok(problems.length > 0, damage);
      refuses('dnssec-verify', ['-q', '-o', 'example', 'damaged'], dir);
    }
  });
}

test('a zone that was damaged after ldns digested it is refused, as ldns does', (context) => {
  if (!hasProgram(context, 'ldns-signzone') || !hasProgram(context, 'ldns-verify-zone')) return;
  const { dir, text } = signByLdns(['-z', '1:1']);
  // Of what no signature covers: only the digest tells.
  const glue = recordsOf('example', text).map((r) =>
    isAt(r, 'ns.insecure', TYPE.A) ? { ...r, rdata: Buffer.alloc(4, 9) } : r,
  );
  writeFileSync(join(dir, 'damaged'), textOf(glue));

  const result = checkZonemd(new VersionBuilder().fromRecords('example', glue));

  assert.equal(result.kind === 'invalid' && result.fault, 'MISMATCH');
  run('ldns-verify-zone', ['-ZZ', 'signed'], dir);
  refuses('ldns-verify-zone', ['-ZZ', 'damaged'], dir);
});

test('the digests that we compute are those of ldns, over every type of record', (context) => {
  if (!hasProgram(context, 'ldns-signzone')) return;
  const every = readFileSync(join(repositoryRoot(), 'test/vectors/zones/every-type.zone'), 'utf8');
  // ldns makes proofs and signatures of its own; it reads escapes in SVCB otherwise than RFC 9460 (appendix D.2).
  const dropped: readonly number[] = [TYPE.NSEC, TYPE.NSEC3, TYPE.NSEC3PARAM, TYPE.RRSIG, TYPE.DNSKEY, TYPE.ZONEMD];
  const records = recordsOf('example', every).filter(
    ({ type, owner, rdata }) =>
      !dropped.includes(type) && !owner.includes('"') && !(type === TYPE.SVCB && rdata.includes('\\')),
  );
  const dir = newFolder(ZONE);
  writeFileSync(join(dir, 'plain'), textOf(records));

  run('ldns-signzone', ['-Z', '-z', '1:1', '-z', '1:2', '-f', 'digested', '-o', 'example', 'plain'], dir);

  const theirs = recordsOf('example', read(dir, 'digested')).filter(({ type }) => type === TYPE.ZONEMD);
  const ours = computeZonemd(new VersionBuilder().fromRecords('example', records), [1, 2]);
  const text = (rdata: Uint8Array): string => rdataToText(TYPE.ZONEMD, rdata);
  assert.ok(new Set(records.map(({ type }) => type)).size > 40);
  assert.deepEqual(ours.map(text).sort(), theirs.map(({ rdata }) => text(rdata)).sort());
});

const isAt = ({ owner, type }: RawRecord, name: string, wanted: number): boolean =>
  type === wanted && nameText(owner).toLowerCase() === `${name}.example`;

const covers = ({ rdata }: RawRecord, type: number): boolean => rdata.readUInt16BE(0) === type;

function withoutFirst(records: readonly RawRecord[], isWanted: (record: RawRecord) => boolean): RawRecord[] {
  const index = records.findIndex(isWanted);
  return records.filter((_, i) => i !== index);
}

function otherSerial(rdata: Buffer): Buffer {
  const other = Buffer.from(rdata);
  other.writeUInt32BE(77, other.length - 20);
  return other;
}

const textOf = (records: readonly RawRecord[]): string =>
  records.map(({ owner, ttl, type, rdata }) => `${recordToText(owner, ttl, 1, type, rdata)}\n`).join('');
