/** Who a server must be before anything is sent to it, and the sentence for each way in which it is not. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, test } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { ZonegateError } from '../../../src/base/errors.ts';
import { createCertificate, spkiPin } from '../../../src/net/certificates.ts';
import { type ClientTls, type Connected, connectDns, type TlsSession } from '../../../src/net/dns-connect.ts';

const now = new Date();
const ca = createCertificate({ kind: 'ca', names: ['CA'], days: 2, now });
const otherCa = createCertificate({ kind: 'ca', names: ['other CA'], days: 2, now });
const issue = (kind: 'server' | 'client', name: string) =>
  createCertificate({ kind, names: [name], days: 1, issuer: ca, now });
const server = issue('server', 'ns1.example');
const alone = createCertificate({ kind: 'server', names: ['alone.example'], days: 1, now });
const client = issue('client', 'sec1.example');

const SERVER: TlsOptions = { cert: server.certPem, key: server.keyPem, ALPNProtocols: ['dot'], minVersion: 'TLSv1.3' };
const BY_NAME: ClientTls = { name: 'ns1.example', ca: ca.certPem, pins: [], alpn: true, isAlpnRequired: true };
const pinOnly = (pem: string): ClientTls => ({ pins: [spkiPin(pem)], alpn: true, isAlpnRequired: true });

const ends: (() => unknown)[] = [];
after(() => Promise.all(ends.map((end) => end())));

async function listen(listener: Server): Promise<number> {
  listener.on('connection', (socket) => ends.push(() => socket.destroy()));
  listener.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  ends.push(() => listener.close());
  return (listener.address() as { port: number }).port;
}

const startTls = (options: TlsOptions): Promise<number> =>
  listen(createTlsServer(options, (socket) => socket.on('error', () => undefined)));

async function connect(port: number, tls: ClientTls, timeoutMs = 3_000): Promise<Connected> {
  const connected = await connectDns({ host: '127.0.0.1', port, tls, timeoutMs });
  ends.push(() => connected.socket.destroy());
  return connected;
}

const isError =
  (code: string, reason: string, text: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ZonegateError, String(error));
    assert.deepEqual([error.code, error.fields['reason']], [code, reason], error.message);
    assert.match(error.message, text);
    return true;
  };

test('a server is taken by its name, by its pin, and by both', async () => {
  const port = await startTls(SERVER);

  const byName = await connect(port, BY_NAME);
  const byPin = await connect(port, pinOnly(server.certPem));
  const byBoth = await connect(port, { ...BY_NAME, pins: [spkiPin(alone.certPem), spkiPin(server.certPem)] });

  assert.deepEqual(
    [byName, byPin, byBoth].map(({ tls }) => [tls?.verified, tls?.alpn, tls?.version]),
    [
      ['name', 'dot', 'TLSv1.3'],
      ['pin', 'dot', 'TLSv1.3'],
      ['name and pin', 'dot', 'TLSv1.3'],
    ],
  );
});

test('a pin alone lets in a certificate that nobody issued', async () => {
  const port = await startTls({ ...SERVER, cert: alone.certPem, key: alone.keyPem });

  const { tls } = await connect(port, pinOnly(alone.certPem));

  assert.equal(tls?.verified, 'pin');
});

const DISTRUSTED: readonly [string, TlsOptions, ClientTls, string, RegExp][] = [
  [
    'another name',
    SERVER,
    { ...BY_NAME, name: 'ns2.example' },
    'name-mismatch',
    /^127\.0\.0\.1:\d+ shows a certificate for ns1\.example; expected ns2\.example$/,
  ],
  [
    'the right name and another key than the pin says',
    SERVER,
    { ...BY_NAME, pins: [spkiPin(alone.certPem)] },
    'pin-mismatch',
    /shows a key with the pin \S+; expected \S+$/,
  ],
  [
    'the right pin and another name',
    SERVER,
    { ...BY_NAME, name: 'ns2.example', pins: [spkiPin(server.certPem)] },
    'name-mismatch',
    /expected ns2\.example/,
  ],
  [
    'the right name from another authority',
    SERVER,
    { ...BY_NAME, ca: otherCa.certPem },
    'unknown-authority',
    /shows a certificate that is not trusted: .*\(issuer: CN=CA\)/,
  ],
  [
    'a certificate for clients',
    { ...SERVER, cert: client.certPem, key: client.keyPem },
    { ...BY_NAME, name: 'sec1.example' },
    'unknown-authority',
    /not trusted: INVALID_PURPOSE/,
  ],
];

for (const [what, options, tls, reason, text] of DISTRUSTED) {
  test(`a server with ${what} is not taken`, async () => {
    const port = await startTls(options);

    await assert.rejects(connect(port, tls), isError('ZG_CERTIFICATE_INVALID', reason, text));
  });
}

test('a server that chooses no ALPN protocol is taken only where that is optional', async () => {
  const { ALPNProtocols: _none, ...without } = SERVER;
  const port = await startTls(without);

  const { tls } = await connect(port, { ...BY_NAME, isAlpnRequired: false });

  assert.equal(tls?.alpn, undefined);
  await assert.rejects(
    connect(port, BY_NAME),
    isError('ZG_PRIMARY_CLOSED', 'no-alpn', /the server chose no ALPN protocol; expected `dot`/),
  );
});

test('a server that has other ALPN protocols alone, and one below TLS 1.3, say so', async () => {
  const web = await startTls({ ...SERVER, ALPNProtocols: ['h2'] });
  const old = await startTls({ ...SERVER, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });

  await assert.rejects(connect(web, BY_NAME), /the server does not accept ALPN `dot`/);
  await assert.rejects(connect(old, BY_NAME), /the server does not speak TLS 1\.3/);
});

test('a handshake that never ends is told from a connection that never comes', async () => {
  const port = await listen(createServer((socket) => socket.on('error', () => undefined)));

  await assert.rejects(
    connect(port, BY_NAME, 100),
    isError('ZG_PRIMARY_TIMEOUT', 'timeout', /timeout, no TLS handshake in 0\.1 s/),
  );
});

test('a server that asks for a client certificate gets it; without one its alert becomes a sentence elsewhere', async () => {
  const seen: string[] = [];
  const listener = createTlsServer({ ...SERVER, requestCert: true, ca: ca.certPem }, (socket) => {
    seen.push(String(socket.getPeerCertificate().subject?.CN));
    socket.on('error', () => undefined);
  });
  const secured = new Promise((resolve) => listener.once('secureConnection', resolve));
  const port = await listen(listener);

  await connect(port, { ...BY_NAME, certificate: client });
  await secured;

  assert.deepEqual(seen, ['sec1.example']);
});

test('a session that is resumed is checked as if its certificate were shown now', async () => {
  const port = await startTls(SERVER);
  const sessions: TlsSession[] = [];
  const target = { host: '127.0.0.1', port, tls: BY_NAME, timeoutMs: 3_000 };
  const came = new Promise<void>((resolve) => {
    void connectDns(target, {
      onSession: (session) => {
        sessions.push(session);
        resolve();
      },
      onread: { buffer: new Uint8Array(1024), callback: () => true },
    }).then(({ socket }) => ends.push(() => socket.destroy()));
  });
  await came;
  const again = (tls: ClientTls): Promise<Connected> =>
    connectDns({ ...target, tls }, { session: sessions[0] }).then((connected) => {
      ends.push(() => connected.socket.destroy());
      return connected;
    });

  const resumed = await again(BY_NAME);

  assert.equal(resumed.tls?.isResumed, true);
  assert.equal(resumed.tls?.verified, 'name');
  assert.equal(resumed.tls?.pin, spkiPin(server.certPem));
  await assert.rejects(
    again({ ...BY_NAME, name: 'ns2.example' }),
    isError('ZG_CERTIFICATE_INVALID', 'name-mismatch', /expected ns2/),
  );
  await assert.rejects(
    again({ ...BY_NAME, pins: [spkiPin(alone.certPem)] }),
    isError('ZG_CERTIFICATE_INVALID', 'pin-mismatch', /pin/),
  );
});
