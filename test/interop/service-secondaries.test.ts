/**
 * BIND, NSD and Knot of Debian 12 as secondaries of the service: they end up with the zone record for record, follow
 * an edit, and ask as is written here. Their connections pass forwarders that note what they send.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sendNotify } from '../support/dns-clients.ts';
import {
  type Recorder,
  recordHandshakes,
  recordInsideTls,
  recordPlain,
  type SeenHandshake,
  type SeenQuery,
} from '../support/dns-peer-recorder.ts';
import {
  FOLLOWERS,
  hasProgram,
  isInstalled,
  PEER_PROGRAMS,
  type Peer,
  type PeerKey,
  type PeerName,
  START_PEER,
} from '../support/dns-peers.ts';
import { type RunningService, startService } from '../support/service.ts';
import { assertSameZone, type CaseRule, parseZone, richZone, transferZone } from '../support/zone-compare.ts';

type Way = 'tcp' | 'tsig' | 'xot' | 'inside';

const KEY: PeerKey = { name: 'sec-key', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 'k').toString('base64') };
/** `inside` is XoT that ends in the forwarder: what a secondary asks in it can be seen there. */
const SECONDARIES: readonly (readonly [PeerName, Way])[] = [
  ['BIND', 'tcp'],
  ['BIND', 'tsig'],
  ['BIND', 'xot'],
  ['BIND', 'inside'],
  ['NSD', 'tsig'],
  ['NSD', 'xot'],
  ['NSD', 'inside'],
  ['Knot', 'tsig'],
];
const zoneOf = (server: PeerName, way: Way): string => `${way}.${server.toLowerCase()}.example`;
/** What NSD cannot send again, a record over 16 KB, could not be compared. */
const zoneText = (server: PeerName, serial: number): string =>
  richZone(serial, { isSmall: server === 'NSD' }) + (serial > 1 ? `edited 60 IN A 192.0.2.200\n` : '');
/** NSD keeps names in lower case. */
const caseOf = (server: PeerName): CaseRule => (server === 'NSD' ? 'folded' : 'canonical');

const HOW: Readonly<Record<Way, string>> = {
  tcp: 'plain',
  tsig: 'with TSIG',
  xot: 'over XoT',
  inside: 'over XoT, seen from inside',
};

/** All that a secondary asks, to have the zone and to follow one edit. */
const EXPECTED_QUERIES: Readonly<Record<string, readonly string[]>> = {
  // The SOA by UDP first, then a connection for each transfer, without OPT.
  'BIND tcp': ['udp SOA OPT', 'tcp#1 AXFR', 'udp SOA OPT', 'tcp#2 IXFR'],
  'BIND tsig': ['udp SOA OPT TSIG', 'tcp#1 AXFR TSIG', 'udp SOA OPT TSIG', 'tcp#2 IXFR TSIG'],
  // Over TLS no SOA and no OPT.
  'BIND inside': ['tls#1 AXFR', 'tls#2 IXFR'],
  'NSD tsig': ['tcp#1 AXFR TSIG', 'tcp#2 IXFR TSIG'],
  'NSD inside': ['tls#1 AXFR', 'tls#2 AXFR'],
  // SOA and transfer on one connection, OPT in both.
  'Knot tsig': ['tcp#1 AXFR OPT TSIG', 'tcp#2 SOA OPT TSIG', 'tcp#2 IXFR OPT TSIG'],
};

/** BIND resumes its TLS session on the second connection, NSD never; both offer `dot`, neither names the server. */
const handshake = (isResumed: boolean): SeenHandshake => ({ alpn: ['dot'], isResumed, hasServerName: false });
const EXPECTED_HANDSHAKES: Partial<Record<PeerName, readonly SeenHandshake[]>> = {
  BIND: [handshake(false), handshake(true)],
  NSD: [handshake(false), handshake(false)],
};

let service: RunningService;
const peers = new Map<PeerName, Peer>();
const queries = new Map<string, Recorder<SeenQuery>>();
const handshakes = new Map<string, Recorder<SeenHandshake>>();

