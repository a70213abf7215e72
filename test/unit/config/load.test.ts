import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.ts';
import { type LoadedConfig, loadConfig, parseConfig } from '../../../src/config/load.ts';
import { TSIG_ALGORITHMS } from '../../../src/tsig/algorithm.ts';
import { atRate, rule } from '../../support/rules.ts';

const SECRET = 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=';

test('the least configuration has every default of INTERFACE.md', () => {
  const config = accept('version: 1\nlisten: [{ address: 127.0.0.1 }]');

  const cores = availableParallelism();
  const front = Math.max(1, Math.floor(cores / 2));
  assert.deepEqual(config, {
    listen: [
      {
        host: '127.0.0.1',
        port: 53,
        transport: 'tcp',
        udp: true,
        udpMaxSize: 1232,
        certificate: undefined,
        clientCertificate: 'none',
        alpn: 'required',
        proxyAllowlist: [],
      },
    ],
    certificates: new Map(),
    keys: new Map(),
    primaries: new Map(),
    secondaries: new Map(),
    zones: new Map(),
    catalogTemplates: new Map(),
    audit: undefined,
    sig0Keys: new Map(),
    prefixSets: new Map(),
    rules: [],
    limits: {
      connections: 10_000,
      connectionsPerSource: 50,
      newConnectionsPerSource: { count: 200, perMs: 1000 },
      handshakes: { count: 1000, perMs: 1000 },
      handshakesPerSource: { count: 100, perMs: 1000 },
      resumedHandshakesPerSource: { count: 500, perMs: 1000 },
      queriesPerConnection: 100_000,
      queriesInFlight: 64,
      memoryPerConnection: 1_000_000,
      idleTimeoutMs: 30_000,
      firstMessageTimeoutMs: 5_000,
      messageTimeoutMs: 10_000,
      concurrent: 1000,
      drainTimeoutMs: 60_000,
    },
    bans: {
      enabled: true,
      threshold: 100,
      halfLifeMs: 600_000,
      firstMs: 60_000,
      longestMs: 86_400_000,
      exempt: [],
      weights: { refused: 1, malformed: 5, handshake: 2, limit: 5 },
      prefix: { ipv4: 24, ipv6: 56, offenders: 10 },
    },
    tls: {
      ciphers: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
      sessionTickets: true,
      ticketLifetimeMs: 3_600_000,
    },
    store: { type: 'lmdb', path: '/var/lib/zonegate', mapSize: undefined, sync: true },
    threads: { front, pool: Math.max(1, cores - front) },
    log: { level: 'info', format: 'json', transfers: 'all' },
    admin: undefined,
  });
});

test('a zone has every default, and the key of its primary', () => {
  const config = accept(`version: 1
listen: [{ address: 127.0.0.1, port: 0, udp: false }]
keys: { Up.: { secret: ${SECRET} } }
primaries: { p: { addresses: [192.0.2.1, "[2001:db8::1]:5353", "2001:db8::2"], key: up } }
zones: { Example.ORG.: { primary: p } }`);

  assert.deepEqual(config.zones.get('example.org'), {
    name: 'example.org',
    apex: new Uint8Array(Buffer.from('\x07example\x03org\x00', 'latin1')),
    groups: [],
    mode: 'mirror',
    relay: { unknownKeys: 'forward', concurrent: 100 },
    primary: 'p',
    primaryKey: 'up',
    secondaries: [],
    timers: {
      refreshMinMs: 30_000,
      refreshMaxMs: 86_400_000,
      retryMinMs: 10_000,
      retryMaxMs: 3_600_000,
      expireMinMs: 3_600_000,
      expireMaxMs: 30 * 86_400_000,
    },
    maxRecords: 50_000_000,
    maxBytes: 8e9,
    outOfZone: 'reject',
    refreshJitter: 0.1,
    frameSize: 16_000,
    history: { versions: 20, bytes: 256e6, ageMs: 7 * 86_400_000 },
    padding: { policy: 'block', block: 468, zoneSizeStep: 0 },
    oldVersionBytes: 1_000_000_000,
    serialPolicy: 'hold',
    catalog: undefined,
    catalogZone: undefined,
    catalogGroup: undefined,
    zonemd: 'ignore',
    dnssec: undefined,
    changeGuard: undefined,
    externalValidation: undefined,
  });
  assert.deepEqual(config.primaries.get('p'), {
    kind: 'server',
    name: 'p',
    addresses: [
      { host: '192.0.2.1', port: 53 },
      { host: '2001:db8::1', port: 5353 },
      { host: '2001:db8::2', port: 53 },
    ],
    key: 'up',
    tls: undefined,
    selection: 'ordered',
    sourceAddress: undefined,
    edns: true,
    ixfr: true,
    stallTimeoutMs: 30_000,
    transferTimeoutMs: 3_600_000,
    queriesPerSecond: 100,
    concurrentTransfers: 10,
    connections: 2,
    pipeline: 16,
    connectionIdleMs: 10_000,
    notifyFrom: ['192.0.2.1/32', '2001:db8::1/128', '2001:db8::2/128'],
    notifyKey: undefined,
  });
  assert.deepEqual([...config.keys.keys()], ['up']);
  assert.equal(config.listen[0]?.port, 0);
  assert.equal(config.listen[0]?.udp, false);
});

