import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  initialSync,
  type SyncEffect,
  type SyncEvent,
  type SyncSettings,
  type SyncState,
  stepSync,
  wakeAt,
} from '../../../src/upstream/machine.ts';

const NOW = 1_700_000_000_000;
const TIMERS = { serial: 7, refresh: 3600, retry: 600, expire: 86_400, minimum: 60 };
const SETTINGS: SyncSettings = {
  bounds: {
    refreshMinMs: 60_000,
    refreshMaxMs: 86_400_000,
    retryMinMs: 30_000,
    retryMaxMs: 3_600_000,
    expireMinMs: 600_000,
    expireMaxMs: 30 * 86_400_000,
  },
  jitter: 0.1,
  random: 0,
};
const TAKEN: SyncEvent = { kind: 'taken', timers: TIMERS };
const REFRESH: SyncEffect = { kind: 'refresh', first: undefined };
const notify = (source: string): SyncEvent => ({ kind: 'notify', sender: { source } });

/** Feeds events, each with its time, and gives the last step. */
function run(...events: [SyncEvent, number][]): { state: SyncState; effects: readonly SyncEffect[] } {
  let state = initialSync(NOW);
  let effects: readonly SyncEffect[] = [];
  for (const [event, at] of events) [state, effects] = stepSync(state, event, at, SETTINGS);
  return { state, effects };
}

const loaded: [SyncEvent, number][] = [
  [{ kind: 'due' }, NOW],
  [TAKEN, NOW],
];

test('a zone is asked for at once, and again only when that is over', () => {
  const first = run([{ kind: 'due' }, NOW]);
  const second = run([{ kind: 'due' }, NOW], [{ kind: 'due' }, NOW + 86_400_000]);

  assert.deepEqual(first.effects, [REFRESH]);
  assert.equal(first.state.phase, 'refreshing');
  assert.equal(wakeAt(first.state), Number.POSITIVE_INFINITY);
  assert.deepEqual(second.effects, []);
});

test('a version taken sets refresh and expiry by its SOA', () => {
  const { state, effects } = run(...loaded);

  assert.deepEqual(effects, []);
  assert.deepEqual(state, {
    phase: 'waiting',
    timers: TIMERS,
    isExpired: false,
    lastContact: NOW,
    expiresAt: NOW + 86_400_000,
    nextCheck: NOW + 3_600_000,
    failures: 0,
    lastError: undefined,
    pending: undefined,
  });
  assert.equal(wakeAt(state), NOW + 3_600_000);
});

test('what is released from hold sets refresh and expiry from the last contact on', () => {
  const later = NOW + 600_000;
  const timers = { ...TIMERS, refresh: 900, expire: 7200 };
  const { state, effects } = run(
    ...loaded,
    [notify('192.0.2.1'), later],
    [{ kind: 'refused', why: 'held' }, later],
    [{ kind: 'released', timers }, later + 60_000],
  );

  assert.deepEqual(effects, []);
  assert.deepEqual(
    [state.timers, state.lastContact, state.nextCheck, state.expiresAt, state.failures],
    [timers, later, later + 900_000, later + 7_200_000, 0],
  );
});

test('a release is no contact: an expired zone stays so, and a look under way goes on', () => {
  const expired = run(
    ...loaded,
    [{ kind: 'due' }, NOW + 86_400_000],
    [{ kind: 'released', timers: TIMERS }, NOW + 86_400_001],
  ).state;

  assert.deepEqual([expired.isExpired, expired.phase, expired.lastContact], [true, 'refreshing', NOW]);
});

test('nothing happens before the time', () => {
  const { state, effects } = run(...loaded, [{ kind: 'due' }, NOW + 3_599_999]);

  assert.deepEqual(effects, []);
  assert.equal(state.phase, 'waiting');
});

test('a primary that has the same puts off the expiry', () => {
  const at = NOW + 3_600_000;

  const { state } = run(...loaded, [{ kind: 'due' }, at], [{ kind: 'current' }, at + 5]);

  assert.deepEqual([state.lastContact, state.expiresAt], [at + 5, at + 5 + 86_400_000]);
  assert.equal(state.nextCheck, at + 5 + 3_600_000);
});

test('a failure brings the retry and leaves the expiry', () => {
  const at = NOW + 3_600_000;

  const { state } = run(...loaded, [{ kind: 'due' }, at], [{ kind: 'failed', why: 'closed' }, at + 5]);

  assert.deepEqual([state.failures, state.lastError], [1, 'closed']);
  assert.deepEqual([state.lastContact, state.expiresAt], [NOW, NOW + 86_400_000]);
  assert.equal(state.nextCheck, at + 5 + 600_000);
});

test('a refused version is contact with the primary, and is looked at again after the retry', () => {
  const at = NOW + 3_600_000;

  const { state } = run(...loaded, [{ kind: 'due' }, at], [{ kind: 'refused', why: 'older' }, at + 5]);

  assert.deepEqual([state.failures, state.lastError], [1, 'older']);
  assert.equal(state.expiresAt, at + 5 + 86_400_000);
  assert.equal(state.nextCheck, at + 5 + 600_000);
});

test('a success after failures forgets them', () => {
  const at = NOW + 3_600_000;
  const failed: [SyncEvent, number] = [{ kind: 'failed', why: 'closed' }, at];

  const { state } = run(...loaded, [{ kind: 'due' }, at], failed, failed, [{ kind: 'current' }, at]);

  assert.deepEqual([state.failures, state.lastError], [0, undefined]);
});

