/** Catalog zones between zonegate and others: BIND and Knot follow one that it makes, and it follows one that Knot makes. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isInstalled, type Peer, startBind, startKnot } from '../support/dns-peers.ts';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';

const OUT = 'out.catalog';
const zoneText = (serial: number): string =>
  `@ 60 SOA ns host ${serial} 3600 600 86400 300\n@ 60 NS ns\nns 60 A 192.0.2.1\n`;
const dir = mkdtempSync(join(tmpdir(), 'zonegate-catalog-interop-'));
const ends: (() => Promise<unknown>)[] = [];

after(async () => {
  for (const end of ends.reverse()) await end();
  rmSync(dir, { recursive: true, force: true });
});

const configWith = (members: readonly string[]) => ({
  primaries: { files: { 'zone-files': dir } },
  zones: {
    [OUT]: { 'catalog-role': 'generate' },
    ...Object.fromEntries(members.map((zone) => [zone, { primary: 'files', 'catalog-zone': OUT }])),
  },
  rules: [{ match: { source: '127.0.0.0/8' }, action: 'allow' }],
});

async function producer(name: string): Promise<RunningService> {
  for (const zone of ['a', 'b', 'c']) writeFileSync(join(dir, `${zone}.${name}.example`), zoneText(7));
  const service = await startService({ config: configWith([`a.${name}.example`, `b.${name}.example`]) });
  ends.push(() => service.stop());
  await service.event('zone-updated', ({ zone }) => zone === OUT);
  return service;
}

/** Until it has no such zone any more. */
async function untilGone(peer: Peer, zone: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const isThere = await takeZone(peer.port, zone).then(
      () => true,
      () => false,
    );
    if (!isThere) return;
    if (Date.now() > deadline) throw new Error(`${zone} is still there:\n${peer.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What there is at first, one zone more, one zone less. */
async function follows(peer: Peer, service: RunningService, name: string): Promise<void> {
  for (const zone of ['a', 'b']) await peer.untilSerial(`${zone}.${name}.example`, 7);
  await service.reload(configWith([`a.${name}.example`, `c.${name}.example`]));
  await peer.untilSerial(`c.${name}.example`, 7);
  await untilGone(peer, `b.${name}.example`);
  assert.equal((await takeZone(peer.port, `a.${name}.example`)).serial, 7);
}

const quick = { timers: { 'refresh-min': '1s', 'refresh-max': '2s', 'retry-min': '1s', 'retry-max': '1s' } };

test('BIND follows a catalog that zonegate makes', {
  skip: !isInstalled('named') && 'named is not installed',
}, async () => {
  const service = await producer('bind');
  const primary = { port: service.port };
  const bind = await startBind({
    secondaryZones: [{ name: OUT, primary }],
    extra: `max-refresh-time 1; max-retry-time 1;
  catalog-zones { zone "${OUT}" default-primaries { 127.0.0.1 port ${service.port}; } in-memory yes min-update-interval 1; };`,
  });
  ends.push(() => bind.stop());

  await follows(bind, service, 'bind');
});

const knotSections = (port: number, zones: string): string => `remote:
  - id: zonegate
    address: 127.0.0.1@${port}
acl:
  - id: anybody
    address: 127.0.0.1
    action: [notify, transfer]
template:
  - id: member
    master: zonegate
    acl: anybody
    zonefile-sync: -1
zone:
${zones}`;

test('Knot follows a catalog that zonegate makes', {
  skip: !isInstalled('knotd') && 'knotd is not installed',
}, async () => {
  const service = await producer('knot');
  const knot = await startKnot({
    extra: knotSections(
      service.port,
      `  - domain: ${OUT}
    master: zonegate
    acl: anybody
    zonefile-sync: -1
    refresh-min-interval: 2s
    refresh-max-interval: 2s
    retry-min-interval: 2s
    retry-max-interval: 2s
    catalog-role: interpret
    catalog-template: member
`,
    ),
  });
  ends.push(() => knot.stop());

  await follows(knot, service, 'knot');
});

test('zonegate follows a catalog that Knot makes', {
  skip: !isInstalled('knotd') && 'knotd is not installed',
}, async () => {
  const folder = join(dir, 'of-knot');
  mkdirSync(folder);
  const member = (zone: string): string => {
    writeFileSync(join(folder, zone), zoneText(3));
    return `  - domain: ${zone}
    file: ${join(folder, zone)}
    acl: anybody
    catalog-role: member
    catalog-zone: made.catalog
    catalog-group: gold
`;
  };
  const made = '  - domain: made.catalog\n    catalog-role: generate\n    acl: anybody\n';
  const knot = await startKnot({ extra: knotSections(1, made + member('a.example') + member('b.example')) });
  ends.push(() => knot.stop());
  const service = await startService({
    config: {
      primaries: { knot: { addresses: [`127.0.0.1:${knot.port}`] } },
      zones: {
        'made.catalog': {
          primary: 'knot',
          'catalog-role': 'interpret',
          'catalog-template': { default: 'member', groups: { gold: 'gold' } },
          ...quick,
        },
      },
      'catalog-templates': { member: { primary: 'knot' }, gold: { primary: 'knot', ...quick } },
      rules: [{ match: { source: '127.0.0.0/8' }, action: 'allow' }],
    },
  });
  ends.push(() => service.stop());

  for (const zone of ['a.example', 'b.example']) {
    await service.event('zone-updated', (fields) => fields['zone'] === zone);
    assert.equal((await takeZone(service.port, zone)).serial, 3);
  }
  const since = service.events.length;
  appendFileSync(join(knot.dir, 'knot.conf'), `zone:\n${member('c.example')}`);
  knot.reload();
  await service.event('zone-updated', ({ zone }) => zone === 'c.example', since);
  const report = (await (await fetch(`${service.adminUrl}/api/v1/catalogs/made.catalog`)).json()) as {
    members: { zone: string; groups: string[] }[];
  };
  assert.deepEqual(report.members.map(({ zone, groups }) => [zone, groups]).sort(), [
    ['a.example', ['gold']],
    ['b.example', ['gold']],
    ['c.example', ['gold']],
  ]);
});