test('a primary over TLS is at port 853 unless told, and has what tells who it is', () => {
  const pin = `${'A'.repeat(43)}=`;
  const config = accept(`version: 1
listen: [{ address: 127.0.0.1 }]
keys: { K.: { secret: ${SECRET} } }
primaries:
  pinned:
    { addresses: [192.0.2.1, "192.0.2.2:53", "2001:db8::1"], transport: tls, tls: { pins: ["${pin}"] }, notify-key: k }
  plain: { addresses: [192.0.2.1], transport: tcp, tls: { pins: ["${pin}"] }, ixfr: false, selection: highest-serial }`);

  const [pinned, plain] = ['pinned', 'plain'].map((name) => config.primaries.get(name));
  assert.ok(pinned?.kind === 'server' && plain?.kind === 'server');
  assert.deepEqual(
    pinned.addresses.map(({ port }) => port),
    [853, 53, 853],
  );
  assert.deepEqual(pinned.tls, {
    name: undefined,
    caFile: undefined,
    pins: [pin],
    certificate: undefined,
    alpn: 'required',
    resumption: true,
  });
  assert.equal(pinned.notifyKey, 'k');
  assert.deepEqual([plain.tls, plain.ixfr, plain.selection], [undefined, false, 'highest-serial']);
});

test('a zone overrides zone-defaults key by key, timers too', () => {
  const config = accept(`version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { p: { addresses: [192.0.2.1] }, q: { zone-files: zones, watch: false } }
secondaries: { s: { address: 198.51.100.7 } }
zone-defaults: { primary: p, secondaries: s, timers: { refresh-min: 1s, retry-min: 2s }, max-records: 5 }
zones:
  example.org: { primary: q, timers: { retry-min: 3s }, out-of-zone: ignore }
  example.net:`);

  const zone = config.zones.get('example.org');
  assert.equal(zone?.primary, 'q');
  assert.deepEqual(zone?.secondaries, ['s']);
  assert.equal(zone?.timers.refreshMinMs, 1000);
  assert.equal(zone?.timers.retryMinMs, 3000);
  assert.equal(zone?.maxRecords, 5);
  assert.equal(zone?.outOfZone, 'ignore');
  assert.equal(config.zones.get('example.net')?.primary, 'p');
});

test('a secondary is told by NOTIFY over UDP where it has an address, and is known by that address', () => {
  const config = accept(`version: 1
listen: [{ address: 127.0.0.1 }]
secondaries: { plain: { address: "2001:db8::7" }, silent: { sources: [192.0.2.0/24, 2001:db8::1] } }`);

  const retry = { tries: 5, timeoutMs: 60_000, backoff: 2 };
  const common = { keys: [], transport: 'udp', sourceAddress: undefined, tls: undefined, edns: true };
  const waits = { notifyRetry: retry, notifyDelayMs: 0, reservedTransfers: 1, weight: 1, format: 'compressed' };
  assert.deepEqual(config.secondaries.get('plain'), {
    name: 'plain',
    address: { host: '2001:db8::7', port: 53 },
    notify: true,
    sources: ['2001:db8::7/128'],
    certificate: undefined,
    ...common,
    ...waits,
  });
  assert.deepEqual(config.secondaries.get('silent'), {
    name: 'silent',
    address: undefined,
    notify: false,
    sources: ['192.0.2.0/24', '2001:db8::1/128'],
    certificate: undefined,
    ...common,
    ...waits,
  });
});

