/** Clients that misbehave, and limits: against the whole service, over real sockets. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { decodeMessage } from '../support/message-decoder.ts';
import { newSplitter } from '../support/message-splitter.ts';
import { framed, type ScriptedPrimary, startScriptedPrimary, wholeZone } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';
import { addressRecord, encodeMessage, optRecord, soaRecord, TYPE_NUMBERS } from '../support/transfer-messages.ts';

const ZONE = 'example.org';
const RECORDS = 100_000;
const records = Array.from({ length: RECORDS }, (_, i) =>
  addressRecord(`host-${String(i).padStart(6, '0')}.${ZONE}`, i % 250),
);
const CONFIG = {
  zones: { [ZONE]: { primary: 'one' } },
  rules: [
    {
      name: 'limited',
      match: { source: '127.0.0.50', type: ['AXFR', 'IXFR'] },
      action: 'allow',
      limits: { rate: '3/h' },
    },
    { name: 'dropped', match: { source: '127.0.0.51' }, action: 'drop' },
    { name: 'closed', match: { source: '127.0.0.52' }, action: 'refuse' },
    { name: 'local', match: { source: '127.0.0.0/26' }, action: 'allow' },
  ],
  limits: {
    concurrent: 5000,
    'connections-per-source': 5,
    'idle-timeout': '2s',
    'first-message-timeout': '1s',
    'message-timeout': '1s',
  },
};

let primary: ScriptedPrimary;
let service: RunningService;
let config: Record<string, unknown>;

before(async () => {
  primary = await startScriptedPrimary(ZONE, 1);
  primary.script = ({ id }) => wholeZone(id, ZONE, primary.serial, records, 400);
  config = { ...CONFIG, primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } } };
  service = await startService({ config });
  await service.event('zone-updated');
});

after(async () => {
  await service.stop();
  await primary.stop();
});

const AXFR = encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.AXFR } });
const SOA = encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.SOA } });

function open(localAddress = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: service.port, host: '127.0.0.1', localAddress, allowHalfOpen: true }, () =>
      resolve(socket),
    );
    socket.once('error', reject);
  });
}

/** Whole messages as they come; ends with the connection. */
async function* messages(socket: Socket): AsyncGenerator<Buffer> {
  const split = newSplitter();
  for await (const data of socket) yield* split(data as Buffer);
}

/** So many transfers of 2.6 MB that the buffers of both sockets cannot hold them: they run until they are read. */
const MANY = 12;

/** Asks for them, reads the first message (one record), and no more. */
async function beginTransfers(socket: Socket): Promise<AsyncGenerator<Buffer>> {
  for (let i = 0; i < MANY; i++) socket.write(framed(AXFR));
  const received = messages(socket);
  await received.next();
  return received;
}

async function ask(message: Buffer, localAddress?: string): Promise<Buffer | undefined> {
  const socket = await open(localAddress);
  socket.on('error', () => undefined);
  socket.write(framed(message));
  for await (const answer of messages(socket)) return answer;
  return undefined;
}

const rcodeOf = (message: Buffer | undefined): number | undefined => message && message.readUInt16BE(2) & 0xf;

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => undefined);
    // Opened to allow half-open, so that the end of the other side is not ours.
    socket.once('end', () => socket.destroy());
    socket.once('close', () => resolve());
    socket.resume();
  });

test('a client that half-closes after its query gets its whole answer', async () => {
  const socket = await open();
  socket.end(framed(AXFR));

  let count = 0;
  for await (const message of messages(socket)) count += message.readUInt16BE(6);

  assert.equal(count, RECORDS + 2);
});

