/**
 * The service as the client of real primaries, over TLS and over shared connections: bind9, nsd, knot and pdns-server of
 * Debian 12. A missing program skips, but fails in CI.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, type TestContext, test } from 'node:test';
import { TestCa, type TestCertificate } from '../support/dns-certificates.ts';
import { SEARCH_ENV } from '../support/dns-peer-process.ts';
import { recordHandshakes, recordPlain } from '../support/dns-peer-recorder.ts';
import {
  hasProgram,
  PEER_NAMES,
  PEER_PROGRAMS,
  type Peer,
  type PeerName,
  type PeerOptions,
  START_PEER,
  startKnot,
} from '../support/dns-peers.ts';
import { type EventFields, type RunningService, startService } from '../support/service.ts';
import { assertSameZone, transferZone } from '../support/zone-compare.ts';

const NAME = 'ns1.example.org';
const ca = new TestCa();
const otherCa = new TestCa();
const serverTls = ca.issue('server', [NAME]);
const client = ca.issue('client', ['zonegate.example.org']);
after(() => {
  ca.remove();
  otherCa.remove();
});

/** Larger than a message, so that an answer has several. */
const zoneText = (zone: string, hosts: number): string =>
  `$ORIGIN ${zone}.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n` +
  Array.from({ length: hosts }, (_, i) => `host-${i} IN TXT "number ${i}" "of ${zone}"\n`).join('');

const zonesOf = (names: readonly string[], hosts: number) =>
  names.map((name) => ({ name, text: zoneText(name, hosts) }));

const tlsOf = (more: Record<string, unknown> = {}) => ({ name: NAME, 'ca-file': ca.caFile, ...more });
const WRONG_PIN = `${'A'.repeat(43)}=`;

interface Case {
  readonly tls: Record<string, unknown>;
  /** Why it fails; it does not without one. */
  readonly why?: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  'right-name': { tls: tlsOf() },
  'right-pin': { tls: { pins: [serverTls.pin] } },
  'right-name-and-pin': { tls: tlsOf({ pins: [WRONG_PIN, serverTls.pin] }) },
  'wrong-name': { tls: tlsOf({ name: 'ns2.example.org' }), why: /for ns1\.example\.org; expected ns2\.example\.org/ },
  'wrong-pin': { tls: { pins: [WRONG_PIN] }, why: /shows a key with the pin .*; expected AAAA/ },
  'right-name-wrong-pin': { tls: tlsOf({ pins: [WRONG_PIN] }), why: /shows a key with the pin/ },
  'right-pin-wrong-name': {
    tls: tlsOf({ name: 'ns2.example.org', pins: [serverTls.pin] }),
    why: /expected ns2\.example\.org/,
  },
  'other-authority': { tls: { name: NAME, 'ca-file': otherCa.caFile }, why: /not trusted/ },
};

for (const server of ['BIND', 'NSD'] as const) {
  test(`${server}: zones come over XoT from the server that was meant, and from no other`, async (context) => {
    const zones = Object.keys(CASES).map((name) => `${name}.example`);
    const peer = await startPeer(context, server, { tls: serverTls, zones: zonesOf(zones, 1500) });
    if (peer === undefined) return;
    // NSD 4.6 chooses no ALPN protocol.
    const alpn = server === 'NSD' ? { alpn: 'optional' } : {};
    const primaries = Object.entries(CASES).map(([name, { tls }]) => [name, xot(peer, { ...tls, ...alpn })] as const);

    const service = await start(context, primaries, (name) => [`${name}.example`]);
    const outcomes = await Promise.all(zones.map((zone) => fetched(service, zone)));

    for (const [i, [name, { why }]] of Object.entries(CASES).entries()) {
      const outcome = outcomes[i] as EventFields;
      assert.equal(outcome.event, why === undefined ? 'zone-updated' : 'primary-failed', JSON.stringify(outcome));
      if (why !== undefined) {
        assert.match(String(outcome['why']), why);
        continue;
      }
      const zone = `${name}.example`;
      const direct = await transferZone({ port: peer.port, zone });
      const passed = await transferZone({ port: service.port, zone });
      assert.equal(direct.records.length, 1503);
      assertSameZone(passed.records, direct.records, 'exact');
    }
  });
}

test('NSD 4.6 chooses no ALPN protocol: with `alpn: required` nothing is asked of it', async (context) => {
  const peer = await startPeer(context, 'NSD', { tls: serverTls, zones: zonesOf(['a.example'], 1) });
  if (peer === undefined) return;

  const service = await start(context, [['strict', xot(peer, tlsOf())]], () => ['a.example']);

  const failed = await fetched(service, 'a.example');
  assert.match(String(failed['why']), /the server chose no ALPN protocol; expected `dot`/);
});