test('a secondary over TLS has port 853, keys in their canonical form, and its own waits', () => {
  const config = accept(`version: 1
listen: [{ address: 127.0.0.1 }]
keys: { K1: { secret: ${'A'.repeat(43)}= }, k2.example: { secret: ${'A'.repeat(43)}= } }
secondaries:
  s:
    address: 192.0.2.7
    key: [k1, K2.example.]
    transport: tls
    tls: { pins: [${'A'.repeat(43)}=] }
    notify-retry: { tries: 2, timeout: 3s, backoff: 1.5 }
    notify-delay: 10s
    edns: false
    format: one-answer
    source-address: 192.0.2.53
  t: { address: "192.0.2.8:5353", notify: false, transport: tcp, key: k1 }`);

  assert.deepEqual(config.secondaries.get('s'), {
    name: 's',
    address: { host: '192.0.2.7', port: 853 },
    keys: ['k1', 'k2.example'],
    notify: true,
    transport: 'tls',
    sources: ['192.0.2.7/32'],
    certificate: undefined,
    sourceAddress: '192.0.2.53',
    tls: { name: undefined, caFile: undefined, pins: [`${'A'.repeat(43)}=`], certificate: undefined },
    edns: false,
    notifyRetry: { tries: 2, timeoutMs: 3000, backoff: 1.5 },
    notifyDelayMs: 10_000,
    reservedTransfers: 1,
    weight: 1,
    format: 'one-answer',
  });
  const other = config.secondaries.get('t');
  assert.deepEqual([other?.address?.port, other?.notify, other?.transport, other?.keys], [5353, false, 'tcp', ['k1']]);
});

test('secondaries whose clients look alike are warned of', () => {
  const loaded = parse(`version: 1
listen: [{ address: 127.0.0.1 }]
keys: { k: { secret: ${'A'.repeat(43)}= } }
secondaries:
  a: { address: "127.0.0.1:5301" }
  b: { address: "127.0.0.1:5302" }
  c: { address: "127.0.0.1:5303", key: k }
  d: { address: "127.0.0.1:5304", sources: 127.0.0.4 }`);

  assert.ok(loaded.ok);
  assert.deepEqual(
    loaded.warnings.map(({ line, path, message }) => `${line} ${path}: ${message}`),
    ['6 secondaries.b: clients of it look like those of `a`; expected another `key`, or `sources`'],
  );
});

test('paths are relative to the file, and a folder of zone files keeps its includes to itself', () => {
  const loaded = parseConfig(
    `version: 1
listen: [{ address: 127.0.0.1 }]
keys: { k: { algorithm: hmac-sha512, secret-file: keys/k, fudge: 5m } }
primaries: { a: { zone-files: zones/ }, b: { zone-files: zones, include-below: /srv, watch: false } }
admin: { listen: "[::1]:8053", token-file: ../token }`,
    '/etc/zonegate/conf.yaml',
    (path) => {
      assert.equal(path, '/etc/zonegate/keys/k');
      return `${SECRET}\n`;
    },
    0,
  );

  assert.ok(loaded.ok);
  const { primaries, admin, keys } = loaded.config;
  assert.deepEqual(primaries.get('a'), {
    kind: 'files',
    name: 'a',
    folder: '/etc/zonegate/zones',
    includeBelow: '/etc/zonegate/zones',
    watch: true,
  });
  assert.deepEqual(primaries.get('b'), {
    kind: 'files',
    name: 'b',
    folder: '/etc/zonegate/zones',
    includeBelow: '/srv',
    watch: false,
  });
  assert.deepEqual(admin, { host: '::1', port: 8053, tokenFile: '/etc/token' });
  const key = keys.get('k');
  assert.equal(key?.algorithm, TSIG_ALGORITHMS['hmac-sha512']);
  assert.equal(key?.fudge, 300);
  assert.deepEqual(key?.secret, new Uint8Array(Buffer.from(SECRET, 'base64')));
});

test('rules take one thing or a list, names and networks become canonical', () => {
  const config = accept(`version: 1
listen: [{ address: 127.0.0.1 }]
keys: { Sec1.Key: { secret: ${SECRET} } }
rules:
  - match: { source: [192.0.2.1, "2001:DB8::/32", "::ffff:198.51.100.0/120"], key: SEC1.key., zone: ["*", "*.Example.NET.", example.org] }
    action: allow
    limits: { rate: 10/m }
  - { match: { transport: [tls, tcp], type: NOTIFY }, action: refuse, shadow: false, limits: { rate: { value: 3/h } } }
  - { name: last, match:, action: drop }`);

  assert.deepEqual(config.rules, [
    rule(
      'rule-1',
      {
        source: ['192.0.2.1/32', '2001:db8::/32', '198.51.100.0/24'],
        key: ['sec1.key'],
        zone: ['*', '*.example.net', 'example.org'],
      },
      'allow',
      atRate({ count: 10, perMs: 60_000 }),
    ),
    rule('rule-2', { transport: ['tls', 'tcp'], type: ['NOTIFY'] }, 'refuse', atRate({ count: 3, perMs: 3_600_000 })),
    rule('last', {}, 'drop'),
  ]);
});

