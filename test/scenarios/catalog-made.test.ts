/** Catalog zones that zonegate makes: of the zones that name them, members of other catalogs included. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type EventFields, type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';

const OUT = 'out.catalog';
const configWith = (zones: object) => ({
  primaries: { files: { 'zone-files': 'zones' } },
  zones: {
    [OUT]: { 'catalog-role': 'generate' },
    'in.catalog': {
      primary: 'files',
      'catalog-role': 'interpret',
      'catalog-template': { default: 'member' },
      timers: { 'retry-min': '300ms', 'retry-max': '300ms' },
    },
    ...zones,
  },
  'catalog-templates': { member: { primary: 'files', 'catalog-zone': OUT } },
  rules: [{ match: { source: '127.0.0.0/8' }, action: 'allow' }],
  store: { type: 'lmdb', path: 'store' },
});
const A = { 'a.example': { primary: 'files', 'catalog-zone': OUT, 'catalog-group': 'gold' } };

const dir = mkdtempSync(join(tmpdir(), 'zonegate-catalog-made-'));
let service: RunningService;

const SOA = '@ 60 SOA invalid. invalid.';
const TIMERS = '3600 600 86400 300';
const writeIncoming = (serial: number, zones: readonly string[]): void =>
  writeFileSync(
    join(dir, 'zones', 'in.catalog'),
    `${SOA} ${serial} ${TIMERS}\n@ 0 NS invalid.\nversion 0 TXT 2\n${zones.map((zone, i) => `m${i}.zones 0 PTR ${zone}.\n`).join('')}`,
  );
const members = async (): Promise<string[]> =>
  (await takeZone(service.port, OUT)).records
    .filter((record) => record.includes(' PTR '))
    .map((record) => record.split(' ').at(-1) as string)
    .sort();
const made = (since: number): Promise<EventFields> => service.event('zone-updated', ({ zone }) => zone === OUT, since);

before(async () => {
  mkdirSync(join(dir, 'zones'));
  for (const zone of ['a', 'b', 'c']) {
    writeFileSync(join(dir, 'zones', `${zone}.example`), `${SOA} 1 ${TIMERS}\n@ 60 NS ns\nns 60 A 192.0.2.1\n`);
  }
});

after(async () => {
  await service.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('it is not made before it is known what another catalog brings for it', async () => {
  service = await startService({ dir, config: configWith(A) });
  const failed = await service.event('primary-failed', ({ zone }) => zone === OUT);
  assert.equal(failed['why'], 'what in.catalog lists is not known yet');

  writeIncoming(1, ['b.example']);
  const event = await made(0);
  assert.deepEqual([event['how'], event['from']], ['generated', null]);
  const { records, serial } = await takeZone(service.port, OUT);
  assert.ok(Math.abs(serial - Date.now() / 1000) < 60);
  assert.deepEqual(
    records.filter((record) => !record.includes('.zones.')).map((record) => record.replace(String(serial), 'S')),
    [
      'out.catalog. NS invalid.',
      'out.catalog. SOA invalid. invalid. S 3600 600 2419200 0',
      'version.out.catalog. TXT "2"',
    ],
  );
  assert.deepEqual(await members(), ['a.example.', 'b.example.']);
  const label = records.find((record) => record.endsWith(' PTR a.example.'))?.split('.')[0];
  assert.ok(records.includes(`group.${label}.zones.out.catalog. TXT "gold"`));
});

test('each change of the zones is a version with a newer serial, by IXFR too; nothing else is', async () => {
  const before = await takeZone(service.port, OUT);
  let since = service.events.length;
  writeIncoming(2, ['b.example', 'c.example']);
  await made(since);
  const grown = await takeZone(service.port, OUT, { serial: before.serial });
  assert.ok(grown.serial > before.serial);
  assert.deepEqual(
    [grown.sentAs, grown.added.filter((record) => record.includes(' PTR ')).length, grown.deleted.length],
    ['IXFR', 1, 1],
  );

  since = service.events.length;
  await service.reload(configWith({}));
  await made(since);
  assert.deepEqual(await members(), ['b.example.', 'c.example.']);
  const { serial } = await takeZone(service.port, OUT);
  await service.reload(configWith({ 'd.example': { primary: 'files' } }));
  await service.kill();
  service = await startService({ dir, config: configWith({}) });
  assert.equal((await takeZone(service.port, OUT)).serial, serial, 'a restart makes no other version');
  since = service.events.length;
  await service.reload(configWith(A));
  await made(since);
  const { records } = await takeZone(service.port, OUT);
  assert.ok(
    before.records.filter((record) => record.includes('PTR a.')).every((record) => records.includes(record)),
    'the label of a zone is always the same',
  );
});
