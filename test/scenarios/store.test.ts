/** The store: what was served is served again after any end, and what is damaged is not. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';

const ZONE = 'example.org';
const hosts = (count: number): string =>
  Array.from({ length: count }, (_, i) => `host${i} 60 A 192.0.2.${i % 250}\nhost${i} 60 TXT "of host ${i}"\n`).join(
    '',
  );
const text = (serial: number, more = ''): string =>
  `@ 60 SOA ns1 host ${serial} 3600 600 86400 300\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n${hosts(500)}${more}`;

const config = {
  primaries: { files: { 'zone-files': 'zones' } },
  'zone-defaults': { primary: 'files', timers: { 'retry-min': '300ms', 'retry-max': '300ms' } },
  zones: { [ZONE]: {} },
  rules: [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }],
  store: { type: 'lmdb', path: 'store' },
};

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const newFolder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-store-'));
  folders.push(dir);
  mkdirSync(join(dir, 'zones'));
  return dir;
};
const start = (dir: string, more: object = {}): Promise<RunningService> => startService({ dir, config, ...more });
const write = (dir: string, serial: number, more = ''): void =>
  writeFileSync(join(dir, 'zones', ZONE), text(serial, more));
const updated = (service: RunningService, serial: number): Promise<unknown> =>
  service.event('zone-updated', ({ to }) => to === serial);

/** Four versions, and gone without a word; the primary, too. */
async function grown(): Promise<string> {
  const dir = newFolder();
  const service = await start(dir);
  for (let serial = 1; serial <= 4; serial++) {
    write(dir, serial, `new${serial} 60 A 192.0.2.9\n`);
    await updated(service, serial);
  }
  await service.kill();
  rmSync(join(dir, 'zones', ZONE));
  return dir;
}

test('after SIGKILL every zone is served from the store, with its history, and no primary is there', async () => {
  const dir = await grown();
  const service = await start(dir);
  const ready = service.events.find(({ event }) => event === 'ready');
  const zone = await takeZone(service.port, ZONE);
  const changes = await takeZone(service.port, ZONE, { serial: 2 });
  const since = service.events.length;
  write(dir, 5, 'new5 60 A 192.0.2.9\n');
  await service.event('zone-updated', ({ to }) => to === 5, since);
  const last = await takeZone(service.port, ZONE, { serial: 4 });
  await service.stop();

  assert.deepEqual(ready?.['zones'], { loaded: 1, awaited: 0 });
  assert.equal(zone.serial, 4);
  assert.ok(zone.records.includes('new4.example.org. A 192.0.2.9'));
  assert.equal(zone.records.length, 1004);
  assert.deepEqual(changes.deleted, ['new2.example.org. A 192.0.2.9', SOA(2)].sort());
  assert.deepEqual(changes.added, ['new4.example.org. A 192.0.2.9', SOA(4)].sort());
  assert.deepEqual(last.deleted, ['new4.example.org. A 192.0.2.9', SOA(4)].sort());
});

const SOA = (serial: number): string =>
  `example.org. SOA ns1.example.org. host.example.org. ${serial} 3600 600 86400 300`;

test('a file that is cut short is set aside, and the zone comes from the primary again', async () => {
  const dir = await grown();
  const file = join(dir, 'store', 'data.mdb');
  truncateSync(file, Math.floor(statSync(file).size / 2));
  write(dir, 6);
  const service = await start(dir);
  const damaged = await service.event('store-damaged');
  await updated(service, 6);
  await service.stop();

  assert.match(String(damaged['why']), /its file has \d+ octets of \d+; it is kept as .*data\.mdb\.damaged-/);
  assert.ok(readdirSync(join(dir, 'store')).some((name) => name.startsWith('data.mdb.damaged-')));
});

test('a file that is no store is set aside', async () => {
  const dir = await grown();
  writeFileSync(join(dir, 'store', 'data.mdb'), Buffer.alloc(20_000, 'zone'));
  write(dir, 6);
  const service = await start(dir);
  assert.match(String((await service.event('store-damaged'))['why']), /does not begin as one of LMDB/);
  await updated(service, 6);
  await service.stop();
});

