import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { ZonegateError } from '../../../src/base/errors.ts';
import {
  checkPair,
  createCertificate,
  inspectCertificate,
  isStillGood,
  type PemPair,
  spkiPin,
  splitPem,
} from '../../../src/net/certificates.ts';

const now = new Date();
const folder = mkdtempSync(join(tmpdir(), 'zonegate-certificates-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ca = createCertificate({ kind: 'ca', names: ['Example CA'], days: 3650, now });
const server = createCertificate({
  kind: 'server',
  names: ['primary.example.net', '*.example.org', '127.0.0.1', '2001:db8::53'],
  days: 90,
  issuer: ca,
  now,
});
const client = createCertificate({ kind: 'client', names: ['sec1.example.net'], days: 90, issuer: ca, now });

test('openssl verifies a server and a client certificate against their CA, strictly and by purpose', () => {
  const caFile = write('ca.pem', ca.certPem);
  for (const [pair, purpose] of [
    [server, 'sslserver'],
    [client, 'sslclient'],
  ] as const) {
    const file = write(`${purpose}.pem`, pair.certPem);

    const out = openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', caFile, file);

    assert.match(out, /: OK/);
  }
});

test('openssl refuses a client certificate as a server, and a certificate as an issuer', () => {
  const caFile = write('ca.pem', ca.certPem);
  const clientFile = write('client.pem', client.certPem);

  assert.throws(() => openssl('verify', '-purpose', 'sslserver', '-CAfile', caFile, clientFile));
  assert.throws(
    () => createCertificate({ kind: 'server', names: ['a.example'], days: 1, issuer: server, now }),
    (error) => error instanceof ZonegateError && /not a CA/.test(error.message),
  );
});

test('openssl reads names, usages, key identifiers, serial and dates as they were asked for', () => {
  const text = openssl('x509', '-noout', '-text', '-in', write('server.pem', server.certPem));

  assert.match(text, /Version: 3/);
  assert.match(text, /ASN1 OID: prime256v1/);
  assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/);
  assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
  assert.match(text, /Key Usage: critical\s+Digital Signature\n/);
  assert.match(text, /Extended Key Usage: \s+TLS Web Server Authentication\n/);
  assert.match(
    text,
    /DNS:primary\.example\.net, DNS:\*\.example\.org, IP Address:127\.0\.0\.1, IP Address:2001:DB8:0:0:0:0:0:53/,
  );
  const caText = openssl('x509', '-noout', '-text', '-in', write('ca.pem', ca.certPem));
  assert.match(caText, /Basic Constraints: critical\s+CA:TRUE/);
  assert.match(caText, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
  const subjectKeyId = /Subject Key Identifier: \s+([0-9A-F:]+)/.exec(caText)?.[1];
  assert.equal(/Authority Key Identifier: \s+(?:keyid:)?([0-9A-F:]+)/.exec(text)?.[1], subjectKeyId);
});

test('serials are 16 octets, positive and not repeated', () => {
  const serials = [ca, server, client].map(({ certPem }) => new X509Certificate(certPem).serialNumber);

  assert.ok(
    serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial)),
    serials.join(' '),
  );
  assert.equal(new Set(serials).size, serials.length);
});

test('a certificate that ends in 2050 or later has its year in four digits', () => {
  const late = createCertificate({ kind: 'ca', names: ['Late CA'], days: 366, now: new Date('2049-06-01T00:00:00Z') });

  const parsed = openssl('asn1parse', '-in', write('late.pem', late.certPem));

  assert.match(parsed, /UTCTIME\s+:490601000000Z/);
  assert.match(parsed, /GENERALIZEDTIME\s+:20500602000000Z/);
});

test('a certificate does not outlive its issuer', () => {
  const short = createCertificate({ kind: 'ca', names: ['Short CA'], days: 5, now });
  const long = createCertificate({ kind: 'server', names: ['a.example'], days: 90, issuer: short, now });

  assert.equal(inspectCertificate(long.certPem, now).daysLeft, inspectCertificate(short.certPem, now).daysLeft);
});

test('inspection tells what a certificate says', () => {
  const facts = inspectCertificate(server.certPem, now);

  assert.equal(facts.subject, 'CN=primary.example.net');
  assert.equal(facts.issuer, 'CN=Example CA');
  assert.deepEqual(facts.names, ['primary.example.net', '*.example.org', '127.0.0.1', '2001:db8::53']);
  assert.equal(facts.keyType, 'EC prime256v1');
  assert.deepEqual(facts.purposes, ['server']);
  assert.equal(facts.isCa, false);
  assert.equal(facts.isSelfSigned, false);
  assert.ok(facts.daysLeft >= 89 && facts.daysLeft <= 90);
  assert.equal(inspectCertificate(ca.certPem, now).isSelfSigned, true);
});

test('certificates of others are read too: RSA keys, and chains in one file', () => {
  const key = join(folder, 'rsa.key');
  const file = join(folder, 'rsa.pem');
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    file,
    '-days',
    '10',
    '-subj',
    '/O=Example/CN=rsa.example',
    '-addext',
    'subjectAltName=DNS:rsa.example',
  );
  const pem = openssl('x509', '-in', file);

  const facts = inspectCertificate(pem, now);

  assert.equal(facts.keyType, 'RSA 2048');
  assert.equal(facts.subject, 'O=Example, CN=rsa.example');
  assert.equal(facts.pin, opensslPin(file));
  assert.equal(splitPem(`${server.certPem}text between\n${ca.certPem}`).length, 2);
});

