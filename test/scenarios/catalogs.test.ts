/** Catalog zones as consumer (RFC 9432): what they bring, take away, and leave as it is. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type EventFields, type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';

const ONE = 'one.catalog';
const TWO = 'two.catalog';
const interpret = (more: object = {}) => ({
  primary: 'catalogs',
  'catalog-role': 'interpret',
  'catalog-template': { default: 'member', groups: { gold: 'gold' } },
  timers: { 'retry-min': '300ms', 'retry-max': '300ms' },
  ...more,
});
const configWith = (zones: object, templates: object = {}) => ({
  primaries: { catalogs: { 'zone-files': 'catalogs' }, files: { 'zone-files': 'zones' } },
  zones: { 'configured.example': { primary: 'files' }, ...zones },
  'catalog-templates': {
    member: { primary: 'files', timers: { 'retry-min': '300ms', 'retry-max': '300ms' } },
    gold: { primary: 'files', history: { versions: 1 } },
    ...templates,
  },
  rules: [{ match: { source: '127.0.0.0/8', zone: ['*.example', '*.catalog'] }, action: 'allow' }],
  store: { type: 'lmdb', path: 'store' },
});
const config = configWith({ [ONE]: interpret({ 'catalog-max-members': 6 }), [TWO]: interpret() });

const dir = mkdtempSync(join(tmpdir(), 'zonegate-catalogs-'));
let service: RunningService;
const serials = new Map<string, number>();

const soa = (serial: number): string => `@ 60 SOA invalid. invalid. ${serial} 3600 600 86400 300\n`;

/** A new version of a catalog; `members` as `label zone [property...]`. */
async function publish(catalog: string, members: readonly string[], version = 'version 0 TXT 2\n'): Promise<void> {
  const serial = (serials.get(catalog) ?? 0) + 1;
  serials.set(catalog, serial);
  const records = members.map((line) => {
    const [label, zone, ...properties] = line.split(' ');
    const told = properties.map((property) => {
      const [name, value] = property.split('=');
      return name === 'coo' ? `coo.${label}.zones 0 PTR ${value}.\n` : `${name}.${label}.zones 0 TXT ${value}\n`;
    });
    return `${label}.zones 0 PTR ${zone}.\n${told.join('')}`;
  });
  const since = service?.events.length ?? 0;
  writeFileSync(join(dir, 'catalogs', catalog), `${soa(serial)}@ 0 NS invalid.\n${version}${records.join('')}`);
  if (service !== undefined) {
    await service.event('zone-updated', ({ zone, to }) => zone === catalog && to === serial, since);
  }
}

const writeZone = (zone: string, serial = 1): void =>
  writeFileSync(join(dir, 'zones', zone), `${soa(serial)}@ 60 NS ns\nns 60 A 192.0.2.1\n`);
const changed = (catalog: string, since: number): Promise<EventFields> =>
  service.event('catalog-changed', (fields) => fields['catalog'] === catalog, since);
const isServed = async (zone: string): Promise<boolean> => {
  const response = await fetch(`${service.adminUrl}/api/v1/zones/${zone}`);
  return response.status === 200 && ((await response.json()) as { state: string }).state === 'served';
};
const detail = async (zone: string): Promise<Record<string, unknown>> =>
  (await (await fetch(`${service.adminUrl}/api/v1/zones/${zone}`)).json()) as Record<string, unknown>;
const names = async (): Promise<string[]> => {
  const list = (await (await fetch(`${service.adminUrl}/api/v1/zones`)).json()) as { zones: { zone: string }[] };
  return list.zones.map(({ zone }) => zone).filter((zone) => zone.endsWith('.example'));
};
const start = (files = config): Promise<RunningService> => startService({ dir, config: files });

before(async () => {
  for (const folder of ['zones', 'catalogs']) mkdirSync(join(dir, folder));
  for (const zone of ['a', 'b', 'c', 'd', 'configured']) writeZone(`${zone}.example`);
  await publish(ONE, ['m1 a.example', 'm2 b.example group=gold']);
  await publish(TWO, []);
  service = await start();
});