test('several transfers and queries on one connection mix, each with its id and whole', async () => {
  const socket = await open();
  const ids = [11, 12, 13];
  const queries = ids.map((id) =>
    framed(encodeMessage({ id, flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.AXFR } })),
  );
  const soa = framed(encodeMessage({ id: 14, flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.SOA } }));
  socket.write(Buffer.concat([...queries, soa]));

  const counts = new Map<number, number>();
  const order: number[] = [];
  for await (const message of messages(socket)) {
    const id = message.readUInt16BE(0);
    if (order.at(-1) !== id) order.push(id);
    counts.set(id, (counts.get(id) ?? 0) + message.readUInt16BE(6));
    if (ids.every((wanted) => counts.get(wanted) === RECORDS + 2) && counts.get(14) === 1) break;
  }

  assert.deepEqual(
    new Map([...counts].sort()),
    new Map([...ids.map((id): [number, number] => [id, RECORDS + 2]), [14, 1]].sort() as [number, number][]),
  );
  assert.ok(order.length > 8, `they mixed: ${order.join(' ')}`);
});

test('queries fed byte by byte are answered', async () => {
  const socket = await open();
  socket.setNoDelay(true);
  const answers = messages(socket);
  for (const octet of framed(SOA)) {
    socket.write(Buffer.of(octet));
    await new Promise(setImmediate);
  }

  const { value } = await answers.next();

  assert.equal(rcodeOf(value), 0);
  socket.destroy();
});

test('a client that asks and does not read holds a bounded number of octets, and is ended', async () => {
  const before = await rss();
  const sockets = await Promise.all(Array.from({ length: 40 }, (_, i) => open(`127.0.0.${(i % 20) + 2}`)));
  for (const socket of sockets) {
    socket.pause();
    socket.on('error', () => undefined);
    for (let i = 0; i < 50; i++) socket.write(framed(AXFR));
  }
  await sleep(1000);
  const during = await rss();
  const alive = await takeZone(service.port, ZONE);
  const stalled = await service.event('transfer', ({ outcome }) => outcome === 'stalled');
  for (const socket of sockets) socket.destroy();

  // 2,000 transfers of 3 MB were asked for: 6 GB. One quantum a connection is 1 MB at most, and lies in shared memory.
  assert.ok(during - before < 60e6, `${((during - before) / 1e6).toFixed(0)} MB more`);
  assert.equal(alive.records.length, RECORDS + 1);
  assert.equal(stalled['outcome'], 'stalled');
});

async function rss(): Promise<number> {
  const status = (await (await fetch(`${service.adminUrl}/api/v1/status`)).json()) as { memory: { rss: number } };
  return status.memory.rss;
}

test('a connection without a message is closed after first-message-timeout, one in mid-message after message-timeout', async () => {
  const silent = await open();
  const half = await open();
  half.write(framed(SOA).subarray(0, 7));
  const started = Date.now();

  await Promise.all([closed(silent), closed(half)]);

  assert.ok(Date.now() - started < 4000);
});

test('a TLS client that is silent, or stops in its first message, is closed after first-message-timeout and counted out', async () => {
  const from = '127.0.0.42';
  const raw = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: service.tlsPort, host: '127.0.0.1', localAddress: from }, () => resolve(socket));
      socket.once('error', reject);
    });
  const silent = await raw();
  const half = await raw();
  half.write(Buffer.from('1603010200010001fc0303', 'hex'));
  const started = Date.now();
  await Promise.all([closed(silent), closed(half)]);
  // Connections that end in their handshake, more of them than a source may have.
  for (let i = 0; i < 12; i++) (await raw()).destroy();

  assert.ok(Date.now() - started < 4500);
  const deadline = Date.now() + 5000;
  let answered: number | undefined;
  while (answered !== 0 && Date.now() < deadline) answered = rcodeOf(await ask(SOA, from).catch(() => undefined));
  assert.equal(answered, 0, 'the source is not locked out');
});

test('octets alone do not keep a connection alive: a slow writer is closed', async () => {
  const socket = await open();
  const timer = setInterval(() => socket.writable && socket.write(Buffer.of(0)), 100);

  await closed(socket);
  clearInterval(timer);
});

test('an idle connection is closed after idle-timeout, and not before', async () => {
  const socket = await open();
  const answers = messages(socket);
  socket.write(framed(SOA));
  await answers.next();
  const started = Date.now();

  await answers.next();

  assert.ok(Date.now() - started >= 1900, `${Date.now() - started} ms`);
});

