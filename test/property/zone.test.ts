/** Whatever records come, in whatever pieces: the frames hold each of them once, in order, between their fences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareRecords, type DecodedRecord, decodeMessage, lowerOctets } from '../support/message-decoder.ts';
import { labels, type RawRecord, u16, u32 } from '../support/raw-messages.ts';
import { labelOctets, octets, ownerName, record } from '../support/zone-arbitraries.ts';
import { Bench, checkFrames, sortKey, streamOf, zoneSoa } from '../support/zone-building.ts';

const APEX = labels('example', 'org');

const records = fc.oneof(
  { weight: 4, arbitrary: fc.array(record, { maxLength: 40 }) },
  // Few owners, so that many records of one meet.
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(ownerName, { minLength: 1, maxLength: 2 }), fc.array(record, { maxLength: 60 }))
      .map(([owners, all]) => all.map((one, i) => ({ ...one, owner: owners[i % owners.length] as Buffer }))),
  },
);

/** Records with some repeated, in canonical order or not, cut into batches of messages. */
const arrival = fc.record({
  list: fc.tuple(records, fc.array(fc.nat(), { maxLength: 5 }), fc.boolean()).map(([all, repeats, isSorted]) => {
    const again =
      all.length === 0 ? [] : repeats.map((at) => ({ ...(all[at % all.length] as RawRecord), ttl: at % 7 }));
    const list = [...all, ...again];
    return isSorted ? list.sort(compareRecords) : list;
  }),
  perMessage: fc.integer({ min: 1, max: 12 }),
  perBatch: fc.integer({ min: 1, max: 6 }),
  isCompressed: fc.boolean(),
  frameSize: fc.constantFrom(512, 600, 16_000),
});

/** One message after another, the SOA first and last, gathered into batches. */
function cut(list: readonly RawRecord[], perMessage: number, perBatch: number, isCompressed: boolean): Buffer[] {
  const whole = [zoneSoa(APEX), ...list, zoneSoa(APEX)];
  const messages: RawRecord[][] = [];
  for (let at = 0; at < whole.length; at += perMessage) messages.push(whole.slice(at, at + perMessage));
  const batches: Buffer[] = [];
  for (let at = 0; at < messages.length; at += perBatch) {
    batches.push(streamOf(messages.slice(at, at + perBatch), isCompressed));
  }
  return batches;
}

/** The set of records, the first of those that are the same. */
function distinct(list: readonly RawRecord[]): RawRecord[] {
  const first = new Map<string, RawRecord>();
  for (const one of list) {
    const key = sortKey(one, APEX).toString('latin1');
    if (!first.has(key)) first.set(key, one);
  }
  return [...first.values()].sort(compareRecords);
}

const withoutOwner = ({ type, ttl, rdata }: RawRecord): string => `${type} ${ttl} ${rdata.toString('hex')}`;

/** An owner written in several ways is one: any of the spellings that came may stand for it. */
function assertSame(found: readonly DecodedRecord[], list: readonly RawRecord[]): void {
  const expected = distinct(list);
  const spellings = new Map<string, Set<string>>();
  for (const { owner } of list) {
    const key = lowerOctets(owner).toString('hex');
    spellings.set(key, (spellings.get(key) ?? new Set()).add(owner.toString('hex')));
  }
  assert.deepEqual(found.map(withoutOwner), expected.map(withoutOwner));
  found.forEach(({ owner, class: klass }, i) => {
    const key = lowerOctets(owner).toString('hex');
    assert.equal(key, lowerOctets((expected[i] as RawRecord).owner).toString('hex'));
    assert.ok(spellings.get(key)?.has(owner.toString('hex')), 'an owner is written as it never came');
    assert.equal(klass, 1);
  });
}

test('a version holds each record once, in canonical order, however the records arrive', () => {
  fc.assert(
    fc.property(arrival, ({ list, perMessage, perBatch, isCompressed, frameSize }) => {
      const bench = new Bench();
      const batches = bench.batches(cut(list, perMessage, perBatch, isCompressed), { apex: APEX, frameSize });

      const assembled = bench.assemble(batches, APEX, frameSize);

      const frames = bench.frames(assembled);
      const found = checkFrames(frames, APEX, frameSize);
      assertSame(found, list);
      const { version } = assembled;
      assert.equal(version.records, found.length + 1);
      assert.equal(version.frames, frames.length);
      assert.equal(
        version.octets,
        frames.reduce((sum, frame) => sum + frame.octets.length, 0),
      );
      const duplicates = batches.reduce((sum, batch) => sum + batch.duplicates, assembled.duplicates);
      assert.equal(duplicates, list.length - found.length);
      assert.equal(version.single !== undefined, frames.length <= 1);
    }),
    { numRuns: 400 },
  );
});

test('a run says its first and last key, and its frames lie between its fences', () => {
  fc.assert(
    fc.property(arrival, ({ list, perMessage, isCompressed, frameSize }) => {
      const bench = new Bench();
      const [batch] = bench.batches(cut(list, perMessage, 1000, isCompressed), { apex: APEX, frameSize });

      const run = batch?.run;

      if (list.length === 0) return assert.equal(run, undefined);
      assert.ok(run !== undefined);
      const found = checkFrames(bench.runFrames(run), APEX, frameSize);
      assert.deepEqual(Buffer.from(run.firstKey), sortKey(found[0] as DecodedRecord, APEX));
      assert.deepEqual(Buffer.from(run.lastKey), sortKey(found.at(-1) as DecodedRecord, APEX));
      assert.equal(run.records, found.length);
    }),
    { numRuns: 300 },
  );
});

