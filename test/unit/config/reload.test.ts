import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { compareConfigs } from '../../../src/config/reload.ts';

const before = `version: 1
listen: [{ address: 127.0.0.1, port: 5300 }]
keys: { k: { secret: ${'A'.repeat(43)}= } }
primaries: { p: { addresses: [192.0.2.1] } }
secondaries: { s: { address: 198.51.100.7 } }
zones: { example.org: { primary: p } }
rules: [{ match: { key: k }, action: allow }]
threads: { front: 1, pool: 1 }
admin: { listen: "127.0.0.1:8053" }`;

test('the same text read twice has changed nothing', () => {
  assert.deepEqual(compareConfigs(read(before), read(before)), { changed: [], needsRestart: [] });
});

const rows: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ['zones: {', 'zones: { example.net: { primary: p },', ['zones'], []],
  ['action: allow', 'action: refuse', ['rules'], []],
  ['A'.repeat(43), `${'A'.repeat(42)}E`, ['keys'], []],
  ['192.0.2.1', '192.0.2.2', ['primaries'], []],
  ['198.51.100.7', '198.51.100.8', ['secondaries'], []],
  ['threads:', 'limits: { connections: 5 }\nthreads:', ['limits'], []],
  ['threads:', 'log: { level: debug }\nthreads:', ['log'], []],
  ['threads:', 'bans: { threshold: 50 }\nthreads:', ['bans'], []],
  ['threads:', 'tls: { session-tickets: false }\nthreads:', ['tls'], []],
  ['5300', '5301', [], ['listen']],
  ['front: 1', 'front: 2', [], ['threads']],
  ['8053', '8054', [], ['admin']],
];

for (const [from, to, changed, needsRestart] of rows) {
  const names = [...changed, ...needsRestart].join(', ');
  test(`a change of ${names} ${changed.length > 0 ? 'is taken at once' : 'needs a restart'}`, () => {
    assert.deepEqual(compareConfigs(read(before), read(before.replace(from, to))), { changed, needsRestart });
  });
}

function read(text: string): Config {
  const loaded = parseConfig(text, 'test.yaml', () => assert.fail('no file is named'), 0);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}
