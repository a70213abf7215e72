/** Links over TLS: what a primary must prove, and which sessions are resumed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { ZonegateError } from '../../../src/base/errors.ts';
import type { PrimaryTls, ServerPrimary } from '../../../src/config/config.ts';
import { createCertificate, spkiPin } from '../../../src/net/certificates.ts';
import { PrimaryLinks } from '../../../src/upstream/links.ts';
import { within } from '../../support/deferred.ts';
import { isLinkError, type LinkPeer, primaryAt, startLinkPeer, testQuery } from '../../support/link-peer.ts';

const folder = mkdtempSync(join(tmpdir(), 'zonegate-link-'));
const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
after(() => Promise.all(ends.map((end) => end())));

const now = new Date();
const ca = createCertificate({ kind: 'ca', names: ['CA'], days: 2, now });
const server = createCertificate({ kind: 'server', names: ['ns1.example'], days: 1, issuer: ca, now });
const client = createCertificate({ kind: 'client', names: ['sec1.example'], days: 1, issuer: ca, now });
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const caFile = file('ca.pem', ca.certPem);
const ours = {
  certFile: file('client.pem', client.certPem),
  keyFile: file('client.key', client.keyPem),
  clientCaFile: undefined,
};

const BY_NAME: PrimaryTls = {
  name: 'ns1.example',
  caFile,
  pins: [],
  certificate: undefined,
  alpn: 'required',
  resumption: true,
};

interface World {
  readonly peer: LinkPeer;
  readonly links: PrimaryLinks;
  configure(settings: Partial<ServerPrimary>): void;
  ask(): Promise<unknown>;
  /** Waits for the present connections to be closed; by our idle time. */
  idle(): Promise<void>;
  resumed(): boolean[];
}

async function world(tls: Partial<PrimaryTls> = {}, options = {}): Promise<World> {
  const peer = await startLinkPeer({
    cert: server.certPem,
    key: server.keyPem,
    ALPNProtocols: ['dot'],
    minVersion: 'TLSv1.3',
    ...options,
  });
  const resumed: boolean[] = [];
  peer.onQuery = (query) => {
    // A socket that is closed has forgotten it.
    resumed[query.connection.number] ??= (query.connection.socket as TLSSocket).isSessionReused();
    query.answer();
  };
  const links = new PrimaryLinks();
  ends.push(
    () => links.close(),
    () => peer.stop(),
  );
  const primary = primaryAt(peer.port, { tls: { ...BY_NAME, ...tls }, connectionIdleMs: 60 });
  const configure = (settings: Partial<ServerPrimary>): void => {
    const changed = { ...primary, ...settings };
    links.configure({ primaries: new Map([['peer', changed]]), certificates: new Map([['ours', ours]]) });
  };
  configure({});
  const address = { host: '127.0.0.1', port: peer.port };
  return {
    peer,
    links,
    configure,
    ask: () => links.query(primary, address, testQuery('a.example'), { timeoutMs: 2_000 }),
    idle: async () => {
      await within(Promise.all(peer.connections.map(({ closed }) => closed)), 2_000, 'closed');
      await pause(5);
    },
    resumed: () => resumed,
  };
}

test('a later connection to the same address resumes a session of an earlier one', async () => {
  const { links, ask, idle, resumed } = await world();

  for (let i = 0; i < 6; i++) {
    await ask();
    await idle();
  }

  assert.deepEqual(resumed(), [false, true, true, true, true, true]);
  assert.deepEqual([links.counters.connections, links.counters.resumed], [6, 5]);
});

test('with `resumption: false` none is', async () => {
  const { ask, idle, resumed } = await world({ resumption: false });

  await ask();
  await idle();
  await ask();

  assert.deepEqual(resumed(), [false, false]);
});

const CHANGES: readonly [string, Partial<PrimaryTls>][] = [
  ['other pins', { pins: [spkiPin(server.certPem)] }],
  ['a certificate of ours', { certificate: 'ours' }],
  ['ALPN that is optional', { alpn: 'optional' }],
];

for (const [what, change] of CHANGES) {
  test(`no session outlives its settings: ${what}`, async () => {
    const { ask, idle, configure, resumed } = await world();
    await ask();
    await idle();

    configure({ tls: { ...BY_NAME, ...change } });
    await ask();
    await idle();
    await ask();

    assert.deepEqual(resumed(), [false, false, true]);
  });
}

test('authorities that change in their file close the connection on reload, and what they issued is not trusted', async () => {
  const own = file('own-ca.pem', ca.certPem);
  const { peer, ask, configure } = await world({ caFile: own });
  await ask();

  file('own-ca.pem', createCertificate({ kind: 'ca', names: ['other'], days: 1, now }).certPem);
  configure({ tls: { ...BY_NAME, caFile: own } });

  await within(peer.connections[0]?.closed ?? Promise.reject(new Error('none')), 2_000, 'closed');
  await assert.rejects(ask(), isLinkError('ZG_CERTIFICATE_INVALID', /not trusted/));
});

test('a file that cannot be read leaves everything as it was', async () => {
  const { peer, ask, configure } = await world();
  await ask();

  assert.throws(
    () => configure({ tls: { ...BY_NAME, caFile: join(folder, 'missing.pem') } }),
    (error) => error instanceof ZonegateError && error.code === 'ZG_CONFIG_UNREADABLE',
  );

  await ask();
  assert.equal(peer.connections.length, 1);
});

test('a server that wants a client certificate gets ours; without one its refusal is told', async () => {
  const mutual = { requestCert: true, rejectUnauthorized: true, ca: ca.certPem };
  const good = await world({ certificate: 'ours' }, mutual);
  const bare = await world({}, mutual);

  await good.ask();

  const shown = good.peer.connections.map(({ socket }) => (socket as TLSSocket).getPeerCertificate().subject.CN);
  assert.deepEqual(shown, ['sec1.example']);
  await assert.rejects(
    bare.ask(),
    isLinkError('ZG_PRIMARY_CLOSED', /wants a client certificate|closed the connection/),
  );
});

test('nothing is sent to a server that is not the right one', async () => {
  const { peer, ask } = await world({ name: 'ns2.example' });

  const results = await Promise.allSettled([ask(), ask(), ask()]);

  for (const result of results) {
    assert.ok(result.status === 'rejected');
    assert.match(String(result.reason), /shows a certificate for ns1\.example; expected ns2\.example/);
  }
  assert.deepEqual(
    peer.connections.map(({ queries }) => queries.length),
    peer.connections.map(() => 0),
  );
});

test('each query is a TLS record of its own, as NSD 4.6 reads no second one out of a record', async () => {
  const { peer, ask } = await world();
  await ask();
  const sizes: number[] = [];
  peer.connections[0]?.socket.on('data', (data: Buffer) => sizes.push(data.length));

  await Promise.all(Array.from({ length: 12 }, ask));

  const query = 2 + testQuery('a.example')(0).length;
  assert.deepEqual(sizes, Array(12).fill(query));
});