test('what a rule says of certificates, listeners, time, refusals and delays', () => {
  const pin = Buffer.alloc(32, 1).toString('base64');
  const { rules } = accept(`version: 1
listen: [{ address: "::", port: 5353 }]
rules:
  - match:
      listener: "[::]:5353"
      certificate: { names: [Sec1.Example.NET, "2001:DB8::1"], pins: ["${pin}"] }
      zone-group: gold
      time: { days: [mon, sun], from: "22:00", to: "06:30", zone: Europe/Berlin }
    action: refuse
    shadow: true
    answer: { rcode: NOTAUTH, ede: 15, text: no }
    limits: { per: { ipv4: 24 }, rate: { value: 1/s, per: key } }
  - { action: delay, delay: { by: 2s } }
  - { action: delay, limits: { per: zone, rate: 2/s } }`);

  assert.deepEqual(rules, [
    rule(
      'rule-1',
      {
        listener: ['::#5353'],
        certificate: { names: ['sec1.example.net', '2001:db8::1'], pins: [pin] },
        zoneGroup: ['gold'],
        time: { days: [1, 0], from: 1320, to: 390, zone: 'Europe/Berlin' },
      },
      'refuse',
      {
        shadow: true,
        answer: { rcode: 9, ede: 15, text: 'no' },
        limits: { rate: { count: 1, perMs: 1000, per: { kind: 'key' } } },
      },
    ),
    rule('rule-2', {}, 'delay', { delay: { byMs: 2000, atMost: 100, next: 'refuse' } }),
    rule('rule-3', {}, 'delay', {
      delay: { byMs: 5000, atMost: 100, next: 'refuse' },
      limits: { rate: { count: 2, perMs: 1000, per: { kind: 'zone' } } },
    }),
  ]);
});

test('JSON is taken as it stands', () => {
  const text = JSON.stringify({ version: 1, listen: [{ address: '::', port: 5300 }], threads: { front: 2, pool: 3 } });

  const config = accept(text);

  assert.equal(config.listen[0]?.host, '::');
  assert.deepEqual(config.threads, { front: 2, pool: 3 });
});

test('a short secret and a rule for a zone that is not held are warnings with a line', () => {
  const loaded = parse(`version: 1
listen: [{ address: 127.0.0.1 }]
keys: { k: { secret: QUJD } }
primaries: { p: { addresses: [192.0.2.1] } }
zones: { example.org: { primary: p } }
rules: [{ match: { zone: exmaple.org }, action: allow }]`);

  assert.ok(loaded.ok);
  assert.deepEqual(
    loaded.warnings.map(({ line, path, message }) => `${line} ${path}: ${message}`),
    [
      '3 keys.k.secret: the secret has 3 octets; hmac-sha256 should have 32 (RFC 8945 section 6)',
      '6 rules[0].match.zone: `exmaple.org` is not one of `zones`; did you mean `example.org`?',
    ],
  );
});

test('a configuration that cannot be read is a problem, not an exception', () => {
  const loaded = loadConfig('/nonexistent/zonegate.yaml');

  assert.equal(loaded.ok, false);
  assert.match(loaded.ok ? '' : (loaded.problems[0]?.message ?? ''), /cannot be read/);
});

function accept(text: string): Config {
  const loaded = parse(text);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}

function parse(text: string): LoadedConfig {
  return parseConfig(text, '/etc/zonegate.yaml', () => assert.fail('no file is named'), 0);
}

test('limits of a rule: each has its own `per`, or that of all', () => {
  const config = accept(`version: 1
listen: [{ address: 127.0.0.1 }]
rules:
  - action: allow
    limits:
      per: key
      concurrent: 2
      queue: { length: 5 }
      bandwidth: { value: 50MB/s, per: zone }
      bytes: 10GB/h
      repeat-axfr: 3/h`);

  const per = { kind: 'key' };
  assert.deepEqual(config.rules[0]?.limits, {
    rate: undefined,
    concurrent: { count: 2, per },
    queue: { length: 5, waitMs: 10_000 },
    bandwidth: { bytesPerSecond: 50_000_000, per: { kind: 'zone' } },
    bytes: { count: 10_000_000_000, perMs: 3_600_000, per },
    repeatAxfr: { rate: { count: 3, perMs: 3_600_000 }, coolDownMs: 60_000, longestMs: 86_400_000, per },
    minProgress: undefined,
  });
});
