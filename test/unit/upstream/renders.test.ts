import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pool } from '../../../src/pool/pool.ts';
import { IxfrAnswers } from '../../../src/upstream/ixfr-answers.ts';
import { Leases } from '../../../src/upstream/leases.ts';
import { Renders, type RenderWish } from '../../../src/upstream/renders.ts';
import type { Zone } from '../../../src/upstream/zone.ts';
import type { SlabRegistry } from '../../../src/zone/slab-registry.ts';
import type { VersionHandle } from '../../../src/zone/version.ts';
import { Deferred } from '../../support/deferred.ts';

const USAGE = [{ slab: 1, octets: 100 }];
const ANSWER = { octets: 100, form: 'zone', usage: USAGE };
const handle = (id: number) => ({ id, octets: 10_000, soaRecord: new Uint8Array(40) }) as unknown as VersionHandle;

/** A zone that serves version 3, with steps from two serials; the pool renders when it is let. */
function world() {
  const rendered: Deferred<unknown>[] = [];
  const asked: string[] = [];
  const released: unknown[] = [];
  const make = (what: string) => () => {
    asked.push(what);
    const next = new Deferred<unknown>();
    rendered.push(next);
    return next.promise;
  };
  const pool = { render: make('steps'), renderZone: make('zone') } as unknown as Pool;
  const registry = { release: (usage: unknown) => released.push(usage) } as unknown as SlabRegistry;
  const leases = new Leases();
  const newest = { handle: handle(3), step: { answer: { ...ANSWER, form: 'chain' } } };
  const history = {
    newest,
    stepsFrom: (from: number) => (from === 2 ? [{}] : undefined),
    holdSteps: () => () => undefined,
  };
  const config = { apex: new Uint8Array(1), frameSize: 16_000 };
  const zone = { name: 'example.org', served: newest, history, config } as unknown as Zone;
  const renders = new Renders({ pool, registry, leases, answers: new IxfrAnswers({ pool, registry, leases }) });
  const wish = (from: number | null, version = 3): RenderWish => ({
    version: handle(version),
    slot: leases.take(),
    from,
    format: 'uncompressed',
  });
  return { renders, zone, rendered, asked, released, leases, wish };
}

/** All that was asked of the pool so far is made. */
async function finish(rendered: Deferred<unknown>[], result: unknown = { ok: true, value: ANSWER }): Promise<void> {
  await nextTurn();
  for (const one of rendered.splice(0)) one.resolve(result);
}

test('all who want a version in a format share one render, which goes with the version', async () => {
  const { renders, zone, rendered, asked, released, leases, wish } = world();
  const both = [renders.get(zone, wish(null)), renders.get(zone, wish(null))];
  await finish(rendered);
  const [one, other] = await Promise.all(both);
  const again = await renders.get(zone, wish(null));
  assert.deepEqual(asked, ['zone']);
  assert.ok(one !== undefined && one.slot === other?.slot && one.slot === again?.slot);
  await nextTurn();
  assert.deepEqual(released, []);

  renders.forget(zone);
  await nextTurn();
  await nextTurn();
  leases.stop();

  assert.deepEqual(released, [USAGE]);
});

test('differences where the compressed answer has them, else the zone', async () => {
  const { renders, zone, rendered, asked, leases, wish } = world();
  const both = [renders.get(zone, wish(2)), renders.get(zone, wish(1))];
  await finish(rendered);
  await Promise.all(both);
  leases.stop();

  assert.deepEqual(asked.sort(), ['steps', 'zone']);
});

test('who asks for a version that is served no more gets it, and nobody after', async () => {
  const { renders, zone, rendered, asked, released, leases, wish } = world();
  const stale = renders.get(zone, wish(null, 2));
  await finish(rendered);
  const live = await stale;
  assert.ok(live !== undefined);
  const row = leases.row(0);
  Atomics.add(row, live.slot, 1);
  await nextTurn();
  await nextTurn();
  assert.deepEqual(released, [], 'it is read');
  assert.deepEqual(renders.readOnly(zone), { octets: 100, slots: [live.slot] });

  Atomics.sub(row, live.slot, 1);
  leases.retire(leases.take(), () => undefined);
  leases.stop();
  assert.deepEqual(released, [USAGE]);
  assert.deepEqual(renders.readOnly(zone), { octets: 0, slots: [] });
  assert.deepEqual(asked, ['zone']);
});

test('a render that is under way as the next version comes is given to who waits, and given back', async () => {
  const { renders, zone, rendered, released, leases, wish } = world();
  const waiting = renders.get(zone, wish(null));
  await nextTurn();
  renders.forget(zone);
  await finish(rendered);

  assert.ok((await waiting) !== undefined);
  await nextTurn();
  await nextTurn();
  leases.stop();
  assert.deepEqual(released, [USAGE]);
});

test('what failed is tried again', async () => {
  const { renders, zone, rendered, asked, leases, wish } = world();
  const first = renders.get(zone, wish(null));
  await finish(rendered, { ok: false, failure: {} });
  assert.equal(await first, undefined);

  const second = renders.get(zone, wish(null));
  await finish(rendered);
  leases.stop();

  assert.ok((await second) !== undefined);
  assert.deepEqual(asked, ['zone', 'zone']);
});
