/**
 * Mutual TLS with real secondaries: BIND and NSD show a certificate, a rule takes its name and nothing else, and the
 * same secondary without it, or over plain TCP, has nothing (NSD CVE-2026-12490).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestCa } from '../support/dns-certificates.ts';
import { dig, sendNotify } from '../support/dns-clients.ts';
import { hasProgram, PEER_PROGRAMS, type Peer, type PeerName, START_PEER } from '../support/dns-peers.ts';
import { type RunningService, startService } from '../support/service.ts';

const NAMES: readonly PeerName[] = ['BIND', 'NSD'];
const ca = new TestCa();
const server = ca.issue('server', ['localhost']);
const zoneOf = (name: string): string => `${name.toLowerCase()}.example`;
const zoneText = (zone: string): string =>
  `$ORIGIN ${zone}.\n$TTL 3600\n@ IN SOA ns1 hostmaster 5 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n`;
const clients = new Map(NAMES.map((name) => [name, ca.issue('client', [`${name.toLowerCase()}.sec.example`])]));
const other = ca.issue('client', ['other.sec.example']);
const peers: Peer[] = [];
let service: RunningService;

before(async () => {
  service = await startService({
    files: Object.fromEntries(NAMES.map((name) => [`zones/${zoneOf(name)}`, zoneText(zoneOf(name))])),
    config: {
      listen: [
        { address: '127.0.0.1', port: 0, transport: 'tcp' },
        { address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main', 'client-certificate': 'optional' },
      ],
      certificates: { main: { 'cert-file': server.certFile, 'key-file': server.keyFile, 'client-ca-file': ca.caFile } },
      primaries: { files: { 'zone-files': 'zones' } },
      zones: Object.fromEntries(NAMES.map((name) => [zoneOf(name), { primary: 'files' }])),
      rules: NAMES.map((name) => ({
        name,
        match: { zone: zoneOf(name), certificate: { names: [`${name.toLowerCase()}.sec.example`] } },
        action: 'allow',
      })),
    },
  });
  for (const name of NAMES) await service.event('zone-updated', ({ zone }) => zone === zoneOf(name));
});
after(async () => {
  await Promise.all(peers.map((peer) => peer.stop()));
  await service?.stop();
  ca.remove();
});

for (const name of NAMES) {
  test(`${name} with its certificate has the zone, by the rule of that certificate`, async (context) => {
    if (!hasProgram(context, PEER_PROGRAMS[name])) return;
    const own = clients.get(name);
    assert.ok(own !== undefined);
    const tls = { caFile: ca.caFile, name: 'localhost', certFile: own.certFile, keyFile: own.keyFile };
    const peer = await START_PEER[name]({
      secondaryZones: [{ name: zoneOf(name), primary: { port: service.tlsPort, tls } }],
    });
    peers.push(peer);

    // NSD 4.6 shows its certificate from the second connection on: it gives it to OpenSSL when the first is made already.
    if (name === 'NSD') {
      await service.event('refused', ({ zone }) => zone === zoneOf(name));
      await sendNotify(peer.port, zoneOf(name), { serial: 5 });
    }
    await peer.untilSerial(zoneOf(name), 5);

    const { rule, 'proved-by': proofs } = await service.event('transfer', ({ zone }) => zone === zoneOf(name));
    assert.deepEqual([rule, proofs], [name, ['certificate']]);
  });
}

test('BIND with another certificate of the same authority, with none, and plain TCP have nothing', async (context) => {
  if (!hasProgram(context, PEER_PROGRAMS.BIND)) return;
  const since = service.events.length;
  const wrong = { caFile: ca.caFile, name: 'localhost', certFile: other.certFile, keyFile: other.keyFile };
  for (const tls of [wrong, { caFile: ca.caFile, name: 'localhost' }]) {
    peers.push(
      await START_PEER.BIND({ secondaryZones: [{ name: zoneOf('BIND'), primary: { port: service.tlsPort, tls } }] }),
    );
    await service.event('refused', ({ why }) => why === 'no-rule', since);
  }
  const { stdout } = await dig(service.port, 'AXFR', zoneOf('BIND'));

  assert.match(stdout, /Transfer failed/);
  assert.ok(!service.events.slice(since).some(({ event }) => event === 'transfer'));
});
