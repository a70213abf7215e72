/** NOTIFY out over TCP and TLS. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createCertificate, type PemPair, spkiPin } from '../../../src/net/certificates.ts';
import { NotifyWorld, settle, untilHolds } from '../../support/notify-world.ts';
import {
  type Answerer,
  acknowledge,
  nothing,
  notifyAnswer,
  startTcpSecondary,
} from '../../support/scripted-secondary.ts';

const RETRY = { tries: 2, timeout: '60s', backoff: 2 };

const started: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of started.splice(0).reverse()) await stop();
});

async function begin(answer: Answerer, count: number, settings: object = {}, tls?: PemPair) {
  const secondary = await startTcpSecondary(answer, tls);
  const s = { address: `127.0.0.1:${secondary.port}`, transport: 'tcp', 'notify-retry': RETRY, ...settings };
  const zones = Array.from({ length: count }, (_, i) => `z${i}.example`);
  const world = new NotifyWorld({ s }, Object.fromEntries(zones.map((zone) => [zone, ['s']])));
  started.push(
    () => secondary.stop(),
    () => world.stop(),
  );
  return { secondary, world, zones };
}

test('a burst goes over one connection, which is closed when nothing more happens on it', async () => {
  const { secondary, world, zones } = await begin(acknowledge, 500);

  for (const zone of zones) world.serve(zone, 1);
  await untilHolds('500 answers', () => world.notifier.results.acknowledged === 500);
  for (const zone of zones) world.serve(zone, 2);
  await untilHolds('500 more', () => world.notifier.results.acknowledged === 1_000);

  assert.deepEqual(secondary.connections, { open: 1, all: 1 });
  world.pass(10_000);
  await untilHolds('the close', () => secondary.connections.open === 0);
  assert.deepEqual(world.events, []);
  world.serve('z0.example', 3);
  await untilHolds('the next', () => world.notifier.results.acknowledged === 1_001);
});

test('a connection that is closed while it is in use costs no try', async () => {
  let answers = 0;
  const { secondary, world, zones } = await begin((notify) => {
    // The first connection answers once, and is then closed.
    if (answers++ > 0 && secondary.connections.all === 1) return [];
    if (secondary.connections.all === 1) setImmediate(() => secondary.closeConnections());
    return [notifyAnswer(notify)];
  }, 20);

  for (const zone of zones) world.serve(zone, 1);
  await untilHolds('20 answers', () => world.notifier.results.acknowledged === 20);

  assert.equal(secondary.connections.all, 2);
  assert.equal(world.standings.notifyOf('z19.example', 's')?.tries, 1);
});

test('who accepts and says nothing is tried again at its time, then told', async () => {
  const { secondary, world } = await begin(nothing, 1);

  world.serve('z0.example', 1);
  await untilHolds('the NOTIFY', () => secondary.taken.length === 1);
  world.pass(10_000);
  await untilHolds('the failure', () => world.notifier.results['not-sent'] === 1);
  world.pass(49_999);
  await settle();
  assert.equal(secondary.taken.length, 1);
  world.pass(1);
  await untilHolds('the next try', () => secondary.taken.length === 2);
  world.pass(10_000);
  await untilHolds('its failure', () => world.notifier.results['not-sent'] === 2);
  world.pass(110_000);

  assert.equal(world.events.length, 1);
  assert.match(String(world.events[0]?.['why']), /timeout, no progress in 10 s/);
});

test('nobody there: the failure says so', async () => {
  const { secondary, world } = await begin(acknowledge, 1);
  await secondary.stop();

  world.serve('z0.example', 1);
  await untilHolds('the first try', () => world.notifier.results['not-sent'] === 1);
  world.pass(60_000);
  await untilHolds('the next try', () => world.notifier.results['not-sent'] === 2);
  world.pass(120_000);

  assert.match(String(world.events[0]?.['why']), /connection refused/);
});

test('over TLS only a secondary whose key has the pin is told, and ALPN is not asked of it', async () => {
  const own = createCertificate({ kind: 'server', names: ['localhost'], days: 2, now: new Date() });
  const other = createCertificate({ kind: 'server', names: ['localhost'], days: 2, now: new Date() });
  const over = (pins: readonly string[]) => ({ transport: 'tls', tls: { pins } });

  const right = await begin(acknowledge, 3, over([spkiPin(own.certPem)]), own);
  for (const zone of right.zones) right.world.serve(zone, 1);
  await untilHolds('3 answers', () => right.world.notifier.results.acknowledged === 3);
  const wrong = await begin(acknowledge, 1, over([spkiPin(other.certPem)]), own);
  wrong.world.serve('z0.example', 1);
  await untilHolds('the failure', () => wrong.world.notifier.results['not-sent'] === 1);
  wrong.world.pass(60_000);
  await untilHolds('the next', () => wrong.world.notifier.results['not-sent'] === 2);
  wrong.world.pass(120_000);

  assert.equal(right.secondary.connections.all, 1);
  assert.equal(wrong.secondary.taken.length, 0);
  assert.match(String(wrong.world.events[0]?.['why']), /shows a key with the pin/);
});