test('a zone that never came is retried ever less often, up to five minutes', () => {
  let state = initialSync(NOW);
  const delays: number[] = [];
  for (let i = 0; i < 9; i++) {
    [state] = stepSync(state, { kind: 'due' }, state.nextCheck, SETTINGS);
    const now = state.nextCheck;
    [state] = stepSync(state, { kind: 'failed', why: 'closed' }, now, SETTINGS);
    delays.push((state.nextCheck - now) / 1000);
  }

  assert.deepEqual(delays, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('a zone expires once, and the search goes on', () => {
  const expiry = NOW + 86_400_000;
  const failing: [SyncEvent, number][] = [
    [{ kind: 'due' }, NOW + 3_600_000],
    [{ kind: 'failed', why: 'closed' }, expiry - 10_000],
  ];

  const before = run(...loaded, ...failing, [{ kind: 'due' }, expiry - 1]);
  const at = run(...loaded, ...failing, [{ kind: 'due' }, expiry]);
  const after = run(...loaded, ...failing, [{ kind: 'due' }, expiry], [{ kind: 'due' }, expiry + 590_000]);

  assert.deepEqual(before.effects, []);
  assert.deepEqual(at.effects, [{ kind: 'expire' }]);
  assert.equal(at.state.isExpired, true);
  assert.equal(wakeAt(at.state), expiry + 590_000);
  assert.deepEqual(after.effects, [REFRESH]);
});

test('a zone expires while it is being asked for', () => {
  const expiry = NOW + 86_400_000;
  const asked = run(...loaded, [{ kind: 'due' }, expiry - 1]);

  const { state, effects } = run(...loaded, [{ kind: 'due' }, expiry - 1], [{ kind: 'due' }, expiry]);

  assert.equal(wakeAt(asked.state), expiry);
  assert.deepEqual(effects, [{ kind: 'expire' }]);
  assert.equal(state.phase, 'refreshing');
});

test('an expired zone is good again when the primary is back, with the same or something new', () => {
  const expiry = NOW + 86_400_000;
  for (const event of [{ kind: 'current' } as const, TAKEN]) {
    const { state } = run(...loaded, [{ kind: 'due' }, expiry], [event, expiry + 1]);

    assert.equal(state.isExpired, false);
    assert.equal(state.expiresAt, expiry + 1 + 86_400_000);
  }
});

test('a failure that comes after the expiry tells of both', () => {
  const expiry = NOW + 86_400_000;

  const { effects, state } = run(...loaded, [{ kind: 'due' }, expiry - 1], [{ kind: 'failed', why: 'x' }, expiry]);

  assert.deepEqual(effects, [{ kind: 'expire' }]);
  assert.deepEqual([state.phase, state.isExpired], ['waiting', true]);
});

test('a NOTIFY leads to a look at once, at its sender first', () => {
  const { state, effects } = run(...loaded, [notify('192.0.2.1'), NOW + 10]);

  assert.deepEqual(effects, [{ kind: 'refresh', first: '192.0.2.1' }]);
  assert.equal(state.phase, 'refreshing');
});

test('a NOTIFY during a look waits for its end, the last one counting', () => {
  for (const end of [{ kind: 'current' } as const, TAKEN, { kind: 'failed', why: 'x' } as const]) {
    const events: [SyncEvent, number][] = [
      ...loaded,
      [notify('192.0.2.1'), NOW + 10],
      [notify('192.0.2.2'), NOW + 11],
      [notify('192.0.2.3'), NOW + 12],
    ];

    const during = run(...events);
    const after = run(...events, [end, NOW + 13]);

    assert.deepEqual(during.effects, []);
    assert.deepEqual(after.effects, [{ kind: 'refresh', first: '192.0.2.3' }]);
    assert.deepEqual([after.state.phase, after.state.pending], ['refreshing', undefined]);
  }
});

test('timers are held within their bounds', () => {
  const extremes = (value: number): SyncEvent => ({
    kind: 'taken',
    timers: { serial: 1, refresh: value, retry: value, expire: value, minimum: value },
  });

  const low = run([{ kind: 'due' }, NOW], [extremes(0), NOW]).state;
  const high = run([{ kind: 'due' }, NOW], [extremes(0xffff_ffff), NOW]).state;

  assert.deepEqual([low.nextCheck - NOW, (low.expiresAt ?? 0) - NOW], [60_000, 600_000]);
  assert.deepEqual([high.nextCheck - NOW, (high.expiresAt ?? 0) - NOW], [86_400_000, 30 * 86_400_000]);
});

test('an expiry before the refresh would take a good zone away: the refresh goes first', () => {
  const timers = { ...TIMERS, refresh: 80_000, expire: 1000 };

  const { state } = run([{ kind: 'due' }, NOW], [{ kind: 'taken', timers }, NOW]);

  assert.equal(state.expiresAt, NOW + 80_000_000);
});

test('jitter takes off its share at most, of the refresh and of the retry', () => {
  const settings = { ...SETTINGS, jitter: 0.25, random: 1 };
  let [state] = stepSync(initialSync(NOW), { kind: 'due' }, NOW, settings);

  [state] = stepSync(state, TAKEN, NOW, settings);
  const [failed] = stepSync(state, { kind: 'failed', why: 'x' }, NOW, settings);

  assert.equal(state.nextCheck, NOW + 2_700_000);
  assert.equal(failed.nextCheck, NOW + 450_000);
});
