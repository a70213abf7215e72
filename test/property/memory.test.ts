/**
 * Random lives of a zone through the real Taking, ZoneCommands, History, Compaction and IxfrAnswers, with the pool in
 * this thread: memory that is given back is overwritten at once, so that whatever is read after it shows; at the end
 * nothing lives.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Pool } from '../../src/pool/pool.ts';
import type { VersionStore } from '../../src/store/version-store.ts';
import { ZoneCommands } from '../../src/upstream/commands.ts';
import { Compaction } from '../../src/upstream/compaction.ts';
import { History } from '../../src/upstream/history.ts';
import { IxfrAnswers } from '../../src/upstream/ixfr-answers.ts';
import { Leases } from '../../src/upstream/leases.ts';
import { Renders } from '../../src/upstream/renders.ts';
import { type Incoming, Taking, type Verdict } from '../../src/upstream/taking.ts';
import { newZone, sourceOf, type Zone } from '../../src/upstream/zone.ts';
import type { TransferFormat } from '../../src/wire/transfer-format.ts';
import { assembleVersion } from '../../src/xfr/assemble.ts';
import { type Batch, ingestBatch } from '../../src/xfr/ingest.ts';
import { renderIxfr } from '../../src/xfr/ixfr-answer.ts';
import type { IxfrOptions } from '../../src/xfr/ixfr-change.ts';
import { relocate } from '../../src/xfr/relocate.ts';
import type { TransferAnswer } from '../../src/xfr/transfer-answer.ts';
import { type UpdateResult, updateByContent, updateByIxfr, updateByRuns } from '../../src/xfr/update.ts';
import { usageOfRun } from '../../src/xfr/version-maker.ts';
import { renderZone } from '../../src/xfr/zone-render.ts';
import { SlabDirectory, type SlabHandle, SlabWriter } from '../../src/zone/slab.ts';
import { SlabRegistry } from '../../src/zone/slab-registry.ts';
import { type SlabUsage, type VersionHandle, VersionReader } from '../../src/zone/version.ts';
import { compareRecords } from '../support/message-decoder.ts';
import { labels, type RawRecord } from '../support/raw-messages.ts';
import { BATCH_ID, ixfrOptions, streamOf, zoneSoa } from '../support/zone-building.ts';

const APEX = labels('example', 'org');
const HOSTS = 260;
const FRAME_SIZE = 600;
const POISON = 0xee;

const host = (n: number, ttl: number): RawRecord => ({
  owner: labels(`h${n}`, 'example', 'org'),
  type: 1,
  ttl,
  rdata: Buffer.of(192, 0, n >> 8, n & 255),
});

/** A pool of one, here; each task leaves its slab when told, so that slabs close, die and come back. */
class NearPool {
  readonly registry = new SlabRegistry();
  readonly directory = new SlabDirectory();
  readonly #slabs = new SlabWriter(this.directory);
  readonly #used = new Map<number, number>();
  #tasks = 0;
  /** A task leaves its slab so often. */
  leavesEvery = 2;