test('an RSA or Ed25519 authority of someone else can issue', () => {
  for (const [name, algorithm] of [
    ['rsa', 'rsa:2048'],
    ['ed', 'ed25519'],
  ] as const) {
    const key = join(folder, `${name}-ca.key`);
    const file = join(folder, `${name}-ca.pem`);
    openssl(
      'req',
      '-x509',
      '-newkey',
      algorithm,
      '-nodes',
      '-keyout',
      key,
      '-out',
      file,
      '-days',
      '10',
      '-subj',
      '/O=Example/CN=Old CA',
      '-addext',
      'keyUsage=critical,keyCertSign',
    );
    const issuer = { certPem: openssl('x509', '-in', file), keyPem: openssl('pkey', '-in', key) };

    const issued = createCertificate({ kind: 'server', names: ['a.example'], days: 5, issuer, now });

    const out = openssl('verify', '-x509_strict', '-CAfile', file, write('issued.pem', issued.certPem));
    assert.match(out, /: OK/);
  }
});

test('a pin is what the usual openssl pipeline prints,', () => {
  assert.equal(spkiPin(server.certPem), opensslPin(write('server.pem', server.certPem)));
});

test('a certificate and its key belong together, others do not', () => {
  assert.equal(checkPair(server.certPem, server.keyPem), true);
  assert.equal(checkPair(server.certPem, client.keyPem), false);
  assert.equal(checkPair('nonsense', server.keyPem), false);
});

test('names that cannot stand in a certificate are refused', () => {
  for (const names of [[], [''], ['two words'], ['a..b'], ['-a.example'], ['b\u00fccher.example'], ['x'.repeat(64)]]) {
    assert.throws(() => createCertificate({ kind: 'server', names, days: 1, now }), ZonegateError, names.join());
  }
});

test('text that is no certificate is refused with a code', () => {
  assert.throws(
    () => inspectCertificate('nonsense', now),
    (error) => error instanceof ZonegateError && error.code === 'ZG_CERTIFICATE_INVALID',
  );
});

test('TLS 1.3 with mutual authentication works with these certificates', async () => {
  const { protocol, authorized } = await handshake({ ca: ca.certPem, host: 'primary.example.net', client });

  assert.equal(protocol, 'TLSv1.3');
  assert.equal(authorized, true);
});

test('a self-signed server certificate is its own trust anchor', async () => {
  const alone = createCertificate({ kind: 'server', names: ['alone.example'], days: 1, now });

  const { protocol } = await handshake({ ca: alone.certPem, host: 'alone.example', client, pair: alone });

  assert.equal(protocol, 'TLSv1.3');
});

test('a client refuses a server by another name', async () => {
  await assert.rejects(handshake({ ca: ca.certPem, host: 'other.example.net', client }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
});

test('a client certificate of another authority is not authorized', async () => {
  const otherCa = createCertificate({ kind: 'ca', names: ['Example CA'], days: 1, now });
  const stranger = createCertificate({ kind: 'client', names: ['sec1.example.net'], days: 1, issuer: otherCa, now });

  const { authorized } = await handshake({ ca: ca.certPem, host: 'primary.example.net', client: stranger });

  assert.equal(authorized, false);
});

interface Handshake {
  readonly ca: string;
  readonly host: string;
  readonly client: PemPair;
  readonly pair?: PemPair;
}

async function handshake(options: Handshake): Promise<{ protocol: string | null; authorized: boolean }> {
  const { certPem, keyPem } = options.pair ?? server;
  const listener = createServer({
    cert: certPem,
    key: keyPem,
    ca: ca.certPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
  });
  listener.on('tlsClientError', () => undefined);
  const accepted = new Promise<boolean>((resolve) => {
    listener.once('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => undefined);
      resolve(socket.authorized);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const socket = connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    servername: options.host,
    ca: options.ca,
    cert: options.client.certPem,
    key: options.client.keyPem,
  });
  try {
    await once(socket, 'secureConnect');
    return { protocol: socket.getProtocol(), authorized: await accepted };
  } finally {
    socket.destroy();
    listener.close();
  }
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

function opensslPin(file: string): string {
  const pipeline =
    'openssl x509 -in "$1" -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64';
  return execFileSync('sh', ['-c', pipeline, 'sh', file], { encoding: 'utf8' }).trim();
}

test('a certificate of a resumed session holds within its dates and under the authorities that there are now', () => {
  const DAY = 86_400_000;
  const at = new Date('2026-11-01T00:00:00Z');
  const ca = (name: string) => createCertificate({ kind: 'ca', names: [name], days: 30, now: at });
  const [good, sameName, other] = [ca('clients'), ca('clients'), ca('others')] as const;
  const client = createCertificate({ kind: 'client', names: ['sec1.example'], days: 10, now: at, issuer: good });
  const shown = new X509Certificate(client.certPem);
  const authorities = (...pairs: readonly { certPem: string }[]) =>
    pairs.map(({ certPem }) => new X509Certificate(certPem));
  const start = at.getTime();

  assert.equal(isStillGood(shown, authorities(other, good), start + DAY), true);
  assert.equal(isStillGood(shown, authorities(good), start - DAY), false, 'not yet');
  assert.equal(isStillGood(shown, authorities(good), start + 11 * DAY), false, 'no longer');
  assert.equal(isStillGood(shown, authorities(sameName), start + DAY), false, 'another of that name');
  assert.equal(isStillGood(shown, authorities(sameName, good), start + DAY), true, 'both of that name');
  assert.equal(isStillGood(shown, authorities(other), start + DAY), true, 'its issuer stood in between');
});
