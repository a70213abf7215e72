/** Transfers over shared connections: mixed, held back, given up, and beside the queries of other zones. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerPrimary } from '../../../src/config/config.ts';
import type { Verdict } from '../../../src/upstream/link-exchange.ts';
import type { TransferOptions } from '../../../src/upstream/links.ts';
import { within } from '../../support/deferred.ts';
import { isLinkError, type LinkWorld, type PeerQuery, startLinkWorld, testQuery } from '../../support/link-peer.ts';
import { LinkSink } from '../../support/link-sink.ts';
import { addressRecord, encodeMessage, optRecord, soaRecord, TYPE_NUMBERS } from '../../support/transfer-messages.ts';

const ends: (() => unknown)[] = [];
after(() => Promise.all(ends.map((end) => end())));

interface World extends Pick<LinkWorld, 'peer' | 'links'> {
  soa(zone: string, timeoutMs?: number): Promise<Uint8Array>;
  transfer(zone: string, verdict?: (message: Buffer, count: number) => Verdict, options?: TransferOptions): LinkSink;
}

async function world(settings: Partial<ServerPrimary> = {}): Promise<World> {
  const { peer, links, primary, address, stop } = await startLinkWorld(settings);
  ends.push(stop);
  return {
    peer,
    links,
    soa: (zone, timeoutMs = 5_000) => links.query(primary, address, testQuery(zone), { timeoutMs }),
    transfer: (zone, verdict, options) => {
      const sink = new LinkSink(testQuery(zone, TYPE_NUMBERS.AXFR), verdict);
      sink.handle = links.transfer(primary, address, sink, options);
      return sink;
    },
  };
}

/** One message of a transfer: `number` is in its one record. */
const part = ({ id, zone }: { id: number; zone: string }, number: number): Buffer =>
  encodeMessage({ id, answers: [addressRecord(`host-${number}.${zone}`, number & 0xff)] });

const namesIn = (sink: LinkSink): string[] =>
  sink.messages.map((message) => message.subarray(13, 13 + (message[12] as number)).toString());

test('two transfers on one connection whose messages are mixed come apart, each in its order', async () => {
  const { peer, transfer } = await world();
  const [one, two] = [transfer('one.example'), transfer('two.example')];
  const [a, b] = [await peer.next(), await peer.next()];
  assert.equal(a.connection, b.connection);

  const mixed = [a, b, b, a, b, a, a, b].map((query, i) => part(query, i));
  a.connection.send(...mixed);
  await Promise.all([one.until(4), two.until(4)]);

  assert.deepEqual(namesIn(a.zone === 'one.example' ? one : two), ['host-0', 'host-3', 'host-5', 'host-6']);
  assert.deepEqual(namesIn(a.zone === 'one.example' ? two : one), ['host-1', 'host-2', 'host-4', 'host-7']);
});

test('SOA and transfer of a zone go over one connection; while it is busy, queries take a second, transfers share the first', async () => {
  const { peer, soa, transfer } = await world();
  const first = soa('a.example');
  (await peer.next()).answer();
  await first;

  transfer('a.example');
  const a = await peer.next();
  const second = soa('b.example');
  const b = await peer.next();
  b.answer();
  await second;
  transfer('b.example');
  const more = await peer.next();
  const third = soa('c.example');
  const c = await peer.next();
  c.answer();
  await third;

  assert.deepEqual(
    [a, b, more, c].map(({ connection }) => connection.number),
    [0, 1, 0, 1],
  );
});

test('with one connection everything shares it, and a SOA query waits for the transfer in front of it', async () => {
  const { peer, soa, transfer } = await world({ connections: 1 });
  const sink = transfer('a.example');
  const a = await peer.next();
  a.connection.send(part(a, 0));
  await sink.until(1);

  const asked = soa('b.example', 400);
  const b = await peer.next();
  assert.equal(b.connection, a.connection);
  for (let i = 1; i <= 6; i++) {
    await pause(100);
    a.connection.send(part(a, i));
  }
  b.answer();

  await asked;
});