  async batch(stream: Buffer, isFirst: boolean, base: VersionHandle | undefined) {
    return this.#task(
      () => {
        const reader = base && new VersionReader(base.root, this.directory);
        const options = {
          apex: APEX,
          frameSize: FRAME_SIZE,
          id: BATCH_ID,
          query: 'AXFR',
          outOfZone: 'reject',
          now: 0,
        } as const;
        const result = ingestBatch(
          stream,
          0,
          stream.length,
          { ...options, isFirst, tsig: undefined },
          this.#slabs,
          reader,
        );
        assert.ok(result.ok);
        return { ok: true as const, value: { batch: result.batch, usage: usageOfRun(result.batch.run) } };
      },
      ({ usage }) => usage,
    );
  }

  assemble = (options: Parameters<typeof assembleVersion>[0]) =>
    this.#task(
      () => ({ ok: true as const, value: assembleVersion(options, this.#slabs, this.directory) }),
      ({ added }) => added,
    );

  ixfr = ({
    pieces,
    ixfr,
    options,
  }: {
    pieces: unknown;
    ixfr: IxfrOptions;
    options: Parameters<typeof updateByIxfr>[2];
  }) =>
    this.#task(() => asValue(updateByIxfr(pieces as never, ixfr, options, this.#slabs, this.directory)), updateUsage);

  runs = ({ runs, soa, options }: { runs: never; soa: never; options: never }) =>
    this.#task(() => asValue(updateByRuns(runs, soa, options, this.#slabs, this.directory)), updateUsage);

  content = ({ root, soa, options }: { root: never; soa: never; options: never }) =>
    this.#task(() => asValue(updateByContent(root, soa, options, this.#slabs, this.directory)), updateUsage);

  render = ({ steps, options }: { steps: never; options: never }) =>
    this.#task(
      () => ({ ok: true as const, value: renderIxfr(steps, options, this.#slabs, this.directory) }),
      (answer: TransferAnswer) => answer.usage,
    );

  renderZone = ({ version, options }: { version: never; options: never }) =>
    this.#task(
      () => ({ ok: true as const, value: renderZone(version, options, this.#slabs, this.directory) }),
      (answer: TransferAnswer) => answer.usage,
    );

  relocate = (options: Parameters<typeof relocate>[0]) =>
    this.#task(
      () => ({ ok: true as const, value: relocate(options, this.#slabs, this.directory) }),
      ({ versions, steps }) => [...versions.flatMap(({ added }) => added), ...steps.flatMap((step) => step.usage)],
    );

  /** All that is free is overwritten, where it was written to. */
  poison(): SlabHandle[] {
    const free = this.registry.spares(1_000);
    for (const { id, buffer } of free) new Uint8Array(buffer).fill(POISON, 0, this.#used.get(id) ?? 0);
    return free;
  }

  /** Gives the open slab up. */
  end(): void {
    this.#slabs.begin(this.registry.ids, []);
    this.#slabs.leave();
    const report = this.#slabs.report();
    this.registry.apply(report);
    this.registry.settle(report);
  }

  async #task<Value, Failure>(
    work: () => { ok: true; value: Value } | { ok: false; failure: Failure },
    usageOf: (value: Value) => readonly SlabUsage[],
  ) {
    await Promise.resolve();
    this.#slabs.begin(this.registry.ids, this.poison());
    const result = work();
    this.#used.set(this.#slabs.slab, this.#slabs.used);
    for (const { slab, octets } of result.ok ? usageOf(result.value) : []) {
      this.#used.set(slab, Math.max(this.#used.get(slab) ?? 0, octets + 65_536));
    }
    if (++this.#tasks % this.leavesEvery === 0) this.#slabs.leave();
    const report = this.#slabs.report();
    this.registry.apply(report);
    this.registry.retain(result.ok ? usageOf(result.value) : []);
    this.registry.settle(report);
    await Promise.resolve();
    return result;
  }
}

const asValue = (result: UpdateResult) =>
  result.ok ? { ok: true as const, value: result.updated } : { ok: false as const, failure: result.failure };
const updateUsage = ({
  added,
  made,
}: {
  added: readonly SlabUsage[];
  made: { usage: readonly SlabUsage[] } | undefined;
}) => [...added, ...(made?.usage ?? [])];

/** What a reader of a version or an answer holds, and what it must go on to read. */
interface Reading {
  readonly slot: number;
  readonly read: () => Buffer;
  readonly wanted: Buffer;
}

class World {
  readonly pool = new NearPool();
  readonly leases = new Leases();
  readonly row = this.leases.row(0);
  readonly zone: Zone;
  readonly taking: Taking;
  readonly commands: ZoneCommands;
  readonly compaction: Compaction;
  readonly answers: IxfrAnswers;
  readonly renders: Renders;
  readonly readings: Reading[] = [];
  readonly known = new Map<VersionHandle, Buffer>();
  verdict: Verdict = { kind: 'pass', warnings: [] };
  storeFailure: string | undefined;
  now = 1_000;
  #id = 1;
  hosts = new Map<number, number>();
  serial = 1;

  constructor() {
    const { registry, directory } = this.pool;
    const pool = this.pool as unknown as Pool;
    registry.onSlab = (slabs) => directory.add(slabs);
    const history = new History({ registry, leases: this.leases, directory });
    const config = {
      apex: APEX,
      frameSize: FRAME_SIZE,
      maxRecords: 1e6,
      maxBytes: 1e9,
      serialPolicy: 'hold',
      history: { versions: 4, bytes: 1e9, ageMs: 1e9 },
    } as unknown as Zone['config'];
    this.zone = newZone({ name: 'example.org', config, primary: undefined as never, key: undefined, history }, 0);
    const store = { commit: async () => this.storeFailure } as unknown as VersionStore;
    const clock = { now: () => this.now };
    const report = (): void => undefined;
    const publish = (zone: Zone, version: NonNullable<Zone['served']>): void => {
      zone.served = version;
      this.#forget();
    };
    this.taking = new Taking({
      pool,
      registry,
      directory,
      clock,
      store,
      nextId: () => this.#id++,
      guard: async () => this.verdict,
      publish,
      report,
      isLive: () => true,
    });
    this.commands = new ZoneCommands({
      taking: this.taking,
      directory,
      look: () => undefined,
      publish,
      released: () => undefined,
      note: async () => undefined,
      report,
    });
    this.answers = new IxfrAnswers({ pool, registry, leases: this.leases });
    this.renders = new Renders({ pool, registry, leases: this.leases, answers: this.answers });
    this.compaction = new Compaction({
      pool,
      registry,
      zones: () => [this.zone],
      inTurn: (_, work) => work(),
      isLive: () => true,
      moved: () => this.#forget(),
    });
  }

  #forget(): void {
    this.answers.forget(this.zone);
    this.renders.forget(this.zone);
  }

  #change(numbers: readonly number[]): { removed: RawRecord[]; added: RawRecord[] } {
    const removed: RawRecord[] = [];
    const added: RawRecord[] = [];
    for (const n of new Set(numbers)) {
      const ttl = this.hosts.get(n);
      if (ttl !== undefined) {
        removed.push(host(n, ttl));
        this.hosts.delete(n);
      } else {
        added.push(host(n, 60));
        this.hosts.set(n, 60);
      }
    }
    return { removed, added };
  }

  async take(numbers: readonly number[], way: 'ixfr' | 'axfr', jump: number, isNewLineage: boolean): Promise<void> {
    const source = sourceOf(this.zone);
    const known = new Map(this.hosts);
    const { removed, added } = this.#change(numbers);
    const from = source?.serial ?? 0;
    const serial = isNewLineage ? from : from + jump;
    const soa = zoneSoa(APEX, serial);
    const base = source?.version.handle;
    let incoming: Incoming;
    if (way === 'ixfr' && base !== undefined && !isNewLineage) {
      const stream = streamOf([[soa, zoneSoa(APEX, from), ...removed, soa, ...added, soa]], true);
      const options = ixfrOptions(APEX, FRAME_SIZE, from);
      const pieces = [{ bytes: stream, start: 0, end: stream.length }] as never;
      const told = { pieces, options, slabs: [], octets: stream.length, serial, release: () => undefined };
      incoming = { kind: 'differences', ...told, from: 'test', startedAt: 0 };
    } else {
      const all = [soa, ...[...this.hosts].map(([n, ttl]) => host(n, ttl)).sort(compareRecords), soa];
      const groups = Array.from({ length: Math.ceil(all.length / 60) }, (_, i) => all.slice(i * 60, i * 60 + 60));
      const batches: Batch[] = [];
      const usage: SlabUsage[] = [];
      for (const [i, group] of groups.entries()) {
        const { value } = (await this.pool.batch(streamOf([group], true), i === 0, base)) as never as {
          value: { batch: Batch; usage: SlabUsage[] };
        };
        batches.push(value.batch);
        usage.push(...value.usage);
      }
      const first = batches[0]?.firstSoa;
      assert.ok(first !== undefined);
      incoming = { kind: 'whole', batches, usage, soa: first, how: 'AXFR', from: 'test', startedAt: 0 };
    }
    const taken = await this.taking.take(this.zone, incoming, isNewLineage);
    // What the primary has is what we have or hold; else the next change goes out from what was.
    if (taken.kind === 'refused') this.hosts = known;
  }

  octetsOf(handle: VersionHandle): Buffer {
    const reader = new VersionReader(handle.root, this.pool.directory);
    const single = handle.single === undefined ? [] : [this.pool.directory.view(handle.single)];
    return Buffer.concat([...reader.messages(), ...single]);
  }

  octetsOfAnswer(answer: TransferAnswer): Buffer {
    return Buffer.concat([...new VersionReader(answer.root, this.pool.directory).messages()]);
  }

  startReading(which: number): void {
    const kept = this.zone.history.versions;
    const version = kept[which % Math.max(1, kept.length)];
    if (version === undefined) return;
    const { handle, slot, step } = version;
    this.#read(slot, () => this.octetsOf(handle));
    if (step !== undefined) this.#read(step.slot, () => this.octetsOfAnswer(step.answer));
  }

  async ask(which: number): Promise<void> {
    const kept = this.zone.history.versions;
    const version = kept[which % Math.max(1, kept.length)];
    if (version === undefined) return;
    const answer = await this.answers.get(this.zone, version.handle.serial);
    if (answer !== 'AXFR') this.#read(answer.slot, () => this.octetsOfAnswer(answer.answer));
  }

  /** For an old secondary: of any version that is kept, from any of them, or whole. */
  async askInFormat(which: number, from: number, format: TransferFormat): Promise<void> {
    const kept = this.zone.history.versions;
    const version = kept[which % Math.max(1, kept.length)];
    if (version === undefined) return;
    const { handle, slot } = version;
    const serial = kept[from % (kept.length + 1)]?.handle.serial ?? null;
    const render = await this.renders.get(this.zone, { version: handle, slot, from: serial, format });
    assert.ok(render !== undefined);
    this.#read(render.slot, () => this.octetsOfAnswer(render.answer));
    const isWhole = render.answer.form === 'zone';
    if (isWhole) assert.equal(render.answer.records, handle.records + 1);
  }

  #read(slot: number, read: () => Buffer): void {
    Atomics.add(this.row, slot, 1);
    this.readings.push({ slot, read, wanted: read() });
  }

  stopReading(which: number): void {
    const [reading] = this.readings.splice(which % Math.max(1, this.readings.length), 1);
    if (reading !== undefined) Atomics.sub(this.row, reading.slot, 1);
    this.look();
  }

  /** Retired pieces are looked at when another is retired. */
  look(): void {
    this.leases.retire(this.leases.take(), () => undefined);
  }

  async move(which: readonly number[]): Promise<void> {
    const { closed } = this.pool.registry.closedSlabs();
    const victims = [...new Set(which.map((n) => closed[n % Math.max(1, closed.length)]?.id))].filter(
      (id) => id !== undefined,
    );
    if (victims.length === 0) return;
    // As `Compaction` does it when a slab has little that lives.
    const { history, shadow } = this.zone;
    if (history.versions.length === 0) return;
    const steps = history.steps;
    const versions = [...history.versions, ...(shadow === undefined ? [] : [shadow])].map(({ handle }) => handle);
    const result = (await this.pool.relocate({ versions, steps, victims })) as { ok: true; value: never };
    const servedId = this.zone.served?.handle.id;
    const before = versions.map((handle) => this.known.get(handle));
    const aside = history.relocate(result.value, shadow);
    if (shadow !== undefined && aside !== undefined) this.zone.shadow = { ...shadow, ...aside };
    this.zone.served = history.versions.find(({ handle }) => handle.id === servedId);
    this.#forget();
    const now = [...history.versions, ...(aside === undefined ? [] : [aside])].map(({ handle }) => handle);
    now.forEach((handle, i) => {
      const wanted = before[i];
      if (wanted !== undefined) assert.ok(this.octetsOf(handle).equals(wanted), 'what was moved reads otherwise');
    });
  }

  check(): void {
    const { history, shadow } = this.zone;
    const free = this.pool.poison();
    this.pool.registry.apply({ opened: [], closed: [], unused: free });
    for (const { handle } of [...history.versions, ...(shadow === undefined ? [] : [shadow])]) {
      const octets = this.octetsOf(handle);
      const wanted = this.known.get(handle);
      if (wanted === undefined) this.known.set(handle, octets);
      else assert.ok(octets.equals(wanted), `version ${handle.id} reads otherwise than when it was made`);
    }
    for (const { read, wanted } of this.readings)
      assert.ok(read().equals(wanted), 'what is being read was overwritten');
    // What the newest holds is what the model holds, where nothing is aside.
    const { newest } = history;
    if (newest !== undefined && shadow === undefined) assert.equal(newest.handle.records, this.hosts.size + 1);
    assert.ok(history.octets >= 0);
  }

  async end(): Promise<void> {
    for (const { slot } of this.readings) Atomics.sub(this.row, slot, 1);
    if (this.zone.shadow !== undefined) this.zone.history.dropAside(this.zone.shadow);
    this.zone.history.clear();
    this.#forget();
    // What is rendered for single clients is given back in the turn after that in which it is told.
    await nextTurn();
    await nextTurn();
    this.look();
    this.pool.end();
    assert.equal(this.leases.retiredCount, 0);
    const { slabs, free, liveOctets } = this.pool.registry.stats;
    assert.deepEqual({ liveOctets, held: slabs - free }, { liveOctets: 0, held: 0 });
    this.leases.stop();
  }
}

const numbers = fc.array(fc.nat(HOSTS - 1), { minLength: 1, maxLength: 12 });
const op = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      numbers: fc.oneof(
        { weight: 5, arbitrary: numbers },
        { weight: 1, arbitrary: fc.array(fc.nat(HOSTS - 1), { minLength: 100, maxLength: 300 }) },
      ),
      way: fc.constantFrom('ixfr' as const, 'axfr' as const),
      jump: fc.integer({ min: 1, max: 3 }),
      isNewLineage: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
      verdict: fc.constantFrom('pass', 'pass', 'pass', 'hold', 'reject'),
      storeFails: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('read' as const, 'ask' as const, 'stop' as const), at: fc.nat(50) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ask-in-format' as const),
      at: fc.nat(50),
      from: fc.nat(50),
      format: fc.constantFrom('uncompressed' as const, 'one-answer' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'pin' as const,
        'unpin' as const,
        'rollback' as const,
        'release' as const,
        'reject' as const,
        'aside' as const,
      ),
      at: fc.nat(50),
      storeFails: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      which: fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('prune' as const),
      versions: fc.nat(5),
      bytes: fc.constantFrom(0, 3_000, 1e9),
    }),
  },
);

test('whatever is done to a zone, what is held can be read, and in the end nothing lives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(op, { minLength: 5, maxLength: 45 }),
      fc.constantFrom(1, 2, 5),
      async (ops, leavesEvery) => {
        const world = new World();
        world.pool.leavesEvery = leavesEvery;
        await world.take(
          Array.from({ length: 120 }, (_, i) => i * 2),
          'axfr',
          1,
          false,
        );
        world.check();
        for (const one of ops) {
          world.now += 10;
          const serials = world.zone.history.versions.map(({ handle }) => handle.serial);
          switch (one.kind) {
            case 'take':
              world.storeFailure = one.storeFails ? 'disk full' : undefined;
              world.verdict =
                one.verdict === 'hold'
                  ? { kind: 'hold', reasons: ['x'] }
                  : one.verdict === 'reject'
                    ? { kind: 'reject', why: 'x' }
                    : { kind: 'pass', warnings: [] };
              await world.take(one.numbers, one.way, one.jump, one.isNewLineage);
              break;
            case 'read':
              world.startReading(one.at);
              break;
            case 'ask':
              await world.ask(one.at);
              break;
            case 'ask-in-format':
              await world.askInFormat(one.at, one.from, one.format);
              break;
            case 'stop':
              world.stopReading(one.at);
              break;
            case 'move':
              await world.move(one.which);
              break;
            case 'prune':
              world.zone.history.prune({ versions: one.versions, bytes: one.bytes, ageMs: 1e9 }, world.now);
              if (!world.zone.history.versions.some((version) => version === world.zone.served))
                assert.fail('what is served was pruned');
              break;
            default: {
              world.storeFailure = one.storeFails ? 'disk full' : undefined;
              const serial = serials[one.at % Math.max(1, serials.length)] ?? 0;
              if (one.kind === 'aside') await world.taking.setAside(world.zone);
              else await world.commands[one.kind](world.zone, serial);
            }
          }
          world.check();
        }
        await world.end();
      },
    ),
    { numRuns: Number(process.env['RUNS'] ?? 150) },
  );
});
