import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSlab, newSlabIds, SLAB_SIZE, SlabDirectory, SlabWriter } from '../../../src/zone/slab.ts';

function started(spares: ReturnType<typeof newSlab>[] = []) {
  const directory = new SlabDirectory();
  const slabs = new SlabWriter(directory);
  const ids = newSlabIds();
  Atomics.store(ids, 0, 10);
  slabs.begin(ids, spares);
  return { directory, slabs, ids };
}

test('a writer fills one slab after the other and says which it opened and closed', () => {
  const { slabs } = started();

  const ranges = [SLAB_SIZE - 10, 10, 1, SLAB_SIZE].map((length) => {
    slabs.reserve(length);
    return slabs.commit(length);
  });

  assert.deepEqual(ranges, [
    { slab: 10, offset: 0, length: SLAB_SIZE - 10 },
    { slab: 10, offset: SLAB_SIZE - 10, length: 10 },
    { slab: 11, offset: 0, length: 1 },
    { slab: 12, offset: 0, length: SLAB_SIZE },
  ]);
  const report = slabs.report();
  assert.deepEqual(
    report.opened.map(({ id }) => id),
    [10, 11, 12],
  );
  assert.deepEqual(report.closed, [10, 11]);
});

test('a task goes on in the slab of the one before, which is reported once', () => {
  const { slabs, ids } = started();
  slabs.store(Buffer.from('first'));
  slabs.report();
  slabs.begin(ids, []);

  const range = slabs.store(Buffer.from('second'));

  assert.deepEqual(range, { slab: 10, offset: 8, length: 6 });
  assert.deepEqual(slabs.report(), { opened: [], closed: [], unused: [] });
});

test('spare slabs are used first, and those not needed are given back', () => {
  const ids = newSlabIds();
  const spares = [newSlab(ids), newSlab(ids)];
  const { slabs, directory } = started(spares);

  slabs.store(Buffer.from('text'));

  const report = slabs.report();
  assert.deepEqual(report.opened, [spares[1]]);
  assert.deepEqual(report.unused, [spares[0]]);
  assert.equal(directory.bytes(1).buffer, spares[1]?.buffer);
});

test('what is stored begins at a multiple of eight and can be read where it lies', () => {
  const { slabs, directory } = started();
  slabs.commit(3);

  const range = slabs.store(Buffer.from('octets'));

  assert.equal(range.offset, 8);
  assert.deepEqual(Buffer.from(directory.view(range)), Buffer.from('octets'));
  assert.equal(slabs.used, 14);
});

test('what is larger than a slab is a defect, and so is a writer outside a task', () => {
  const { slabs } = started();

  assert.throws(() => slabs.reserve(SLAB_SIZE + 1), RangeError);
  assert.throws(() => new SlabWriter(new SlabDirectory()).slab, /outside a task/);
});

test('a directory knows the slabs it was told of, until they are removed', () => {
  const directory = new SlabDirectory();
  const handle = newSlab(newSlabIds());

  directory.add([handle]);

  assert.equal(directory.bytes(handle.id).length, SLAB_SIZE);
  directory.remove([handle.id]);
  assert.throws(() => directory.bytes(handle.id), /not known/);
});
