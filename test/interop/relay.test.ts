/**
 * Zones that are relayed: BIND on both sides, whose key zonegate does not hold, over TCP and XoT to the primary; what
 * becomes of a primary that is not there, of too many requests, of a client that reads slowly.
 */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { TestCa } from '../support/dns-certificates.ts';
import { askOverTcp, askOverUdp, dig, digKey } from '../support/dns-clients.ts';
import { freePort, type Peer, type PeerKey, startBind } from '../support/dns-peers.ts';
import { decodeMessage } from '../support/message-decoder.ts';
import { labels, rawMessage, rawQuestion } from '../support/raw-messages.ts';
import { type RunningService, startService } from '../support/service.ts';
import { assertSameZone, parseZone, transferZone } from '../support/zone-compare.ts';

const KEY: PeerKey = { name: 'their-key', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 't').toString('base64') };
const OUR_KEY: PeerKey = {
  name: 'our-key',
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 'o').toString('base64'),
};
const PLAIN = 'plain.example';
const XOT = 'xot.example';
const zoneText = (zone: string, serial: number): string =>
  `$ORIGIN ${zone}.\n$TTL 3600\n@ IN SOA ns1 hostmaster ${serial} 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n` +
  Array.from({ length: 3000 }, (_, i) => `host-${i} IN TXT "number ${i}" "of serial ${i === 7 ? serial : 0}"\n`).join(
    '',
  );

const ca = new TestCa();
const serverTls = ca.issue('server', ['primary.example']);
let primary: Peer;
let secondary: Peer;
let service: RunningService;
/** A primary that answers when it is told to, or never. */
let silent: Server;
const held: Socket[] = [];

before(async () => {
  primary = await startBind({
    keys: [KEY, OUR_KEY],
    tls: { certFile: serverTls.certFile, keyFile: serverTls.keyFile },
    zones: [PLAIN, XOT].map((name) => ({ name, text: zoneText(name, 1), transferKey: KEY.name, ixfr: true })),
  });
  silent = createServer((socket) => held.push(socket.on('error', () => undefined).resume())).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const tls = { name: 'primary.example', 'ca-file': ca.caFile };
  service = await startService({
    config: {
      keys: { [OUR_KEY.name]: { algorithm: OUR_KEY.algorithm, secret: OUR_KEY.secret } },
      primaries: {
        tcp: { addresses: [`127.0.0.1:${await freePort()}`, `127.0.0.1:${primary.port}`], 'concurrent-transfers': 2 },
        xot: { addresses: [`127.0.0.1:${primary.tlsPort}`], transport: 'tls', tls },
        silent: { addresses: [`127.0.0.1:${(silent.address() as AddressInfo).port}`], 'stall-timeout': '2s' },
        gone: { addresses: [`127.0.0.1:${await freePort()}`] },
      },
      zones: {
        [PLAIN]: { primary: 'tcp', mode: 'relay' },
        [XOT]: { primary: 'xot', mode: 'relay', relay: { 'unknown-keys': 'forward' } },
        'strict.example': { primary: 'tcp', mode: 'relay', relay: { 'unknown-keys': 'refuse' } },
        'silent.example': { primary: 'silent', mode: 'relay', relay: { concurrent: 1 } },
        'gone.example': { primary: 'gone', mode: 'relay' },
      },
      rules: [
        {
          name: 'slow',
          match: { source: '127.0.0.2' },
          action: 'allow',
          limits: { bandwidth: '60KB/s', bytes: '100KB/h' },
        },
        { name: 'local', match: { source: '127.0.0.0/8' }, action: 'allow' },
      ],
      log: { transfers: 'all' },
    },
  });
  secondary = await startBind({
    keys: [KEY],
    secondaryZones: [
      { name: PLAIN, primary: { port: service.port, key: KEY.name } },
      {
        name: XOT,
        primary: { port: service.tlsPort, key: KEY.name, tls: { caFile: service.caFile, name: 'localhost' } },
      },
    ],
  });
});
after(async () => {
  for (const socket of held) socket.destroy();
  silent.close();
  await Promise.all([primary, secondary, service].map((running) => running?.stop()));
  ca.remove();
});

for (const zone of [PLAIN, XOT]) {
  test(`BIND takes ${zone} through zonegate with a key that zonegate does not have, and follows by IXFR`, async () => {
    await secondary.untilSerial(zone, 1);
    const since = service.events.length;
    await primary.update(zone, zoneText(zone, 2), 2);

    // The relay passes no NOTIFY on: asked by hand, as the timers of the zone would.
    await dig(secondary.port, 'SOA', zone);
    const answer = await transferZone({ port: service.port, zone, key: KEY });
    const steps = await transferZone({ port: service.port, zone, key: KEY, serial: 1 });
    const current = await transferZone({ port: service.port, zone, key: KEY, serial: 2 });

    assertSameZone(answer.records, parseZone(zoneText(zone, 2), zone));
    assert.equal(answer.signedMessages, answer.messages);
    assert.equal(steps.sentAs, 'IXFR');
    assert.equal(current.sentAs, 'current');
    const { rule, identity, relayed, to } = await service.event(
      'transfer',
      (fields) => fields['zone'] === zone && fields['sent-as'] === 'IXFR',
      since,
    );
    assert.deepEqual([rule, identity, to], ['local', null, 2]);
    assert.deepEqual(relayed, { primary: zone === PLAIN ? 'tcp' : 'xot' });
  });
}

