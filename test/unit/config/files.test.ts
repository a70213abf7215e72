import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoadedConfig, parseConfig } from '../../../src/config/load.ts';
import { createCertificate } from '../../../src/net/certificates.ts';

const now = new Date('2026-06-01T00:00:00Z');
const pair = createCertificate({ kind: 'server', names: ['a.example'], days: 90, now });
const other = createCertificate({ kind: 'server', names: ['b.example'], days: 90, now });

test('a certificate with its key passes', () => {
  assert.deepEqual(linesOf(load({ 'c.pem': pair.certPem, 'c.key': pair.keyPem, 'ca.pem': other.certPem })), []);
});

test('a key of another certificate is told at the key', () => {
  const loaded = load({ 'c.pem': pair.certPem, 'c.key': other.keyPem, 'ca.pem': other.certPem });

  assert.deepEqual(linesOf(loaded), ['5 certificates.main.key-file: `c.key` is not the private key of `c.pem`']);
});

test('files that hold something else, or nothing', () => {
  const loaded = load({ 'c.pem': pair.keyPem, 'c.key': pair.certPem });

  assert.deepEqual(linesOf(loaded), [
    '4 certificates.main.cert-file: expected a certificate in PEM form in `c.pem`',
    '5 certificates.main.key-file: expected a private key without a passphrase in PEM form in `c.key`',
    '6 certificates.main.client-ca-file: `ca.pem` cannot be read: there is no such file',
  ]);
});

test('a certificate that has ended, or will soon, is a warning', () => {
  const files = { 'c.pem': pair.certPem, 'c.key': pair.keyPem, 'ca.pem': other.certPem };
  const at = (text: string) => load(files, Date.parse(text));

  assert.deepEqual(linesOf(at('2026-08-20T00:00:00Z')), [
    '4 certificates.main.cert-file: the certificate ends in 10 days',
  ]);
  assert.match(linesOf(at('2026-09-20T00:00:00Z'))[0] ?? '', /^4 .* the certificate ended on Aug 30 /);
});

test('a secret file that holds no base64 alone is told without its content', () => {
  const text = 'version: 1\nlisten: [{ address: 127.0.0.1 }]\nkeys: { k: { secret-file: k } }';
  for (const content of ['', 'not base64!', 'key "k" { secret "QUJD"; };']) {
    const loaded = parseConfig(text, 'test.yaml', () => content, 0);

    assert.deepEqual(linesOf(loaded), [
      '3 keys.k.secret-file: expected base64 text of at least one octet: `k` does not hold a base64 secret alone',
    ]);
  }
});

test('a required client certificate needs an authority, an optional one is warned of', () => {
  const text = (wanted: string) => `version: 1
listen: [{ address: 127.0.0.1, transport: tls, certificate: main, client-certificate: ${wanted} }]
certificates:
  main: { cert-file: c.pem, key-file: c.key }`;
  const read = (path: string) => (path.endsWith('.pem') ? pair.certPem : pair.keyPem);

  const required = parseConfig(text('required'), 'test.yaml', read, now.getTime());
  const optional = parseConfig(text('optional'), 'test.yaml', read, now.getTime());

  const line = /^2 listen\[0\]\.client-certificate: .*expected `client-ca-file` in certificates\.main$/;
  assert.equal(required.ok, false);
  assert.match(linesOf(required)[0] ?? '', line);
  assert.equal(optional.ok, true);
  assert.match(linesOf(optional)[0] ?? '', line);
});

function load(files: Readonly<Record<string, string>>, at = now.getTime()): LoadedConfig {
  const text = `version: 1
listen: [{ address: 127.0.0.1 }]
certificates: { main: {
  cert-file: c.pem,
  key-file: c.key,
  client-ca-file: ca.pem } }`;
  const read = (path: string): string => {
    const content = files[path.replace(/^.*\//, '')];
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return content;
  };
  return parseConfig(text, 'test.yaml', read, at);
}

const linesOf = (loaded: LoadedConfig): string[] =>
  (loaded.ok ? loaded.warnings : loaded.problems).map(({ line, path, message }) => `${line} ${path}: ${message}`);
