/** Named cases of packing and merging: what properties found, and the edges they reach seldom. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameList, FrameListBuilder, PAGE_FRAMES } from '../../../src/zone/frame-list.ts';
import { SLAB_SIZE } from '../../../src/zone/slab.ts';
import { hasSameFrames, VersionReader } from '../../../src/zone/version.ts';
import { decodeMessage } from '../../support/message-decoder.ts';
import { labels, type RawRecord, u32 } from '../../support/raw-messages.ts';
import { Bench, checkFrames, sortKey, streamOf, zoneSoa } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
const SOA = zoneSoa(APEX);
const name = (...parts: (string | Buffer)[]): Buffer => labels(...parts, 'example', 'org');
const address = (owner: Buffer, last = 1, ttl = 60): RawRecord => ({
  owner,
  type: 1,
  ttl,
  rdata: Buffer.of(192, 0, 2, last),
});
const blob = (owner: Buffer, size: number, fill: number): RawRecord => ({
  owner,
  type: 65_280,
  ttl: 60,
  rdata: Buffer.alloc(size, fill),
});

function build(batches: readonly (readonly RawRecord[])[], frameSize = 16_000) {
  const bench = new Bench();
  const streams = batches.map((records) =>
    streamOf(
      records.map((one) => [one]),
      false,
    ),
  );
  const taken = bench.batches(streams, { apex: APEX, frameSize });
  const assembled = bench.assemble(taken, APEX, frameSize);
  return { bench, taken, assembled, frames: bench.frames(assembled) };
}

test('the last key of a run is that of its last record, though the closing SOA is read after it', () => {
  const last: RawRecord = { owner: name('z'), type: 2, ttl: 60, rdata: name('ns1') };

  const { taken } = build([[SOA, address(name('a')), last, SOA]]);

  assert.deepEqual(Buffer.from(taken[0]?.run?.lastKey ?? []), sortKey(last, APEX));
});

test('records of one owner and type in two batches, the last before the closing SOA, are merged in order', () => {
  const alias = (target: Buffer): RawRecord => ({ owner: name('x'), type: 5, ttl: 0, rdata: target });

  const { frames } = build([
    [SOA, alias(labels('sub', 'example', 'org'))],
    [alias(labels('sub')), SOA],
  ]);

  assert.equal(checkFrames(frames, APEX, 16_000).length, 2);
});

test('of the same record twice the first stays, TTL and case as they came: in a group, in a batch, in two batches', () => {
  const first = { owner: name('www'), type: 2, ttl: 1, rdata: labels('NS', 'example') };
  const second = { ...first, ttl: 2, rdata: labels('ns', 'Example') };
  const between = address(name('a'));
  for (const batches of [
    [[SOA, first, second, SOA]],
    [[SOA, first, between, second, SOA]],
    [
      [SOA, first],
      [second, SOA],
    ],
    [
      [SOA, first, between],
      [between, second, SOA],
    ],
  ]) {
    const { frames, taken, assembled } = build(batches);

    const [kept] = checkFrames(frames, APEX, 16_000).filter(({ type }) => type === 2);
    assert.deepEqual([kept?.ttl, kept?.rdata], [1, first.rdata]);
    const duplicates = taken.reduce((sum, batch) => sum + batch.duplicates, assembled.duplicates);
    const all = batches.flat().length - 2;
    assert.equal(all - duplicates, assembled.version.records - 1);
  }
});

test('a fence between two spellings of one owner lies above the frame before', () => {
  // Others between them, so that the batch is sorted as a whole and each keeps its spelling.
  const records = [1, 2, 3, 4].flatMap((fill) => [
    blob(fill % 2 === 0 ? name('WWW') : name('www'), 300, fill),
    address(name('zz'), fill),
  ]);

  const { taken, bench } = build([[SOA, ...records, SOA]], 512);

  const run = taken[0]?.run;
  assert.ok(run !== undefined);
  assert.equal(checkFrames(bench.runFrames(run), APEX, 512).length, 8);
});

test('a name outside the zone that is the rest of one inside takes no place in it', () => {
  for (const outside of [labels('foo'), labels(), labels('FOO')]) {
    const bench = new Bench();
    const inside = [address(name('foo')), address(name('foo'), 2)];
    const stream = streamOf([[SOA, inside[0] as RawRecord, address(outside, 9), inside[1] as RawRecord, SOA]], false);

    const taken = bench.batches([stream], { apex: APEX, outOfZone: 'ignore' });

    const found = checkFrames(bench.frames(bench.assemble(taken, APEX, 16_000)), APEX, 16_000);
    assert.deepEqual(
      found.map(({ owner, rdata }) => [owner, rdata.readUInt8(3)]),
      [
        [name('foo'), 1],
        [name('foo'), 2],
      ],
    );
    assert.equal(taken[0]?.ignoredOutOfZone, 1);
    assert.equal(taken[0]?.lastSoa?.serial, 1);
  }
});

test('frames that no other run reaches into are taken as they are, octet for octet', () => {
  const records = (letter: string): RawRecord[] =>
    Array.from({ length: 40 }, (_, i) => address(name(`${letter}${i + 100}`)));
  const { bench, taken, frames } = build(
    [
      [SOA, ...records('c')],
      [...records('a'), ...records('e'), SOA],
    ],
    512,
  );

  const before = taken.flatMap(({ run }) => (run === undefined ? [] : bench.runFrames(run)));

  checkFrames(frames, APEX, 512);
  const known = new Set(before.map(({ octets }) => octets.toString('hex')));
  const adopted = frames.filter(({ octets }) => known.has(octets.toString('hex')));
  assert.ok(adopted.length >= before.length - 2, `${adopted.length} of ${before.length}`);
});

test('a zone of many slabs and pages is all there', () => {
  const count = 420;
  const records = Array.from({ length: count }, (_, i) => blob(name(`r${1000 + i}`), 60_000, i & 0xff));
  const batches = [0, 1, 2, 3].map((part) => records.slice(part * 105, (part + 1) * 105));
  batches[0]?.unshift(SOA);
  batches[3]?.push(SOA);

  const { assembled, frames, bench } = build(batches);

  assert.equal(checkFrames(frames, APEX, 16_000).length, count);
  const { version } = assembled;
  assert.equal(version.frames, count);
  assert.equal(new VersionReader(version.root, bench.directory).pageCount, Math.ceil(count / PAGE_FRAMES));
  assert.ok(version.usage.length >= Math.floor((count * 60_000) / SLAB_SIZE));
  const octets = frames.reduce((sum, frame) => sum + frame.octets.length, 0);
  const used = version.usage.reduce((sum, usage) => sum + usage.octets, 0);
  assert.ok(used > octets && used < octets + 100_000, 'usage is frames, pages and root');
  assert.equal(bench.slabs.report().closed.length, version.usage.length - 1);
});

test('a record of the largest size that leaves room for OPT and TSIG is taken, one octet more is not', () => {
  const owner = name('big');
  const most = 65_535 - 512 - 12 - owner.length - 10;
  const bench = new Bench();
  const stream = (size: number): Buffer => streamOf([[SOA], [blob(owner, size, 1)], [SOA]], false);

  const fits = bench.batch(stream(most), { apex: APEX });
  const exceeds = bench.batch(stream(most + 1), { apex: APEX });

  assert.ok(fits.ok);
  assert.ok(!exceeds.ok && exceeds.failure.code === 'RECORD_TOO_LARGE');
});

test('names are shared within a frame only where their case is the same', () => {
  const records: RawRecord[] = [
    { owner: name('a'), type: 2, ttl: 1, rdata: labels('NS', 'Example', 'NET') },
    { owner: name('b'), type: 2, ttl: 1, rdata: labels('ns', 'Example', 'NET') },
    { owner: name('c'), type: 15, ttl: 1, rdata: Buffer.concat([Buffer.of(0, 5), labels('NS', 'Example', 'NET')]) },
  ];

  const { frames } = build([[SOA, ...records, SOA]]);

  const [frame] = frames;
  assert.ok(frame !== undefined);
  const { answers, pointers } = decodeMessage(frame.octets.subarray(2));
  assert.deepEqual(
    answers.map(({ rdata }) => rdata),
    records.map(({ rdata }) => rdata),
  );
  assert.ok(pointers.length >= 4);
});

test('names in SRV, RRSIG and other types beyond RFC 1035 stay uncompressed', () => {
  const target = name('target');
  const records: RawRecord[] = [
    { owner: target, type: 1, ttl: 1, rdata: Buffer.of(1, 2, 3, 4) },
    { owner: target, type: 33, ttl: 1, rdata: Buffer.concat([Buffer.alloc(6), target]) },
    { owner: target, type: 39, ttl: 1, rdata: target },
    { owner: target, type: 46, ttl: 1, rdata: Buffer.concat([Buffer.alloc(18), target, Buffer.alloc(9)]) },
  ];

  const { frames } = build([[SOA, ...records, SOA]]);

  const { answers } = decodeMessage((frames[0]?.octets ?? Buffer.alloc(0)).subarray(2));
  assert.deepEqual(
    answers.map(({ rdata }) => rdata),
    records.map(({ rdata }) => rdata),
  );
});

test('a frame table is read as it was made, and the builder begins anew', () => {
  const builder = new FrameListBuilder();
  const entries = [0, 1, 2].map((i) => ({
    slab: i,
    offset: 0xffff_0000 + i,
    length: 100 + i,
    records: i,
    fence: Uint8Array.from({ length: i * 3 }, () => i),
    hash: new Uint8Array(16).fill(i),
  }));
  for (const entry of entries) builder.add(entry);
  assert.equal(builder.length, 3);

  const list = new FrameList(builder.finish());

  assert.equal(builder.length, 0);
  assert.deepEqual(
    [0, 1, 2].map((i) => list.entry(i)),
    entries,
  );
  assert.equal(new FrameList(builder.finish()).length, 0);
});

test('versions are told apart by their frames', () => {
  const bench = new Bench();
  const versionOf = (records: readonly RawRecord[]) => {
    const taken = bench.batches([streamOf([[SOA, ...records, SOA]], true)], { apex: APEX });
    return {
      reader: new VersionReader(bench.assemble(taken, APEX, 16_000).version.root, bench.directory),
      run: taken[0]?.run,
    };
  };
  const first = versionOf([address(name('a'))]);
  const same = versionOf([address(name('a'))]);
  const other = versionOf([address(name('a'), 2)]);
  const empty = versionOf([]);
  const list = (version: typeof first): FrameList | undefined => version.run && new FrameList(version.run.frames);

  assert.ok(hasSameFrames(first.reader, list(same)));
  assert.ok(!hasSameFrames(first.reader, list(other)));
  assert.ok(!hasSameFrames(first.reader, list(empty)));
  assert.ok(!hasSameFrames(empty.reader, list(first)));
  assert.ok(hasSameFrames(empty.reader, undefined));
  assert.equal([...first.reader.messages()].length, 1);
});

test('a compressed name may be found again at an offset of 14 bits only', () => {
  const far = Array.from({ length: 3 }, (_, i) => ({
    ...blob(name(`w${i}`, 'deep', 'under'), 7000, i),
    type: 65_281,
  }));
  const tail = Array.from({ length: 5 }, (_, i) => ({
    owner: name('z'),
    type: 2,
    ttl: i,
    rdata: u32(0).subarray(0, 0),
  }));
  const hosts = tail.map((one, i) => ({ ...one, rdata: labels(`host${i}`, 'somewhere', 'else') }));

  const { frames } = build([[SOA, ...far, ...hosts, SOA]], 16_000);

  assert.equal(checkFrames(frames, APEX, 16_000).length, 8);
});
