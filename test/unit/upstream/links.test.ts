/** Connections to primaries that answer late, out of order, twice, half or not at all. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerPrimary } from '../../../src/config/config.ts';
import type { QueryOptions } from '../../../src/upstream/links.ts';
import { within } from '../../support/deferred.ts';
import { isLinkError, type LinkWorld, type PeerQuery, startLinkWorld, testQuery } from '../../support/link-peer.ts';
import { addressRecord, encodeMessage, optRecord, soaRecord } from '../../support/transfer-messages.ts';

const ends: (() => unknown)[] = [];
after(() => Promise.all(ends.map((end) => end())));

interface World extends LinkWorld {
  /** A SOA query; the serial of the answer. */
  ask(zone: string, options?: Partial<QueryOptions>): Promise<number>;
}

async function world(settings: Partial<ServerPrimary> = {}): Promise<World> {
  const made = await startLinkWorld(settings);
  const { links, primary, address } = made;
  ends.push(made.stop);
  const ask = async (zone: string, options: Partial<QueryOptions> = {}): Promise<number> => {
    const answer = await links.query(primary, address, testQuery(zone), { timeoutMs: 5_000, ...options });
    return serialOf(Buffer.from(answer), zone);
  };
  return { ...made, ask };
}

/** Of the SOA record that `soaRecord` makes, behind a question. */
function serialOf(answer: Buffer, zone: string): number {
  const name = zone.length + 2;
  return answer.readUInt32BE(12 + name + 4 + name + 10 + (name + 4) + (name + 11));
}

const soaAnswer = ({ zone, type }: PeerQuery, serial: number) => ({
  question: { name: zone, type },
  answers: [soaRecord(zone, serial)],
});

const keepalive = (unitsOf100Ms: number): Buffer => optRecord(Buffer.from([0, 11, 0, 2, 0, unitsOf100Ms]));

test('answers that come in another order go to those who asked', async () => {
  const { peer, ask } = await world();
  const asked = ['a.example', 'b.example', 'c.example'].map((zone) => ask(zone));
  const queries = [await peer.next(), await peer.next(), await peer.next()];

  for (const [i, query] of queries.reverse().entries()) query.answer(soaAnswer(query, 100 + i));

  const serials = Object.fromEntries(queries.map(({ zone }, i) => [zone, 100 + i]));
  assert.deepEqual(
    await Promise.all(asked),
    ['a.example', 'b.example', 'c.example'].map((zone) => serials[zone]),
  );
  assert.equal(peer.connections.length, 1);
});

test('a thousand queries share one connection, sixteen at a time, none with an id that is under way', async () => {
  const { peer, ask } = await world();
  const open = new Set<number>();
  let most = 0;
  peer.onQuery = (query) => {
    assert.ok(!open.has(query.id));
    open.add(query.id);
    most = Math.max(most, open.size);
    setTimeout(() => {
      open.delete(query.id);
      query.answer();
    }, 1);
  };

  await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(`zone-${i}.example`)));

  assert.equal(peer.connections.length, 1);
  assert.equal(most, 16);
});

test('queries that are all under way have ids that differ', async () => {
  const { peer, ask } = await world({ pipeline: 1000 });
  const ids: number[] = [];
  peer.onQuery = (query) => {
    ids.push(query.id);
    if (ids.length === 1000) for (const each of query.connection.queries) each.answer();
  };

  await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(`zone-${i}.example`)));

  assert.equal(new Set(ids).size, 1000);
});

test('an answer that comes twice, one with an unknown id and one to another question are ignored and counted', async () => {
  const { peer, links, ask } = await world();
  const first = ask('a.example');
  const one = await peer.next();
  one.answer(soaAnswer(one, 1));
  assert.equal(await first, 1);

  const second = ask('b.example');
  const other = await peer.next();
  one.answer(soaAnswer(one, 2));
  other.connection.send(encodeMessage({ id: other.id ^ 1, ...soaAnswer(other, 3) }));
  other.connection.send(encodeMessage({ id: other.id, flags: 0, ...soaAnswer(other, 4) }));
  other.connection.send(Buffer.from([1]), Buffer.alloc(0));
  other.answer({ ...soaAnswer(other, 5), question: { name: 'c.example', type: 6 } });
  other.answer(soaAnswer({ ...other, zone: 'B.Example' }, 6));

  assert.equal(await second, 6);
  assert.equal(links.counters.unmatched, 6);
  assert.equal(peer.connections.length, 1);
});

test('a flood of messages that answer nothing closes the connection', async () => {
  const { peer, ask } = await world();
  const asked = ask('a.example');
  const query = await peer.next();

  const flood = Array.from({ length: 101 }, (_, i) => encodeMessage({ id: query.id ^ (i + 1) }));
  query.connection.send(...flood);

  await assert.rejects(asked, isLinkError('ZG_PRIMARY_CLOSED', /more than 100 messages that answer no query/));
  await within(query.connection.closed, 2_000, 'closed');
  peer.onQuery = (next) => next.answer();
  assert.equal(await ask('a.example'), 1);
});

