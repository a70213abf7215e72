/** A folder of zone files as the primary: edits of every kind, by file and by $INCLUDE. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';

const ZONE = 'example.org';
const text = (serial: number, more = ''): string =>
  `@ 60 SOA ns1 host ${serial} 3600 600 86400 300\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n${more}`;
const config = (zone: Record<string, unknown> = {}): Record<string, unknown> => ({
  primaries: { files: { 'zone-files': 'zones' } },
  zones: { [ZONE]: { primary: 'files', timers: { 'retry-min': '300ms', 'retry-max': '300ms' }, ...zone } },
  rules: [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }],
});

let service: RunningService;
let file: string;

before(async () => {
  service = await startService({ config: config(), files: { 'zones/example.org': text(1) } });
  file = join(service.dir, 'zones', 'example.org');
  await service.event('zone-updated');
});

after(async () => {
  await service.stop();
});

const updated = (serial: number): Promise<unknown> => service.event('zone-updated', ({ to }) => to === serial);

test('a file written in place, and one renamed over, are taken', async () => {
  writeFileSync(file, text(2));
  await updated(2);
  writeFileSync(`${file}.new`, text(3, 'www 60 A 192.0.2.2\n'));
  renameSync(`${file}.new`, file);
  await updated(3);

  assert.equal((await takeZone(service.port, ZONE)).records.length, 4);
});

test('a bad file is refused with its line, once, and the next good one is taken', async () => {
  const since = service.events.length;
  writeFileSync(file, text(4, 'www 60 A 192.0.2\n'));
  const rejected = await service.event('zone-rejected', () => true, since);
  // Looked at again at each retry, and told no second time.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(service.events.slice(since).filter(({ event }) => event === 'zone-rejected').length, 1);
  assert.match(String(rejected['why']), /example\.org:4: .*IPv4/);
  assert.equal((await takeZone(service.port, ZONE)).serial, 3);

  writeFileSync(file, text(5));
  await updated(5);
});

test('a change without a new serial is refused, a rewrite of the same content is not', async () => {
  const since = service.events.length;
  writeFileSync(file, text(5, 'www 60 A 192.0.2.2\n'));
  const rejected = await service.event('zone-rejected', () => true, since);
  writeFileSync(file, text(5));
  writeFileSync(file, text(6));
  await updated(6);

  assert.match(String(rejected['why']), /its serial did not: raise it/);
});

test('an included file is watched beside the zone file, and one that comes later is found at the next retry', async () => {
  writeFileSync(join(service.dir, 'zones', 'hosts'), 'a 60 A 192.0.2.7\n');
  writeFileSync(file, text(7, '$INCLUDE hosts\n'));
  await updated(7);
  const since = service.events.length;
  writeFileSync(file, text(8, '$INCLUDE sub/more\n'));
  const rejected = await service.event('zone-rejected', () => true, since);
  mkdirSync(join(service.dir, 'zones', 'sub'));
  writeFileSync(join(service.dir, 'zones', 'sub', 'more'), 'b 60 A 192.0.2.8\n');
  await updated(8);

  assert.match(String(rejected['why']), /ENOENT/);
  assert.ok((await takeZone(service.port, ZONE)).records.includes('b.example.org. A 192.0.2.8'));
});

test('what was refused under a limit is taken when a reload raises it', async () => {
  const since = service.events.length;
  assert.equal((await service.reload(config({ 'max-records': 3 })))['ok'], true);
  writeFileSync(file, text(9, 'c 60 A 192.0.2.9\nd 60 A 192.0.2.9\n'));
  // A look may fall between the file's truncation and its text: that is told apart.
  await service.event('zone-rejected', ({ why }) => /max-records/.test(String(why)), since);
  assert.equal((await service.reload(config()))['ok'], true);
  await updated(9);
});

test('a file that is deleted leaves the zone served until it expires, and is taken when it is back', async () => {
  rmSync(file);
  await service.event('primary-failed', ({ why }) => /has no file/.test(String(why)));
  assert.equal((await takeZone(service.port, ZONE)).serial, 9);
  writeFileSync(`${file}.zone`, text(10));
  await updated(10);
});
