/** Whatever happens to a zone, its state keeps its promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { initialSync, type SyncEvent, type SyncSettings, stepSync, wakeAt } from '../../src/upstream/machine.ts';

const BOUNDS = {
  refreshMinMs: 60_000,
  refreshMaxMs: 3_600_000,
  retryMinMs: 30_000,
  retryMaxMs: 600_000,
  expireMinMs: 600_000,
  expireMaxMs: 86_400_000,
};
const seconds = fc.oneof(fc.nat(100_000), fc.nat(0xffff_ffff));
const timers = fc.record({ serial: fc.nat(), refresh: seconds, retry: seconds, expire: seconds, minimum: seconds });
const why = fc.constant('why');
const outcome: fc.Arbitrary<SyncEvent> = fc.oneof(
  fc.record({ kind: fc.constant('current' as const) }),
  fc.record({ kind: fc.constant('taken' as const), timers }),
  fc.record({ kind: fc.constant('refused' as const), why }),
  fc.record({ kind: fc.constant('failed' as const), why }),
);
/** A moment: perhaps a NOTIFY, perhaps the end of a look that runs, and time that goes by or the wake that was asked for. */
const moment = fc.record({
  pass: fc.option(fc.nat(4_000_000), { nil: undefined }),
  isNotified: fc.boolean(),
  end: fc.option(outcome, { nil: undefined }),
  random: fc.double({ min: 0, max: 1, noNaN: true }),
});

test('a zone never expires early, is never asked for twice at once, and loses no NOTIFY', () => {
  fc.assert(
    fc.property(
      fc.array(moment, { maxLength: 40 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      (moments, jitter) => {
        let now = 1_700_000_000_000;
        let state = initialSync(now);
        let isRunning = false;
        let unanswered: string | undefined;
        let contact: number | undefined;
        const step = (event: SyncEvent, random: number): void => {
          const settings: SyncSettings = { bounds: BOUNDS, jitter, random };
          const isEnd = event.kind !== 'due' && event.kind !== 'notify';
          if (isEnd) isRunning = false;
          if (event.kind === 'current' || event.kind === 'taken' || event.kind === 'refused') contact = now;
          const [next, effects] = stepSync(state, event, now, settings);
          state = next;
          for (const effect of effects) {
            if (effect.kind === 'expire') {
              assert.ok(contact !== undefined && now >= contact + BOUNDS.expireMinMs, 'expired early');
              assert.ok(state.isExpired);
              continue;
            }
            assert.ok(!isRunning, 'asked for twice at once');
            isRunning = true;
            unanswered = undefined;
          }
          assert.equal(state.phase === 'refreshing', isRunning);
          if (!isRunning) assert.equal(unanswered, undefined, 'a NOTIFY is lost');
          assert.ok(!(effects.length > 0 && wakeAt(state) <= now && event.kind === 'due'), 'it would never sleep');
        };
        for (const { pass, isNotified, end, random } of moments) {
          const wake = wakeAt(state);
          now = pass === undefined && wake < Number.POSITIVE_INFINITY ? Math.max(now, wake) : now + (pass ?? 1);
          step({ kind: 'due' }, random);
          if (state.expiresAt !== undefined && now >= state.expiresAt)
            assert.ok(state.isExpired, 'not expired in time');
          if (isNotified) {
            unanswered = `192.0.2.${now % 256}`;
            step({ kind: 'notify', sender: { source: unanswered } }, random);
          }
          if (end !== undefined && isRunning) step(end, random);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('a zone that is looked after in time is always asked for again', () => {
  fc.assert(
    fc.property(fc.array(outcome, { minLength: 1, maxLength: 30 }), (ends) => {
      const settings = { bounds: BOUNDS, jitter: 0.5, random: 0.5 };
      let now = 1_700_000_000_000;
      let state = initialSync(now);
      for (const end of ends) {
        for (let wakes = 0; state.phase === 'waiting'; wakes++) {
          assert.ok(wakes < 3, 'woken for nothing');
          const wake = wakeAt(state);
          assert.ok(wake - now <= BOUNDS.refreshMaxMs);
          now = Math.max(now, wake);
          [state] = stepSync(state, { kind: 'due' }, now, settings);
        }
        [state] = stepSync(state, end, ++now, settings);
      }
    }),
    { numRuns: 300 },
  );
});
