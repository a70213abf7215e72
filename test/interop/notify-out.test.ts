/**
 * BIND, Knot DNS and NSD of Debian 12 as secondaries that nobody else sends a NOTIFY: an edit of a zone file reaches
 * them because the service tells them. Their refresh is an hour, so that nothing but NOTIFY explains it.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ZoneDetail } from '../../src/admin/api.ts';
import type { SecondaryList, SecondaryReport, ZoneSecondaryReport } from '../../src/admin/api-secondaries.ts';
import {
  FOLLOWERS,
  freePort,
  isInstalled,
  PEER_PROGRAMS,
  type Peer,
  type PeerKey,
  type PeerName,
  START_PEER,
} from '../support/dns-peers.ts';
import { type RunningService, startService } from '../support/service.ts';

const KEY: PeerKey = { name: 'sec-key', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 'k').toString('base64') };
const WAYS: Readonly<Record<string, { readonly transport: 'udp' | 'tcp'; readonly isSigned: boolean }>> = {
  plain: { transport: 'udp', isSigned: false },
  tsig: { transport: 'udp', isSigned: true },
  tcp: { transport: 'tcp', isSigned: false },
};
/** NSD and Knot take NOTIFY over TCP as BIND does; one of them is enough to be sure of ours. */
const CASES: readonly (readonly [PeerName, string])[] = [
  ...FOLLOWERS.flatMap((server): [PeerName, string][] => [
    [server, 'plain'],
    [server, 'tsig'],
  ]),
  ['BIND', 'tcp'],
];
const nameOf = (server: PeerName, way: string): string => `${way}-${server.toLowerCase()}`;
const zoneOf = (server: PeerName, way: string): string => `${way}.${server.toLowerCase()}.example`;
const zoneText = (serial: number): string => `$TTL 3600
@ IN SOA ns1 hostmaster ${serial} 3600 3600 604800 300
@ IN NS ns1
ns1 IN A 192.0.2.1
edit IN TXT "${serial}"
`;

let service: RunningService;
const peers = new Map<PeerName, Peer>();

before(async () => {
  const installed = FOLLOWERS.filter((server) => isInstalled(PEER_PROGRAMS[server]));
  const ports = new Map<PeerName, number>();
  for (const server of installed) ports.set(server, await freePort());
  service = await startService({
    files: Object.fromEntries(CASES.map(([server, way]) => [`zones/${zoneOf(server, way)}`, zoneText(1)])),
    config: {
      keys: { [KEY.name]: { algorithm: KEY.algorithm, secret: KEY.secret } },
      primaries: { files: { 'zone-files': 'zones/' } },
      secondaries: Object.fromEntries(
        CASES.map(([server, way]) => {
          const { transport, isSigned } = WAYS[way] ?? { transport: 'udp', isSigned: false };
          const address = `127.0.0.1:${ports.get(server) ?? 1}`;
          // A server that started later is asked again soon.
          const retry = { tries: 5, timeout: '1s', backoff: 1.5 };
          return [
            nameOf(server, way),
            { address, transport, 'notify-retry': retry, ...(isSigned && { key: KEY.name }) },
          ];
        }),
      ),
      'zone-defaults': { primary: 'files' },
      zones: Object.fromEntries(
        CASES.map(([server, way]) => [zoneOf(server, way), { secondaries: [nameOf(server, way)] }]),
      ),
      rules: [{ name: 'all', match: { source: '127.0.0.1' }, action: 'allow' }],
    },
  });
  await Promise.all(
    CASES.map(([server, way]) => service.event('zone-updated', ({ zone }) => zone === zoneOf(server, way))),
  );
  await Promise.all(
    installed.map(async (server) => {
      const secondaryZones = CASES.filter(([other]) => other === server).map(([, way]) => ({
        name: zoneOf(server, way),
        primary: { port: service.port, ...(WAYS[way]?.isSigned === true && { key: KEY.name }) },
      }));
      const port = ports.get(server) ?? 0;
      peers.set(server, await START_PEER[server]({ port, keys: [KEY], secondaryZones }));
    }),
  );
});
after(async () => {
  await Promise.all([...peers.values(), service].map((running) => running.stop()));
});

for (const [server, way] of CASES) {
  const zone = zoneOf(server, way);
  test(`${server} (${way}) follows an edit that it is told of, and is shown as current`, async (t) => {
    const peer = peers.get(server);
    if (peer === undefined) return t.skip(`${PEER_PROGRAMS[server]} is not installed`);
    await peer.untilSerial(zone, 1);
    const since = Date.now();

    writeFileSync(join(service.dir, 'zones', zone), zoneText(2));
    await peer.untilSerial(zone, 2, 10_000);

    const secondary = await untilView(
      zone,
      ({ state, 'last-notify': notify }) => state === 'current' && notify?.serial === 2,
    );
    assert.ok(Date.now() - since < 10_000);
    assert.equal(secondary.serial, 2);
    assert.equal(secondary['last-notify']?.outcome, 'acknowledged');
    assert.equal(secondary['last-notify']?.rcode, 'NOERROR');
    assert.deepEqual(
      [secondary['last-transfer']?.to, secondary['last-transfer']?.outcome, secondary['behind-since']],
      [2, 'done', null],
    );
  });
}

test('the view sums up: one zone each, all current, and no NOTIFY under way', async (t) => {
  const { secondaries } = await read<SecondaryList>('api/v1/secondaries');
  const running = secondaries.filter(({ secondary }) =>
    CASES.some(([server, way]) => peers.has(server) && nameOf(server, way) === secondary),
  );
  if (running.length === 0) return t.skip('no name server is installed');

  for (const one of running) {
    const { secondary, zones, 'notify-pending': pending } = one as SecondaryReport;
    assert.deepEqual(
      { secondary, zones, pending },
      { secondary, zones: { current: 1, behind: 0, unknown: 0 }, pending: 0 },
    );
  }
});

test('one that is stopped is behind since the edit, and told of once it is given up', async (t) => {
  const peer = peers.get('BIND');
  if (peer === undefined) return t.skip('named is not installed');
  const zone = zoneOf('BIND', 'plain');
  await peer.stop();
  peers.delete('BIND');

  writeFileSync(join(service.dir, 'zones', zone), zoneText(3));
  const failed = await service.event('notify-failed', (event) => event['zone'] === zone, 0);

  assert.deepEqual(
    [failed['secondary'], failed['serial'], failed['tries'], failed['why']],
    ['plain-bind', 3, 5, 'no answer'],
  );
  const view = await untilView(zone, ({ state }) => state === 'behind');
  assert.equal(view.serial, 2);
  assert.ok(Date.now() - Date.parse(view['behind-since'] ?? '') < 60_000);
});

async function untilView(
  zone: string,
  test: (secondary: ZoneSecondaryReport) => boolean,
): Promise<ZoneSecondaryReport> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const detail = await read<ZoneDetail>(`api/v1/zones/${zone}`);
    const [secondary] = detail.secondaries;
    if (secondary !== undefined && test(secondary)) return secondary;
    if (Date.now() > deadline) throw new Error(`not so in 10 s: ${JSON.stringify(detail.secondaries)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function read<T>(path: string): Promise<T> {
  const response = await fetch(`${service.adminUrl}/${path}`);
  return (await response.json()) as T;
}
