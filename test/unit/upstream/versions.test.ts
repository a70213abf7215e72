import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Versions } from '../../../src/upstream/versions.ts';
import { newSlab } from '../../../src/zone/slab.ts';
import { SlabRegistry } from '../../../src/zone/slab-registry.ts';
import type { VersionHandle } from '../../../src/zone/version.ts';

/** A book with one open slab, whose live octets tell what is kept. */
function started() {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  const registry = new SlabRegistry();
  registry.apply({ opened: [newSlab(registry.ids)], closed: [], unused: [] });
  const versions = new Versions(registry);
  const adopt = (octets: number) => {
    const usage = [{ slab: 0, octets }];
    registry.retain(usage);
    return versions.adopt({ id: versions.nextId(), usage } as unknown as VersionHandle);
  };
  return { versions, adopt, live: () => registry.stats.liveOctets, look: () => mock.timers.tick(100) };
}

const leave = (row: Int32Array<SharedArrayBuffer>, slot: number): number => Atomics.sub(row, slot, 1);

test('ids are never used twice', () => {
  const { versions } = started();

  assert.deepEqual([versions.nextId(), versions.nextId(), versions.nextId()], [1, 2, 3]);
});

test('a version without leases is given back when it retires', () => {
  const { versions, adopt, live } = started();
  versions.row(0);
  const version = adopt(100);
  assert.equal(live(), 100);

  versions.retire(version);

  assert.equal(live(), 0);
  assert.equal(versions.retiredCount, 0);
});

test('memory is given back only when every front has let go', () => {
  const { versions, adopt, live, look } = started();
  const rows = [0, 1, 2].map((front) => versions.row(front));
  const version = adopt(100);
  for (const front of [0, 1, 2]) versions.leaseFor(front, version);
  Atomics.add(rows[1] as Int32Array<SharedArrayBuffer>, version.slot, 1);

  versions.retire(version);
  for (const front of [0, 1, 2, 1]) {
    look();
    assert.equal(live(), 100);
    leave(rows[front] as Int32Array<SharedArrayBuffer>, version.slot);
  }
  look();

  assert.equal(live(), 0);
  assert.equal(versions.retiredCount, 0);
});

test('a version that is served is kept, whoever has a lease', () => {
  const { versions, adopt, live, look } = started();
  versions.row(0);
  adopt(100);

  look();

  assert.equal(live(), 100);
});

test('lease slots are used again, with counters at zero', () => {
  const { versions, adopt } = started();
  const row = versions.row(0);
  const first = adopt(1);
  const second = adopt(1);
  versions.leaseFor(0, second);

  versions.retire(first);
  const third = adopt(1);

  assert.equal(third.slot, first.slot);
  assert.notEqual(third.slot, second.slot);
  assert.equal(Atomics.load(row, third.slot), 0);
  assert.equal(Atomics.load(row, second.slot), 1);
});

test('the leases of a front that died go with it, those of the others stay', () => {
  const { versions, adopt, live, look } = started();
  versions.row(0);
  const other = versions.row(1);
  const [first, second] = [adopt(100), adopt(10)];
  versions.leaseFor(0, first);
  versions.leaseFor(0, second);
  versions.leaseFor(1, second);
  versions.retire(first);
  versions.retire(second);
  assert.equal(live(), 110);

  versions.row(0);
  look();

  assert.equal(live(), 10);
  leave(other, second.slot);
  look();
  assert.equal(live(), 0);
});

test('a lease for a front that is not there is none', () => {
  const { versions, adopt, live } = started();
  const version = adopt(100);
  versions.leaseFor(3, version);

  versions.retire(version);

  assert.equal(live(), 0);
});

test('fronts that are there in any order are all asked', () => {
  const { versions, adopt, live, look } = started();
  const late = versions.row(2);
  const version = adopt(100);
  versions.leaseFor(2, version);
  versions.row(0);

  versions.retire(version);
  assert.equal(live(), 100);
  leave(late, version.slot);
  look();

  assert.equal(live(), 0);
});
