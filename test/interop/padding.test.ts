/** kdig of Debian 12 over TLS and TCP: padding and edns-tcp-keepalive as it understands them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { kdig } from '../support/dns-clients.ts';
import { isInstalled } from '../support/dns-peers.ts';
import { type RunningService, startService } from '../support/service.ts';

const skip = !isInstalled('kdig') && 'kdig is not installed';
const STEP = 300_000;
const hosts = (count: number): string => Array.from({ length: count }, (_, i) => `h${i} 60 IN A 192.0.2.1\n`).join('');
const zone = (count: number): string => `@ 60 IN SOA ns. host. 1 2 3 4 5\n@ 60 IN NS ns.\n${hosts(count)}`;

let service: RunningService;
before(async () => {
  if (skip) return;
  const names = ['plain.example', 'small.example', 'large.example'];
  service = await startService({
    files: {
      'zones/plain.example': zone(2000),
      'zones/small.example': zone(2500),
      'zones/large.example': zone(9000),
    },
    config: {
      primaries: { files: { 'zone-files': 'zones/' } },
      'zone-defaults': { primary: 'files', padding: { 'zone-size-step': '300KB' } },
      zones: {
        ...Object.fromEntries(names.map((name) => [name, {}])),
        'plain.example': { padding: { 'zone-size-step': 0 } },
      },
      rules: [{ name: 'all', match: { source: '127.0.0.1' }, action: 'allow' }],
      limits: { 'idle-timeout': '12s' },
    },
  });
  await Promise.all(names.map((name) => service.event('zone-updated', (fields) => fields['zone'] === name)));
});
after(() => service?.stop());

const tls = (...words: string[]) => kdig(service.tlsPort, '+tls', ...words);
const received = (stdout: string): { octets: number; messages: number } => {
  const match = /Received (\d+) B(?: \((\d+) messages)?/.exec(stdout);
  return { octets: Number(match?.[1]), messages: Number(match?.[2] ?? 1) };
};

test('kdig sees padding over TLS to 468 octets, and none over TCP', { skip }, async () => {
  const padded = (await tls('plain.example', 'SOA', '+padding')).stdout;
  assert.match(padded, /PADDING: \d+ B/i);
  assert.equal(received(padded).octets, 468);

  const bare = (await tls('plain.example', 'SOA', '+noedns')).stdout;
  assert.doesNotMatch(bare, /PADDING/i);

  const plain = (await kdig(service.port, '+tcp', 'plain.example', 'SOA', '+edns')).stdout;
  assert.doesNotMatch(plain, /PADDING/i);
});

test('kdig takes padded transfers whole; zones of other sizes come to the same step', { skip }, async () => {
  const whole = (await tls('plain.example', 'AXFR', '+padding')).stdout;
  assert.equal(received(whole).octets % 468, 0);
  assert.equal(whole.split('\n').filter((line) => /\sA\s+192\.0\.2\.1$/.test(line)).length, 2000);

  for (const [name, count] of [
    ['small.example', 2500],
    ['large.example', 9000],
  ] as const) {
    const { stdout } = await tls(name, 'AXFR', '+padding');
    const { octets, messages } = received(stdout);
    assert.equal(octets + 2 * messages, STEP, name);
    assert.equal(stdout.split('\n').filter((line) => /\sA\s+192\.0\.2\.1$/.test(line)).length, count);
  }
});

test('a zonegate that asks over XoT takes a padded zone, and finds the records', { skip }, async () => {
  const secondary = await startService({
    files: { 'ca.pem': readFileSync(service.caFile, 'utf8') },
    config: {
      primaries: {
        one: {
          addresses: [`127.0.0.1:${service.tlsPort}`],
          transport: 'tls',
          tls: { name: 'localhost', 'ca-file': 'ca.pem' },
        },
      },
      zones: { 'small.example': { primary: 'one' } },
      rules: [],
    },
  });
  try {
    const updated = await secondary.event('zone-updated');
    assert.equal(updated['records'], 2502);
    const transfer = await service.event(
      'transfer',
      ({ transport, type }) => transport === 'tls' && type === 'AXFR',
      0,
    );
    assert.equal(transfer['outcome'], 'done');
  } finally {
    await secondary.stop();
  }
});

test('kdig is told idle-timeout as edns-tcp-keepalive over TCP and TLS', { skip }, async () => {
  const option = '+ednsopt=11';
  for (const words of [
    ['+tcp', 'plain.example', 'SOA', option],
    ['+tls', 'plain.example', 'SOA', option],
  ]) {
    const { stdout } = await kdig(words[0] === '+tls' ? service.tlsPort : service.port, ...words);
    assert.match(stdout, /(KEEPALIVE|EDNS-TCP-KEEPALIVE|Option \(11\)|option 11).*(120|0078|12)/i, stdout);
  }
});
