import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RefusedEvent } from '../../../src/front/messages.ts';
import { EventSummary } from '../../../src/telemetry/events.ts';

test('the first refusal of a client is logged at once', () => {
  const { summary, lines } = setUp();

  summary.add(refusal(), 0);

  assert.deepEqual(lines, [{ event: 'refused', client: '203.0.113.9', why: 'no-rule', zone: 'example.org', count: 1 }]);
});

test('repeats become one line per interval, whatever port they come from', () => {
  const { summary, lines } = setUp();

  for (let i = 0; i < 500; i++) summary.add(refusal({ client: `203.0.113.9#${40_000 + i}` }), i);
  summary.tick(9_999);
  assert.equal(lines.length, 1);
  summary.tick(10_000);
  summary.tick(10_001);

  assert.deepEqual(counts(lines), [1, 499]);
});

test('a flood that goes on is one line each ten seconds', () => {
  const { summary, lines } = setUp();

  for (let now = 0; now < 60_000; now += 100) {
    summary.add(refusal(), now);
    summary.tick(now);
  }

  assert.equal(lines.length, 6);
});

test('a client that comes back after a quiet interval is logged at once again', () => {
  const { summary, lines } = setUp();

  summary.add(refusal(), 0);
  summary.tick(10_000);
  summary.add(refusal(), 11_000);

  assert.deepEqual(counts(lines), [1, 1]);
});

test('client, reason, zone and rule are kept apart, the type is not', () => {
  const { summary, lines } = setUp();

  summary.add(refusal(), 0);
  summary.add(refusal({ type: 'IXFR' }), 0);
  summary.add(refusal({ client: '203.0.113.10#1' }), 0);
  summary.add(refusal({ why: 'bad-key' }), 0);
  summary.add(refusal({ zone: 'example.net' }), 0);
  summary.add(refusal({ rule: 'closed' }), 0);
  summary.add(refusal({ client: '2001:db8::1#40000' }), 0);
  summary.add(refusal({ client: '2001:db8::1#40001' }), 0);

  assert.equal(lines.length, 6);
  assert.equal(lines.at(-1)?.['client'], '2001:db8::1');
});

test('a stranger who asks for ever new zones gets 1,000 lines, then one with the count of the rest', () => {
  const { summary, lines } = setUp();

  for (let i = 0; i < 5_000; i++) summary.add(refusal({ zone: `z${i}.example` }), i / 10);
  summary.tick(1_000);
  assert.equal(lines.length, 1_000);
  summary.tick(10_500);

  assert.deepEqual(lines.slice(1_000), [{ event: 'refused-overflow', count: 4_000 }]);
});

test('after an overflow, room is made for those who come next', () => {
  const { summary, lines } = setUp({ maxKeys: 2 });

  for (const zone of ['a', 'b', 'c', 'd']) summary.add(refusal({ zone }), 0);
  summary.tick(10_000);
  summary.add(refusal({ zone: 'e' }), 10_001);

  assert.deepEqual(
    lines.map(({ event, zone, count }) => [event, zone, count]),
    [
      ['refused', 'a', 1],
      ['refused', 'b', 1],
      ['refused-overflow', undefined, 2],
      ['refused', 'e', 1],
    ],
  );
});

test('flush tells what is held back, once', () => {
  const { summary, lines } = setUp({ maxKeys: 1 });

  for (const zone of ['a', 'a', 'a', 'b']) summary.add(refusal({ zone }), 0);
  summary.flush();
  summary.flush();

  assert.deepEqual(counts(lines), [1, 2, 1]);
});

function setUp(options: { maxKeys?: number } = {}) {
  const lines: Record<string, unknown>[] = [];
  const summary = new EventSummary('refused', {
    ...options,
    emit: (event, { client, why, zone, count }) => {
      lines.push(event === 'refused' ? { event, client, why, zone, count } : { event, count });
    },
  });
  return { summary, lines };
}

const counts = (lines: readonly Record<string, unknown>[]): unknown[] => lines.map(({ count }) => count);

const refusal = (fields: Partial<RefusedEvent> = {}): RefusedEvent => ({
  event: 'refused',
  why: 'no-rule',
  zone: 'example.org',
  type: 'AXFR',
  transport: 'tcp',
  client: '203.0.113.9#40000',
  identity: null,
  rule: '',
  secondaries: [],
  ...fields,
});
