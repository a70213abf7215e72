/**
 * `zonegate transfer` against the servers of Debian 12: bind9, nsd, knot, pdns-server with pdns-backend-bind; and that
 * the peers of test/support/dns-peers.ts can be secondaries of each other. A missing program skips, but fails in CI.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestCa } from '../support/dns-certificates.ts';
import {
  freePort,
  hasProgram,
  PEER_NAMES,
  PEER_PROGRAMS,
  type Peer,
  type PeerKey,
  type PeerName,
  type PeerOptions,
  START_PEER,
} from '../support/dns-peers.ts';

const ZONEGATE = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const ZONE = 'example.org';
const NAME = 'ns1.example.org';
const ALGORITHMS = ['hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'];

const folder = mkdtempSync(join(tmpdir(), 'zonegate-transfer-'));
const ca = new TestCa();
const serverTls = ca.issue('server', [NAME]);
after(() => {
  rmSync(folder, { recursive: true, force: true });
  ca.remove();
});

/** Larger than a message, so that an answer has several. */
const HOSTS = 1500;
const zoneText = (serial: number, changed = 0, zone = ZONE): string =>
  `$ORIGIN ${zone}.\n$TTL 3600\n@ IN SOA ns1 hostmaster ${serial} 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n` +
  Array.from({ length: HOSTS }, (_, i) => {
    const address = `192.0.2.${i === 7 ? changed : i % 250}`;
    return `host-${i} IN A ${address}\nhost-${i} IN TXT "number ${i}" "of a zone"\n`;
  }).join('');
const RECORDS = 3 + 2 * HOSTS;

const keyOf = (algorithm: string): PeerKey => ({
  name: `key-${algorithm}`,
  algorithm,
  secret: Buffer.alloc(64, algorithm).toString('base64'),
});

for (const server of PEER_NAMES) {
  test(`${server}: a plain AXFR brings the records of the zone file`, async (context) => {
    const peer = await startPeer(context, server, { zones: [{ name: ZONE, text: zoneText(1) }] });
    if (peer === undefined) return;
    const out = join(folder, `${server}.zone`);

    const { status, json } = await transfer(peer.port, ['--out', out]);

    assert.equal(status, 0);
    assert.equal(json['sent-as'], 'AXFR');
    assert.equal(json['serial'], 1);
    assert.equal(json['records'], RECORDS + 1);
    assert.deepEqual(linesOf(out), expectedLines(1));
    assert.deepEqual(
      readdirSync(folder).filter((file) => file.endsWith('.new')),
      [],
    );
  });

  test(`${server}: an AXFR signed with each algorithm; refused without the key, with a wrong one and an unknown one`, async (context) => {
    const keys = ALGORITHMS.map(keyOf);
    const key = keyOf('hmac-sha256');
    const zones = keys.map(({ name }) => ({
      name: `${name}.${ZONE}`,
      text: zoneText(1, 0, `${name}.${ZONE}`),
      transferKey: name,
    }));
    const peer = await startPeer(context, server, { keys, zones });
    if (peer === undefined) return;
    const zone = `${key.name}.${ZONE}`;

    const signed = await Promise.all(
      keys.map((each) => transfer(peer.port, ['--key-file', keyFile(each)], `${each.name}.${ZONE}`)),
    );
    const unsigned = await transfer(peer.port, [], zone);
    const wrong = await transfer(
      peer.port,
      ['--key-file', keyFile({ ...key, secret: 'd3Jvbmcgc2VjcmV0IG9mIG5vYm9keQ==' })],
      zone,
    );
    const unknown = await transfer(peer.port, ['--key-file', keyFile({ ...key, name: 'nobody' })], zone);

    for (const [i, { status, json, stderr }] of signed.entries()) {
      assert.equal(status, 0, stderr);
      const tsig = json['tsig'] as Record<string, unknown>;
      assert.equal(tsig['algorithm'], ALGORITHMS[i]);
      assert.equal(tsig['unsigned-messages'], 0);
      assert.ok(Number(tsig['signed-messages']) > 1);
    }
    assert.deepEqual([unsigned.status, wrong.status, unknown.status], [4, 4, 4]);
    assert.equal(failureOf(unsigned)['rcode'], server === 'BIND' || server === 'NSD' ? 'REFUSED' : 'NOTAUTH');
    assert.equal(failureOf(wrong)['rcode'], 'NOTAUTH');
    // PowerDNS sends no TSIG record with its errors.
    assert.equal(failureOf(wrong)['tsig-error'], server === 'PowerDNS' ? null : 'BADSIG');
    assert.equal(failureOf(unknown)['tsig-error'], server === 'PowerDNS' ? null : 'BADKEY');
  });

  test(`${server}: an IXFR from the serial it has says current, from the one before brings the change`, async (context) => {
    const peer = await startPeer(context, server, { zones: [{ name: ZONE, text: zoneText(1), ixfr: true }] });
    if (peer === undefined) return;
    const current = await transfer(peer.port, ['--ixfr', '1']);
    const out = join(folder, `${server}.ixfr`);
    await peer.update(ZONE, zoneText(2, 251), 2);

    const changed = await transfer(peer.port, ['--ixfr', '1', '--out', out]);
    const byUdp = await transfer(peer.port, ['--ixfr', '1', '--udp']);

    assert.equal(current.json['sent-as'], 'current');
    assert.equal(changed.status, 0, changed.stderr);
    assert.equal(changed.json['serial'], 2);
    if (server === 'PowerDNS') {
      assert.equal(changed.json['sent-as'], 'AXFR'); // it keeps no history
      assert.equal(failureOf(byUdp)['rcode'], 'REFUSED'); // nor does it answer IXFR by UDP
      return;
    }
    assert.equal(byUdp.status, 0, byUdp.stderr);
    assert.equal(byUdp.json['serial'], 2);
    assert.equal(changed.json['sent-as'], 'IXFR');
    const lines = readFileSync(out, 'utf8').split('\n');
    assert.ok(lines.includes('- host-7.example.org.\t3600\tIN\tA\t192.0.2.0'));
    assert.ok(lines.includes('+ host-7.example.org.\t3600\tIN\tA\t192.0.2.251'));
    assert.equal(changed.json['differences'], 1);
  });
}

