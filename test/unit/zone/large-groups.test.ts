/** What is held grows: many records of one owner, large batches out of order, large zone files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileStream } from '../../../src/zone/file-stream.ts';
import { decodeMessage, splitMessages } from '../../support/message-decoder.ts';
import { labels, type RawRecord, u16 } from '../../support/raw-messages.ts';
import { Bench, checkFrames, streamOf, zoneSoa } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
const SOA = zoneSoa(APEX);

/** Brings a list into an order that is none. */
const shuffled = <T>(list: readonly T[]): T[] =>
  list
    .map((one, i) => ({ one, place: (i * 7919) % 10_007 }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one);

function takeIn(records: readonly RawRecord[], perMessage: number): { type: number; ttl: number; rdata: Buffer }[] {
  const groups: RawRecord[][] = [[SOA]];
  for (let at = 0; at < records.length; at += perMessage) groups.push(records.slice(at, at + perMessage));
  const bench = new Bench();
  const batches = bench.batches([streamOf([...groups, [SOA]], true)], { apex: APEX });
  return checkFrames(bench.frames(bench.assemble(batches, APEX, 16_000)), APEX, 16_000);
}

test('an owner may have thousands of records, in any order, with names that are expanded', () => {
  const owner = labels('many', 'example', 'org');
  const target = (i: number): Buffer => labels(`Target${i}`, 'x'.repeat(60), 'y'.repeat(60), 'example', 'org');
  const records = Array.from({ length: 3000 }, (_, i): RawRecord => {
    if (i % 3 === 0) return { owner, type: 1, ttl: i, rdata: u16(i, i) };
    return { owner, type: 15, ttl: i, rdata: Buffer.concat([u16(i), target(i)]) };
  });

  const found = takeIn(shuffled(records), 50);

  const byTtl = (a: { ttl: number }, b: { ttl: number }): number => a.ttl - b.ttl;
  assert.deepEqual(
    found.sort(byTtl).map(({ type, rdata }) => ({ type, rdata })),
    records.map(({ type, rdata }) => ({ type, rdata })),
  );
});

test('a batch out of order may be larger than what was set aside for it', () => {
  const records = Array.from({ length: 600 }, (_, i): RawRecord => {
    const rdata = Buffer.alloc(4000 + i, i & 0xff);
    return { owner: labels(`h${1000 + i}`, 'example', 'org'), type: 65_280, ttl: i, rdata };
  });

  const found = takeIn(shuffled(records), 8);

  assert.deepEqual(
    found.map(({ ttl, rdata }) => ({ ttl, rdata })),
    records.map(({ ttl, rdata }) => ({ ttl, rdata })),
  );
});

test('the messages made of a zone file hold every record, however many, and none is longer than a message', () => {
  const stream = new FileStream(APEX);
  const count = 400;
  for (let i = 0; i < count; i++)
    stream.add(labels(`h${i}`, 'example', 'org'), 65_280, i, Buffer.alloc(6000, i & 0xff));
  stream.add(APEX, 6, 3600, SOA.rdata);

  const messages = splitMessages(stream.finish() ?? new Uint8Array(0)).map(decodeMessage);

  const records = messages.flatMap(({ answers }) => answers);
  assert.equal(records.length, count + 2);
  assert.deepEqual([records[0]?.type, records.at(-1)?.type], [6, 6]);
  assert.deepEqual(
    records.slice(1, -1).map(({ ttl }) => ttl),
    Array.from({ length: count }, (_, i) => i),
  );
  assert.ok(messages.length > 30);
});
