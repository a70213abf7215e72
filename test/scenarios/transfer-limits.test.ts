/** What a rule holds transfers to, as clients meet it: over several fronts, over TCP and TLS. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { askFrom } from '../support/dns-clients.ts';
import { readAnswer } from '../support/front-world.ts';
import { rawMessage, rawQuestion } from '../support/raw-messages.ts';
import { type RunningService, startService } from '../support/service.ts';
import { askSlowly, type Reader } from '../support/slow-reader.ts';
import { wireName } from '../support/transfer-messages.ts';

const ZONE = 'big.example';
/** Some 40 MB: no socket takes it in whole. */
const LINES = 160_000;
const zoneText = (letter: string, serial = 1): string =>
  [
    `$ORIGIN ${ZONE}.`,
    '$TTL 3600',
    `@ SOA ns.example. host.example. ${serial} 3600 600 86400 300`,
    '@ NS ns.example.',
    ...Array.from({ length: LINES }, (_, i) => `n${i} TXT "${`${i} `.padEnd(220, letter)}"`),
  ].join('\n');
const SMALL_TEXT = `$TTL 60\n@ SOA ns.example. host.example. 1 3600 600 86400 300\n@ NS ns.example.\n`;

interface Options {
  readonly limits?: object;
  readonly all?: object;
  readonly secondaries?: Record<string, object>;
  readonly fronts?: number;
  readonly zone?: object;
}

async function serve({
  limits = {},
  all = {},
  secondaries = {},
  fronts = 2,
  zone = {},
}: Options): Promise<RunningService> {
  const names = Object.keys(secondaries);
  const service = await startService({
    config: {
      primaries: { files: { 'zone-files': 'zones' } },
      secondaries,
      'zone-defaults': { primary: 'files', ...(names.length > 0 && { secondaries: names }) },
      zones: { [ZONE]: zone, 'small.example': {} },
      rules: [{ name: 'limited', action: 'allow', limits }],
      limits: all,
      threads: { front: fronts, pool: 1 },
    },
    files: { [`zones/${ZONE}`]: zoneText('x'), 'zones/small.example': SMALL_TEXT },
  });
  await Promise.all([ZONE, 'small.example'].map((name) => service.event('zone-updated', ({ zone }) => zone === name)));
  return service;
}

const ask = async (port: number, zone: string, from = '127.0.0.1') => {
  const opt = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
  const request = rawMessage({ questions: [rawQuestion(wireName(zone), 252)], additionals: [opt] });
  const [first] = await askFrom(from, port, request);
  assert.ok(first !== undefined);
  return readAnswer(first);
};

interface Running {
  readonly state: string;
  readonly client: string;
}

async function running(service: RunningService): Promise<readonly Running[]> {
  const answer = await fetch(`${service.adminUrl}/api/v1/transfers`);
  return ((await answer.json()) as { transfers: Running[] }).transfers;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await holds()); await wait(20)) {
    assert.ok(Date.now() < deadline, what);
  }
}

test('so many transfers at a time over all fronts; the next is told SERVFAIL with a text, and a place comes free', async () => {
  const service = await serve({ limits: { concurrent: 3 } });
  const readers = await Promise.all([1, 2, 3].map(() => askSlowly(service.port, ZONE)));
  await until('three run', async () => (await running(service)).length === 3);

  for (let i = 0; i < 4; i++) {
    const refused = await ask(service.port, 'small.example');
    assert.equal(refused.rcode, 2);
    assert.deepEqual(refused.opt?.ede, { code: 0, text: 'too many transfers at a time' });
  }
  readers[0]?.end();
  await until('a place is free', async () => (await ask(service.port, 'small.example')).rcode === 0);

  const refusal = await service.event('refused', ({ why }) => why === 'concurrent');
  assert.equal(refusal['rule'], 'limited');
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  assert.match(metrics, /zonegate_refused_total\{reason="concurrent"\} [4-9]/);
  for (const reader of readers) reader.end();
  await service.stop();
});