test('a server that takes no second connection is asked over the one it took', async () => {
  const { peer, soa, transfer } = await world();
  transfer('a.example');
  const a = await peer.next();
  a.connection.send(part(a, 0));
  peer.onQuery = (query) => {
    if (query.connection.number > 0) query.connection.socket.end();
    else query.answer();
  };

  await soa('b.example');
  await soa('c.example');

  assert.equal(peer.connections.length, 2);
  assert.deepEqual(
    a.connection.queries.map(({ zone }) => zone),
    ['a.example', 'b.example', 'c.example'],
  );
});

test('a transfer that wants no more for now holds the server back; nothing is lost when it goes on', async () => {
  const { peer, transfer } = await world();
  const MESSAGES = 1500;
  const sink = transfer('a.example', (_message, count) => (count === 3 ? 'pause' : 'more'));
  const query = await peer.next();
  const record = { owner: '', type: 65_280, rdata: Buffer.alloc(30_000) };
  let written = 0;
  let isStuck = false;
  for (let i = 0; i < MESSAGES; i++) {
    const message = encodeMessage({ id: query.id, answers: [addressRecord(`host-${i}.a.example`, 1), record] });
    query.connection.send(message);
    written++;
    if (!query.connection.socket.writableNeedDrain) continue;
    const drained = new Promise((resolve) => query.connection.socket.once('drain', () => resolve(true)));
    if (!isStuck) isStuck = (await Promise.race([drained, pause(200, false)])) === false;
    if (isStuck) break;
  }
  assert.ok(isStuck, 'the server was never held back');
  const heldAt = sink.messages.length;
  await pause(50);
  assert.equal(sink.messages.length, heldAt);
  assert.ok(heldAt < written);

  sink.handle?.resume();
  for (let i = written; i < written + 20; i++) query.connection.send(part(query, i));
  await sink.until(written + 20);

  assert.deepEqual(
    namesIn(sink),
    Array.from({ length: written + 20 }, (_, i) => `host-${i}`),
  );
});

test('while a transfer is held back, nobody on its connection is thought to stall', async () => {
  const { peer, soa, transfer } = await world({ connections: 1, stallTimeoutMs: 100 });
  const sink = transfer('a.example', () => 'pause');
  const query = await peer.next();
  query.connection.send(part(query, 0));
  await sink.until(1);
  const asked = soa('b.example', 100);
  (await peer.next()).answer();

  await pause(300);
  sink.verdict = () => 'more';
  sink.handle?.resume();

  await asked;
  assert.equal(await Promise.race([sink.error.promise, pause(50, 'goes on')]), 'goes on');
});

test('a transfer that is given up closes its connection, as more may come', async () => {
  const { peer, transfer, soa } = await world();
  const sink = transfer('a.example');
  const query = await peer.next();
  query.connection.send(part(query, 0));
  await sink.until(1);

  sink.handle?.abort();

  await within(query.connection.closed, 2_000, 'closed');
  const asked = soa('b.example');
  (await peer.next()).answer();
  await asked;
  assert.equal(peer.connections.length, 2);
});

test('given up among others: what has begun ends in peace, what has not is asked elsewhere, then it is closed', async () => {
  const { peer, transfer } = await world();
  const sinks = ['bad.example', 'begun.example', 'waiting.example'].map((zone) => transfer(zone));
  const queries = [await peer.next(), await peer.next(), await peer.next()];
  const [bad, begun] = queries as [PeerQuery, PeerQuery, PeerQuery];
  const { connection } = bad;
  connection.send(part(bad, 0), part(begun, 0));
  await Promise.all([sinks[0]?.until(1), sinks[1]?.until(1)]);

  sinks[0]?.handle?.abort();
  const moved = await peer.next();
  connection.send(...Array.from({ length: 200 }, (_, i) => part(bad, i)));
  connection.send(part(begun, 1));
  await sinks[1]?.until(2);
  assert.equal(sinks[0]?.messages.length, 1);
  assert.equal(await Promise.race([connection.closed, pause(30, 'open')]), 'open');
  sinks[1]?.handle?.done();

  await within(connection.closed, 2_000, 'closed');
  assert.deepEqual([moved.zone, moved.connection.number], ['waiting.example', 1]);
  moved.connection.send(part(moved, 0));
  await sinks[2]?.until(1);
  assert.deepEqual(namesIn(sinks[1] as LinkSink), ['host-0', 'host-1']);
});