test('BIND with mutual TLS sends its zone to those who show a certificate, and the event says what is missing', async (context) => {
  const peer = await startPeer(context, 'BIND', {
    tls: { ...serverTls, clientCaFile: ca.caFile },
    zones: zonesOf(['with.example', 'without.example'], 10),
  });
  if (peer === undefined) return;
  const primaries = [
    ['with', xot(peer, tlsOf({ certificate: 'ours' }))],
    ['without', xot(peer, tlsOf())],
  ] as const;

  const service = await start(context, primaries, (name) => [`${name}.example`]);
  const updated = await fetched(service, 'with.example');
  const failed = await fetched(service, 'without.example');

  assert.deepEqual([updated.event, updated['records']], ['zone-updated', 13], JSON.stringify(updated));
  assert.equal(failed.event, 'primary-failed');
  assert.match(String(failed['why']), /wants a client certificate|closed the connection/);
});

for (const server of ['BIND', 'NSD'] as const) {
  test(`${server}: later connections resume the TLS session of an earlier one`, async (context) => {
    const peer = await startPeer(context, server, { tls: serverTls, zones: zonesOf(['a.example'], 10) });
    if (peer?.tlsPort === undefined) return;
    const relay = await recordHandshakes(peer.tlsPort);
    context.after(() => relay.stop());
    const primary = { ...xot(peer, tlsOf({ alpn: 'optional' }), relay.port), 'connection-idle': '50ms' };
    const timers = { 'refresh-min': '200ms', 'refresh-max': '200ms' };

    const service = await start(context, [['one', primary]], () => ['a.example'], { timers });
    await fetched(service, 'a.example');
    await until(() => relay.seen.length >= 4, 'four connections');

    assert.deepEqual(
      relay.seen.slice(0, 4).map(({ isResumed }) => isResumed),
      [false, true, true, true],
    );
    assert.deepEqual(relay.seen[0]?.alpn, ['dot']);
  });
}

const FIFTY = Array.from({ length: 50 }, (_, i) => `zone-${i}.example`);

for (const server of ['BIND', 'NSD'] as const) {
  test(`${server}: SOA queries and transfers of fifty zones take two TLS connections at most`, async (context) => {
    const peer = await startPeer(context, server, { tls: serverTls, zones: zonesOf(FIFTY, 300) });
    if (peer?.tlsPort === undefined) return;
    const relay = await recordHandshakes(peer.tlsPort);
    context.after(() => relay.stop());

    const service = await start(context, [['one', xot(peer, tlsOf({ alpn: 'optional' }), relay.port)]], () => FIFTY);
    const outcomes = await Promise.all(FIFTY.map((zone) => fetched(service, zone)));

    assert.deepEqual(unlike(outcomes), []);
    assert.deepEqual(new Set(outcomes.map((fields) => fields['records'])), new Set([303]));
    assert.ok(relay.seen.length >= 1 && relay.seen.length <= 2, `${relay.seen.length} connections`);
  });
}

for (const server of PEER_NAMES) {
  test(`${server}: SOA queries and transfers of fifty zones take two TCP connections at most`, async (context) => {
    const peer = await startPeer(context, server, { zones: zonesOf(FIFTY, 300) });
    if (peer === undefined) return;
    const relay = await recordPlain(peer.port);
    context.after(() => relay.stop());

    const service = await start(context, [['one', { addresses: [`127.0.0.1:${relay.port}`] }]], () => FIFTY);
    const outcomes = await Promise.all(FIFTY.map((zone) => fetched(service, zone)));

    assert.deepEqual(unlike(outcomes), []);
    const byTcp = relay.seen.filter(({ transport }) => transport === 'tcp');
    // BIND puts some off, at its limit of ten transfers: those are asked again.
    const transfers = byTcp.filter(({ type }) => type === 'AXFR').length;
    assert.ok(server === 'BIND' ? transfers >= 50 && transfers < 80 : transfers === 50, `${transfers} transfers`);
    assert.ok(byTcp.filter(({ type }) => type === 'SOA').length >= 50);
    const connections = new Set(byTcp.map(({ connection }) => connection)).size;
    assert.ok(connections >= 1 && connections <= 2, `${connections} connections`);
  });
}

