/**
 * Random zones and random changes against a model that is a set of records: every version holds what the model holds,
 * and every answer to IXFR, as a chain or condensed, leads a copy of the model from any serial to the newest.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { condense, type IxfrStep, renderIxfr } from '../../src/xfr/ixfr-answer.ts';
import type { TransferAnswer } from '../../src/xfr/transfer-answer.ts';
import { type UpdateResult, updateByIxfr, updateByRuns } from '../../src/xfr/update.ts';
import { PAGE_FRAMES } from '../../src/zone/frame-list.ts';
import { usageOfVersion } from '../../src/zone/usage.ts';
import { type SlabUsage, type VersionHandle, VersionReader } from '../../src/zone/version.ts';
import { compareRecords, type DecodedRecord, decodeMessage } from '../support/message-decoder.ts';
import { labels, type RawRecord } from '../support/raw-messages.ts';
import { record } from '../support/zone-arbitraries.ts';
import { Bench, checkFrames, ixfrOptions, sortKey, streamOf, zoneSoa } from '../support/zone-building.ts';

const APEX = labels('example', 'org');

/** The naive model: records by identity, TTL beside. */
class Model {
  readonly records: Map<string, RawRecord>;

  constructor(records: Iterable<RawRecord> = []) {
    this.records = new Map();
    for (const one of records) if (!this.has(one)) this.add(one);
  }

  static key = (one: Pick<RawRecord, 'owner' | 'type' | 'rdata'>): string => sortKey(one, APEX).toString('latin1');

  has(one: Pick<RawRecord, 'owner' | 'type' | 'rdata'>): boolean {
    return this.records.has(Model.key(one));
  }

  add(one: RawRecord): void {
    assert.ok(!this.has(one), 'an answer adds what is there');
    this.records.set(Model.key(one), one);
  }

  remove(one: RawRecord): void {
    const known = this.records.get(Model.key(one));
    assert.ok(known !== undefined, 'an answer removes what is not there');
    assert.equal(one.ttl, known.ttl, 'an answer removes with another TTL');
    this.records.delete(Model.key(one));
  }

