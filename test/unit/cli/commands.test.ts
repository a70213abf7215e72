import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../../src/config/load.ts';
import { checkPair } from '../../../src/net/certificates.ts';

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const main = fileURLToPath(new URL(`../../../src/cli/main${extension}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'zonegate-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(fileURLToPath(import.meta.resolve('#package')), 'utf8')) as {
    version: string;
  };

  const { stdout, status } = zonegate('--version');

  assert.equal(stdout.trim(), version);
  assert.equal(status, 0);
});

test('a command line that is not right ends with 1 and a hint', () => {
  for (const args of [
    ['chek'],
    ['check'],
    ['keygen'],
    ['keygen', '--algorithm', 'hmac-md5', 'k'],
    ['cert', 'create'],
  ]) {
    const { stderr, status } = zonegate(...args);

    assert.equal(status, 1, args.join(' '));
    assert.match(stderr, /zonegate help COMMAND/, args.join(' '));
  }
});

test('check prints every error as file, line, column, path and ends with 2', () => {
  const file = write('bad.yaml', 'version: 1\nlisten: [{ address: nowhere }]\nprimarys: {}\n');

  const { stderr, stdout, status } = zonegate('check', '-c', file);

  assert.equal(status, 2);
  assert.equal(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /bad\.yaml:2:21: listen\[0\]\.address: expected an IP address/);
  assert.match(lines[1] ?? '', /bad\.yaml:3:1: primarys: unknown key `primarys`; did you mean `primaries`\?$/);
  assert.match(lines[2] ?? '', /bad\.yaml: 2 errors$/);
});

test('check says ok with the warnings, and the same as JSON', () => {
  const file = write('good.yaml', 'version: 1\nlisten: [{ address: 127.0.0.1 }]\nkeys: { k: { secret: QUJD } }\n');

  const text = zonegate('check', '-c', file);
  const json = zonegate('check', '-c', file, '--json');

  assert.equal(text.status, 0);
  assert.match(text.stdout, /good\.yaml: ok \(1 listener, 0 zones, 0 rules; 1 warning\)\n$/);
  assert.match(text.stderr, /good\.yaml:3:22: keys\.k\.secret: warning: the secret has 3 octets/);
  const report = JSON.parse(json.stdout) as { ok: boolean; problems: unknown[]; warnings: { line: number }[] };
  assert.equal(report.ok, true);
  assert.deepEqual(report.problems, []);
  assert.deepEqual(
    report.warnings.map(({ line }) => line),
    [3],
  );
});

test('check of a file that is not there ends with 2', () => {
  const { stderr, status } = zonegate('check', '-c', join(folder, 'nothing.yaml'), '--json');

  assert.equal(status, 2);
  assert.equal(stderr, '');
});

for (const [algorithm, octets] of [
  ['hmac-sha1', 20],
  ['hmac-sha256', 32],
  ['hmac-sha512', 64],
] as const) {
  test(`keygen prints one ${algorithm} key for zonegate, BIND and Knot`, () => {
    const { stdout, status } = zonegate('keygen', '--algorithm', algorithm, 'Sec1.Example.');

    assert.equal(status, 0);
    const secrets = [...stdout.matchAll(/secret:? "?([A-Za-z0-9+/=]+)"?/g)].map(([, secret = '']) => secret);
    assert.equal(secrets.length, 3);
    assert.equal(new Set(secrets).size, 1);
    assert.equal(Buffer.from(secrets[0] ?? '', 'base64').length, octets);
    const [own = '', bind = '', knot = ''] = stdout.split(/^(?=# (?:BIND|Knot))/m);
    const loaded = loadConfig(write('keyed.yaml', `version: 1\nlisten: [{ address: 127.0.0.1 }]\n${own}`));
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.equal(loaded.config.keys.get('sec1.example')?.algorithm.name, algorithm);
    assert.match(bind, /^key "sec1\.example" \{$/m);
    assert.match(knot, /^ {2}- id: sec1\.example$/m);
  });
}

test('named-checkconf accepts the BIND clause of keygen', (t) => {
  if (spawnSync('named-checkconf', ['-v']).status !== 0) {
    if (process.env['CI'] === 'true') assert.fail('named-checkconf (bind9) is not installed');
    t.skip('named-checkconf (bind9) is not installed');
    return;
  }
  for (const algorithm of ['hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512']) {
    const clause =
      /^key "[\s\S]*?^};$/m.exec(zonegate('keygen', '--algorithm', algorithm, 'sec1-key').stdout)?.[0] ?? '';

    const { status, stdout } = spawnSync('named-checkconf', [write('named.conf', `${clause}\n`)], { encoding: 'utf8' });

    assert.equal(status, 0, `${clause}\n${stdout}`);
    assert.equal(stdout, '');
  }
});

test('the secret alone is what a secret-file holds', () => {
  const { stdout } = zonegate('keygen', '--secret-only', 'k');

  assert.match(stdout, /^[A-Za-z0-9+/]{43}=\n$/);
});

test('a key name that the three syntaxes would not read alike is refused in one line', () => {
  for (const name of ['two words', 'a"b', 'a..b', '']) {
    const { stderr, status } = zonegate('keygen', name);

    assert.equal(status, 1, name);
    assert.match(stderr, /^zonegate: not a name for a key: [^\n]*\n$/);
  }
});

test('cert create makes a CA and a server certificate, keys for their owner only, and overwrites nothing', () => {
  const out = join(folder, 'tls');
  const caRun = zonegate('cert', 'create', '--kind', 'ca', '--out', out);
  const issuer = ['--issuer-cert', join(out, 'ca.pem'), '--issuer-key', join(out, 'ca.key')];
  const args = ['cert', 'create', '--kind', 'server', '--name', 'localhost', '127.0.0.1', '--name', '::1', ...issuer];

  const serverRun = zonegate(...args, '--out', out);
  const again = zonegate(...args, '--out', out);
  const before = readFileSync(join(out, 'server.pem'), 'utf8');
  const forced = zonegate(...args, '--out', out, '--force', '--days', '5');

  assert.equal(caRun.status, 0, caRun.stderr);
  assert.equal(serverRun.status, 0, serverRun.stderr);
  assert.match(serverRun.stdout, /server\.pem {2}server certificate for localhost, 127\.0\.0\.1, ::1, until /);
  assert.equal(statSync(join(out, 'server.key')).mode & 0o777, 0o600);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /already there: .*server\.pem.*--force overwrites/);
  assert.equal(forced.status, 0, forced.stderr);
  assert.notEqual(readFileSync(join(out, 'server.pem'), 'utf8'), before);
  assert.ok(checkPair(readFileSync(join(out, 'server.pem'), 'utf8'), readFileSync(join(out, 'server.key'), 'utf8')));
});

test('cert inspect shows names, kind and days, and warns before the end', () => {
  const out = join(folder, 'short');
  zonegate('cert', 'create', '--kind', 'client', '--name', 'sec1.example.net', '--days', '5', '--out', out);

  const { stdout, stderr, status } = zonegate('cert', 'inspect', join(out, 'client.pem'));

  assert.equal(status, 0);
  const [facts] = JSON.parse(stdout) as { names: string[]; daysLeft: number; purposes: string[]; pin: string }[];
  assert.deepEqual(facts?.names, ['sec1.example.net']);
  assert.deepEqual(facts?.purposes, ['client']);
  assert.equal(facts?.daysLeft, 4);
  assert.match(stderr, /^warning: .*client\.pem: CN=sec1\.example\.net ends in 4 days\n$/);
  assert.equal(zonegate('cert', 'pin', join(out, 'client.pem')).stdout.trim(), facts?.pin);
});

test('cert says in one line what it cannot read or make', () => {
  const rows = [
    ['inspect', join(folder, 'nothing.pem')],
    ['inspect', write('empty.pem', 'empty')],
    ['pin', write('empty.pem', 'empty')],
    ['create', '--kind', 'server', '--out', join(folder, 'none')],
    ['create', '--kind', 'server', '--name', 'two words', '--out', join(folder, 'none')],
    ['create', '--kind', 'server', '--name', 'a.example', '--issuer-cert', 'ca.pem', '--out', join(folder, 'none')],
  ];
  for (const row of rows) {
    const { stderr, status } = zonegate('cert', ...row);

    assert.equal(status, 1, row.join(' '));
    assert.match(stderr, /^zonegate: [^\n]+\n$/, row.join(' '));
  }
});

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

const zonegate = (...args: string[]): Run => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
