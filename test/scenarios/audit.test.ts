/** The audit log of a real service: whole, whatever the log leaves out, over rotation and a crash; and its verifier. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dig } from '../support/dns-clients.ts';
import { startService } from '../support/service.ts';

const ZONE = '$ORIGIN example.org.\n@ 3600 IN SOA ns1 h 1 3600 600 86400 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n';
const dir = mkdtempSync(join(tmpdir(), 'zonegate-audit-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, 'audit', 'audit.jsonl');
const config = {
  primaries: { files: { 'zone-files': 'zones' } },
  zones: { 'example.org': { primary: 'files' } },
  rules: [
    { name: 'near', match: { source: '127.0.0.1' }, action: 'allow' },
    { name: 'far', action: 'refuse' },
  ],
  log: { transfers: 'summary' },
  audit: { file: 'audit/audit.jsonl' },
};

interface Line {
  readonly event: string;
  readonly zone?: string;
  readonly rule?: string;
  readonly outcome?: string;
}
const lines = (path = file): Line[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

function verify(...files: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  return spawnSync(process.execPath, [main, 'audit', 'verify', ...files], { encoding: 'utf8' });
}

test('every transfer and refusal is in it, it goes on over SIGHUP and SIGKILL, and what is changed shows', async () => {
  let service = await startService({ dir, config, files: { 'zones/example.org': ZONE } });
  try {
    await service.event('zone-updated');
    for (let i = 0; i < 3; i++) await dig(service.port, 'AXFR', 'example.org');
    await dig(service.port, 'AXFR', 'example.org', '-b', '127.0.0.2');
    while (lines().filter(({ event }) => event === 'transfer').length < 3) await new Promise((r) => setTimeout(r, 100));
    renameSync(file, `${file}.1`);
    await service.reload(config);
    await dig(service.port, 'AXFR', 'example.org');
    while (!lines().some(({ event }) => event === 'transfer')) await new Promise((r) => setTimeout(r, 100));
    await service.kill();
    service = await startService({ dir, config });
    await service.event('zone-updated');
  } finally {
    await service.stop();
  }

  const before = lines(`${file}.1`);
  const seen = before.filter(({ event }) => event === 'transfer' || event === 'refused');
  assert.deepEqual(seen.map(({ event, rule, outcome }) => [event, rule, outcome]).sort(), [
    ['refused', 'far', undefined],
    ['transfer', 'near', 'done'],
    ['transfer', 'near', 'done'],
    ['transfer', 'near', 'done'],
  ]);
  assert.ok(!service.events.some(({ event }) => event === 'transfer'));
  assert.equal(lines().at(-1)?.event, 'stopped');

  const whole = verify(`${file}.1`, file);
  assert.equal(whole.status, 0, whole.stderr);
  assert.match(whole.stdout, /\d+ lines hold; the last is \d+, [0-9a-f]{64}/);

  const text = readFileSync(`${file}.1`, 'utf8');
  writeFileSync(`${file}.2`, text.replace('"rule":"far"', '"rule":"near"'));
  const changed = verify(`${file}.2`, file);
  assert.equal(changed.status, 5);
  assert.match(changed.stderr, /the chain is broken: it is not as it was written/);
  writeFileSync(`${file}.2`, text.split('\n').toSpliced(2, 1).join('\n'));
  assert.equal(verify(`${file}.2`).status, 5);
  assert.equal(verify(join(dir, 'none')).status, 1);
});

test('a service whose audit log cannot be opened does not start', async () => {
  writeFileSync(join(dir, 'plain'), '');

  await assert.rejects(
    startService({
      config: { ...config, audit: { file: join(dir, 'plain', 'audit.jsonl') } },
      files: { 'zones/example.org': ZONE },
    }),
    /audit log/,
  );
});
