/** haproxy of Debian 12 in front of the service, with PROXY v2: over TCP, and in TCP mode before TLS. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { freePort, isInstalled } from '../support/dns-peers.ts';
import { newSplitter } from '../support/message-splitter.ts';
import { framed } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { encodeMessage, TYPE_NUMBERS } from '../support/transfer-messages.ts';

const skip = !isInstalled('haproxy') && 'haproxy is not installed';
const ZONE = 'plain.example';
/** Where haproxy connects from. */
const BALANCER = '127.0.0.80';
const AXFR = framed(encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.AXFR } }));

let service: RunningService;
let haproxy: ChildProcess;
let folder: string;
const ports = { tcp: 0, tls: 0 };

before(async () => {
  if (skip) return;
  const proxied = { 'proxy-allowlist': [`${BALANCER}/32`] };
  service = await startService({
    files: { [`zones/${ZONE}`]: '@ 60 IN SOA ns. host. 1 2 3 4 5\n@ 60 IN NS ns.\n' },
    config: {
      listen: [
        { address: '127.0.0.1', port: 0, transport: 'tcp', ...proxied },
        { address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main', ...proxied },
      ],
      primaries: { files: { 'zone-files': 'zones/' } },
      zones: { [ZONE]: { primary: 'files' } },
      rules: [
        { name: 'balancer', match: { source: BALANCER, type: 'SOA' }, action: 'allow' },
        { name: 'good', match: { source: '127.0.0.20' }, action: 'allow' },
        { name: 'direct', match: { source: '127.0.0.30' }, action: 'allow' },
      ],
      limits: { 'connections-per-source': 3, 'first-message-timeout': '3s', 'message-timeout': '1s' },
    },
  });
  await service.event('zone-updated');
  ports.tcp = await freePort();
  ports.tls = await freePort();
  folder = mkdtempSync(join(tmpdir(), 'zonegate-haproxy-'));
  const server = (port: number): string =>
    `server zonegate 127.0.0.1:${port} source ${BALANCER} send-proxy-v2 check check-send-proxy inter 200ms`;
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen plain
  bind 127.0.0.1:${ports.tcp}
  ${server(service.port)}
listen xot
  bind 127.0.0.1:${ports.tls}
  ${server(service.tlsPort)}
`,
  );
  haproxy = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
  for (let tries = 0; tries < 50 && (await transfer(ports.tcp, '127.0.0.20', 'tcp')) === 'closed'; tries++)
    await sleep(100);
});

after(async () => {
  haproxy?.kill();
  await service?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** What comes of an AXFR: its response code, or the end of the connection. */
function transfer(
  port: number,
  localAddress: string,
  transport: 'tcp' | 'tls',
  first?: Buffer,
): Promise<number | 'closed'> {
  return new Promise((resolve) => {
    const raw = connect({ host: '127.0.0.1', port, localAddress });
    raw.on('error', () => resolve('closed'));
    if (first !== undefined) raw.write(first);
    const socket =
      transport === 'tcp' ? raw : connectTls({ socket: raw, ALPNProtocols: ['dot'], rejectUnauthorized: false });
    const split = newSplitter();
    socket.on('error', () => undefined);
    socket.once('close', () => resolve('closed'));
    socket.write(AXFR);
    socket.on('data', (data: Buffer) => {
      const [message] = split(data);
      if (message === undefined) return;
      resolve(message.readUInt16BE(2) & 0xf);
      socket.destroy();
    });
  });
}

for (const transport of ['tcp', 'tls'] as const) {
  test(`behind haproxy over ${transport} rules and logs see the client`, { skip }, async () => {
    const since = service.events.length;
    assert.equal(await transfer(ports[transport], '127.0.0.20', transport), 0);
    const done = await service.event('transfer', (fields) => fields['transport'] === transport, since);
    assert.match(done['client'] as string, /^127\.0\.0\.20#\d+$/);
    assert.equal(done['rule'], 'good');

    const other = transport === 'tcp' ? '127.0.0.21' : '127.0.0.22';
    assert.equal(await transfer(ports[transport], other, transport), 5, 'another client is refused');
    const refused = await service.event('refused', (fields) => fields['transport'] === transport, since);
    assert.equal(refused['client'], other);
  });

  test(`over ${transport} a balancer must send the header, and nobody else may`, { skip }, async () => {
    const port = transport === 'tcp' ? service.port : service.tlsPort;
    assert.equal(await transfer(port, BALANCER, transport), 'closed');
    assert.equal(await transfer(port, '127.0.0.30', transport), 0, 'a client that comes by itself');
    const header = Buffer.from(`0d0a0d0a000d0a515549540a2111000c7f0000147f0000010035d431`, 'hex');
    assert.notEqual(await transfer(port, '127.0.0.30', transport, header), 0, 'and claims to be another');
    assert.equal(await transfer(port, BALANCER, transport, header), 0);
    const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
    assert.equal(await transfer(port, BALANCER, transport, local), 5, 'the balancer itself may not have the zone');
  });
}

test('limits of a source are the client’s, and none of the balancer', { skip }, async () => {
  const port = service.port;
  const open = async (last: number): Promise<boolean> => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: BALANCER });
    socket.on('error', () => undefined);
    socket.write(Buffer.from(`0d0a0d0a000d0a515549540a2111000c7f0000${last.toString(16)}7f0000010035d431`, 'hex'));
    const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(false)));
    setTimeout(() => socket.destroy(), 900).unref();
    return Promise.race([closed, sleep(300).then(() => true)]);
  };
  const one = await Promise.all(Array.from({ length: 5 }, () => open(0x41)));
  const others = await Promise.all(Array.from({ length: 5 }, (_, i) => open(0x50 + i)));

  assert.equal(one.filter(Boolean).length, 3);
  assert.equal(others.filter(Boolean).length, 5);
});
