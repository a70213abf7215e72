/**
 * Ten edits, each followed by differences: from BIND, Knot, NSD, PowerDNS and ixfrdist as primaries, and by BIND, Knot,
 * NSD and ixfrdist as secondaries. After each edit whoever follows has what its primary has, record for record.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sendNotify } from '../support/dns-clients.ts';
import { hasProgram, isInstalled, PEER_PROGRAMS, type Peer, START_PEER } from '../support/dns-peers.ts';
import { startIxfrdist } from '../support/other-peers.ts';
import { type EventFields, type RunningService, startService } from '../support/service.ts';
import { assertSameZone, transferZone, type ZoneRecord } from '../support/zone-compare.ts';

const PROGRAMS = { ...PEER_PROGRAMS, ixfrdist: 'ixfrdist' };
type Server = keyof typeof PROGRAMS;

interface Row {
  readonly server: Server;
  readonly zone: string;
  /** How zonegate has each edit. */
  readonly how: 'IXFR' | 'AXFR';
  readonly ixfrFailure?: RegExp;
  /** The apex has NS records and no others beside the SOA. */
  readonly hasBareApex?: boolean;
  /** A change of TTL alone is in none of its differences. */
  readonly losesTtls?: boolean;
}

const PRIMARIES: readonly Row[] = [
  { server: 'BIND', zone: 'from.bind.example', how: 'IXFR' },
  { server: 'Knot', zone: 'from.knot.example', how: 'IXFR' },
  { server: 'NSD', zone: 'bare.nsd.example', how: 'IXFR', hasBareApex: true },
  {
    // NSD 4.6 adds all RRsets of the apex but SOA and NS in each step, and deletes none of them.
    server: 'NSD',
    zone: 'from.nsd.example',
    how: 'AXFR',
    ixfrFailure: /adds a.* MX record of from\.nsd\.example\. that is there already/,
  },
  // It answers IXFR with the whole zone.
  { server: 'PowerDNS', zone: 'from.powerdns.example', how: 'AXFR' },
  { server: 'ixfrdist', zone: 'from.ixfrdist.example', how: 'IXFR', losesTtls: true },
];
const SECONDARIES = ['BIND', 'Knot', 'NSD', 'ixfrdist'] as const;

const toOf = (server: Server): string => `to.${server.toLowerCase()}.example`;

const repeated = (count: number, line: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => line(i));
const big = (changed: number): string[] =>
  repeated(60, (i) => `big 60 TXT "${`${i === changed ? 'new' : 'old'} text ${i} `.padEnd(200, 'x')}"`);

type Lines = readonly string[];
const replaced = (lines: Lines, from: string | RegExp, to: string): string[] => {
  const next = lines.map((line) => line.replace(from, to));
  assert.notDeepEqual(next, lines, `${from} is not there`);
  return next;
};
const removed = (lines: Lines, test: RegExp): string[] => {
  const next = lines.filter((line) => !test.test(line));
  assert.notEqual(next.length, lines.length, `${test} is not there`);
  return next;
};

const BASE: Lines = [
  '@ 3600 NS ns1',
  '@ 3600 MX 10 mail',
  'ns1 3600 A 192.0.2.1',
  'ns2 3600 A 192.0.2.2',
  'mail 3600 A 192.0.2.3',
  'www 300 A 192.0.2.10',
  'www 300 A 192.0.2.11',
  'www 300 AAAA 2001:db8::10',
  'text 300 TXT "one" "two"',
  ...repeated(80, (i) => `host-${i} 300 A 198.51.100.${i}`),
];

