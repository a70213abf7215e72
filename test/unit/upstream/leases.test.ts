import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Leases } from '../../../src/upstream/leases.ts';

/** Pieces of memory and what is left of them. */
function started() {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  const leases = new Leases();
  let octets = 0;
  const adopt = (size: number) => {
    octets += size;
    return { slot: leases.take(), size };
  };
  const retire = ({ slot, size }: { slot: number; size: number }): void =>
    leases.retire(slot, () => {
      octets -= size;
    });
  return { leases, adopt, retire, live: () => octets, look: () => mock.timers.tick(100) };
}

const leave = (row: Int32Array<SharedArrayBuffer>, slot: number): number => Atomics.sub(row, slot, 1);

test('a version without leases is given back when it retires', () => {
  const { leases, adopt, retire, live } = started();
  leases.row(0);
  const version = adopt(100);
  assert.equal(live(), 100);

  retire(version);

  assert.equal(live(), 0);
  assert.equal(leases.retiredCount, 0);
});

test('memory is given back only when every front has let go', () => {
  const { leases, adopt, retire, live, look } = started();
  const rows = [0, 1, 2].map((front) => leases.row(front));
  const version = adopt(100);
  for (const front of [0, 1, 2]) leases.leaseFor(front, version.slot);
  Atomics.add(rows[1] as Int32Array<SharedArrayBuffer>, version.slot, 1);

  retire(version);
  for (const front of [0, 1, 2, 1]) {
    look();
    assert.equal(live(), 100);
    leave(rows[front] as Int32Array<SharedArrayBuffer>, version.slot);
  }
  look();

  assert.equal(live(), 0);
  assert.equal(leases.retiredCount, 0);
});

test('a version that is served is kept, whoever has a lease', () => {
  const { leases, adopt, live, look } = started();
  leases.row(0);
  adopt(100);

  look();

  assert.equal(live(), 100);
});

test('lease slots are used again, with counters at zero', () => {
  const { leases, adopt, retire } = started();
  const row = leases.row(0);
  const first = adopt(1);
  const second = adopt(1);
  leases.leaseFor(0, second.slot);

  retire(first);
  const third = adopt(1);

  assert.equal(third.slot, first.slot);
  assert.notEqual(third.slot, second.slot);
  assert.equal(Atomics.load(row, third.slot), 0);
  assert.equal(Atomics.load(row, second.slot), 1);
});

test('the leases of a front that died go with it, those of the others stay', () => {
  const { leases, adopt, retire, live, look } = started();
  leases.row(0);
  const other = leases.row(1);
  const [first, second] = [adopt(100), adopt(10)];
  leases.leaseFor(0, first.slot);
  leases.leaseFor(0, second.slot);
  leases.leaseFor(1, second.slot);
  retire(first);
  retire(second);
  assert.equal(live(), 110);

  leases.row(0);
  look();

  assert.equal(live(), 10);
  leave(other, second.slot);
  look();
  assert.equal(live(), 0);
});

test('a lease for a front that is not there is none', () => {
  const { leases, adopt, retire, live } = started();
  const version = adopt(100);
  leases.leaseFor(3, version.slot);

  retire(version);

  assert.equal(live(), 0);
});

test('fronts that are there in any order are all asked', () => {
  const { leases, adopt, retire, live, look } = started();
  const late = leases.row(2);
  const version = adopt(100);
  leases.leaseFor(2, version.slot);
  leases.row(0);

  retire(version);
  assert.equal(live(), 100);
  leave(late, version.slot);
  look();

  assert.equal(live(), 0);
});

test('what control holds itself is kept, until it lets go as often as it took hold', () => {
  const { leases, adopt, retire, live, look } = started();
  const version = adopt(100);
  const holds = [leases.hold(version.slot), leases.hold(version.slot)];

  retire(version);
  for (const release of holds) {
    look();
    assert.equal(live(), 100);
    release();
  }
  look();

  assert.equal(live(), 0);
});
