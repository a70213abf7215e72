/** What an operator does with versions: pin, roll back, decide about what a guard holds; and that it lasts. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';

const ZONE = 'example.org';
const TOKEN = 'token-of-the-test';
const hosts = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `host${from + i} 60 A 192.0.2.1\n`).join('');
const text = (serial: number, more: string): string =>
  `@ 60 SOA ns1 host ${serial} 3600 600 86400 300\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n${more}`;
const config = {
  primaries: { files: { 'zone-files': 'zones' } },
  zones: {
    [ZONE]: {
      primary: 'files',
      'change-guard': { action: 'hold', 'names-removed': '30%' },
      timers: { 'retry-min': '300ms', 'retry-max': '300ms' },
    },
  },
  rules: [{ match: { source: '127.0.0.0/8' }, action: 'allow' }],
  store: { type: 'lmdb', path: 'store' },
  admin: { listen: '127.0.0.1:0', 'token-file': 'token' },
};

let service: RunningService;
const dir = mkdtempSync(join(tmpdir(), 'zonegate-versions-'));
const start = (): Promise<RunningService> => startService({ dir, config, files: { token: `${TOKEN}\n` } });
const write = (serial: number, more: string): void => writeFileSync(join(dir, 'zones', ZONE), text(serial, more));

async function put(serial: number, more: string): Promise<void> {
  const since = service.events.length;
  write(serial, more);
  await service.event('zone-updated', () => true, since);
}

async function command(name: string, serial?: number): Promise<{ status: number; error?: string; text?: string }> {
  const response = await fetch(`${service.adminUrl}/api/v1/zones/${ZONE}/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, ...(serial !== undefined && { 'content-type': 'application/json' }) },
    ...(serial !== undefined && { body: JSON.stringify({ serial }) }),
  });
  return { status: response.status, ...((await response.json()) as object) };
}

const zone = async (): Promise<Record<string, unknown>> =>
  (await (await fetch(`${service.adminUrl}/api/v1/zones/${ZONE}`)).json()) as Record<string, unknown>;
const hasHost = async (name: string): Promise<boolean> =>
  (await takeZone(service.port, ZONE)).records.includes(`${name}.example.org. A 192.0.2.1`);
const serial = async (): Promise<number> => (await takeZone(service.port, ZONE)).serial;

before(async () => {
  mkdirSync(join(dir, 'zones'));
  write(1, hosts(0, 400));
  service = await start();
  await put(2, hosts(0, 401));
  await put(3, hosts(0, 402));
});

after(async () => {
  await service.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('a pinned version is served while others come, over a restart, until it is unpinned', async () => {
  assert.equal((await command('pin', 9)).error, 'not-kept');
  assert.equal((await command('pin', 2)).status, 200);
  assert.equal(await serial(), 2);
  await put(4, hosts(0, 403));
  assert.equal(await serial(), 2);
  assert.equal((await command('rollback', 3)).error, 'pinned');
  await service.kill();
  service = await start();
  assert.equal(await serial(), 2);
  assert.equal((await zone())['pinned'], 2);
  await put(5, hosts(0, 404));
  assert.equal(await serial(), 2);

  assert.equal((await command('unpin')).status, 200);
  assert.equal(await serial(), 5);
  const changes = await takeZone(service.port, ZONE, { serial: 2 });
  assert.deepEqual(
    [changes.sentAs, changes.added.length, changes.deleted.length],
    ['IXFR', 4, 1],
    'those with the pinned version follow by IXFR',
  );
  assert.equal((await command('unpin')).error, 'not-pinned');
});

test('an old content is served under a new serial, until the primary has something newer', async () => {
  assert.equal((await command('rollback', 5)).error, 'is-newest');
  const answer = await command('rollback', 3);
  assert.deepEqual([answer.status, answer.text], [200, 'the content of serial 3 is served as serial 6']);
  assert.deepEqual([await serial(), await hasHost('host401'), await hasHost('host402')], [6, true, false]);
  const back = await takeZone(service.port, ZONE, { serial: 5 });
  assert.deepEqual(
    back.deleted.filter((record) => record.includes('host')).filter((record) => !record.includes('SOA')),
    ['host402.example.org. A 192.0.2.1', 'host403.example.org. A 192.0.2.1'],
  );

  // The primary's next serial is the one that we gave away: it is told as another.
  await put(6, hosts(0, 405));
  assert.deepEqual([await serial(), await hasHost('host404')], [7, true]);
  const [newest] = (await zone())['versions'] as Record<string, unknown>[];
  assert.deepEqual([newest?.['serial'], newest?.['primary-serial']], [7, 6]);
  await put(8, hosts(0, 406));
  assert.equal(await serial(), 8);
  assert.equal(((await zone())['versions'] as Record<string, unknown>[])[0]?.['primary-serial'], 8);
});

test('what a guard holds is not served before it is released; a newer one takes its place', async () => {
  const since = service.events.length;
  write(9, hosts(0, 250));
  const held = await service.event('zone-held', () => true, since);
  assert.match(String(held['why']), /156 of 408 names are gone \(38.2%\)/);
  assert.equal(await serial(), 8);
  assert.deepEqual(((await zone())['held'] as Record<string, unknown>)['serial'], 9);
  write(10, hosts(0, 260));
  await service.event('zone-held', (fields) => fields['serial'] === 10, since);
  assert.equal((await command('release')).text, 'serial 10 is served');
  assert.equal(await serial(), 10);
  const changes = await takeZone(service.port, ZONE, { serial: 8 });
  assert.deepEqual([changes.sentAs, changes.deleted.length], ['IXFR', 147]);
  assert.equal((await zone())['held'], null);
  assert.equal((await command('release')).error, 'nothing-held');
});

test('what is rejected stays unserved, and the next version is compared with what is served', async () => {
  const since = service.events.length;
  write(11, hosts(0, 100));
  await service.event('zone-held', () => true, since);
  assert.equal((await command('reject')).status, 200);
  assert.deepEqual([await serial(), (await zone())['rejected']], [10, 11]);
  await put(12, hosts(0, 261));

  assert.deepEqual([await serial(), await hasHost('host260')], [12, true]);
  const changes = await takeZone(service.port, ZONE, { serial: 10 });
  assert.deepEqual([changes.added.length, changes.deleted.length], [2, 1]);
});

test('what was rejected stays so over a restart, and is not held again', async () => {
  const since = service.events.length;
  write(13, hosts(0, 90));
  await service.event('zone-held', () => true, since);
  assert.equal((await command('reject')).status, 200);
  await service.kill();
  service = await start();
  while (!JSON.stringify(await zone()).includes('serial 13 was rejected')) await sleep(50);

  const { held, rejected } = await zone();
  assert.deepEqual([await serial(), held, rejected], [12, null, 13]);
  assert.equal(
    service.events.some(({ event }) => event === 'zone-held'),
    false,
  );
  await put(14, hosts(0, 262));
  assert.deepEqual([await serial(), (await zone())['rejected']], [14, null]);
  // As the tests below expect it.
  await put(15, hosts(0, 261));
});

test('a retransfer changes nothing where nothing changed, and begins a new history where it did', async () => {
  await command('retransfer');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(((await zone())['versions'] as unknown[]).length > 1, true);
  const since = service.events.length;
  write(15, hosts(0, 262));
  await service.event('zone-rejected', () => true, since);
  await command('retransfer');
  const updated = await service.event('zone-updated', () => true, since);

  assert.deepEqual([updated['to'], updated['history']], [15, 'begins anew']);
  assert.equal(await hasHost('host261'), true);
  assert.equal(((await zone())['versions'] as unknown[]).length, 1);
  assert.equal((await takeZone(service.port, ZONE, { serial: 10 })).sentAs, 'AXFR');
});