test('dig takes a zone as from its primary, several at a time though the primary is asked for two', async () => {
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => dig(service.port, 'AXFR', PLAIN, ...digKey(KEY), '+noall', '+answer')),
  );

  for (const { status, stdout } of answers) {
    assert.equal(status, 0);
    assertSameZone(parseZone(stdout, PLAIN), parseZone(zoneText(PLAIN, 2), PLAIN));
  }
});

test('bandwidth and volume of a rule hold for what is relayed, too', async () => {
  const words = ['AXFR', PLAIN, ...digKey(KEY), '-b', '127.0.0.2'];
  const started = performance.now();

  const first = await dig(service.port, ...words, '+noall', '+answer');
  const ms = performance.now() - started;
  const second = await dig(service.port, ...words);

  assertSameZone(parseZone(first.stdout, PLAIN), parseZone(zoneText(PLAIN, 2), PLAIN));
  const { bytes } = await service.event('transfer', ({ rule }) => rule === 'slow');
  // What comes from the primary in one piece is passed on at once.
  assert.ok(ms > ((Number(bytes) - 90_000) / 60_000) * 1000, `${String(bytes)} octets in ${ms} ms`);
  assert.match(second.stdout, /Transfer failed/);
  assert.equal((await service.event('refused', ({ rule }) => rule === 'slow'))['why'], 'bytes');
});

test('a key of ours is verified here, a wrong signature and a key that is not to pass are refused here', async () => {
  const wrong = { ...OUR_KEY, secret: Buffer.alloc(32, 'x').toString('base64') };

  const [bad, strict] = await Promise.all([
    dig(service.port, 'AXFR', PLAIN, ...digKey(wrong)),
    dig(service.port, 'AXFR', 'strict.example', ...digKey(KEY)),
  ]);

  assert.match(bad.stdout, /BADSIG/);
  assert.match(strict.stdout, /BADKEY/);
  assert.equal((await service.event('refused', ({ zone }) => zone === 'strict.example'))['why'], 'bad-key');
});

test('SOA queries pass over UDP and TCP', async () => {
  const query = rawMessage({ id: 0xabc, questions: [rawQuestion(labels('plain', 'example'), 6)] });

  const answers = [await askOverUdp(service.port, query), ...(await askOverTcp(service.port, query))];

  for (const answer of answers) {
    const { id, flags, answers: records } = decodeMessage(answer);
    assert.deepEqual([id, flags & 0xf, records[0]?.type], [0xabc, 0, 6]);
  }
});

test('what the primary refuses is refused', async () => {
  const { stdout } = await dig(service.port, 'AXFR', PLAIN);

  assert.match(stdout, /Transfer failed/);
});

test('a primary that is not there is SERVFAIL with a reason, and so is one too many', async () => {
  const gone = await dig(service.port, 'SOA', 'gone.example', '+tcp');
  assert.match(gone.stdout, /SERVFAIL/);
  assert.match(gone.stdout, /EDE: 22/);

  const first = dig(service.port, 'SOA', 'silent.example', '+tcp');
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await dig(service.port, 'SOA', 'silent.example', '+tcp');

  assert.match(second.stdout, /too many requests are relayed/);
  assert.match((await first).stdout, /SERVFAIL/);
});

/** Octets: more than kernels buffer. */
const MOST = 100e6;

test('a client that goes gives back what it holds, and one that does not read holds the primary back', async () => {
  const query = rawMessage({ id: 5, questions: [rawQuestion(labels('silent', 'example'), 252)] });
  const framed = Buffer.concat([Buffer.from([0, query.length]), query]);
  const before = held.length;
  const client = connect(service.port, '127.0.0.1', () => client.write(framed));
  client.pause();
  while (held.length === before) await new Promise((resolve) => setTimeout(resolve, 20));
  const server = held.at(-1) as Socket;
  const record = Buffer.from(`00${'0010'}0001${'00000e10'}fde8`, 'hex');
  const piece = Buffer.concat([record, Buffer.alloc(0xfde8, 1)]);
  const header = Buffer.from('000584000000000100000000', 'hex');
  const soa = Buffer.from(`00${'0006'}0001${'00000e10'}0016${'0000'}${'00000001'}${'00'.repeat(16)}`, 'hex');
  const message = (body: Buffer): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(header.length + body.length);
    return Buffer.concat([length, header, body]);
  };
  server.write(message(soa));
  let sent = 0;
  const more = (): void => {
    while (!server.destroyed && server.writableLength < 1e6 && sent < MOST) {
      server.write(message(piece));
      sent += piece.length;
    }
  };
  const timer = setInterval(more, 20);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  clearInterval(timer);

  // Kernel buffers on both sides, and little more.
  assert.ok(sent > 1e5 && sent < MOST / 2, `${sent} octets were taken`);
  client.destroy();
  if (!server.closed) await new Promise((resolve) => server.once('close', resolve));
  const { outcome } = await service.event('transfer', ({ zone }) => zone === 'silent.example');
  assert.equal(outcome, 'closed-by-client');
});
