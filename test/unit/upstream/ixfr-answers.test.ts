import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pool } from '../../../src/pool/pool.ts';
import { IxfrAnswers } from '../../../src/upstream/ixfr-answers.ts';
import { Leases } from '../../../src/upstream/leases.ts';
import type { Zone } from '../../../src/upstream/zone.ts';
import type { SlabRegistry } from '../../../src/zone/slab-registry.ts';
import { Deferred } from '../../support/deferred.ts';

const ANSWER = { octets: 100, usage: [{ slab: 1, octets: 100 }] };

/** A zone of three versions; the pool renders when it is let. */
function world() {
  const rendered = new Deferred<unknown>();
  const released: unknown[] = [];
  const pool = { render: () => rendered.promise } as unknown as Pool;
  const registry = { release: (usage: unknown) => released.push(usage) } as unknown as SlabRegistry;
  const leases = new Leases();
  const newest = { handle: { id: 3, octets: 10_000, soaRecord: new Uint8Array(40) }, step: undefined };
  const history = { newest, stepsFrom: () => [{}, {}], holdSteps: () => () => undefined };
  const config = { apex: new Uint8Array(1), frameSize: 16_000 };
  const zone = { name: 'example.org', served: newest, history, config } as unknown as Zone;
  return { answers: new IxfrAnswers({ pool, registry, leases }), zone, rendered, released, leases };
}

test('an answer is kept for those who ask next, and goes with its zone', async () => {
  const { answers, zone, rendered, released, leases } = world();
  const asked = answers.get(zone, 1);
  rendered.resolve({ ok: true, value: ANSWER });
  await asked;
  const kept = answers.stats.answers;
  answers.forget(zone);
  leases.stop();

  assert.deepEqual([kept, answers.stats.answers], [1, 0]);
  assert.deepEqual(released, [ANSWER.usage]);
});

test('an answer that is being made as its zone is removed is given back, not kept', async () => {
  const { answers, zone, rendered, released, leases } = world();
  const asked = answers.get(zone, 1);
  answers.forget(zone);
  zone.served = undefined;
  rendered.resolve({ ok: true, value: ANSWER });
  const answer = await asked;
  leases.stop();

  assert.equal(answer, 'AXFR');
  assert.equal(answers.stats.answers, 0);
  assert.deepEqual(released, [ANSWER.usage]);
});
