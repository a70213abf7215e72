/**
 * The service in front of the servers of Debian 12 as primaries: bind9, knot, nsd, pdns-server with pdns-backend-bind.
 * The zone that a client of zonegate gets is the one that the primary itself sends, record for record.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { dig, kdig } from '../support/dns-clients.ts';
import {
  freePort,
  hasProgram,
  isInstalled,
  PEER_NAMES,
  PEER_PROGRAMS,
  type Peer,
  type PeerKey,
  type PeerName,
  type PeerOptions,
  START_PEER,
  startNsd,
} from '../support/dns-peers.ts';
import { type EventFields, type RunningService, startService } from '../support/service.ts';
import {
  assertSameZone,
  LONG_RDATA,
  parseZone,
  printZone,
  richZone,
  transferZone,
  zoneLines,
} from '../support/zone-compare.ts';

const keyOf = (algorithm: string, secret = algorithm): PeerKey => ({
  name: `key-${algorithm}`,
  algorithm,
  secret: Buffer.alloc(48, secret).toString('base64'),
});
const SHA256 = keyOf('hmac-sha256');
const KEYS = ['hmac-sha1', 'hmac-sha224', 'hmac-sha384', 'hmac-sha512'].map((name) => keyOf(name)).concat(SHA256);
/** Known to no primary. */
const STRANGER = { ...SHA256, name: 'stranger' };

/** BIND gets its zones with each algorithm; `undefined` is the zone that anybody may transfer. */
const keysOf = (server: PeerName): readonly (PeerKey | undefined)[] => [
  undefined,
  ...(server === 'BIND' ? KEYS : [SHA256]),
];
const zoneName = (server: PeerName, key: PeerKey | undefined): string =>
  `${key?.name ?? 'plain'}.${server.toLowerCase()}.example`;

/** What the zone may have in each: a bad owner or a missing glue is no concern of these tests. */
const EXTRA: Partial<Record<PeerName, string>> = {
  BIND: 'check-names primary ignore; check-integrity no; check-mx ignore; check-spf ignore;',
};

/** What a primary that wants SHA256 is asked with instead, and what it says. */
const DENIED = [
  { zone: 'stranger', key: STRANGER, what: 'a key that it does not know', reason: /NOTAUTH, TSIG error BADKEY$/ },
  { zone: 'wrong', key: SHA256, what: 'a wrong secret', reason: /NOTAUTH, TSIG error BADSIG$/ },
  { zone: 'unsigned', key: undefined, what: 'no key', reason: /REFUSED|NOTAUTH/ },
] as const;

const peers = new Map<PeerName, Peer>();
let service: RunningService;
/** Has the key's name right and its secret wrong. */
let denied: RunningService;

before(async () => {
  const port = await freePort();
  await Promise.all(
    PEER_NAMES.filter((server) => isInstalled(PEER_PROGRAMS[server])).map(async (server) => {
      peers.set(server, await START_PEER[server](peerOptions(server, port)));
    }),
  );
  [service, denied] = await Promise.all([
    startService({ config: configuration(port) }),
    startService({ config: deniedConfiguration() }),
  ]);
});
after(async () => {
  await Promise.all([...peers.values(), service, denied].map((running) => running?.stop()));
});

function peerOptions(server: PeerName, notifyPort: number): PeerOptions {
  const zones = keysOf(server).map((key) => ({
    name: zoneName(server, key),
    text: zoneText(server, key, 1),
    ...(key && { transferKey: key.name }),
    // PowerDNS does not say whether it signs; the others do so where the zone has a key.
    notify: [{ port: notifyPort, ...(key && { key: key.name }) }],
  }));
  const text = '@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.1\n';
  const closed = DENIED.map(({ zone }) => ({ name: deniedName(server, zone), text, transferKey: SHA256.name }));
  return { keys: KEYS, zones: [...zones, ...closed], ...(EXTRA[server] && { extra: EXTRA[server] }) };
}

const deniedName = (server: PeerName, zone: string): string => `${zone}.${server.toLowerCase()}.example`;

/** NSD has no message for a record over 16 KB, and PowerDNS fills one message beyond its end. */
const hasLongRecords = (server: PeerName): boolean => server === 'BIND' || server === 'Knot';

const zoneText = (server: PeerName, key: PeerKey | undefined, serial: number): string => {
  const text = richZone(serial, { isSmall: !hasLongRecords(server) });
  return server === 'PowerDNS' ? forPowerDns(text, zoneName(server, key)) : text;
};

/** Without what it cannot load or send; it leaves out the records of DNSSEC by itself, as it makes its own. */
const forPowerDns = (text: string, zone: string): string =>
  printZone(parseZone(text, zone)).replaceAll(/^.*\t(RT\t|IPSECKEY\t10 0 2 |SVCB\t.* key668).*\n/gm, '');

const configuration = (port: number): Record<string, unknown> => ({
  ...commonConfiguration(KEYS),
  listen: [{ address: '127.0.0.1', port }],
  zones: Object.fromEntries(
    [...peers.keys()].flatMap((server) => keysOf(server).map((key) => [zoneName(server, key), fromPeer(server, key)])),
  ),
});

const deniedConfiguration = (): Record<string, unknown> => ({
  ...commonConfiguration([STRANGER, { ...SHA256, secret: keyOf('hmac-sha256', 'wrong').secret }]),
  zones: Object.fromEntries(
    [...peers.keys()].flatMap((server) =>
      DENIED.map(({ zone, key }) => [deniedName(server, zone), fromPeer(server, key)]),
    ),
  ),
});