test('connections over the limit of a source are closed, others are let in', async () => {
  const from = '127.0.0.40';
  const first = await Promise.all(Array.from({ length: 5 }, () => open(from)));
  const sixth = await open(from);
  await closed(sixth);
  const other = await ask(SOA, '127.0.0.41');
  for (const socket of first) socket.destroy();

  assert.equal(rcodeOf(other), 0);
  const deadline = Date.now() + 5000;
  let again: number | undefined;
  while (again !== 0 && Date.now() < deadline) again = rcodeOf(await ask(SOA, from).catch(() => undefined));
  assert.equal(again, 0, 'they are counted out again');
});

test('over the rate of a rule an AXFR is answered SERVFAIL with an extended error, and a SOA query is not counted', async () => {
  const source = '127.0.0.50';
  for (let i = 0; i < 3; i++) {
    const ixfr = { flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.IXFR } };
    const query = encodeMessage({ ...ixfr, answers: [soaRecord(ZONE, 1)] });
    query.writeUInt16BE(0, 6);
    query.writeUInt16BE(1, 8);
    assert.equal(rcodeOf(await ask(query, source)), 0);
  }

  const fourth = await ask(
    encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.AXFR }, additionals: [optRecord()] }),
    source,
  );
  const refused = await service.event('refused', ({ why }) => why === 'rate');

  assert.equal(rcodeOf(fourth), 2);
  assert.match(fourth?.toString('latin1') ?? '', /rate limit/);
  assert.equal(refused['rule'], 'limited');
});

test('action drop closes without an answer, refuse answers REFUSED, and so does what matches no rule', async () => {
  assert.equal(await ask(AXFR, '127.0.0.51'), undefined);
  assert.equal(rcodeOf(await ask(AXFR, '127.0.0.52')), 5);
  assert.equal(rcodeOf(await ask(AXFR, '127.0.0.99')), 5);
});

const BAD: readonly { name: string; message: Buffer; rcode: number }[] = [
  { name: 'two questions', message: patched(AXFR, 5, 2), rcode: 1 },
  { name: 'no question', message: patched(AXFR.subarray(0, 12), 5, 0), rcode: 1 },
  { name: 'a name that runs out', message: AXFR.subarray(0, 20), rcode: 1 },
  { name: 'octets behind the last record', message: Buffer.concat([AXFR, Buffer.of(0)]), rcode: 1 },
  {
    name: 'two OPT records',
    message: encodeMessage({ flags: 0, question: { name: ZONE, type: 6 }, additionals: [optRecord(), optRecord()] }),
    rcode: 1,
  },
  {
    name: 'an IXFR without its SOA',
    message: encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.IXFR } }),
    rcode: 1,
  },
  {
    name: 'a compression pointer to itself',
    message: Buffer.concat([AXFR.subarray(0, 12), Buffer.from('c00c00fc0001', 'hex')]),
    rcode: 1,
  },
  { name: 'opcode UPDATE', message: encodeMessage({ flags: 5 << 11, question: { name: ZONE, type: 6 } }), rcode: 4 },
  { name: 'type A', message: encodeMessage({ flags: 0, question: { name: ZONE, type: 1 } }), rcode: 5 },
  {
    name: 'an unknown zone',
    message: encodeMessage({ flags: 0, question: { name: 'example.net', type: 252 } }),
    rcode: 9,
  },
];

function patched(message: Buffer, at: number, octet: number): Buffer {
  const copy = Buffer.from(message);
  copy[at] = octet;
  return copy;
}

for (const { name, message, rcode } of BAD) {
  test(`a request with ${name} is answered with response code ${rcode} and its id`, async () => {
    const answer = await ask(message);

    assert.equal(rcodeOf(answer), rcode);
    assert.equal(answer?.readUInt16BE(0), message.readUInt16BE(0));
  });
}

test('EDNS above version 0 is answered BADVERS', async () => {
  const opt = optRecord();
  opt[6] = 1;
  const answer = await ask(encodeMessage({ flags: 0, question: { name: ZONE, type: 6 }, additionals: [opt] }));

  // 16 is in two places: its lower four bits in the header, the upper eight in OPT.
  assert.equal(rcodeOf(answer), 0);
  assert.equal(answer?.readUInt16BE(6), 0);
  const [told] = decodeMessage(answer as Buffer).additionals;
  assert.deepEqual([told?.type, (told?.ttl ?? 0) >>> 24], [41, 1]);
});