after(async () => {
  await service.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('what a catalog lists is served, by the rules and the template of its group', async () => {
  const first = await changed(ONE, 0);
  await service.event('zone-updated', ({ zone }) => zone === 'b.example');
  await service.event('zone-updated', ({ zone }) => zone === 'a.example');

  assert.deepEqual([first['added'], first['removed'], first['members']], [2, 0, 2]);
  assert.equal((await takeZone(service.port, 'a.example')).serial, 1);
  for (const zone of ['a.example', 'b.example']) {
    for (const serial of [2, 3]) {
      const since = service.events.length;
      writeZone(zone, serial);
      await service.event('zone-updated', (fields) => fields['zone'] === zone, since);
    }
  }
  assert.equal(((await detail('a.example'))['versions'] as unknown[]).length, 3);
  assert.equal(((await detail('b.example'))['versions'] as unknown[]).length, 2, 'gold keeps one older version');
});

test('a member is added and another removed with the next version of the catalog', async () => {
  const since = service.events.length;
  await publish(ONE, ['m1 a.example', 'm3 c.example']);
  const event = await changed(ONE, since);
  await service.event('zone-updated', ({ zone }) => zone === 'c.example', since);

  assert.deepEqual([event['added'], event['removed'], event['members']], [1, 1, 2]);
  assert.deepEqual(await names(), ['a.example', 'c.example', 'configured.example']);
  await assert.rejects(takeZone(service.port, 'b.example'), /NOTAUTH/);
});

test('a zone that is configured, or another catalog brought, is not taken over', async () => {
  let since = service.events.length;
  await publish(TWO, ['x1 a.example', 'x2 configured.example', 'x3 d.example']);
  const event = await changed(TWO, since);

  assert.deepEqual([event['added'], event['ignored']], [1, 2]);
  assert.deepEqual((event['newcomers'] as string[]).toSorted(), [
    'a.example: it is a member of one.catalog',
    'configured.example: it is configured as a zone of its own',
  ]);
  const told = (await (await fetch(`${service.adminUrl}/api/v1/catalogs/${TWO}`)).json()) as Record<string, unknown[]>;
  assert.deepEqual(
    told['members']?.map((member) => ({ ...(member as object), since: '' })),
    [{ zone: 'd.example', label: 'x3', groups: [], since: '' }],
  );
  assert.equal(told['ignored']?.length, 2);
  since = service.events.length;
  await publish(TWO, ['x3 d.example']);
  await publish(TWO, ['x1 a.example']);
  await changed(TWO, since);
  assert.deepEqual(await names(), ['a.example', 'c.example', 'configured.example'], 'only what it brought is removed');
});

test('another label is another zone: what was kept of the old one is gone', async () => {
  const since = service.events.length;
  await publish(ONE, ['other a.example', 'm3 c.example']);
  const event = await changed(ONE, since);
  const update = await service.event('zone-updated', ({ zone }) => zone === 'a.example', since);

  assert.deepEqual([event['reset'], event['added'], event['removed']], [1, 0, 0]);
  assert.equal(update['from'], null);
  assert.equal(((await detail('a.example'))['versions'] as unknown[]).length, 1);
  await service.kill();
  service = await start();
  assert.equal(((await detail('a.example'))['versions'] as unknown[]).length, 1, 'nor is it in the store');
});

test('a broken catalog changes nothing, is told once, and is good again', async () => {
  const since = service.events.length;
  await publish(ONE, ['m9 d.example'], 'version 0 TXT 1\n');
  const event = await service.event('catalog-broken', () => true, since);
  assert.deepEqual([event['catalog'], event['why']], [ONE, ['the version is "1", expected "2"']]);
  await publish(ONE, ['m8 d.example'], 'version 0 TXT 1\n');
  await publish(TWO, ['x3 d.example']);
  await changed(TWO, since);
  assert.equal(service.events.slice(since).filter((fields) => fields.event === 'catalog-broken').length, 1);
  assert.deepEqual(await names(), ['a.example', 'c.example', 'configured.example', 'd.example']);

  // The last good one counts at a restart, too.
  await service.kill();
  service = await start();
  assert.deepEqual(await names(), ['a.example', 'c.example', 'configured.example', 'd.example']);
  await publish(ONE, ['other a.example', 'm3 c.example']);
});

test('more members than may be break a catalog', async () => {
  const since = service.events.length;
  await publish(ONE, ['other a.example', ...Array.from({ length: 6 }, (_, i) => `n${i} n${i}.example`)]);
  const event = await service.event('catalog-broken', () => true, since);

  assert.deepEqual(event['why'], ['it has 7 members, more than catalog-max-members (6)']);
  assert.ok((await names()).includes('c.example'));
});

test('a member goes to another catalog where both say so, and keeps its versions under the same label', async () => {
  await publish(ONE, ['other a.example', 'm3 c.example']);
  let since = service.events.length;
  writeZone('c.example', 2);
  await service.event('zone-updated', ({ zone }) => zone === 'c.example', since);
  since = service.events.length;
  await publish(TWO, ['m3 c.example', 'x3 d.example']);
  assert.deepEqual((await changed(TWO, since))['newcomers'], ['c.example: it is a member of one.catalog']);

  since = service.events.length;
  await publish(ONE, ['other a.example', `m3 c.example coo=${TWO}`]);
  const event = await changed(TWO, since);
  assert.deepEqual([event['added'], event['members']], [1, 2]);
  assert.equal(((await detail('c.example'))['versions'] as unknown[]).length, 2);
  await publish(ONE, ['other a.example']);
  await publish(TWO, ['m3 c.example', 'x3 d.example', 'm5 n.example']);
  assert.equal(await isServed('c.example'), true);
});

test('after a restart with all primaries gone, members are served from the store', async () => {
  await service.kill();
  for (const file of [`catalogs/${ONE}`, `catalogs/${TWO}`, 'zones/a.example', 'zones/c.example', 'zones/d.example']) {
    unlinkSync(join(dir, file));
  }
  service = await start();

  for (const zone of ['a.example', 'c.example', 'd.example']) {
    assert.equal((await takeZone(service.port, zone)).records.length, 3, zone);
  }
  for (const zone of ['a', 'c', 'd']) writeZone(`${zone}.example`, 5);
});

test('a reload keeps members and gives them the new template; without their catalog they go', async () => {
  let since = service.events.length;
  await service.reload(
    configWith(
      { [ONE]: interpret(), [TWO]: interpret({ 'catalog-members': ['c.example'] }) },
      {
        member: { primary: 'catalogs' },
      },
    ),
  );
  const event = await changed(TWO, since);
  assert.deepEqual([event['removed'], event['members']], [2, 1], 'catalog-members no longer lets d and n in');
  assert.equal((await detail('a.example'))['primary'], 'catalogs');
  assert.equal(await isServed('a.example'), true);

  since = service.events.length;
  await service.reload(configWith({ [TWO]: interpret({ 'catalog-members': ['c.example'] }) }));
  assert.deepEqual(await names(), ['c.example', 'configured.example']);
  assert.equal((await detail('c.example'))['primary'], 'files');
});