for (const server of ['BIND', 'NSD'] as const) {
  test(`${server}: an AXFR over TLS 1.3 with the server verified by name, and by pin`, async (context) => {
    const peer = await startPeer(context, server, { tls: serverTls, zones: [{ name: ZONE, text: zoneText(1) }] });
    if (peer?.tlsPort === undefined) return;
    const verified = ['--tls', '--ca-file', ca.caFile, '--tls-name'];

    const byName = await transfer(peer.tlsPort, [...verified, NAME]);
    const wrongName = await transfer(peer.tlsPort, [...verified, 'ns2.example.org']);
    const otherCa = await transfer(peer.tlsPort, ['--tls', '--tls-name', NAME]);
    const byPin = await transfer(peer.tlsPort, ['--tls', '--pin', serverTls.pin]);
    const wrongPin = await transfer(peer.tlsPort, ['--tls', '--pin', `${'A'.repeat(43)}=`]);
    const opportunistic = await transfer(peer.tlsPort, ['--tls']);
    const noAlpn = await transfer(peer.tlsPort, ['--tls', '--no-alpn']);

    assert.equal(byName.status, 0, byName.stderr);
    const tls = byName.json['tls'] as Record<string, unknown>;
    assert.equal(tls['version'], 'TLSv1.3');
    assert.equal(tls['alpn'], server === 'BIND' ? 'dot' : null); // NSD 4.6 chooses none
    assert.deepEqual(tls['peer-names'], [NAME]);
    assert.deepEqual(tls['verified'], ['name']);
    assert.equal(tls['pin'], serverTls.pin);
    assert.equal(byName.json['records'], RECORDS + 1);
    assert.equal(wrongName.status, 1);
    assert.match(wrongName.stderr, /shows a certificate for ns1\.example\.org; expected ns2\.example\.org/);
    assert.equal(otherCa.status, 1);
    assert.match(otherCa.stderr, /not trusted/);
    assert.deepEqual([byPin.status, (byPin.json['tls'] as Record<string, unknown>)['verified']], [0, ['pin']]);
    assert.equal(wrongPin.status, 1);
    assert.match(wrongPin.stderr, /shows a key with the pin .*; expected AAAA/);
    assert.equal(opportunistic.status, 0, opportunistic.stderr);
    assert.deepEqual((opportunistic.json['tls'] as Record<string, unknown>)['verified'], []);
    assert.equal(noAlpn.status, server === 'BIND' ? 4 : 0); // BIND: SERVFAIL, as RFC 9103 section 7.1 demands `dot`
  });
}

