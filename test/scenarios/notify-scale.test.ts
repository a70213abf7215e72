/** All zones change at once: the secondaries hear of each, in bounded time and memory, and nothing else stands still for it. */
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { Notifier } from '../../src/notify/notifier.ts';
import { Standings } from '../../src/notify/standings.ts';
import { notifyConfig, untilHolds } from '../support/notify-world.ts';
import { type Answerer, notifyAnswer, startUdpSecondary } from '../support/scripted-secondary.ts';
import { encodeRecord, soaRecord } from '../support/transfer-messages.ts';

const started: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of started.splice(0).reverse()) await stop();
});

async function begin(count: number, answer: Answerer, settings: object = {}) {
  const secondary = await startUdpSecondary(answer);
  const secondaries = {
    up: { address: `127.0.0.1:${secondary.port}`, ...settings },
    // Nobody is at the discard port of a test machine: down, for every zone.
    down: { address: '127.0.0.1:9', 'notify-retry': { tries: 5, timeout: '60s', backoff: 2 } },
  };
  const zones = Array.from({ length: count }, (_, i) => `zone-${i}.scale.example`);
  const config = notifyConfig(secondaries, Object.fromEntries(zones.map((zone) => [zone, ['up', 'down']])));
  const standings = new Standings(systemClock);
  const notifier = new Notifier({ clock: systemClock, standings, report: () => undefined });
  standings.configure(config);
  notifier.configure(config);
  started.push(
    () => secondary.stop(),
    () => notifier.stop(),
  );
  const serve = (serial: number): void => {
    for (const zone of zones) notifier.served(zone, serial, encodeRecord(soaRecord(zone, serial)));
  };
  return { secondary, notifier, serve };
}

test('20,000 zones to one secondary, beside one that is down: all are acknowledged', async (t) => {
  const { secondary, notifier, serve } = await begin(20_000, (notify) => [notifyAnswer(notify)]);
  const rssBefore = process.memoryUsage.rss();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const startedAt = performance.now();

  serve(1);
  const servedMs = performance.now() - startedAt;
  delay.enable();
  await untilHolds('20,000 acknowledged', () => notifier.results.acknowledged === 20_000, 60_000);
  const seconds = (performance.now() - startedAt) / 1000;
  delay.disable();

  const megabytes = (process.memoryUsage.rss() - rssBefore) / 1e6;
  const stall = delay.max / 1e6;
  t.diagnostic(
    `20,000 NOTIFYs: queued in ${servedMs.toFixed(0)} ms, acknowledged in ${seconds.toFixed(1)} s, ` +
      `${megabytes.toFixed(0)} MB, longest stall ${stall.toFixed(0)} ms`,
  );
  const heard = new Set(secondary.taken.map(({ zone }) => zone));
  assert.equal(heard.size, 20_000);
  assert.ok(seconds < 30, `${seconds} s`);
  assert.ok(megabytes < 400, `${megabytes} MB, the messages that the test keeps included`);
  assert.ok(stall < 500, `${stall} ms`);
  assert.equal(notifier.pending().get('up'), undefined);
});

test('every tenth datagram is lost: the copies bring all of them', async () => {
  let count = 0;
  const lossy: Answerer = (notify) => (count++ % 10 === 0 ? [] : [notifyAnswer(notify)]);
  const { notifier, serve } = await begin(5_000, lossy, { 'notify-retry': { tries: 10, timeout: '1s', backoff: 1 } });

  serve(1);

  await untilHolds('5,000 acknowledged', () => notifier.results.acknowledged === 5_000, 60_000);
  assert.ok(notifier.results['no-answer'] >= 500, `${notifier.results['no-answer']}`);
});
