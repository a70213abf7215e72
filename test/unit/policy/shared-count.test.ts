import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CountTable, clearRow, newCountTable, SharedCount } from '../../../src/policy/limits/shared-count.ts';

const source = (i: number): Buffer => {
  const octets = Buffer.alloc(16);
  octets.writeUInt32BE(i, 12);
  return octets;
};
const table = (rows: number): CountTable => ({ ...newCountTable(rows), seed: Buffer.alloc(16, 1) });

/** Enters so often and gives the handles of those let in. */
const enterAll = (counter: SharedCount, from: Buffer, limit: number, times: number): number[] =>
  Array.from({ length: times }, () => counter.enter(from, limit)).filter((slot) => slot !== undefined);

test('a source has so many connections and no more, and each that ends makes room for one', () => {
  const counter = new SharedCount(table(1), 0);
  const slots = enterAll(counter, source(1), 3, 5);
  assert.equal(slots.length, 3);
  assert.equal(counter.total, 3);

  counter.leave(slots[0] as number);

  assert.equal(enterAll(counter, source(1), 3, 2).length, 1);
  assert.equal(counter.total, 3);
});

test('sources are counted apart', () => {
  const counter = new SharedCount(table(1), 0);

  const counts = Array.from({ length: 300 }, (_, i) => enterAll(counter, source(i), 2, 4).length);

  assert.ok(counts.every((count) => count === 2));
});

test('the limit holds over all fronts together', () => {
  const shared = table(3);
  const fronts = [0, 1, 2].map((row) => new SharedCount(shared, row));

  const slots = [0, 1, 2, 0, 1, 2].map((row) => fronts[row]?.enter(source(9), 4));

  assert.equal(slots.filter((slot) => slot !== undefined).length, 4);
  fronts[2]?.leave(slots[2] as number);
  assert.notEqual(fronts[0]?.enter(source(9), 4), undefined);
  assert.equal(fronts[1]?.enter(source(9), 4), undefined);
});

test('a front that died is forgotten, the others are not', () => {
  const shared = table(2);
  const [dead, alive] = [new SharedCount(shared, 0), new SharedCount(shared, 1)];
  enterAll(dead, source(1), 9, 3);
  enterAll(alive, source(1), 9, 2);

  clearRow(shared, 0);

  const after = new SharedCount(shared, 0);
  assert.equal(enterAll(after, source(1), 4, 9).length, 2);
});

test('a limit of none lets nobody in and leaves nothing behind', () => {
  const shared = table(1);
  const counter = new SharedCount(shared, 0);

  assert.equal(counter.enter(source(1), 0), undefined);

  assert.equal(counter.total, 0);
  assert.ok(shared.words.every((word) => word === 0));
});

test('when all have left, the table is as it was', () => {
  const shared = table(2);
  const fronts = [0, 1].map((row) => new SharedCount(shared, row));
  const entered = Array.from({ length: 400 }, (_, i) => {
    const front = fronts[i % 2] as SharedCount;
    return { front, slot: front.enter(source(i % 90), 100) as number };
  });

  for (const { front, slot } of entered) front.leave(slot);

  assert.ok(shared.words.every((word) => word === 0));
});

test('whatever two fronts do, they count as one list would', () => {
  const shared = table(2);
  const step = fc.record({ row: fc.nat(1), from: fc.nat(2), isLeaving: fc.boolean(), pick: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      clearRow(shared, 0);
      clearRow(shared, 1);
      const fronts = [0, 1].map((row) => new SharedCount(shared, row));
      const open: { row: number; from: number; slot: number }[] = [];
      for (const { row, from, isLeaving, pick } of steps) {
        if (isLeaving && open.length > 0) {
          const [left] = open.splice(pick % open.length, 1);
          fronts[left?.row ?? 0]?.leave(left?.slot ?? 0);
          continue;
        }
        const before = open.filter((one) => one.from === from).length;
        const slot = fronts[row]?.enter(source(from), 3);
        assert.equal(slot !== undefined, before < 3);
        if (slot !== undefined) open.push({ row, from, slot });
      }
    }),
    { numRuns: 30 },
  );
});