test('BIND: mutual TLS lets in the client with a certificate only', async (context) => {
  const peer = await startPeer(context, 'BIND', {
    tls: { ...serverTls, clientCaFile: ca.caFile },
    zones: [{ name: ZONE, text: zoneText(1) }],
  });
  if (peer?.tlsPort === undefined) return;
  const client = ca.issue('client', ['sec1.example.org']);
  const words = ['--tls', '--ca-file', ca.caFile, '--tls-name', NAME];

  const good = await transfer(peer.tlsPort, [
    ...words,
    '--cert-file',
    client.certFile,
    '--cert-key-file',
    client.keyFile,
  ]);
  const bare = await transfer(peer.tlsPort, words);

  assert.equal(good.status, 0, good.stderr);
  assert.equal(bare.status, 1);
  assert.match(bare.stderr, /wants? a client certificate/);
});

test('NSD: without EDNS no OPT comes back', async (context) => {
  const peer = await startPeer(context, 'NSD', { zones: [{ name: ZONE, text: zoneText(1) }] });
  if (peer === undefined) return;

  const { status, json } = await transfer(peer.port, ['--no-edns']);

  assert.equal(status, 0);
  assert.deepEqual(json['edns'], { asked: false, answered: false });
});

test('a closed port, TLS where there is none, a silent and an early server are told apart', async (context) => {
  const silent = createServer((socket) => socket.on('error', () => undefined));
  const early = createServer((socket) =>
    socket.on('error', () => undefined).once('data', () => socket.end('\0\x40half')),
  );
  await Promise.all(
    [silent, early].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
  );
  context.after(() => [silent, early].map((server) => server.close()));
  const portOf = (server: typeof silent): number => (server.address() as { port: number }).port;
  const closedPort = createServer();
  await new Promise<void>((resolve) => closedPort.listen(0, '127.0.0.1', resolve));
  const port = portOf(closedPort);
  await new Promise((resolve) => closedPort.close(resolve));

  const closed = await transfer(port, []);
  const timeout = await transfer(portOf(silent), ['--timeout', '300ms']);
  const noTls = await transfer(portOf(early), ['--tls']);
  const cut = await transfer(portOf(early), []);

  assert.deepEqual([closed.status, timeout.status, noTls.status, cut.status], [1, 1, 1, 1]);
  assert.match(closed.stderr, /connection refused/);
  assert.match(timeout.stderr, /timeout, no progress in 0\.3 s/);
  assert.match(noTls.stderr, /does not speak TLS there/);
  assert.match(cut.stderr, /closed the connection early, in the middle of message 1/);
});

test('a transfer that fails leaves the file that was there', async (context) => {
  const peer = await startPeer(context, 'BIND', { zones: [{ name: ZONE, text: zoneText(1), isClosed: true }] });
  if (peer === undefined) return;
  const out = join(folder, 'kept.zone');
  writeFileSync(out, 'what was there\n');

  const { status } = await transfer(peer.port, ['--out', out]);

  assert.equal(status, 4);
  assert.equal(readFileSync(out, 'utf8'), 'what was there\n');
  assert.ok(!readdirSync(folder).some((file) => file.endsWith('.new')));
});

const key = keyOf('hmac-sha256');
// BIND over TLS of NSD 4.6 is left out: BIND wants ALPN `dot`, which NSD does not choose.
const SECONDARIES: [PeerName, PeerName, 'plain' | 'key' | 'tls'][] = [
  ['BIND', 'NSD', 'plain'],
  ['BIND', 'Knot', 'key'],
  ['BIND', 'BIND', 'tls'],
  ['NSD', 'BIND', 'key'],
  ['NSD', 'BIND', 'tls'],
  ['NSD', 'NSD', 'tls'],
  ['Knot', 'NSD', 'key'],
  ['Knot', 'PowerDNS', 'plain'],
  ['PowerDNS', 'Knot', 'key'],
];

