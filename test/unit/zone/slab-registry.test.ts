import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newSlab, type SlabHandle } from '../../../src/zone/slab.ts';
import { SlabRegistry } from '../../../src/zone/slab-registry.ts';

const NOTHING = { opened: [], closed: [], unused: [] };

function withOpen(count: number): { registry: SlabRegistry; handles: SlabHandle[] } {
  const registry = new SlabRegistry();
  const handles = Array.from({ length: count }, () => newSlab(registry.ids));
  registry.apply({ ...NOTHING, opened: handles });
  return { registry, handles };
}

test('a slab is free when it is closed and nothing in it lives, in either order', () => {
  const { registry } = withOpen(2);
  const usage = [
    { slab: 0, octets: 100 },
    { slab: 1, octets: 50 },
  ];
  registry.retain(usage);

  registry.settle({ ...NOTHING, closed: [0] });
  assert.equal(registry.stats.free, 0);
  registry.release(usage);
  assert.deepEqual(registry.stats, { slabs: 2, free: 1, liveOctets: 0 });
  registry.settle({ ...NOTHING, closed: [1] });

  assert.deepEqual(registry.stats, { slabs: 2, free: 2, liveOctets: 0 });
});

test('a slab that is kept by two is free when both have let go', () => {
  const { registry } = withOpen(1);
  registry.retain([{ slab: 0, octets: 10 }]);
  registry.retain([{ slab: 0, octets: 7 }]);
  registry.settle({ ...NOTHING, closed: [0] });

  registry.release([{ slab: 0, octets: 10 }]);

  assert.deepEqual(registry.stats, { slabs: 1, free: 0, liveOctets: 7 });
  registry.release([{ slab: 0, octets: 7 }]);
  assert.equal(registry.stats.free, 1);
});

test('a task that filled a slab and left it in one turn keeps what it made', () => {
  const registry = new SlabRegistry();
  const handle = newSlab(registry.ids);
  const report = { opened: [handle], closed: [handle.id], unused: [] };

  registry.apply(report);
  registry.retain([{ slab: handle.id, octets: 5 }]);
  registry.settle(report);

  assert.equal(registry.stats.free, 0);
  assert.equal(registry.handle(handle.id), handle);
});

test('free slabs are handed out as spares, a few at a time, and come back when not used', () => {
  const { registry, handles } = withOpen(3);
  registry.settle({ ...NOTHING, closed: [0, 1, 2] });

  const spares = registry.spares(2);

  assert.equal(spares.length, 2);
  assert.equal(registry.stats.free, 1);
  registry.apply({ ...NOTHING, opened: spares.slice(0, 1), unused: spares.slice(1) });
  assert.deepEqual(registry.stats, { slabs: 3, free: 2, liveOctets: 0 });
  assert.ok(handles.includes(spares[0] as SlabHandle));
  assert.equal(registry.spares(9).length, 2);
});

test('slabs for received octets are kept apart and used again', () => {
  const registry = new SlabRegistry();
  const first = registry.take();
  assert.deepEqual(registry.stats, { slabs: 1, free: 0, liveOctets: 0 });

  registry.giveBack(first);

  assert.equal(registry.spares(9).length, 0);
  assert.deepEqual(registry.stats, { slabs: 1, free: 1, liveOctets: 0 });
  assert.equal(registry.take(), first);
  assert.throws(() => registry.giveBack(newSlab(registry.ids)), /not taken/);
});

test('letting go of more than was kept is a defect', () => {
  const { registry } = withOpen(1);
  registry.retain([{ slab: 0, octets: 5 }]);

  assert.throws(() => registry.release([{ slab: 0, octets: 6 }]), /more than/);
  assert.throws(() => registry.retain([{ slab: 9, octets: 1 }]), /not in the book/);
});

test('each slab of a usage is handed over once', () => {
  const { registry, handles } = withOpen(2);
  const usage = [1, 0, 1].map((slab) => ({ slab, octets: 1 }));

  assert.deepEqual(registry.handles(usage), [handles[1], handles[0]]);
});

test('whatever tasks do, in whatever order things are let go: a slab is free exactly when closed and dead', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('open' as const) }),
    fc.record({ kind: fc.constant('close' as const), pick: fc.nat() }),
    fc.record({ kind: fc.constant('retain' as const), pick: fc.nat(), octets: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant('release' as const), pick: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const registry = new SlabRegistry();
      const open = new Set<number>();
      const kept: { slab: number; octets: number }[] = [];
      const all = new Set<number>();
      const isKept = (slab: number): boolean => kept.some((usage) => usage.slab === slab);
      for (const one of steps) {
        const slabs = [...open];
        if (one.kind === 'open') {
          const handle = registry.spares(1)[0] ?? newSlab(registry.ids);
          registry.apply({ ...NOTHING, opened: [handle] });
          open.add(handle.id);
          all.add(handle.id);
        } else if (one.kind === 'close' && slabs.length > 0) {
          const slab = slabs[one.pick % slabs.length] as number;
          registry.settle({ ...NOTHING, closed: [slab] });
          open.delete(slab);
        } else if (one.kind === 'retain' && slabs.length > 0) {
          const usage = { slab: slabs[one.pick % slabs.length] as number, octets: one.octets };
          registry.retain([usage]);
          kept.push(usage);
        } else if (one.kind === 'release' && kept.length > 0) {
          registry.release(kept.splice(one.pick % kept.length, 1));
        }
        const free = [...all].filter((slab) => !open.has(slab) && !isKept(slab)).length;
        const liveOctets = kept.reduce((sum, { octets }) => sum + octets, 0);
        assert.deepEqual(registry.stats, { slabs: all.size, free, liveOctets });
      }
    }),
    { numRuns: 60 },
  );
});
