/** Bans against the whole service: made, told, lifted, and there again after a restart. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { framed } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { encodeMessage, TYPE_NUMBERS } from '../support/transfer-messages.ts';

const ZONE = 'plain.example';
const SOA = encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.SOA } });
const dir = mkdtempSync(join(tmpdir(), 'zonegate-bans-'));
const HEADER = (last: number): Buffer =>
  Buffer.from(`0d0a0d0a000d0a515549540a2111000c7f0000${last.toString(16).padStart(2, '0')}7f0000010035d431`, 'hex');
const config = {
  store: { type: 'lmdb', path: 'store' },
  threads: { front: 2, pool: 1 },
  listen: [{ address: '127.0.0.1', port: 0, transport: 'tcp', 'proxy-allowlist': ['127.0.0.80/32'] }],
  admin: { listen: '127.0.0.1:0', 'token-file': 'token' },
  primaries: { files: { 'zone-files': 'zones/' } },
  secondaries: { sec: { sources: ['127.0.0.7'] } },
  zones: { [ZONE]: { primary: 'files', secondaries: 'sec' } },
  rules: [
    { name: 'good', match: { source: ['127.0.0.20', '127.0.0.21', '127.0.0.22', '127.0.0.42'] }, action: 'allow' },
  ],
  bans: { threshold: 10, first: '30s', exempt: ['127.0.0.1'], prefix: { offenders: 100 } },
};
const files = { token: 'secret', [`zones/${ZONE}`]: '@ 60 IN SOA ns. host. 1 2 3 4 5\n@ 60 IN NS ns.\n' };

let service: RunningService;
before(async () => {
  service = await startService({ config, files, dir });
  await service.event('zone-updated');
});
after(async () => {
  await service.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What comes of messages on one connection: so many answers, until it ends or has been answered them all. */
function ask(localAddress: string, messages: readonly Buffer[], first?: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: service.port, localAddress });
    let octets = 0;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      octets += data.length;
    });
    socket.once('close', () => resolve(octets));
    if (first !== undefined) socket.write(first);
    socket.end(Buffer.concat(messages.map(framed)));
  });
}

const isBanned = async (source: string): Promise<boolean> => (await ask(source, [SOA])) === 0;
const refusals = (count: number): Buffer[] => Array.from({ length: count }, () => SOA);
const banOf = (network: string) => service.event('banned', (fields) => fields['network'] === network);

function cli(...words: string[]): Promise<string> {
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [
    main,
    ...words,
    '--server',
    service.adminUrl,
    '--token-file',
    join(dir, 'token'),
  ]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  return new Promise((resolve) => child.once('close', () => resolve(output)));
}

test('a source that is refused again and again is banned, by both fronts; others and its zone go on', async () => {
  assert.ok((await ask('127.0.0.30', refusals(10))) > 0);
  const ban = await banOf('127.0.0.30/32');
  assert.deepEqual([ban['why'], ban['seconds']], ['refused', 30]);

  await new Promise((resolve) => setTimeout(resolve, 100));
  for (let i = 0; i < 8; i++) assert.equal(await isBanned('127.0.0.30'), true);
  assert.equal(await isBanned('127.0.0.20'), false);
});

test('who is a secondary or exempt is never banned', async () => {
  for (const source of ['127.0.0.7', '127.0.0.1']) {
    await ask(source, refusals(50));
    assert.equal(await isBanned(source), false, source);
  }
});

test('over UDP nothing counts, and a banned source gets no answer', async () => {
  const asked = (localAddress: string, count: number): Promise<number> =>
    new Promise((resolve) => {
      const socket = createSocket('udp4');
      let answers = 0;
      socket.on('message', () => answers++);
      socket.bind(0, localAddress, () => {
        for (let i = 0; i < count; i++) socket.send(SOA, service.port, '127.0.0.1');
        setTimeout(() => {
          socket.close();
          resolve(answers);
        }, 300);
      });
    });
  assert.equal(await asked('127.0.0.31', 40), 40);
  assert.ok((await ask('127.0.0.31', [SOA])) > 0, 'it is not banned');
  assert.equal(await asked('127.0.0.30', 5), 0);
});

test('behind a balancer the client is banned, and the balancer is not', async () => {
  await ask('127.0.0.80', refusals(10), HEADER(0x33));
  await banOf('127.0.0.51/32');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await ask('127.0.0.80', [SOA], HEADER(0x33)), 0);
  assert.ok((await ask('127.0.0.80', [SOA], HEADER(0x2a))) > 0);
});

test('an operator bans, lists and lifts by the command line', async () => {
  assert.match(await cli('ban', '127.0.0.21', '--for', '1h'), /127\.0\.0\.21\/32 is banned until/);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await isBanned('127.0.0.21'), true);
  assert.match(await cli('bans'), /"network": "127\.0\.0\.21\/32",\s+"why": "operator"/);
  assert.match(await cli('ban', '127.0.0.0/24'), /exempt/);
  assert.match(await cli('ban', '127.0.0.0/8000'), /expected an address or a network/);

  assert.match(await cli('unban', '127.0.0.21'), /no longer banned: 127\.0\.0\.21\/32/);
  await service.event('unbanned', (fields) => fields['network'] === '127.0.0.21/32' && fields['why'] === 'operator');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await isBanned('127.0.0.21'), false);
  assert.match(await cli('unban', '127.0.0.21'), /nothing in 127\.0\.0\.21\/32 is banned/);
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  assert.match(metrics, /^zonegate_bans 2$/m);
  assert.match(metrics, /^zonegate_connections_banned_total [1-9]/m);
});

test('bans survive a restart', async () => {
  await cli('ban', '127.0.0.22');
  await service.stop();
  service = await startService({ config, files, dir });
  assert.equal(await isBanned('127.0.0.22'), true);
  assert.equal(await isBanned('127.0.0.20'), false);
});
