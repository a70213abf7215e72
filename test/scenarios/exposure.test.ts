/** What the service tells of who comes how: clear text, weak keys, and what is in use, from real transfers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { ExposureList, KeyList } from '../../src/admin/api-exposure.ts';
import { TestCa } from '../support/dns-certificates.ts';
import { dig, digKey } from '../support/dns-clients.ts';
import type { PeerKey } from '../support/dns-peer.ts';
import { type RunningService, startService } from '../support/service.ts';
import { transferZone } from '../support/zone-compare.ts';

const ZONE = '$ORIGIN example.org.\n@ 3600 IN SOA ns1 h 1 3600 600 86400 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n';
const secret = Buffer.alloc(64, 7).toString('base64');
const OLD: PeerKey = { name: 'old-key', algorithm: 'hmac-sha1', secret };
const NEW: PeerKey = { name: 'new-key', algorithm: 'hmac-sha256', secret };
const ca = new TestCa();
const server = ca.issue('server', ['ns.example']);
const client = ca.issue('client', ['sec1.example']);
let service: RunningService;

const keyOf = ({ algorithm }: PeerKey): object => ({ algorithm, secret });
const config = {
  listen: [
    { address: '127.0.0.1', port: 0, transport: 'tcp' },
    { address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main' },
  ],
  certificates: { main: { 'cert-file': server.certFile, 'key-file': server.keyFile, 'client-ca-file': ca.caFile } },
  keys: { [OLD.name]: keyOf(OLD), [NEW.name]: keyOf(NEW), 'unused-key': keyOf(NEW) },
  primaries: { files: { 'zone-files': 'zones' } },
  secondaries: {
    old: { sources: '127.0.0.1', key: 'old-key' },
    new: { sources: '127.0.0.1', key: 'new-key' },
    silent: { sources: '127.0.0.9' },
  },
  zones: { 'example.org': { primary: 'files', secondaries: ['old', 'new', 'silent'] } },
  rules: [
    { name: 'signed', match: { key: ['old-key', 'new-key'] }, action: 'allow' },
    { name: 'all', action: 'allow' },
  ],
};

before(async () => {
  service = await startService({ files: { 'zones/example.org': ZONE }, config });
  await service.event('zone-updated');
});
after(async () => {
  await service?.stop();
  ca.remove();
});

const get = async <T>(path: string): Promise<T> =>
  (await fetch(`${service.adminUrl}/api/v1/${path}`)).json() as Promise<T>;

test('who comes in clear text, with what proof, and whom TLS alone would break', async () => {
  const pem = (file: string): string => readFileSync(file, 'utf8');
  const certificate = { certPem: pem(client.certFile), keyPem: pem(client.keyFile) };
  const tls = { name: 'ns.example', ca: pem(ca.caFile), pins: [], alpn: true, certificate };
  await dig(service.port, 'AXFR', 'example.org', ...digKey(OLD));
  await transferZone({ port: service.tlsPort, zone: 'example.org', key: NEW, tls });
  await dig(service.port, 'SOA', 'example.org', '+tcp', '-b', '127.0.0.77');
  await service.event('transfer', ({ identity }) => identity === 'new-key');
  let list = await get<ExposureList>('exposure');
  while ((list.zones[0]?.clients.length ?? 0) < 3) list = await get<ExposureList>('exposure');

  const [zone] = list.zones;
  const clients = Object.fromEntries(
    (zone?.clients ?? []).map(({ client: who, transport, key, certificate: shown, weaknesses }) => [
      who,
      [transport, key, shown, ...weaknesses],
    ]),
  );
  assert.deepEqual(clients, {
    old: ['tcp', 'old-key', null, 'clear-text', 'weak-tsig'],
    new: ['tls', 'new-key', 'sec1.example'],
    '127.0.0.77': ['tcp', null, null, 'clear-text', 'no-proof'],
  });
  assert.deepEqual(zone?.['tls-only-would-break'], ['old', '127.0.0.77']);
  assert.deepEqual(zone?.unseen, ['silent']);
});

test('keys and certificates say when they were seen, and who names them', async () => {
  const { keys, certificates, 'client-certificates': shown } = await get<KeyList>('keys');

  const seen = Object.fromEntries(
    keys.map((key) => [key.key, [key['last-seen'] !== null, key['last-client'], key['named-by']]]),
  );
  assert.deepEqual(seen, {
    'old-key': [true, '127.0.0.1', ['old', 'signed']],
    'new-key': [true, '127.0.0.1', ['new', 'signed']],
    'unused-key': [false, null, []],
  });
  assert.deepEqual(
    certificates.map(({ certificate, names }) => [certificate, names]),
    [['main', ['ns.example']]],
  );
  assert.deepEqual(
    shown.map(({ names, pin }) => [names, pin]),
    [[['sec1.example'], client.pin]],
  );
});

test('a transfer says in the log how its client has proved who it is', async () => {
  const { 'proved-by': proofs } = await service.event('transfer', ({ identity }) => identity === 'new-key');

  assert.deepEqual(proofs, ['tsig', 'certificate']);
});

test('a reload that takes away a key still in use says so', async () => {
  const reloaded = await service.reload({
    ...config,
    keys: { [NEW.name]: keyOf(NEW) },
    secondaries: {},
    zones: { 'example.org': { primary: 'files' } },
    rules: [{ action: 'allow' }],
  });

  assert.deepEqual(reloaded['removed-in-use'], ['old-key']);
});