test('the same records in another order give the same frames', () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.constantFrom(512, 16_000), (all, seed, frameSize) => {
      const list = distinct(all).map((one) => ({ ...one, owner: lowerOctets(one.owner) }));
      const shuffled = list
        .map((one, i) => ({ one, place: (i * 7919 + seed) % 104_729 }))
        .sort((a, b) => a.place - b.place)
        .map(({ one }) => one);
      const bench = new Bench();

      const [first, second] = [list, shuffled].map((one) => {
        const [batch] = bench.batches(cut(one, 5, 1000, true), { apex: APEX, frameSize });
        return batch?.run === undefined ? [] : bench.runFrames(batch.run);
      });

      assert.deepEqual(first, second);
    }),
    { numRuns: 200 },
  );
});

test('a zone of one frame has a render of its own, with question and two SOAs and no pointer into the question', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 25 }), fc.boolean(), (list, isCompressed) => {
      const bench = new Bench();
      const batches = bench.batches(cut(list, 10, 100, isCompressed), { apex: APEX });

      const { version } = bench.assemble(batches, APEX, 16_000);

      assert.ok(version.single !== undefined);
      const octets = Buffer.from(bench.directory.view(version.single));
      assert.equal(octets.readUInt16BE(0), octets.length - 2);
      const message = decodeMessage(octets.subarray(2));
      assert.deepEqual([message.id, message.flags], [0, 0x8400]);
      assert.deepEqual(message.questions, [{ name: APEX, type: 252, class: 1 }]);
      const soa = { ...zoneSoa(APEX), class: 1 };
      for (const edge of [message.answers[0], message.answers.at(-1)]) {
        const { offset: _, ...rest } = edge as DecodedRecord;
        assert.deepEqual(rest, soa);
      }
      assertSame(message.answers.slice(1, -1), list);
      const questionEnd = 12 + APEX.length + 4;
      assert.ok(message.pointers.every((target) => target >= questionEnd));
    }),
    { numRuns: 150 },
  );
});

test('a record of 60 KB between small ones is a frame of its own', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 8 }),
      ownerName,
      fc.integer({ min: 16_001, max: 64_000 }),
      (list, owner, size) => {
        const large: RawRecord = { owner, type: 65_281, ttl: 1, rdata: Buffer.alloc(size, 7) };
        const bench = new Bench();
        const all = [...list, large];

        const batches = bench.batches(cut(all, 1, 4, false), { apex: APEX });

        const frames = bench.frames(bench.assemble(batches, APEX, 16_000));
        assertSame(checkFrames(frames, APEX, 16_000), all);
        assert.ok(frames.some(({ octets: bytes, records: count }) => count === 1 && bytes.length > size));
      },
    ),
    { numRuns: 40 },
  );
});

test('records out of the zone are ignored when so configured, and leave no trace', () => {
  const foreign = fc
    .tuple(fc.array(labelOctets, { maxLength: 2 }), fc.constantFrom(labels(), labels('org'), labels('example', 'net')))
    .map(([parts, tail]) => Buffer.concat([labels(...parts).subarray(0, -1), tail]));
  const mixed = fc.array(
    fc.oneof(
      record,
      fc.tuple(record, foreign).map(([one, owner]) => ({ ...one, owner })),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(mixed, fc.integer({ min: 1, max: 8 }), (list, perMessage) => {
      const bench = new Bench();
      const inside = list.filter(({ owner }) =>
        lowerOctets(owner).toString('latin1').endsWith('\u0007example\u0003org\u0000'),
      );

      const batches = bench.batches(cut(list, perMessage, 3, false), { apex: APEX, outOfZone: 'ignore' });

      assertSame(checkFrames(bench.frames(bench.assemble(batches, APEX, 16_000)), APEX, 16_000), inside);
      assert.equal(
        batches.reduce((sum, batch) => sum + batch.ignoredOutOfZone, 0),
        list.length - inside.length,
      );
    }),
    { numRuns: 150 },
  );
});

test('frames of a recycled slab do not depend on what lay there', () => {
  fc.assert(
    fc.property(records, octets(64, 64), (list, dirt) => {
      const clean = new Bench();
      const dirty = new Bench();
      const used = dirty.slabs.bytes;
      for (let at = 0; at < 1 << 16; at += dirt.length) used.set(dirt, at);
      const stream = cut(list, 9, 1000, true);

      const [first, second] = [clean, dirty].map((bench) => {
        const [batch] = bench.batches(stream, { apex: APEX, frameSize: 512 });
        return batch?.run === undefined ? [] : bench.runFrames(batch.run);
      });

      assert.deepEqual(first, second);
    }),
    { numRuns: 100 },
  );
});

test('the SOA of a version is the record as it came, uncompressed', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.nat(0x7fff_ffff), (serial, ttl) => {
      const soa = { ...zoneSoa(APEX, serial), ttl };
      const bench = new Bench();

      const batches = bench.batches([streamOf([[soa, soa]], true)], { apex: APEX });

      const { version } = bench.assemble(batches, APEX, 16_000);
      const expected = Buffer.concat([APEX, u16(6, 1), u32(ttl), u16(soa.rdata.length), soa.rdata]);
      assert.deepEqual(Buffer.from(version.soaRecord), expected);
      assert.equal(version.serial, serial);
      assert.equal(version.records, 1);
    }),
    { numRuns: 50 },
  );
});
