import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../../src/upstream/history.ts';
import { Leases } from '../../../src/upstream/leases.ts';
import { updateByIxfr } from '../../../src/xfr/update.ts';
import type { SlabRegistry } from '../../../src/zone/slab-registry.ts';
import type { SlabUsage, VersionHandle } from '../../../src/zone/version.ts';
import { labels, type RawRecord } from '../../support/raw-messages.ts';
import { Bench, ixfrOptions, streamOf, zoneSoa } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
const FRAME_SIZE = 600;
const NOTHING_KEPT = { versions: 0, bytes: 1e9, ageMs: 1e9 };
const host = (n: number): RawRecord => ({
  owner: labels(`h${100 + n}`, 'example', 'org'),
  type: 1,
  ttl: 60,
  rdata: Buffer.of(192, 0, 2, n),
});
const sum = (usage: readonly SlabUsage[]): number => usage.reduce((octets, piece) => octets + piece.octets, 0);

/** Versions 1, 2 and 3, each without one host more than the one before; and what each takes from the one before. */
function world() {
  const bench = new Bench();
  const leases = new Leases();
  const registry = { retain: () => undefined, release: () => undefined } as unknown as SlabRegistry;
  const history = new History({ registry, leases, directory: bench.directory });
  const hosts = Array.from({ length: 80 }, (_, i) => host(i));
  const groups = [zoneSoa(APEX, 1), ...hosts, zoneSoa(APEX, 1)].map((one) => [one]);
  const batches = bench.batches([streamOf(groups, false)], { apex: APEX, frameSize: FRAME_SIZE });
  const first = bench.assemble(batches, APEX, FRAME_SIZE);
  history.add(first, undefined, 1, 0);
  let base: VersionHandle = first.version;
  const dropped: number[] = [];
  const steps: number[] = [];
  for (const serial of [2, 3]) {
    const [from, to] = [zoneSoa(APEX, serial - 1), zoneSoa(APEX, serial)];
    const stream = streamOf([[to, from, host(serial * 20), to, to]], true);
    const limits = { maxRecords: 1e6, maxBytes: 1e9, serial: undefined };
    const result = updateByIxfr(
      [{ bytes: stream, start: 0, end: stream.length }],
      ixfrOptions(APEX, FRAME_SIZE, serial - 1),
      { id: serial, base, apex: APEX, frameSize: FRAME_SIZE, ...limits },
      bench.slabs,
      bench.directory,
    );
    assert.ok(result.ok && result.updated.made !== undefined);
    history.add(result.updated, result.updated.made, serial, serial);
    dropped.push(sum(result.updated.dropped));
    steps.push(sum(result.updated.made.usage));
    base = result.updated.version;
  }
  return { history, leases, row: leases.row(0), dropped, steps };
}

/** Retired pieces are looked at when another is retired. */
const look = (leases: Leases): void => leases.retire(leases.take(), () => undefined);

test('a history has what older versions have alone, and its steps', () => {
  const { history, leases, dropped, steps } = world();

  assert.equal(history.octets, sum([...dropped, ...steps].map((octets) => ({ slab: 0, octets }))));
  assert.equal(history.readOnly, undefined);
  leases.stop();
});

test("what only readers keep is theirs, not the history's, by the slots that they read; and is gone with them", () => {
  const { history, leases, row, dropped, steps } = world();
  const [oldest, , newest] = history.versions;
  assert.ok(oldest !== undefined && newest?.step !== undefined);
  Atomics.add(row, oldest.slot, 1);
  Atomics.add(row, newest.step.slot, 1);
  const stepSlot = newest.step.slot;

  history.prune(NOTHING_KEPT, 10);

  assert.deepEqual(
    history.versions.map(({ handle }) => handle.serial),
    [3],
  );
  assert.equal(history.octets, 0);
  const kept = history.readOnly;
  assert.deepEqual(kept?.slots.toSorted(), [oldest.slot, stepSlot].toSorted());
  // What both changes took from the oldest; frames that only the middle one had went with it.
  const ofOldest = (kept?.octets ?? 0) - (steps[1] as number);
  assert.ok(ofOldest > (dropped[0] as number) && ofOldest <= (dropped[0] as number) + (dropped[1] as number));

  Atomics.sub(row, stepSlot, 1);
  look(leases);
  assert.deepEqual(history.readOnly, { octets: ofOldest, slots: [oldest.slot] });
  Atomics.sub(row, oldest.slot, 1);
  look(leases);
  assert.equal(history.readOnly, undefined);
  assert.equal(history.octets, 0);
  leases.stop();
});

test("a version that is read and still of the history is the history's", () => {
  const { history, leases, row } = world();
  const [oldest] = history.versions;
  assert.ok(oldest !== undefined);
  const { octets } = history;
  Atomics.add(row, oldest.slot, 1);

  history.prune({ ...NOTHING_KEPT, versions: 2 }, 10);

  assert.equal(history.octets, octets);
  assert.equal(history.readOnly, undefined);
  leases.stop();
});