test('a sink that says abort is asked no more', async () => {
  const { peer, transfer } = await world();
  const sink = transfer('a.example', (_message, count) => (count === 2 ? 'abort' : 'more'));
  const query = await peer.next();

  query.connection.send(...Array.from({ length: 5 }, (_, i) => part(query, i)));

  await within(query.connection.closed, 2_000, 'closed');
  assert.equal(sink.messages.length, 2);
});

test('after a refused IXFR the AXFR goes over the same connection, ahead of all that waits', async () => {
  const { peer, links, transfer } = await world({ concurrentTransfers: 1 });
  const ixfr = transfer('a.example', () => 'done');
  const query = await peer.next();
  const others = [transfer('x.example', () => 'done'), transfer('y.example', () => 'done')];
  let axfr: LinkSink | undefined;
  ixfr.verdict = () => {
    ixfr.handle?.done();
    axfr = transfer('a.example', () => 'done', { after: ixfr.handle });
    return 'done';
  };

  query.answer({ rcode: 4, question: { name: query.zone, type: query.type } });
  const next: PeerQuery[] = [];
  for (let i = 0; i < 3; i++) {
    const each = await peer.next();
    each.answer({ answers: [soaRecord(each.zone, 1)] });
    next.push(each);
  }

  assert.deepEqual(
    next.map(({ zone, connection }) => [zone, connection.number]),
    [
      ['x.example', 0], // took the turn before the answer was looked at
      ['a.example', 0],
      ['y.example', 0],
    ],
  );
  await axfr?.until(1);
  await Promise.all(others.map((sink) => sink.until(1)));
  assert.equal(links.counters.connections, 1);
});

test('so many transfers run at a time, and a NOTIFY goes to the head of the line', async () => {
  const { peer, transfer } = await world({ concurrentTransfers: 2 });
  const zones: string[] = [];
  let running = 0;
  let most = 0;
  peer.onQuery = (query) => {
    zones.push(query.zone);
    most = Math.max(most, ++running);
    setTimeout(() => {
      running--;
      query.answer({ answers: [soaRecord(query.zone, 1)] });
    }, 10);
  };
  const polling = Array.from({ length: 10 }, (_, i) => transfer(`polling-${i}.example`, () => 'done'));
  const urgent = transfer('urgent.example', () => 'done', { isUrgent: true });

  await Promise.all([...polling, urgent].map((sink) => sink.until(1)));

  assert.equal(most, 2);
  assert.ok(zones.indexOf('urgent.example') <= 2, zones.join());
});

test('a server at its limit of transfers is asked again for what it refused, when fewer run', async () => {
  const { peer, links, transfer } = await world();
  let running = 0;
  let refused = 0;
  peer.onQuery = (query) => {
    if (running === 3) {
      refused++;
      query.answer({ rcode: 2, question: { name: query.zone, type: query.type } });
      return;
    }
    running++;
    setTimeout(() => {
      query.answer({ answers: [soaRecord(query.zone, 1)] });
      // It counts for some time more.
      setTimeout(() => running--, 5);
    }, 20);
  };

  const sinks = Array.from({ length: 30 }, (_, i) => transfer(`zone-${i}.example`, () => 'done'));
  await Promise.all(sinks.map((sink) => sink.until(1)));

  for (const { messages } of sinks) assert.deepEqual([messages.length, (messages[0]?.[3] as number) & 0xf], [1, 0]);
  assert.ok(refused >= 7 && refused <= 60, `${refused} were refused`);
  assert.equal(links.counters.retries, refused);
});

test('SERVFAIL is passed on at once where no other transfer runs, and in a second where one has just ended', async () => {
  const { peer, transfer } = await world();
  peer.onQuery = (query) => {
    const isGood = query.zone === 'good.example';
    const question = { name: query.zone, type: query.type };
    query.answer(isGood ? { question, answers: [soaRecord(query.zone, 1)] } : { question, rcode: 2 });
  };
  const alone = transfer('alone.example', () => 'done');
  await alone.until(1);
  await transfer('good.example', () => 'done').until(1);
  const later = transfer('later.example', () => 'done');
  await later.until(1);

  assert.deepEqual(
    [alone, later].map(({ messages }) => messages.map((message) => (message[3] as number) & 0xf)),
    [[2], [2]],
  );
  assert.equal(alone.ids.length, 1);
  assert.ok(later.ids.length >= 5 && later.ids.length <= 12, `asked ${later.ids.length} times`);
});

