/** A version record by record, and as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameToText } from '../../../src/wire/name.ts';
import { typeToText } from '../../../src/wire/registry.ts';
import { VersionWalk } from '../../../src/zone/version-walk.ts';
import { zoneText } from '../../../src/zone/zone-text.ts';
import { type BuiltVersion, recordsOf, VersionBuilder } from '../../support/version-building.ts';

const SOA = '@ 60 SOA ns admin 1 2 3 4 5\n';

function walked(version: BuiltVersion, hasSoa: boolean): string[] {
  const walk = new VersionWalk(version.reader, version.apex, hasSoa ? version.soaRecord : undefined);
  const seen: string[] = [];
  while (walk.next()) {
    const { owner, ownerLength, type } = walk.reader;
    const mark = `${walk.isNewOwner ? '>' : ' '}${walk.isAtApex ? '@' : nameToText(owner.subarray(0, ownerLength))}`;
    seen.push(`${mark} ${typeToText(type)}`);
  }
  assert.equal(walk.next(), false, 'the end is the end');
  return seen;
}

const walkOf = (text: string, hasSoa: boolean, frameSize = 512): string[] =>
  walked(new VersionBuilder(frameSize).fromText('example', text), hasSoa);

test('the SOA is at its place among the records of the apex', () => {
  const text = `${SOA}@ 60 A 192.0.2.1\n@ 60 NS ns\n@ 60 MX 1 mail\nns 60 A 192.0.2.1\nns 60 TXT x\n`;

  assert.deepEqual(walkOf(text, true), ['>@ A', ' @ NS', ' @ SOA', ' @ MX', '>ns.example. A', ' ns.example. TXT']);
  assert.deepEqual(walkOf(text, false), ['>@ A', ' @ NS', ' @ MX', '>ns.example. A', ' ns.example. TXT']);
});

test('it begins the apex where nothing of it is before, and is alone where nothing else is there', () => {
  assert.deepEqual(walkOf(`${SOA}@ 60 MX 1 mail\n`, true), ['>@ SOA', ' @ MX']);
  assert.deepEqual(walkOf(`${SOA}a 60 A 192.0.2.1\n`, true), ['>@ SOA', '>a.example. A']);
  assert.deepEqual(walkOf(`${SOA}@ 60 NS ns\na 60 A 192.0.2.1\n`, true), ['>@ NS', ' @ SOA', '>a.example. A']);
  assert.deepEqual(walkOf(SOA, true), ['>@ SOA']);
  assert.deepEqual(walkOf(SOA, false), []);
});

test('an owner goes on from frame to frame', () => {
  const many = Array.from({ length: 200 }, (_, i) => `b 60 A 192.0.2.${i}\n`).join('');
  const version = new VersionBuilder(512).fromText('example', `${SOA}a 60 A 192.0.2.1\n${many}c 60 A 192.0.2.1\n`);

  const seen = walked(version, true);

  assert.ok(version.handle.frames > 3);
  assert.equal(seen.length, 203);
  assert.deepEqual(
    seen.filter((line) => line.startsWith('>')),
    ['>@ SOA', '>a.example. A', '>b.example. A', '>c.example. A'],
  );
});

test('a version as text is read as the same records, in pieces of moderate length, the SOA first', () => {
  const hosts = Array.from({ length: 5000 }, (_, i) => `h${i} 60 TXT "text \\"${i}\\" \\255"\n`).join('');
  const odd = 'a\\.b\\032c 60 MX 1 \\000\\255.x\ntype 60 TYPE65280 \\# 3 010203\n';
  const version = new VersionBuilder().fromText('example', `${SOA}@ 60 NS ns\n${hosts}${odd}`);

  const pieces = [...zoneText(version.reader, version.apex, version.soaRecord)];

  const text = Buffer.concat(pieces).toString('latin1');
  const lines = (records: ReturnType<typeof recordsOf>): string[] =>
    records.map((r) => `${nameToText(r.owner)} ${r.ttl} ${r.type} ${r.rdata.toString('hex')}`).sort();
  assert.ok(text.startsWith('example.\t60\tIN\tSOA\t') && text.endsWith('\n'));
  assert.deepEqual(lines(recordsOf('example', text)), lines(recordsOf('example', `${SOA}@ 60 NS ns\n${hosts}${odd}`)));
  assert.ok(pieces.length > 2);
  assert.ok(pieces.slice(0, -1).every(({ length }) => length >= 65_536 && length < 140_000));
});