  get state(): [string, number][] {
    return [...this.records].map(([key, { ttl }]): [string, number] => [key, ttl]).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

interface Version {
  readonly handle: VersionHandle;
  readonly model: Model;
  readonly step: IxfrStep | undefined;
}

/** Indices into what is there, records to add, TTLs to change; and the way the change comes. */
const change = fc.record({
  remove: fc.array(fc.nat(), { maxLength: 12 }),
  add: fc.array(record, { maxLength: 25 }),
  ttl: fc.array(fc.nat(), { maxLength: 3 }),
  way: fc.constantFrom('ixfr', 'ixfr', 'axfr', 'axfr-unsorted'),
  middle: fc.array(record, { maxLength: 3 }),
});

const history = fc.record({
  zone: fc.oneof(fc.array(record, { maxLength: 10 }), fc.array(record, { minLength: 60, maxLength: 250 })),
  changes: fc.array(change, { minLength: 1, maxLength: 6 }),
  frameSize: fc.constantFrom(512, 700, 2_000, 16_000),
  isCompressed: fc.boolean(),
});

const inGroups = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

const sorted = (records: Iterable<RawRecord>): RawRecord[] => [...records].sort(compareRecords);

class World {
  readonly bench = new Bench();
  readonly frameSize: number;
  readonly isCompressed: boolean;
  versions: Version[] = [];

  constructor(frameSize: number, isCompressed: boolean) {
    this.frameSize = frameSize;
    this.isCompressed = isCompressed;
  }

  get last(): Version {
    return this.versions.at(-1) as Version;
  }

  load(zone: readonly RawRecord[]): void {
    const soa = zoneSoa(APEX, 1);
    const batches = this.#batches([soa, ...zone, soa]);
    const { version } = this.bench.assemble(batches, APEX, this.frameSize);
    this.versions.push({ handle: version, model: new Model(zone), step: undefined });
    this.check();
  }

  /** The model after a change, and how it would be told as differences. */
  apply({ remove, add, ttl, way, middle }: typeof change extends fc.Arbitrary<infer T> ? T : never): void {
    const before = this.last.model;
    const after = new Model(before.records.values());
    const there = [...before.records.values()];
    const removed = new Map<string, RawRecord>();
    const added: RawRecord[] = [];
    const takeOut = (one: RawRecord): void => {
      removed.set(Model.key(one), one);
      after.records.delete(Model.key(one));
    };
    for (const at of remove) {
      const one = there[at % there.length];
      if (one !== undefined && after.has(one)) takeOut(one);
    }
    for (const at of ttl) {
      const one = there[at % there.length];
      if (one === undefined || !after.has(one) || removed.has(Model.key(one))) continue;
      takeOut(one);
      added.push({ ...one, ttl: one.ttl + 1 });
      after.add({ ...one, ttl: one.ttl + 1 });
    }
    for (const one of add) {
      if (after.has(one)) continue;
      after.add(one);
      added.push(one);
    }
    const serial = this.last.handle.serial + 2;
    const result =
      way === 'ixfr'
        ? this.#ixfr(
            [...removed.values()],
            added,
            middle.filter((one) => !before.has(one)),
            serial,
          )
        : this.#axfr(after, serial, way === 'axfr');
    assert.ok(result.ok, result.ok ? '' : `${result.failure.code}: ${result.failure.text}`);
    const { version, made, added: more, dropped } = result.updated;
    this.#checkUsage(this.last.handle, version, more, dropped);
    // A change that is larger than the zone leaves no step: then history begins anew.
    if (made === undefined) this.versions = [];
    this.versions.push({ handle: version, model: after, step: made?.step });
    this.check();
  }

  /** In two steps: what is in the middle version alone is added and taken back. */
  #ixfr(removed: RawRecord[], added: RawRecord[], middle: RawRecord[], serial: number): UpdateResult {
    const from = this.last.handle.serial;
    const [old, between, young] = [from, from + 1, serial].map((one) => zoneSoa(APEX, one)) as [
      RawRecord,
      RawRecord,
      RawRecord,
    ];
    const passing = [...new Model(middle).records.values()];
    const half = removed.slice(0, removed.length >> 1);
    const records = [
      young,
      ...[old, ...half, between, ...passing],
      ...[between, ...removed.slice(half.length), ...passing, young, ...added],
      young,
    ];
    const stream = streamOf(inGroups(records, 7), this.isCompressed);
    const options = ixfrOptions(APEX, this.frameSize, from);
    const piece = { bytes: stream, start: 0, end: stream.length };
    return updateByIxfr([piece], options, this.#options(), this.bench.slabs, this.bench.directory);
  }

  #axfr(model: Model, serial: number, isSorted: boolean): UpdateResult {
    const soa = zoneSoa(APEX, serial);
    const all = [...model.records.values()];
    const batches = this.#batches([soa, ...(isSorted ? sorted(all) : all.reverse()), soa], true);
    const runs = batches.flatMap(({ run }) => (run === undefined ? [] : [run]));
    const told = batches[0]?.firstSoa;
    assert.ok(told !== undefined);
    return updateByRuns(runs, told, this.#options(), this.bench.slabs, this.bench.directory);
  }

  #batches(records: readonly RawRecord[], hasBase = false) {
    const streams = inGroups(inGroups(records, 9), 4).map((part) => streamOf(part, this.isCompressed));
    const base = hasBase ? new VersionReader(this.last.handle.root, this.bench.directory) : undefined;
    return this.bench.batches(streams, { apex: APEX, frameSize: this.frameSize }, base);
  }