const EDITS: readonly { readonly name: string; readonly edit: (lines: Lines) => Lines }[] = [
  { name: 'a record more', edit: (lines) => [...lines, 'added 60 A 192.0.2.99'] },
  { name: 'a name less', edit: (lines) => removed(lines, /^host-3 /) },
  { name: 'one of two addresses changed', edit: (lines) => replaced(lines, '192.0.2.11', '192.0.2.12') },
  { name: 'another TTL', edit: (lines) => replaced(lines, 'www 300 A ', 'www 60 A ') },
  { name: 'a delegation', edit: (lines) => [...lines, 'child 300 NS ns.child', 'ns.child 300 A 203.0.113.1'] },
  { name: 'sixty long records', edit: (lines) => [...lines, ...big(-1)] },
  { name: 'twenty addresses changed', edit: (lines) => replaced(lines, /^(host-[1-3]\d 300 A) 198/, '$1 203') },
  { name: 'a delegation less', edit: (lines) => removed(lines, /child/) },
  { name: 'one of sixty records changed', edit: (lines) => [...removed(lines, /^big /), ...big(7)] },
  {
    name: 'a name server more, a name back and another mail server',
    edit: (lines) => replaced([...lines, '@ 3600 NS ns2', 'host-3 300 A 198.51.100.3'], 'MX 10 mail', 'MX 20 ns2'),
  },
];

/** The zone of a serial, which is the number of edits and one. */
function textOf(zone: string, serial: number): string {
  // ixfrdist 4.7 takes no NOTIFY: it looks when its time has come.
  const refresh = zone.endsWith('.ixfrdist.example') ? 1 : 7200;
  const isBare = PRIMARIES.some((row) => row.zone === zone && row.hasBareApex === true);
  const lines = EDITS.slice(0, serial - 1).reduce((now, { edit }) => edit(now), BASE);
  const text = [`@ 3600 SOA ns1 hostmaster ${serial} ${refresh} 900 1209600 300`, ...lines, ''].join('\n');
  return isBare ? text.replace('@ 3600 MX', 'exchange 3600 MX') : text;
}

/** By server: as primary, and as secondary. */
const primaries = new Map<Server, Peer>();
const secondaries = new Map<Server, Peer>();
let service: RunningService;

/** Its journal may have twice the octets of the zone before the edit, and begins anew at one of the edits. */
const EXTRA: Partial<Record<Server, string>> = { BIND: 'max-journal-size 1m;' };

before(async () => {
  const rows = PRIMARIES.filter(({ server }) => isInstalled(PROGRAMS[server]) && isInstalled(PROGRAMS.BIND));
  for (const server of ['BIND', 'Knot', 'NSD', 'PowerDNS'] as const) {
    // BIND is the primary of ixfrdist, too.
    const mine = rows.filter((row) => row.server === server || (server === 'BIND' && row.server === 'ixfrdist'));
    const zones = mine.map(({ zone }) => ({ name: zone, text: textOf(zone, 1), ixfr: true }));
    if (zones.length > 0) primaries.set(server, await START_PEER[server]({ zones, extra: EXTRA[server] ?? '' }));
  }
  const distributed = rows.filter(({ server }) => server === 'ixfrdist').map(({ zone }) => zone);
  if (distributed.length > 0) {
    const primaryPort = (primaries.get('BIND') as Peer).port;
    const peer = await startIxfrdist(distributed.map((name) => ({ name, primaryPort })));
    primaries.set('ixfrdist', peer);
    for (const name of distributed) await peer.untilSerial(name, 1);
  }
  service = await startService({
    files: Object.fromEntries(SECONDARIES.map((server) => [`zones/${toOf(server)}`, textOf(toOf(server), 1)])),
    config: {
      primaries: {
        ...Object.fromEntries([...primaries].map(([name, { port }]) => [name, { addresses: [`127.0.0.1:${port}`] }])),
        files: { 'zone-files': 'zones/' },
      },
      zones: {
        ...Object.fromEntries(rows.map(({ zone, server }) => [zone, { primary: server }])),
        ...Object.fromEntries(SECONDARIES.map((server) => [toOf(server), { primary: 'files' }])),
      },
      rules: [{ name: 'all', match: { source: '127.0.0.1' }, action: 'allow' }],
    },
  });
  await Promise.all([...rows.map(({ zone }) => zone), ...SECONDARIES.map(toOf)].map((zone) => updated(zone, 1)));
  await Promise.all(
    SECONDARIES.filter((server) => isInstalled(PROGRAMS[server])).map(async (server) => {
      const { port } = service;
      const following =
        server === 'ixfrdist' ? undefined : { secondaryZones: [{ name: toOf(server), primary: { port } }] };
      const peer = await (server === 'ixfrdist'
        ? startIxfrdist([{ name: toOf(server), primaryPort: port }])
        : START_PEER[server](following ?? {}));
      secondaries.set(server, peer);
    }),
  );
});

