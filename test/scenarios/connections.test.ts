/** What connections are held to, over real sockets and both fronts: how many, how fast, how much on each. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { newSplitter } from '../support/message-splitter.ts';
import { framed, type ScriptedPrimary, startScriptedPrimary } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { encodeMessage, optRecord, TYPE_NUMBERS } from '../support/transfer-messages.ts';

const ZONE = 'example.org';
let primary: ScriptedPrimary;
let service: RunningService;

before(async () => {
  primary = await startScriptedPrimary(ZONE, 1);
  service = await startService({
    config: {
      threads: { front: 2, pool: 1 },
      primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
      zones: { [ZONE]: { primary: 'one' } },
      rules: [{ name: 'local', match: { source: '127.0.0.0/8' }, action: 'allow' }],
      limits: {
        'new-connections-per-source': '10/h',
        'handshakes-per-source': '3/h',
        'resumed-handshakes-per-source': '6/h',
        'queries-per-connection': 20,
        'memory-per-connection': '256KB',
      },
    },
  });
  await service.event('zone-updated');
});

after(async () => {
  await service.stop();
  await primary.stop();
});

const soa = (id: number): Buffer =>
  framed(encodeMessage({ id, flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.SOA } }));

const open = (localAddress: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port: service.port, host: '127.0.0.1', localAddress }, () => resolve(socket));
    socket.once('error', reject);
  });

/** Ids of the answers until the connection ends. */
async function answers(socket: Socket): Promise<number[]> {
  const split = newSplitter();
  const ids: number[] = [];
  socket.on('error', () => undefined);
  for await (const data of socket) ids.push(...split(data as Buffer).map((message) => message.readUInt16BE(0)));
  return ids;
}

async function isServed(localAddress: string): Promise<boolean> {
  const socket = await open(localAddress);
  socket.end(soa(1));
  return (await answers(socket).catch(() => [])).length === 1;
}

test('queries-per-connection: the last one is answered, what comes after it is dropped, and the connection ends', async () => {
  const socket = await open('127.0.0.9');
  const ids = Array.from({ length: 60 }, (_, i) => i + 1);
  for (const id of ids) socket.write(soa(id));

  assert.deepEqual(await answers(socket), ids.slice(0, 20));
});

test('new-connections-per-source counts connections that are gone, over both fronts, and other sources apart', async () => {
  let served = 0;
  for (let i = 0; i < 14; i++) if (await isServed('127.0.0.10')) served++;

  assert.equal(served, 10);
  assert.equal(await isServed('127.0.0.11'), true);
});

/** A handshake, and whether it was served; `session`: what it goes on with, or brings. */
function handshake(
  localAddress: string,
  session?: Buffer,
  port = service.tlsPort,
): Promise<{ how: 'full' | 'resumed' | 'ended'; session: Buffer | undefined }> {
  return new Promise((resolve) => {
    const socket = connectTls({
      socket: connect({ host: '127.0.0.1', port, localAddress }),
      ALPNProtocols: ['dot'],
      rejectUnauthorized: false,
      ...(session && { session }),
    });
    let ticket: Buffer | undefined;
    socket.on('session', (given) => {
      ticket = given;
    });
    socket.on('error', () => undefined);
    socket.once('secureConnect', () => socket.write(soa(1)));
    socket.once('data', () => {
      resolve({ how: socket.isSessionReused() ? 'resumed' : 'full', session: ticket });
      socket.destroy();
    });
    socket.once('close', () => resolve({ how: 'ended', session: ticket }));
  });
}

test('full handshakes have their rate, resumed ones another, and sessions of one front go on at any', async () => {
  const first = await handshake('127.0.0.20');
  const hows = [first.how];
  for (let i = 0; i < 3; i++) hows.push((await handshake('127.0.0.20', first.session)).how);
  for (let i = 0; i < 3; i++) hows.push((await handshake('127.0.0.20')).how);

  assert.deepEqual(hows, ['full', 'resumed', 'resumed', 'resumed', 'full', 'full', 'ended']);
});

test('many strangers do not use up the handshakes of those whom the configuration names', async () => {
  const flooded = await startService({
    config: {
      primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
      zones: { [ZONE]: { primary: 'one' } },
      rules: [{ name: 'named', match: { source: '127.0.0.30' }, action: 'allow' }],
      limits: { handshakes: '4/h' },
      bans: { enabled: true, threshold: 2 },
    },
  });
  await flooded.event('zone-updated');
  const from = async (source: string, session?: Buffer) => handshake(source, session, flooded.tlsPort);
  try {
    const named = await from('127.0.0.30');
    const strangers: string[] = [];
    for (let i = 0; i < 6; i++) strangers.push((await from(`127.0.${i + 1}.9`)).how);
    // Full ones, as sessions are not theirs.
    const later = await from('127.0.0.30');

    assert.deepEqual([named.how, later.how], ['full', 'full']);
    assert.deepEqual(strangers, ['full', 'full', 'full', 'full', 'ended', 'ended']);
    const bans = flooded.events.filter(({ event }) => event === 'banned');
    assert.deepEqual(bans, [], 'what others use up is no offence');
  } finally {
    await flooded.stop();
  }
});

test('when connections run short clients are told a keepalive of 0, and the connection ends with their answer', async () => {
  const short = await startService({
    config: {
      primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
      zones: { [ZONE]: { primary: 'one' } },
      rules: [{ name: 'local', match: { source: '127.0.0.0/8' }, action: 'allow' }],
      limits: { connections: 10, 'idle-timeout': '12s' },
    },
  });
  const keepalive = Buffer.of(0, 11, 0, 0);
  const query = framed(
    encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.SOA }, additionals: [optRecord(keepalive)] }),
  );
  const dial = (): Socket => connect({ port: short.port, host: '127.0.0.1' }).on('error', () => undefined);
  const ask = async (socket: Socket): Promise<number> => {
    socket.write(query);
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.readUInt16BE(data.indexOf(Buffer.of(0, 11, 0, 2)) + 4);
  };
  try {
    await short.event('zone-updated');
    const sockets = [dial()];
    assert.equal(await ask(sockets[0] as Socket), 120);

    // Answered, so counted.
    while (sockets.length < 9) {
      const socket = dial();
      sockets.push(socket);
      await ask(socket);
    }
    const [last] = sockets;
    const ended = once(last as Socket, 'end');
    assert.equal(await ask(last as Socket), 0);
    await ended;
    for (const socket of sockets) socket.destroy();
  } finally {
    await short.stop();
  }
});