for (const [secondary, primary, how] of SECONDARIES) {
  test(`${secondary} can be a secondary of ${primary} (${how}), and is notified`, async (context) => {
    if (!hasProgram(context, PEER_PROGRAMS[primary])) return;
    // The primary must know where to send NOTIFY before the secondary is there.
    const port = await freePort();
    const keyName = how === 'plain' ? {} : { key: key.name };
    const tls = how === 'tls' ? { tls: { caFile: ca.caFile, name: NAME } } : {};
    const transferKey = how === 'plain' ? {} : { transferKey: key.name };
    const first = await startPeer(context, primary, {
      keys: [key],
      ...(how === 'tls' ? { tls: serverTls } : {}),
      zones: [{ name: ZONE, text: zoneText(1), ...transferKey, notify: [{ port, ...keyName }] }],
    });
    if (first === undefined) return;
    const from = { port: first.tlsPort ?? first.port, ...keyName, ...tls };
    const second = await startPeer(context, secondary, {
      port,
      keys: [key],
      secondaryZones: [{ name: ZONE, primary: from }],
    });
    if (second === undefined) return;

    await second.untilSerial(ZONE, 1);
    await first.update(ZONE, zoneText(2, 251), 2);
    await second.untilSerial(ZONE, 2);
    const out = join(folder, `secondary-${secondary}-${primary}-${how}`);
    const { status } = await transfer(second.port, ['--out', out]);

    assert.equal(status, 0);
    assert.deepEqual(linesOf(out), expectedLines(2, 251));
  });
}

async function startPeer(context: TestContext, server: PeerName, options: PeerOptions): Promise<Peer | undefined> {
  if (!hasProgram(context, PEER_PROGRAMS[server])) return undefined;
  const peer = await START_PEER[server](options);
  context.after(() => peer.stop());
  return peer;
}

interface Outcome {
  readonly status: number | null;
  readonly json: Record<string, unknown>;
  readonly stderr: string;
}

/** Runs the command as a user does, with `--json`. */
function transfer(port: number, words: readonly string[], zone = ZONE): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [
      ZONEGATE,
      'transfer',
      zone,
      '--server',
      `127.0.0.1:${port}`,
      '--json',
      ...words,
    ]);
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (data) => (output[name] += String(data)));
    child.once('close', (status) => {
      const json = output.stdout === '' ? {} : (JSON.parse(output.stdout) as Record<string, unknown>);
      resolve({ status, json, stderr: output.stderr });
    });
  });
}

const failureOf = ({ json }: Outcome): Record<string, unknown> => json['failure'] as Record<string, unknown>;

function keyFile({ name, algorithm, secret }: PeerKey): string {
  const file = join(folder, `${name}-${secret.length}.key`);
  writeFileSync(file, `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };\n`);
  return file;
}

const linesOf = (file: string): string[] => {
  assert.ok(existsSync(file), `${file} was not written`);
  return readFileSync(file, 'utf8').trimEnd().split('\n').sort();
};

/** The zone file's records, written by hand in the form that `--out` has. */
function expectedLines(serial: number, changed = 0): string[] {
  const line = (owner: string, type: string, data: string): string => `${owner}.\t3600\tIN\t${type}\t${data}`;
  const lines = [
    line(ZONE, 'SOA', `ns1.${ZONE}. hostmaster.${ZONE}. ${serial} 7200 900 1209600 300`),
    line(ZONE, 'NS', `ns1.${ZONE}.`),
    line(`ns1.${ZONE}`, 'A', '192.0.2.1'),
  ];
  for (let i = 0; i < HOSTS; i++) {
    lines.push(line(`host-${i}.${ZONE}`, 'A', `192.0.2.${i === 7 ? changed : i % 250}`));
    lines.push(line(`host-${i}.${ZONE}`, 'TXT', `"number ${i}" "of a zone"`));
  }
  return lines.sort();
}