  #options() {
    const { handle } = this.last;
    const limits = { maxRecords: 1e6, maxBytes: 1e9, serial: undefined };
    return { id: handle.id + 1, base: handle, apex: APEX, frameSize: this.frameSize, ...limits };
  }

  check(): void {
    const { handle, model } = this.last;
    const reader = new VersionReader(handle.root, this.bench.directory);
    const frames = this.bench.frames({ version: handle });
    const records = checkFrames(frames, APEX, this.frameSize);
    assert.deepEqual(new Model(records.map(plain)).state, model.state);
    assert.equal(handle.records, records.length + 1);
    assert.equal(handle.frames, frames.length);
    assert.equal(
      handle.octets,
      frames.reduce((sum, { octets }) => sum + octets.length, 0),
    );
    assert.equal(frames[0]?.fence.length ?? 0, 0, 'the first fence is not below all');
    for (let p = 0; p < reader.pageCount; p++) {
      const { length } = reader.page(p);
      assert.ok(length <= PAGE_FRAMES && length > 0);
      assert.equal(reader.pageEntry(p).frames, length);
    }
    assert.deepEqual(byOctets(handle.usage), byOctets(usageOfVersion({ reader, single: handle.single })));
    for (let i = 0; i < this.versions.length - 1; i++) this.#checkFrom(i);
  }

  /** From an older version to the newest, both ways of telling it. */
  #checkFrom(index: number): void {
    const steps = this.versions.slice(index + 1).map(({ step }) => step as IxfrStep);
    const options = { apex: APEX, frameSize: this.frameSize };
    const { slabs, directory } = this.bench;
    const start = this.versions[index] as Version;
    const chosen = renderIxfr(steps, options, slabs, directory);
    const condensed = renderIxfr([condense(steps, options, slabs, directory)], options, slabs, directory);
    for (const answer of [chosen, condensed]) {
      const copy = new Model(start.model.records.values());
      this.#follow(answer, copy, start.handle.serial);
      assert.deepEqual(copy.state, this.last.model.state);
    }
    assert.ok(chosen.octets <= condensed.octets);
  }

  /** As a secondary would: RFC 1995 §4. */
  #follow(answer: TransferAnswer, copy: Model, from: number): void {
    const messages = [...new VersionReader(answer.root, this.bench.directory).messages()];
    assert.equal(messages.length, answer.count);
    const records = messages.flatMap((octets, i) => {
      const message = decodeMessage(octets);
      assert.equal(message.questions.length, i === 0 ? 1 : 0);
      return message.answers;
    });
    assert.equal(records.length, answer.records);
    const to = this.last.handle.serial;
    assert.equal(serialOf(records[0]), to);
    assert.equal(serialOf(records.at(-1)), to);
    let serial = from;
    let isAdding = true;
    for (const one of records.slice(1, -1)) {
      if (one.type !== 6) {
        if (isAdding) copy.add(plain(one));
        else copy.remove(plain(one));
        continue;
      }
      isAdding = !isAdding;
      if (isAdding) serial = serialOf(one);
      else assert.equal(serialOf(one), serial);
    }
    assert.equal(serial, to);
  }

  #checkUsage(
    before: VersionHandle,
    after: VersionHandle,
    added: readonly SlabUsage[],
    dropped: readonly SlabUsage[],
  ): void {
    const sum = byOctets([
      ...before.usage,
      ...added,
      ...dropped.map(({ slab, octets }) => ({ slab, octets: -octets })),
    ]);
    assert.deepEqual(sum, byOctets(after.usage));
  }
}

const plain = ({ owner, type, ttl, rdata }: DecodedRecord): RawRecord => ({ owner, type, ttl, rdata });
const serialOf = (one: DecodedRecord | undefined): number => {
  assert.equal(one?.type, 6);
  return (one as DecodedRecord).rdata.readUInt32BE((one as DecodedRecord).rdata.length - 20);
};

const byOctets = (usage: readonly SlabUsage[]): [number, number][] => {
  const sum = new Map<number, number>();
  for (const { slab, octets } of usage) sum.set(slab, (sum.get(slab) ?? 0) + octets);
  return [...sum].filter(([, octets]) => octets !== 0).sort(([a], [b]) => a - b);
};

test('versions, steps and IXFR answers agree with a naive model at every serial', () => {
  fc.assert(
    fc.property(history, ({ zone, changes, frameSize, isCompressed }) => {
      const world = new World(frameSize, isCompressed);
      world.load([...new Model(zone).records.values()]);
      for (const one of changes) world.apply(one);
    }),
    { numRuns: 150 },
  );
});