test('a message shorter than a header closes the connection; a response is passed over in silence', async () => {
  assert.equal(await ask(Buffer.from('0102030405', 'hex')), undefined);
  const socket = await open();
  socket.write(
    Buffer.concat([framed(encodeMessage({ question: { name: ZONE, type: 6 } })), framed(patched(SOA, 1, 0x55))]),
  );
  for await (const answer of messages(socket)) {
    assert.equal(answer[1], 0x55);
    break;
  }
});

test('a session that another connection began is resumed, and a client without ALPN is closed after the handshake', async () => {
  const ca = readFileSync(service.caFile);
  const options = { host: '127.0.0.1', port: service.tlsPort, ca, servername: 'localhost' };
  const session = await new Promise<Buffer>((resolve, reject) => {
    const socket = connectTls({ ...options, ALPNProtocols: ['dot'] });
    socket.once('session', resolve).once('error', reject);
    socket.on('session', () => socket.destroy());
    socket.write(framed(SOA));
  });

  const reused = await new Promise<boolean>((resolve, reject) => {
    const socket = connectTls({ ...options, session, ALPNProtocols: ['dot'] }, () => {
      resolve(socket.isSessionReused());
      socket.destroy();
    });
    socket.once('error', reject);
  });
  const without = connectTls(options);
  without.write(framed(SOA));
  let octets = 0;
  without.on('data', (data) => {
    octets += data.length;
  });
  await closed(without);

  assert.equal(reused, true);
  assert.equal(octets, 0);
});

test('a reload swaps rules and zones, leaves running transfers alone, and names what waits for a restart', async () => {
  const socket = await open();
  const received = await beginTransfers(socket);

  const rules = [{ name: 'nobody', match: { source: '127.0.0.0/8' }, action: 'refuse' }];
  const reloaded = await service.reload({ ...config, rules, threads: { front: 2 } });
  const refused = await ask(AXFR);
  let count = 1;
  for await (const message of received) {
    count += message.readUInt16BE(6);
    if (count === MANY * (RECORDS + 2)) break;
  }

  assert.equal(reloaded['ok'], true);
  assert.deepEqual(reloaded['needs-restart'], ['threads']);
  assert.equal(rcodeOf(refused), 5);
  assert.equal(count, MANY * (RECORDS + 2));
  socket.destroy();
});

test('a reload of a bad file changes nothing and lists every error', async () => {
  const reloaded = await service.reload({
    ...config,
    rules: [{ name: 'x', match: { sauce: '127.0.0.1' }, action: 'alow' }],
  });
  const stillRefused = await ask(AXFR);
  const errors = reloaded['errors'] as { path: string; line: number; message: string }[];

  assert.equal(reloaded['ok'], false);
  assert.ok(errors.length >= 2 && errors.every(({ line }) => line > 0), JSON.stringify(errors));
  assert.equal(rcodeOf(stillRefused), 5);
  assert.equal((await service.reload(config))['ok'], true);
  assert.equal(rcodeOf(await ask(SOA)), 0);
});

test('SIGTERM lets running transfers end, takes no new connection, and the exit status is 0', async () => {
  const other = await startService({ config });
  await other.event('zone-updated');
  const socket = await new Promise<Socket>((resolve) => {
    const opened = connect(other.port, '127.0.0.1', () => resolve(opened));
  });
  const received = await beginTransfers(socket);

  other.signal('SIGTERM');
  const draining = await other.event('draining');
  await assert.rejects(takeZone(other.port, ZONE));
  let count = 1;
  for await (const message of received) count += message.readUInt16BE(6);

  assert.ok(Number(draining['transfers']) >= 1, String(draining['transfers']));
  assert.equal(count, MANY * (RECORDS + 2));
  await other.event('stopped');
  assert.equal(await other.ended, 0);
});
