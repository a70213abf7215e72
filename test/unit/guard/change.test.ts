/** What a change of a zone is held for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChangeLimits, type ChangeReason, judgeChange } from '../../../src/guard/change.ts';
import { differingFrames } from '../../../src/guard/differing-frames.ts';
import { type BuiltVersion, VersionBuilder } from '../../support/version-building.ts';

const LIMITS: ChangeLimits = {
  namesRemoved: 0.3,
  zoneShrunk: 0.5,
  apexNsLost: true,
  apexDnskeyLost: true,
  fromRecords: 0,
};

const HEAD = '$TTL 60\n@ SOA ns admin 1 2 3 4 5\n@ NS ns1\n@ NS ns2\n@ DNSKEY 257 3 13 AAAA\n';
const host = (i: number, records = 3): string =>
  Array.from({ length: records }, (_, k) => `host${String(i).padStart(4, '0')} A 192.0.${k}.${i % 256}\n`).join('');
const zone = (hosts: Iterable<number>, head = HEAD): string => head + Array.from(hosts, (i) => host(i)).join('');
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** Both by one builder, the second along the frames of the first, as the service does. */
function versions(before: string, after: string, frameSize = 512): [BuiltVersion, BuiltVersion] {
  const builder = new VersionBuilder(frameSize);
  const old = builder.fromText('example', before);
  return [old, builder.fromText('example', after, old)];
}

function judge(before: string, after: string, limits: Partial<ChangeLimits> = {}, frameSize?: number): ChangeReason[] {
  const [old, next] = versions(before, after, frameSize);
  return judgeChange(old, next, old.apex, { ...LIMITS, ...limits });
}

test('the same zone, one that grows, and one that changes within its names are no reason', () => {
  const before = zone(range(300));

  assert.deepEqual(judge(before, before), []);
  assert.deepEqual(judge(before, zone(range(600))), []);
  assert.deepEqual(judge(before, before.replaceAll('192.0.2.', '198.51.100.'), { namesRemoved: 0.001 }), []);
  assert.deepEqual(judge(before, before.replaceAll('host', 'HOST'), { namesRemoved: 0.001 }), []);
});

test('names that are gone are counted, wherever they lie in frames', () => {
  const before = zone(range(300));
  for (const frameSize of [512, 700, 1200, 16_000]) {
    for (const gone of [[0], [299], [150], [0, 299], [7, 8, 9, 200], range(40), range(80).map((i) => i * 3)]) {
      const after = zone(range(300).filter((i) => !gone.includes(i)));

      const reasons = judge(before, after, { namesRemoved: 0 }, frameSize);

      const [{ code, text } = { code: '', text: '' }] = reasons;
      assert.equal(code, 'names-removed', `${gone} with frames of ${frameSize}`);
      assert.ok(text.startsWith(`${gone.length} of 301 names are gone (`), text);
    }
  }
});

test('a name with more records than a frame holds is there as long as one of them is', () => {
  const big = (records: number): string => `${zone([1])}${host(2, records)}${zone([3], '')}`;
  for (const left of [1, 5, 50, 150, 199]) {
    assert.deepEqual(judge(big(200), big(left), { namesRemoved: 0.0001, zoneShrunk: 2 }), [], String(left));
  }
  assert.equal(judge(big(200), zone([1, 3]), { namesRemoved: 0.0001 })[0]?.code, 'names-removed');
});

test('reaching the share of names is a reason, with figures', () => {
  const before = zone(range(999));
  const limits = { zoneShrunk: 2 };

  assert.deepEqual(judge(before, zone(range(700)), limits), []);
  assert.deepEqual(judge(before, zone(range(699)), limits), [
    { code: 'names-removed', text: '300 of 1,000 names are gone (30%); the limit is 30%' },
  ]);
});

test('reaching the share of records is a reason, even where every name stays', () => {
  const before =
    HEAD +
    range(100)
      .map((i) => host(i, 10))
      .join('');
  const after = (records: number): string =>
    HEAD +
    range(100)
      .map((i) => host(i, records))
      .join('');

  assert.deepEqual(judge(before, after(6)), []);
  assert.deepEqual(judge(before, after(4)), [
    { code: 'zone-shrunk', text: '404 records are left of 1,004 (59.8% fewer); the limit is 50%' },
  ]);
  assert.deepEqual(judge(before, after(4), { zoneShrunk: 0.6 }), []);
});

test('small zones are not judged by share, but by their apex', () => {
  const before = zone(range(10));
  const after = '$TTL 60\n@ SOA ns admin 1 2 3 4 5\n@ NS ns3\n';

  assert.deepEqual(
    judge(before, after, { fromRecords: 100 }).map(({ code }) => code),
    ['apex-ns-lost', 'apex-dnskey-lost'],
  );
  assert.equal(judge(before, after, { fromRecords: 34 }).length, 4);
});

test('an apex that keeps one of its NS or DNSKEY records has not lost them', () => {
  const before = zone(range(10));
  const rolled = `${before}@ DNSKEY 256 3 13 BBBB\n@ NS ns3\n`.replace('@ NS ns1\n', '');
  const lost = before.replaceAll('@ NS ns', '@ NS new').replace('AAAA', 'CCCC');

  assert.deepEqual(judge(before, rolled), []);
  assert.deepEqual(judge(before, before.replace('ns1', 'NS1').replace('@ NS ns2\n', '')), []);
  assert.deepEqual(judge(before, lost), [
    { code: 'apex-ns-lost', text: 'none of the NS records of the apex is left: it had 2, and has 2 new' },
    { code: 'apex-dnskey-lost', text: 'none of the DNSKEY records of the apex is left: it had 1, and has 1 new' },
  ]);
  assert.deepEqual(judge(before, before.replace(/@ DNSKEY.*\n/, '')), [
    { code: 'apex-dnskey-lost', text: 'none of the DNSKEY records of the apex is left: it had 1, and has none' },
  ]);
  assert.deepEqual(judge(before, lost, { apexNsLost: false, apexDnskeyLost: false }), []);
  assert.deepEqual(judge(before.replace(/@ DNSKEY.*\n/, ''), before), []);
});

test('a small change reads few of the frames', () => {
  const [old, next] = versions(zone(range(3000)), zone(range(3000).filter((i) => i !== 1500)));

  const [before, after] = differingFrames(old.reader, next.reader);

  assert.ok(old.handle.frames > 300, `${old.handle.frames} frames`);
  assert.ok(before.length >= 1 && before.length <= 5, `${before.length} of the old version`);
  assert.ok(after.length >= 1 && after.length <= 5, `${after.length} of the new one`);
});