for (const size of [1, 7, 1_000, 40_000]) {
  test(`messages up to 65,535 octets come whole in pieces of ${size} octets`, async () => {
    const { peer, links, primary } = await world();
    peer.onQuery = (query) => {
      const pad = (length: number): Buffer => {
        const records = [soaRecord(query.zone, 1)];
        const without = encodeMessage({ id: query.id, question: { name: query.zone, type: 6 }, answers: records });
        const rdata = Buffer.alloc(length - without.length - 11, query.id & 0xff);
        return encodeMessage({
          id: query.id,
          question: { name: query.zone, type: 6 },
          answers: [...records, { owner: '', type: 65_280, rdata }],
        });
      };
      const message = pad(query.zone === 'large.example' ? (size === 1 ? 5_000 : 65_535) : 300);
      const prefixed = Buffer.concat([Buffer.of(message.length >>> 8, message.length & 0xff), message]);
      query.connection.socket.setNoDelay(true);
      void inPieces(query, prefixed, size);
    };
    const zones = ['small.example', 'large.example', 'other.example'];

    const answers: Uint8Array[] = [];
    for (const zone of zones) {
      const address = primary.addresses[0] as { host: string; port: number };
      answers.push(await links.query(primary, address, testQuery(zone), { timeoutMs: 5_000 }));
    }

    const lengths = answers.map(({ length }) => length);
    assert.deepEqual(lengths, [300, size === 1 ? 5_000 : 65_535, 300]);
    for (const answer of answers) assert.ok(answer.subarray(150).every((octet) => octet === answer[1]));
  });
}

async function inPieces({ connection }: PeerQuery, octets: Buffer, size: number): Promise<void> {
  for (let at = 0; at < octets.length; at += size) {
    await new Promise((resolve) => connection.socket.write(octets.subarray(at, at + size), resolve));
    if (size > 7) await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a connection that closes in the middle of a message fails what it began, and a fresh one is asked no second time', async () => {
  const { peer, ask } = await world();
  const asked = ask('a.example');
  const query = await peer.next();

  query.connection.socket.end(Buffer.from([0, 200, query.id >>> 8, query.id & 0xff, 0x84]));

  await assert.rejects(asked, isLinkError('ZG_PRIMARY_CLOSED', /the server closed the connection/));
  assert.equal(peer.connections.length, 1);
});

test('what a closed connection left unanswered is asked once more on a fresh one, where the old one was in use', async () => {
  const { peer, links, ask } = await world();
  const first = ask('a.example');
  (await peer.next()).answer();
  await first;

  const asked = [ask('b.example'), ask('c.example')];
  const [b] = [await peer.next(), await peer.next()];
  b.connection.socket.end();
  const again = [await peer.next(), await peer.next()];

  assert.deepEqual(
    again.map(({ zone, connection }) => [zone, connection.number]),
    [
      ['b.example', 1],
      ['c.example', 1],
    ],
  );
  for (const query of again) query.connection.socket.end();
  for (const each of asked) await assert.rejects(each, isLinkError('ZG_PRIMARY_CLOSED', /closed the connection/));
  assert.equal(peer.connections.length, 2);
  assert.equal(links.counters.retries, 2);
});

test('a server that closes after every answer is asked for the rest as often as it takes', async () => {
  const { peer, ask } = await world();
  peer.onQuery = (query) => {
    if (query.connection.queries.length > 1) return;
    query.answer();
    query.connection.socket.end();
  };

  const serials = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(`zone-${i}.example`)));

  assert.deepEqual(serials, Array(12).fill(1));
});

test('a server that says nothing is given up after the timeout; a connection in use that fell silent is tried anew', async () => {
  const { peer, ask } = await world();
  await assert.rejects(
    ask('a.example', { timeoutMs: 100 }),
    isLinkError('ZG_PRIMARY_TIMEOUT', /127\.0\.0\.1:\d+: no answer in 0\.1 s$/),
  );
  peer.onQuery = (query) => {
    if (query.connection.number !== 1 || query.connection.queries.length === 1) query.answer();
  };
  await ask('b.example', { timeoutMs: 100 });
  assert.equal(peer.connections.length, 2);

  assert.equal(await ask('c.example', { timeoutMs: 100 }), 1);

  assert.equal(peer.connections.length, 3);
});

test('one query without an answer among others with one takes nobody with it', async () => {
  const { peer, ask } = await world();
  peer.onQuery = (query) => {
    if (query.zone !== 'lost.example') query.answer();
  };
  const lost = ask('lost.example', { timeoutMs: 150 });
  const ticks = Array.from({ length: 8 }, (_, i) => pause(i * 30).then(() => ask(`zone-${i}.example`)));

  await assert.rejects(lost, isLinkError('ZG_PRIMARY_TIMEOUT', /no answer in 0\.15 s/));
  await Promise.all(ticks);

  assert.equal(peer.connections.length, 1);
});