const commonConfiguration = (keys: readonly PeerKey[]): Record<string, unknown> => ({
  keys: Object.fromEntries(keys.map(({ name, algorithm, secret }) => [name, { algorithm, secret }])),
  primaries: Object.fromEntries([...peers].map(([server, { port }]) => [server, { addresses: [`127.0.0.1:${port}`] }])),
  rules: [{ name: 'all', match: { source: '127.0.0.1' }, action: 'allow' }],
});

const fromPeer = (server: PeerName, key: PeerKey | undefined): Record<string, unknown> => ({
  primary: server,
  ...(key && { 'primary-key': key.name }),
});

for (const server of PEER_NAMES) {
  for (const key of keysOf(server)) {
    const zone = zoneName(server, key);
    const how = key === undefined ? 'unsigned' : `signed with ${key.algorithm}`;
    const which = hasLongRecords(server) ? 'every type and records of 60 KB' : 'every type, but no records of 60 KB';

    test(`${server}, ${how}: what zonegate sends is what the primary sends (${which})`, async (context) => {
      const peer = peerOf(context, server);
      if (peer === undefined) return;
      const updated = await fetched(service, zone);

      const direct = await transferZone({ port: peer.port, zone, key });
      const passed = await transferZone({ port: service.port, zone });
      const byDig = await dig(service.port, 'AXFR', zone, '+onesoa', '+noall', '+answer');
      const byKdig = await kdig(service.port, 'AXFR', zone, '+noall', '+answer');

      assert.deepEqual([updated.event, updated['to']], ['zone-updated', 1], JSON.stringify(updated));
      assert.equal(updated['records'], direct.records.length);
      assert.equal(passed.records.length, direct.records.length);
      assertSameZone(passed.records, direct.records, 'exact');
      assertSameZone(parseZone(byDig.stdout, zone), direct.records);
      assertSameZone(parseZone(byKdig.stdout, zone), direct.records);
      const long = direct.records.filter(({ rdata }) => rdata.length === LONG_RDATA);
      assert.equal(long.length, hasLongRecords(server) ? 3 : 0);
      if (key !== undefined) assert.equal(direct.signedMessages, direct.messages);
    });
  }

  for (const key of [undefined, SHA256]) {
    const zone = zoneName(server, key);
    const how = key === undefined ? 'unsigned' : 'signed';

    test(`${server}, ${how}: after an edit its NOTIFY brings the new serial, and the new record`, async (context) => {
      const peer = peerOf(context, server);
      if (peer === undefined) return;
      await fetched(service, zone);
      const since = service.events.length;

      await peer.update(zone, `${zoneText(server, key, 2)}edited 60 IN A 192.0.2.200\n`, 2);
      const updated = await fetched(service, zone, since);
      const { records, serial } = await transferZone({ port: service.port, zone });

      assert.equal(updated.event, 'zone-updated', JSON.stringify(updated));
      assert.deepEqual([updated['from'], updated['to'], serial], [1, 2, 2]);
      const direct = await transferZone({ port: peer.port, zone, key });
      assertSameZone(records, direct.records, 'exact');
      assert.ok(zoneLines(records).includes(`edited.${zone}.|A|60|c00002c8`));
    });
  }

  for (const { zone: label, what, reason } of DENIED) {
    // What PowerDNS lets one address have without a key, of one zone, it lets it have of all.
    if (server === 'PowerDNS' && label === 'unsigned') continue;

    test(`${server}: asked with ${what} it gives nothing, the event says why, and clients get SERVFAIL`, async (context) => {
      if (peerOf(context, server) === undefined) return;
      const zone = deniedName(server, label);

      const failed = await fetched(denied, zone);
      const transfer = await dig(denied.port, 'AXFR', zone);
      const { stdout } = await dig(denied.port, 'SOA', zone, '+tcp');

      assert.ok(failed.event === 'primary-failed' || failed.event === 'zone-rejected', JSON.stringify(failed));
      // PowerDNS has no TSIG record in its errors.
      assert.match(`${failed['why']}`, server === 'PowerDNS' ? /NOTAUTH \(not signed\)$/ : reason);
      assert.match(transfer.stdout, /^; Transfer failed\.$/m);
      assert.match(stdout, /status: SERVFAIL/);
      assert.match(stdout, /EDE: 14 \(Not Ready\)/);
    });
  }
}

test('NSD: a record that is longer than its messages ends the transfer with a reason, not never', async (context) => {
  if (!hasProgram(context, PEER_PROGRAMS.NSD)) return;
  const zone = 'long.nsd.example';
  const nsd = await startNsd({ zones: [{ name: zone, text: richZone(1) }] });
  context.after(() => nsd.stop());
  const running = await startService({
    config: { primaries: { nsd: { addresses: [`127.0.0.1:${nsd.port}`] } }, zones: { [zone]: { primary: 'nsd' } } },
  });
  context.after(() => running.stop());

  const rejected = await running.event('zone-rejected');

  assert.match(`${rejected['why']}`, /more than 1000 messages in a row hold no record/);
});

/** What the first or next look at the primary came to. */
const fetched = (from: RunningService, zone: string, since = 0): Promise<EventFields> =>
  from.event(['zone-updated', 'zone-rejected', 'primary-failed'], (fields) => fields['zone'] === zone, since);

function peerOf(context: TestContext, server: PeerName): Peer | undefined {
  return hasProgram(context, PEER_PROGRAMS[server]) ? peers.get(server) : undefined;
}