test('BIND: zones that it puts off at its limit of transfers come all the same', async (context) => {
  const peer = await startPeer(context, 'BIND', { zones: zonesOf(FIFTY, 2000), extra: 'transfers-out 3;' });
  if (peer === undefined) return;

  const primary = { addresses: [`127.0.0.1:${peer.port}`] };
  const service = await start(context, [['one', primary]], () => FIFTY);
  const outcomes = await Promise.all(FIFTY.map((zone) => fetched(service, zone)));

  assert.deepEqual(unlike(outcomes), []);
  assert.match(peer.log(), /request denied: quota reached/);
});

test('BIND: a connection is closed before the time that its edns-tcp-keepalive tells, however long we would keep it', async (context) => {
  const peer = await startPeer(context, 'BIND', {
    zones: zonesOf(['a.example'], 10),
    extra: 'tcp-advertised-timeout 4;', // units of 100 ms
  });
  if (peer === undefined) return;
  const relay = await recordPlain(peer.port);
  context.after(() => relay.stop());
  const timers = { 'refresh-min': '600ms', 'refresh-max': '600ms' };

  const service = await start(context, [['one', { addresses: [`127.0.0.1:${relay.port}`] }]], () => ['a.example'], {
    timers,
  });
  await fetched(service, 'a.example');
  await until(() => relay.seen.length >= 5, 'five queries');

  assert.deepEqual(
    relay.seen.slice(0, 5).map(({ type, connection }) => [type, connection]),
    [
      ['SOA', 1],
      ['AXFR', 1],
      ['SOA', 2],
      ['SOA', 3],
      ['SOA', 4],
    ],
  );
});

test('Knot DNS: zones come over XoT', async (context) => {
  if (!hasProgram(context, PEER_PROGRAMS.Knot)) return;
  const [, major = '0', minor = '0'] =
    /(\d+)\.(\d+)/.exec(spawnSync(PEER_PROGRAMS.Knot, ['--version'], OF_SBIN).stdout) ?? [];
  if (Number(major) * 100 + Number(minor) < 304) {
    context.skip(`Knot DNS ${major}.${minor} serves nothing over TLS: that came with 3.4`);
    return;
  }
  const peer = await startKnot({ tls: serverTls, zones: zonesOf(['a.example'], 10) });
  context.after(() => peer.stop());

  const service = await start(context, [['one', xot(peer, tlsOf())]], () => ['a.example']);

  assert.equal((await fetched(service, 'a.example')).event, 'zone-updated');
});

const OF_SBIN = { env: SEARCH_ENV, encoding: 'utf8' } as const;

const xot = ({ tlsPort }: Peer, tls: Record<string, unknown>, port = tlsPort): Record<string, unknown> => ({
  addresses: [`127.0.0.1:${port}`],
  transport: 'tls',
  tls,
});

/** `zonesOf`: the zones that come from a primary. */
async function start(
  context: TestContext,
  primaries: readonly (readonly [string, Record<string, unknown>])[],
  zonesFrom: (primary: string) => readonly string[],
  zone: Record<string, unknown> = {},
): Promise<RunningService> {
  const service = await startService({
    config: {
      certificates: {
        main: { 'cert-file': 'tls/cert.pem', 'key-file': 'tls/key.pem' },
        ours: { 'cert-file': 'ours.pem', 'key-file': 'ours.key' },
      },
      primaries: Object.fromEntries(primaries),
      zones: Object.fromEntries(
        primaries.flatMap(([name]) => zonesFrom(name).map((each) => [each, { primary: name, ...zone }])),
      ),
      rules: [{ name: 'all', match: { source: '127.0.0.1' }, action: 'allow' }],
    },
    files: pemFiles('ours', client),
  });
  context.after(() => service.stop());
  return service;
}

const pemFiles = (name: string, { certFile, keyFile }: TestCertificate): Record<string, string> => ({
  [`${name}.pem`]: readFileSync(certFile, 'utf8'),
  [`${name}.key`]: readFileSync(keyFile, 'utf8'),
});

/** What the first look at the primary came to. */
const fetched = (service: RunningService, zone: string): Promise<EventFields> =>
  service.event(['zone-updated', 'zone-rejected', 'primary-failed'], (fields) => fields['zone'] === zone);

/** Those that are no zone, with what was wrong. */
const unlike = (outcomes: readonly EventFields[]): EventFields[] =>
  outcomes.filter(({ event }) => event !== 'zone-updated');

async function startPeer(context: TestContext, server: PeerName, options: PeerOptions): Promise<Peer | undefined> {
  if (!hasProgram(context, PEER_PROGRAMS[server])) return undefined;
  const peer = await START_PEER[server](options);
  context.after(() => peer.stop());
  return peer;
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