test('a queue holds who finds no place: it is served when one comes free on any front, and sent away after its time', async () => {
  const service = await serve({ limits: { concurrent: 1, queue: { length: 2, wait: '3s' } } });
  const first = await askSlowly(service.port, ZONE);
  await until('one runs', async () => (await running(service)).length === 1);
  const gone = await askSlowly(service.port, ZONE);
  const second = ask(service.port, 'small.example');
  await until('two wait', async () => (await running(service)).filter(({ state }) => state === 'queued').length === 2);

  assert.equal((await ask(service.port, 'small.example')).opt?.ede?.text, 'too many transfers at a time');
  gone.socket.resetAndDestroy();
  await until('its place is given back', async () => (await running(service)).length === 2);
  first.end();
  assert.equal((await second).rcode, 0);

  const again = await askSlowly(service.port, ZONE);
  await until('one runs', async () => (await running(service)).length === 1);
  assert.equal((await ask(service.port, 'small.example')).opt?.ede?.text, 'no place came free in time');
  again.end();
  await service.stop();
});

test('a client that ends its side while it waits is served, as it may read on; one that resets gives its place back', async () => {
  const service = await serve({ limits: { concurrent: 1, queue: { length: 1, wait: '20s' } }, fronts: 1 });
  const first = await askSlowly(service.port, ZONE);
  await until('one runs', async () => (await running(service)).length === 1);
  const gone = await askSlowly(service.port, ZONE);
  const queued = async (): Promise<number> => (await running(service)).filter(({ state }) => state === 'queued').length;
  await until('one waits', async () => (await queued()) === 1);
  assert.equal((await ask(service.port, 'small.example')).opt?.ede?.text, 'too many transfers at a time');

  gone.socket.resetAndDestroy();
  await until('its place in the queue is given back', async () => (await queued()) === 0);
  // Sends FIN right behind its query.
  const halfClosed = ask(service.port, 'small.example');
  await until('the next one waits there', async () => (await queued()) === 1);
  await wait(300);
  assert.equal(await queued(), 1, 'it is taken for gone');
  first.end();

  assert.equal((await halfClosed).rcode, 0);
  await service.stop();
});

test('strangers never take the places of a secondary', async () => {
  const secondaries = { sec1: { sources: '127.0.0.9', 'reserved-transfers': 1 } };
  const service = await serve({ all: { concurrent: 2 }, secondaries });
  const readers = await Promise.all([1, 2].map(() => askSlowly(service.port, ZONE, '127.0.0.8')));
  await until('two run', async () => (await running(service)).length === 2);

  assert.equal((await ask(service.port, 'small.example', '127.0.0.8')).rcode, 2);
  assert.equal((await ask(service.port, 'small.example', '127.0.0.9')).rcode, 0);
  assert.equal((await ask(service.port, 'small.example', '127.0.0.9')).rcode, 0, 'and again, as it was given back');

  for (const reader of readers) reader.end();
  await service.stop();
});

for (const isTls of [false, true]) {
  test(`a bandwidth is divided by weight and not exceeded, over ${isTls ? 'TLS' : 'TCP'}`, async () => {
    const secondaries = {
      light: { sources: '127.0.0.11', weight: 1 },
      heavy: { sources: '127.0.0.12', weight: 3 },
    };
    const service = await serve({ limits: { bandwidth: { value: '4MB/s', per: 'zone' } }, secondaries, fronts: 1 });
    const port = isTls ? service.tlsPort : service.port;
    const readers = await Promise.all(['127.0.0.11', '127.0.0.12'].map((from) => askSlowly(port, ZONE, from, isTls)));
    const [light, heavy] = readers as [Reader, Reader];
    const began = Date.now();
    light.read();
    heavy.read();
    await wait(3000);
    const seconds = (Date.now() - began) / 1000;
    const [few, many] = [light.octets, heavy.octets];

    const states = new Set((await running(service)).map(({ state }) => state));
    assert.ok([...states].every((state) => state === 'paced' || state === 'sending'));
    assert.ok(many / few > 2 && many / few < 4.2, `${many} to ${few}`);
    const total = few + many;
    // What the sockets hold, and a tenth of a second after a rest, come on top.
    assert.ok(total < 4e6 * (seconds + 0.6) && total > 4e6 * seconds * 0.6, `${total} octets in ${seconds} s`);
    light.end();
    heavy.end();
    await service.stop();
  });
}