test('keepalive 0: nothing more is asked there, what is under way is answered, and then the connection is closed', async () => {
  const { peer, ask } = await world();
  const [one, two] = [ask('a.example'), ask('b.example')];
  const [a, b] = [await peer.next(), await peer.next()];
  a.answer({ ...soaAnswer(a, 1), additionals: [keepalive(0)] });
  assert.equal(await one, 1);

  const three = ask('c.example');
  const c = await peer.next();
  assert.equal(c.connection.number, 1);
  b.answer(soaAnswer(b, 2));
  c.answer(soaAnswer(c, 3));

  assert.deepEqual(await Promise.all([two, three]), [2, 3]);
  await within(a.connection.closed, 2_000, 'closed');
  assert.equal(await Promise.race([c.connection.closed, pause(50, 'open')]), 'open');
});

test('a keepalive that is short closes the idle connection before the server would', async () => {
  const { peer, ask } = await world();
  const asked = ask('a.example');
  const query = await peer.next();
  query.answer({ ...soaAnswer(query, 1), additionals: [keepalive(10)] });
  await asked;
  const startedAt = performance.now();

  await within(query.connection.closed, 2_000, 'closed');

  const took = performance.now() - startedAt;
  assert.ok(took > 800 && took < 1_000, `closed after ${took} ms`);
});

test('a keepalive that is long does not keep a connection beyond connection-idle', async () => {
  const { peer, ask } = await world({ connectionIdleMs: 150 });
  const asked = ask('a.example');
  const query = await peer.next();
  query.answer({ ...soaAnswer(query, 1), additionals: [keepalive(200)] });
  await asked;
  await pause(100);
  const more = ask('b.example');
  (await peer.next()).answer();
  await more;
  const startedAt = performance.now();

  await within(query.connection.closed, 2_000, 'closed');

  assert.ok(performance.now() - startedAt > 120);
  assert.equal(peer.connections.length, 1);
});

test('what stands behind records and in front of TSIG is found: an OPT anywhere among the additional records', async () => {
  const { peer, ask } = await world();
  const asked = ask('a.example');
  const query = await peer.next();
  const record = encodeMessage({ answers: [addressRecord('ns.example', 1)] }).subarray(12);
  query.answer({ ...soaAnswer(query, 1), additionals: [record, keepalive(0), record] });
  await asked;

  await within(query.connection.closed, 2_000, 'closed');
});

test('queries-per-second holds for all that is sent, and what a NOTIFY brings goes ahead', async () => {
  const { peer, ask } = await world({ queriesPerSecond: 40 });
  const zones: string[] = [];
  peer.onQuery = (query) => {
    zones.push(query.zone);
    query.answer();
  };
  const startedAt = performance.now();
  const polling = Array.from({ length: 60 }, (_, i) => ask(`polling-${i}.example`));
  const urgent = ask('urgent.example', { isUrgent: true });

  await urgent;
  const ahead = zones.length;
  await Promise.all(polling);

  const took = performance.now() - startedAt;
  assert.ok(took > 450 && took < 1_500, `61 queries, 40 of them at once, took ${took} ms`);
  assert.ok(ahead <= 45, `${ahead} queries went before the urgent one`);
  assert.deepEqual(
    zones.filter((zone) => zone !== 'urgent.example'),
    Array.from({ length: 60 }, (_, i) => `polling-${i}.example`),
  );
});

test('settings that change what a connection is close it; limits that change do not', async () => {
  const { peer, ask, configure } = await world();
  const first = ask('a.example');
  (await peer.next()).answer();
  await first;

  configure({ pipeline: 3, queriesPerSecond: 500 });
  const second = ask('b.example');
  const query = await peer.next();
  assert.equal(query.connection.number, 0);
  configure({ sourceAddress: '127.0.0.1' });

  await assert.rejects(second, isLinkError('ZG_PRIMARY_CLOSED', /its settings changed/));
  await within(query.connection.closed, 2_000, 'closed');
  peer.onQuery = (next) => next.answer();
  assert.equal(await ask('c.example'), 1);
  assert.equal(peer.connections.length, 2);
});

test('a primary that was removed, and one that is not there, end with a sentence', async () => {
  const { peer, links, ask } = await world();
  const waiting = ask('a.example');
  await peer.next();

  links.configure({ primaries: new Map(), certificates: new Map() });

  await assert.rejects(waiting, isLinkError('ZG_PRIMARY_CLOSED', /its settings changed/));
  await assert.rejects(ask('b.example'), isLinkError('ZG_PRIMARY_CLOSED', /not in the configuration/));
});

test('a server that cannot be reached fails at once all that waits for it', async () => {
  const { peer, ask } = await world();
  await peer.stop();

  const results = await Promise.allSettled(Array.from({ length: 500 }, (_, i) => ask(`zone-${i}.example`)));

  for (const result of results) {
    assert.ok(result.status === 'rejected');
    assert.match(String(result.reason), /127\.0\.0\.1:\d+: connection refused/);
  }
});

test('source-address is where connections come from', async () => {
  const { peer, ask } = await world({ sourceAddress: '127.0.0.77' });
  peer.onQuery = (query) => query.answer();

  await ask('a.example');

  assert.equal(peer.connections[0]?.socket.remoteAddress, '127.0.0.77');
});
