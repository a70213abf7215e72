/** Certificates and sessions over reloads: openssl s_client and Node against the whole service, with two fronts. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createCertificate, type PemPair } from '../../src/net/certificates.ts';
import { runProgram } from '../support/dns-clients.ts';
import { framed, type ScriptedPrimary, startScriptedPrimary } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { encodeMessage, TYPE_NUMBERS } from '../support/transfer-messages.ts';

const ZONE = 'example.org';
const now = new Date();
const authority = (name: string): PemPair => createCertificate({ kind: 'ca', names: [name], days: 2, now });
const issued = (kind: 'server' | 'client', issuer: PemPair): PemPair =>
  createCertificate({ kind, names: ['localhost', 'sec1.example.net'], days: 2, now, issuer });
const CA = authority('clients');
const OTHER_CA = authority('others');
const CLIENT = issued('client', CA);
const listener = (more: object) => ({ address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main', ...more });

let primary: ScriptedPrimary;
let service: RunningService;
let config: Record<string, unknown>;
const ports = { optional: 0, required: 0 };

before(async () => {
  primary = await startScriptedPrimary(ZONE, 1);
  config = {
    threads: { front: 2, pool: 1 },
    listen: [listener({ 'client-certificate': 'optional' }), listener({ 'client-certificate': 'required' })],
    certificates: { main: { 'cert-file': 'tls/cert.pem', 'key-file': 'tls/key.pem', 'client-ca-file': 'ca.pem' } },
    primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
    zones: { [ZONE]: { primary: 'one' } },
    rules: [{ name: 'local', match: { source: '127.0.0.0/8' }, action: 'allow' }],
    limits: { 'first-message-timeout': '1s' },
  };
  service = await startService({ config, files: { 'ca.pem': CA.certPem } });
  const ready = await service.event('ready');
  const listen = ready['listen'] as { port: number }[];
  ports.optional = listen[0]?.port ?? 0;
  ports.required = listen[1]?.port ?? 0;
  await service.event('zone-updated');
});

after(async () => {
  await service.stop();
  await primary.stop();
});

const write = (file: string, text: string): void => writeFileSync(join(service.dir, file), text);

beforeEach(async () => {
  write('ca.pem', CA.certPem);
  await service.reload(config);
});

const SOA = framed(encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.SOA } }));

interface Session {
  readonly how: 'full' | 'resumed' | 'ended';
  readonly ticket: Buffer | undefined;
  readonly fingerprint: string | undefined;
}

function talk(port: number, options: { session?: Buffer | undefined; client?: PemPair } = {}): Promise<Session> {
  return new Promise((resolve) => {
    const { session, client } = options;
    const socket = connectTls({
      socket: connect({ host: '127.0.0.1', port }),
      ALPNProtocols: ['dot'],
      rejectUnauthorized: false,
      ...(session && { session }),
      ...(client && { cert: client.certPem, key: client.keyPem }),
    });
    let ticket: Buffer | undefined;
    let fingerprint: string | undefined;
    socket.on('session', (given) => {
      ticket = given;
    });
    socket.on('error', () => undefined);
    socket.once('secureConnect', () => {
      fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
      socket.write(SOA);
    });
    socket.once('data', () => {
      resolve({ how: socket.isSessionReused() ? 'resumed' : 'full', ticket, fingerprint });
      socket.destroy();
    });
    socket.once('close', () => resolve({ how: 'ended', ticket, fingerprint }));
  });
}

const client = CLIENT;

test('openssl s_client resumes its session, at any front; not with session-tickets: false', async () => {
  const file = join(service.dir, 'session');
  const words = (...more: string[]): string[] => [
    ...['s_client', '-connect', `127.0.0.1:${ports.optional}`, '-tls1_3', '-alpn', 'dot', '-ign_eof'],
    ...more,
  ];
  // It ends when the service has closed the connection, as no query comes.
  const first = await runProgram('openssl', words('-sess_out', file));
  assert.match(first.stdout, /New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256/);
  assert.match((await runProgram('openssl', words('-sess_in', file))).stdout, /Reused, TLSv1.3/);

  await service.reload({ ...config, tls: { 'session-tickets': false, ciphers: ['TLS_AES_256_GCM_SHA384'] } });
  const without = await runProgram('openssl', words('-sess_out', file));
  assert.match(without.stdout, /Cipher is TLS_AES_256_GCM_SHA384/);
  assert.match((await runProgram('openssl', words('-sess_in', file))).stdout, /New, TLSv1.3/);
});

test('a new certificate is served after a reload, and a connection that is there goes on', async () => {
  const held: TLSSocket = connectTls({
    host: '127.0.0.1',
    port: ports.optional,
    ALPNProtocols: ['dot'],
    rejectUnauthorized: false,
  });
  held.on('error', () => undefined);
  await new Promise((resolve) => held.once('secureConnect', resolve));
  const before = await talk(ports.optional);

  const renewed = issued('server', OTHER_CA);
  write('tls/cert.pem', renewed.certPem);
  write('tls/key.pem', renewed.keyPem);
  assert.deepEqual((await service.reload(config))['certificates'], ['main']);

  const afterwards = await talk(ports.optional);
  assert.notEqual(afterwards.fingerprint, before.fingerprint);
  held.write(SOA);
  await new Promise((resolve) => held.once('data', resolve));
  held.destroy();
});

test('a certificate that cannot be used keeps the one before, and the event says so', async () => {
  const before = await talk(ports.optional);
  const good = issued('server', OTHER_CA);
  write('tls/cert.pem', `${good.certPem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`);
  write('tls/key.pem', good.keyPem);
  const half = await service.reload(config);
  assert.deepEqual(half['ok'], true);
  assert.equal((half['certificates-kept'] as { certificate: string }[])[0]?.certificate, 'main');
  assert.equal((await talk(ports.optional)).fingerprint, before.fingerprint);

  write('tls/key.pem', issued('server', CA).keyPem);
  const wrong = await service.reload(config);
  assert.equal(wrong['ok'], false, 'the key of another: the whole file is refused');
  assert.equal((await talk(ports.optional)).fingerprint, before.fingerprint);

  write('tls/cert.pem', good.certPem);
  write('tls/key.pem', good.keyPem);
});

test('a session of a client ends with the authority of its certificate', async () => {
  const first = await talk(ports.required, { client });
  assert.equal(first.how, 'full');
  assert.equal((await talk(ports.required, { client, session: first.ticket })).how, 'resumed');

  write('ca.pem', OTHER_CA.certPem);
  await service.reload(config);
  assert.equal((await talk(ports.required, { client, session: first.ticket })).how, 'ended');
  assert.equal((await talk(ports.required, { client: issued('client', OTHER_CA) })).how, 'full');
});

test('new rules for certificates end all sessions, other rules do not', async () => {
  const rules = config['rules'] as object[];
  const first = await talk(ports.optional, { client });

  await service.reload({
    ...config,
    rules: [...rules, { name: 'more', match: { source: '192.0.2.9' }, action: 'refuse' }],
  });
  const second = await talk(ports.optional, { client, session: first.ticket });
  assert.equal(second.how, 'resumed');

  const pinned = { name: 'pinned', match: { certificate: { names: ['sec2.example.net'] } }, action: 'refuse' };
  await service.reload({ ...config, rules: [...rules, pinned] });
  assert.equal((await talk(ports.optional, { client, session: second.ticket ?? first.ticket })).how, 'full');
});

test('a session that began without a certificate does not go on where one is required', async () => {
  const first = await talk(ports.optional);
  assert.equal((await talk(ports.optional, { session: first.ticket })).how, 'resumed');
  assert.equal((await talk(ports.required, { session: first.ticket })).how, 'ended');
});

test('keys of tickets are new each ticket-lifetime', async () => {
  await service.reload({ ...config, tls: { 'ticket-lifetime': '1s' } });
  const first = await talk(ports.optional);
  await new Promise((resolve) => setTimeout(resolve, 1_500));

  assert.equal((await talk(ports.optional, { session: first.ticket })).how, 'full');
});