test('octets over a time: charged when a transfer begins, and none begins in debt', async () => {
  const service = await serve({ limits: { bytes: '1MB/h' } });
  const reader = await askSlowly(service.port, ZONE);
  await until('it runs', async () => (await running(service)).length === 1);

  const refused = await ask(service.port, 'small.example');
  const stranger = await ask(service.port, 'small.example', '127.0.0.3');

  assert.equal(refused.rcode, 2);
  assert.deepEqual(refused.opt?.ede, { code: 0, text: 'transfer volume limit reached' });
  assert.equal(stranger.rcode, 0);
  reader.end();
  await service.stop();
});

test('who hammers for a serial that it has is told until when it has to wait', async () => {
  const service = await serve({ limits: { 'repeat-axfr': { value: '3/h', 'cool-down': '1m' } }, fronts: 2 });
  const rcodes: number[] = [];
  for (let i = 0; i < 6; i++) rcodes.push((await ask(service.port, 'small.example')).rcode);
  const { opt } = await ask(service.port, 'small.example');

  assert.deepEqual(rcodes, [0, 0, 0, 0, 2, 2]);
  assert.match(opt?.ede?.text ?? '', /not again before \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal((await ask(service.port, 'small.example', '127.0.0.5')).rcode, 0);
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  assert.match(metrics, /zonegate_refused_total\{reason="repeat"\} 3/);
  await service.stop();
});

test('a client that takes less than the floor over the window is ended; one that is paced by us is not', async () => {
  const floor = { 'min-progress': { value: '10MB/s', over: '2s' } };
  const service = await serve({ limits: { ...floor, bandwidth: { value: '2MB/s', per: 'source' } }, fronts: 1 });
  const slow = await askSlowly(service.port, ZONE, '127.0.0.21');
  const paced = await askSlowly(service.port, ZONE, '127.0.0.22');
  paced.read();

  const ended = await service.event('transfer', ({ outcome }) => outcome === 'too-slow');
  slow.end();

  assert.match(String(ended['client']), /^127\.0\.0\.21#/);
  assert.ok((await running(service)).some(({ client }) => client.startsWith('127.0.0.22#')));
  paced.end();
  await service.stop();
});

test('when places run short the slowest below the floor end before their window is over', async () => {
  const service = await serve({ limits: { 'min-progress': { value: '1MB/s', over: '1h' } }, all: { concurrent: 3 } });
  const readers = await Promise.all([1, 2, 3].map(() => askSlowly(service.port, ZONE)));

  await service.event('transfer', ({ outcome }) => outcome === 'too-slow');

  await until('a place is free', async () => (await ask(service.port, 'small.example')).rcode === 0);
  for (const reader of readers) reader.end();
  await service.stop();
});

test('what slow readers keep of old versions is bounded: beyond it the slowest ends, one that is within stays', async () => {
  for (const [bytes, isEnded] of [
    ['1MB', true],
    ['1GB', false],
  ] as const) {
    const zone = { 'old-versions': { bytes }, history: { versions: 0 } };
    const service = await serve({ fronts: 1, zone });
    const reader = await askSlowly(service.port, ZONE);
    await until('it runs', async () => (await running(service)).length === 1);
    writeFileSync(join(service.dir, 'zones', ZONE), zoneText('y', 2));
    await service.event('zone-updated', (fields) => fields['zone'] === ZONE && fields['to'] === 2);

    if (isEnded) await service.event('transfer', ({ outcome }) => outcome === 'old-version');
    else await wait(2500);

    assert.equal((await running(service)).length, isEnded ? 0 : 1);
    reader.end();
    await service.stop();
  }
});