test('a transfer waits in line for a turn, and may be given up there', async () => {
  const { peer, transfer } = await world({ concurrentTransfers: 1 });
  const first = transfer('a.example', () => 'done');
  const query = await peer.next();
  const second = transfer('b.example', () => 'done');
  const third = transfer('c.example', () => 'done');

  second.handle?.abort();
  query.answer({ answers: [soaRecord('a.example', 1)] });
  await first.until(1);
  const next = await peer.next();
  next.answer({ answers: [soaRecord('c.example', 1)] });

  await third.until(1);
  assert.deepEqual([next.zone, second.ids.length], ['c.example', 0]);
});

test('a transfer without progress fails, unless it is we who work on what has come', async () => {
  const { peer, transfer } = await world({ stallTimeoutMs: 120 });
  const [busy, idle] = [transfer('busy.example'), transfer('idle.example')];
  busy.busy = true;
  for (const query of [await peer.next(), await peer.next()]) query.connection.send(part(query, 0));

  const error = await idle.error.within(2_000, 'an end');

  assert.ok(
    isLinkError('ZG_PRIMARY_TIMEOUT', /no progress on the transfer for 0\.12 s, \d+ octets in/)(error),
    `${error}`,
  );
  busy.busy = false;
  const later = await busy.error.within(2_000, 'an end');
  assert.equal((later as { code?: string }).code, 'ZG_PRIMARY_TIMEOUT');
});

test('a transfer that is not whole in time fails, however steadily it goes on', async () => {
  const { peer, transfer } = await world({ transferTimeoutMs: 300 });
  const sink = transfer('a.example');
  const query = await peer.next();
  const timer = setInterval(() => query.connection.send(part(query, 0)), 20);
  ends.push(() => clearInterval(timer));

  const error = await sink.error.within(2_000, 'an end');

  assert.match(error.message, /the transfer is not whole after 0\.3 s/);
  assert.ok(sink.messages.length > 5);
});

test('a transfer behind another one on a server that sends one by one does not stall', async () => {
  const { peer, transfer } = await world({ stallTimeoutMs: 400 });
  const [first, second] = [transfer('a.example'), transfer('b.example', () => 'done')];
  const [a, b] = [await peer.next(), await peer.next()];
  for (let i = 0; i < 6; i++) {
    await pause(100);
    a.connection.send(part(a, i));
  }
  first.handle?.done();
  b.connection.send(part(b, 0));

  await second.until(1);
  assert.deepEqual(second.ids.length, 1);
});

test('a connection that closes in a transfer fails what has begun, and asks again what has not', async () => {
  const { peer, transfer } = await world();
  const [begun, waiting] = [transfer('a.example'), transfer('b.example')];
  const [a] = [await peer.next(), await peer.next()];
  a.connection.send(part(a, 0));
  await begun.until(1);

  a.connection.socket.end();
  const error = await begun.error.within(2_000, 'an end');
  const again = await peer.next();

  assert.match(error.message, /closed the connection after \d+ octets, before the end of the answer/);
  assert.deepEqual([again.zone, again.connection.number, waiting.ids.length], ['b.example', 1, 2]);
});

test('keepalive 0 in the first message of a transfer lets it end, and closes the connection then', async () => {
  const { peer, transfer } = await world();
  const sink = transfer('a.example');
  const query = await peer.next();
  const opt = optRecord(Buffer.from([0, 11, 0, 2, 0, 0]));
  query.answer({ answers: [soaRecord('a.example', 1)], additionals: [opt] });
  query.connection.send(part(query, 1), part(query, 2));
  await sink.until(3);
  transfer('b.example');
  const other = await peer.next();

  sink.handle?.done();

  await within(query.connection.closed, 2_000, 'closed');
  assert.equal(other.connection.number, 1);
});