before(async () => {
  service = await startService({
    files: Object.fromEntries(
      SECONDARIES.map(([server, way]) => [`zones/${zoneOf(server, way)}`, zoneText(server, 1)]),
    ),
    config: {
      keys: { [KEY.name]: { algorithm: KEY.algorithm, secret: KEY.secret } },
      primaries: { files: { 'zone-files': 'zones/' } },
      'zone-defaults': { primary: 'files' },
      zones: Object.fromEntries(SECONDARIES.map(([server, way]) => [zoneOf(server, way), {}])),
      rules: [
        { name: 'signed', match: { zone: '*', key: KEY.name }, action: 'allow' },
        {
          name: 'keyed',
          match: { zone: ['tsig.bind.example', 'tsig.nsd.example', 'tsig.knot.example'] },
          action: 'refuse',
        },
        { name: 'all', match: { source: '127.0.0.1' }, action: 'allow' },
      ],
    },
  });
  // One that came before would see SERVFAIL, and BIND and NSD would wait with the next try.
  await Promise.all(
    SECONDARIES.map(([server, way]) =>
      service.event('zone-updated', (fields) => fields['zone'] === zoneOf(server, way)),
    ),
  );
  await Promise.all(
    FOLLOWERS.filter((server: PeerName) => isInstalled(PEER_PROGRAMS[server])).map(async (server) =>
      peers.set(server, await startSecondary(server)),
    ),
  );
});
after(async () => {
  const recorders = [...queries.values(), ...handshakes.values()];
  await Promise.all([...peers.values(), ...recorders, service].map((running) => running.stop()));
});

async function startSecondary(server: PeerName): Promise<Peer> {
  const secondaryZones = await Promise.all(
    SECONDARIES.filter(([other]) => other === server).map(async ([, way]) => {
      const name = zoneOf(server, way);
      const tls = { caFile: service.caFile, name: 'localhost' };
      if (way === 'xot') {
        const recorder = await recordHandshakes(service.tlsPort);
        handshakes.set(name, recorder);
        return { name, primary: { port: recorder.port, tls } };
      }
      const recorder = await (way === 'inside'
        ? recordInsideTls(service.port, service.caFile, join(service.dir, 'tls/key.pem'))
        : recordPlain(service.port));
      queries.set(name, recorder);
      const security = way === 'inside' ? { tls } : way === 'tsig' ? { key: KEY.name } : {};
      return { name, primary: { port: recorder.port, ...security } };
    }),
  );
  return START_PEER[server]({
    keys: [KEY],
    secondaryZones,
    ...(server === 'BIND' && { extra: 'check-names secondary ignore;' }),
  });
}

for (const [server, way] of SECONDARIES) {
  const zone = zoneOf(server, way);

  test(`${server}, ${HOW[way]}: has the zone record for record, and follows an edit after a NOTIFY`, async (context) => {
    if (!hasProgram(context, PEER_PROGRAMS[server])) return;
    const peer = peers.get(server) as Peer;
    await peer.untilSerial(zone, 1);
    const first = await transferZone({ port: peer.port, zone });

    const since = service.events.length;
    writeFileSync(join(service.dir, 'zones', zone), zoneText(server, 2));
    await service.event('zone-updated', (fields) => fields['zone'] === zone, since);
    await sendNotify(peer.port, zone, { serial: 2, ...(way === 'tsig' && { key: KEY }) });
    await peer.untilSerial(zone, 2);
    const second = await transferZone({ port: peer.port, zone });
    // Reported a moment after the last octet went out.
    await service.event('transfer', (fields) => fields['zone'] === zone && fields['to'] === 2);

    assertSameZone(first.records, parseZone(zoneText(server, 1), zone), caseOf(server));
    assertSameZone(second.records, parseZone(zoneText(server, 2), zone), caseOf(server));
    const transfers = service.events.filter((fields) => fields.event === 'transfer' && fields['zone'] === zone);
    assert.deepEqual(
      transfers.map((fields) => FACTS.map((fact) => fields[fact])),
      [
        ['AXFR', 'AXFR', way === 'xot' ? 'tls' : 'tcp', way === 'tsig' ? KEY.name : null, null, 1, 'done'],
        // The dns-peers configuration lets NSD ask for AXFR alone over TLS.
        server === 'NSD' && way !== 'tsig'
          ? ['AXFR', 'AXFR', way === 'xot' ? 'tls' : 'tcp', null, null, 2, 'done']
          : ['IXFR', 'IXFR', way === 'xot' ? 'tls' : 'tcp', way === 'tsig' ? KEY.name : null, 1, 2, 'done'],
      ],
    );
    if (way === 'xot') assert.deepEqual(handshakes.get(zone)?.seen, EXPECTED_HANDSHAKES[server]);
    else assert.deepEqual(queries.get(zone)?.seen.map(summary), EXPECTED_QUERIES[`${server} ${way}`]);
  });
}

const FACTS = ['type', 'sent-as', 'transport', 'identity', 'from', 'to', 'outcome'];

/** `udp SOA OPT`, `tcp#1 AXFR TSIG`: the number counts connections. */
const summary = ({ transport, connection, type, hasOpt, hasTsig }: SeenQuery): string =>
  `${transport}${connection === 0 ? '' : `#${connection}`} ${type}${hasOpt ? ' OPT' : ''}${hasTsig ? ' TSIG' : ''}`;