after(async () => {
  await Promise.all([...primaries.values(), ...secondaries.values(), service].map((running) => running?.stop()));
});

const updated = (zone: string, serial: number): Promise<EventFields> =>
  service.event(
    ['zone-updated', 'zone-rejected', 'primary-failed'],
    (fields) => fields['zone'] === zone && (fields['to'] ?? serial) === serial,
  );

const withoutTtls = (records: readonly ZoneRecord[]): ZoneRecord[] => records.map((record) => ({ ...record, ttl: 0 }));

for (const { server, zone, how, ixfrFailure, hasBareApex, losesTtls } of PRIMARIES) {
  const what = hasBareApex ? `${server} with a bare apex` : server;

  test(`${what} as primary: each of ten edits comes by ${how}, and leads to what the primary has`, async (context) => {
    if (!hasProgram(context, PROGRAMS[server]) || !hasProgram(context, PROGRAMS.BIND)) return;
    const peer = primaries.get(server) as Peer;
    const seen: unknown[] = [];
    for (let serial = 2; serial <= EDITS.length + 1; serial++) {
      const edited = server === 'ixfrdist' ? (primaries.get('BIND') as Peer) : peer;
      await edited.update(zone, textOf(zone, serial), serial);
      await peer.untilSerial(zone, serial);
      await sendNotify(service.port, zone, { serial });
      const event = await updated(zone, serial);

      const direct = await transferZone({ port: peer.port, zone });
      const passed = await transferZone({ port: service.port, zone });

      seen.push([event.event, event['how'], event['from'], event['to']]);
      // After three that do not fit, differences are not asked for any more.
      if (ixfrFailure === undefined || serial > 4) assert.equal(event['ixfr-failed'], undefined);
      else assert.match(String(event['ixfr-failed']), ixfrFailure);
      assert.deepEqual([direct.serial, passed.serial], [serial, serial], JSON.stringify(event));
      const comparable = losesTtls ? withoutTtls : (records: readonly ZoneRecord[]) => records;
      assertSameZone(comparable(passed.records), comparable(direct.records), 'exact');
      assert.equal(passed.records.length, direct.records.length);
    }
    assert.deepEqual(
      seen,
      EDITS.map((_, i) => ['zone-updated', how, i + 1, i + 2]),
    );
  });
}

for (const server of SECONDARIES) {
  // It makes its differences itself, from whole zones.
  const how = server === 'ixfrdist' ? 'AXFR' : 'IXFR';

  test(`${server} as secondary: follows each of ten edits by ${how}, and has what we have`, async (context) => {
    if (!hasProgram(context, PROGRAMS[server])) return;
    const zone = toOf(server);
    const peer = secondaries.get(server) as Peer;
    await peer.untilSerial(zone, 1);
    const taken: unknown[] = [];
    for (let serial = 2; serial <= EDITS.length + 1; serial++) {
      const since = service.events.length;
      writeFileSync(join(service.dir, 'zones', zone), textOf(zone, serial));
      await updated(zone, serial);
      if (server !== 'ixfrdist') await sendNotify(peer.port, zone, { serial });
      await peer.untilSerial(zone, serial);
      const isTransfer = (fields: EventFields): boolean => fields['zone'] === zone && fields['to'] === serial;
      const { from, outcome, ...event } = await service.event('transfer', isTransfer, since);
      taken.push([event['sent-as'], from, outcome]);

      const ours = await transferZone({ port: service.port, zone });
      const theirs = await transferZone({ port: peer.port, zone });

      assert.equal(theirs.serial, serial);
      assertSameZone(theirs.records, ours.records);
    }
    assert.deepEqual(
      taken,
      EDITS.map((_, i) => [how, how === 'IXFR' ? i + 1 : null, 'done']),
    );
  });
}