test('octets of a frame that were changed are found by its hash, and never served', async () => {
  const dir = await grown();
  const file = join(dir, 'store', 'data.mdb');
  const octets = readFileSync(file);
  const wanted = Buffer.from('of host 77');
  let found = 0;
  for (let at = octets.indexOf(wanted); at >= 0; at = octets.indexOf(wanted, at + 1)) {
    octets.write('of hxst 77', at);
    found++;
  }
  writeFileSync(file, octets);
  write(dir, 6);
  const service = await start(dir);
  const damaged = await service.event('store-damaged');
  await updated(service, 6);
  const zone = await takeZone(service.port, ZONE);
  await service.stop();

  assert.ok(found > 0);
  assert.equal(damaged['zone'], ZONE);
  assert.match(String(damaged['why']), /frame [0-9a-f]{32} is missing or damaged/);
  assert.equal(zone.serial, 6);
  assert.ok(zone.records.includes('host77.example.org. TXT "of host 77"'));
});

test('a SOA whose serial was changed on the disk is not believed', async () => {
  const dir = await grown();
  const file = join(dir, 'store', 'data.mdb');
  const octets = readFileSync(file);
  // The end of the second name, and serial 4.
  const wanted = Buffer.from('\x07example\x03org\0\0\0\0\x04', 'latin1');
  let found = 0;
  for (let at = octets.indexOf(wanted); at >= 0; at = octets.indexOf(wanted, at + 1)) {
    octets[at + wanted.length - 2] = 0x40;
    found++;
  }
  writeFileSync(file, octets);
  write(dir, 6);
  const service = await start(dir);
  const damaged = await service.event('store-damaged');
  await updated(service, 6);
  const { serial } = await takeZone(service.port, ZONE);
  await service.stop();

  assert.ok(found > 0);
  assert.match(String(damaged['why']), /its manifest is damaged/);
  assert.equal(serial, 6);
});

test('two services do not share a folder: the second ends and says why, the first goes on', async () => {
  const dir = newFolder();
  write(dir, 1);
  const service = await start(dir);
  await updated(service, 1);
  await assert.rejects(start(dir), /the store in .*store failed: process \d+ uses it/);
  const zone = await takeZone(service.port, ZONE);
  await service.stop();

  assert.equal(zone.serial, 1);
});

test('a disk that is full: the old version goes on, and a new one is taken once there is room', async () => {
  const dir = newFolder();
  write(dir, 1);
  const first = await start(dir);
  await updated(first, 1);
  await first.stop();
  const { size } = statSync(join(dir, 'store', 'data.mdb'));

  const service = await start(dir, { mostFileOctets: size + 100_000 });
  write(dir, 2, Array.from({ length: 9000 }, (_, i) => `more${i} 60 TXT "${'x'.repeat(60)}"\n`).join(''));
  const rejected = await service.event('zone-rejected');
  const served = await takeZone(service.port, ZONE);
  const since = service.events.length;
  write(dir, 3, 'small 60 A 192.0.2.1\n');
  await service.event('zone-updated', ({ to }) => to === 3, since);
  const next = await takeZone(service.port, ZONE);
  await service.stop();

  assert.match(String(rejected['why']), /the store cannot be written/);
  assert.equal(served.serial, 1);
  assert.equal(next.serial, 3);
});

test('map-size: a version that would pass it is refused, the old one goes on, and a smaller one or a greater size does', async () => {
  const dir = newFolder();
  const large = (name: string): string =>
    Array.from({ length: 9000 }, (_, i) => `${name}${i} 60 TXT "${'x'.repeat(60)}"\n`).join('');
  const limited = { ...config, store: { ...config.store, 'map-size': '400KB' } };
  write(dir, 1);
  const first = await startService({ dir, config: limited });
  await updated(first, 1);
  write(dir, 2, large('more'));
  const rejected = await first.event('zone-rejected');
  const { serial } = await takeZone(first.port, ZONE);
  write(dir, 3, 'small 60 A 192.0.2.1\n');
  await updated(first, 3);
  await first.stop();
  write(dir, 4, large('more'));
  const second = await start(dir);
  await updated(second, 4);
  await second.stop();

  assert.match(String(rejected['why']), /cannot be written: it would take \d+ octets, and map-size is 400000/);
  assert.equal(serial, 1);
});
