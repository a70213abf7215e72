import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ZoneReport } from '../../../src/admin/api.ts';
import { type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { memberColumns, remarks } from '../../../src/cli/commands/catalog.ts';
import { secondaryColumns } from '../../../src/cli/commands/secondaries.ts';
import { statusRows } from '../../../src/cli/commands/status.ts';
import { TRANSFER_COLUMNS } from '../../../src/cli/commands/transfers.ts';
import { zoneRows } from '../../../src/cli/commands/zone.ts';
import { zoneColumns } from '../../../src/cli/commands/zones.ts';
import { formatTable } from '../../../src/cli/output.ts';
import { readableBytes, readableSeconds, readableTime } from '../../../src/cli/readable.ts';
import {
  capturedLog,
  detailed,
  FakeSource,
  fakeCatalog,
  fakeLoadingZone,
  fakeSecondary,
  fakeTransfer,
  fakeZone,
} from '../admin/fake-source.ts';

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const main = fileURLToPath(new URL(`../../../src/cli/main${extension}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'zonegate-status-'));
const LISTEN = 'version: 1\nlisten: [{ address: 127.0.0.1 }]\n';
const source = new FakeSource();
let server: AdminServer;
let url: string;

before(async () => {
  source.zoneList = [fakeZone('example.org'), fakeLoadingZone('example.net', 'no answer'), fakeZone('.')];
  source.transferList = [fakeTransfer()];
  server = await startAdmin({ host: '127.0.0.1', port: 0, source, log: capturedLog().log });
  url = `http://127.0.0.1:${server.port}`;
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('status prints what the service tells, as JSON where nobody looks', async () => {
  const { stdout, status } = await zonegate('status', '--server', url);

  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(stdout), source.status());
});

test('catalog prints what a catalog brought, as JSON where nobody looks', async () => {
  const { stdout, status } = await zonegate('catalog', 'Catalog.Example.', '--server', url);

  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(stdout), fakeCatalog());
  assert.equal((await zonegate('catalog', 'example.org', '--server', url)).status, 1);
});

test('for people it says first what is wrong with a catalog, then who its members are', () => {
  const catalog = fakeCatalog();
  const lines = formatTable(catalog.members, memberColumns(Date.parse('2026-11-21T08:00:12.000Z')));

  assert.deepEqual(remarks(catalog), [
    '2 members, serial 7',
    'broken: the version is "1", expected "2"',
    'ignored c.example: it is a member of other.example',
  ]);
  assert.deepEqual(
    lines.map((line) => line.split(/ {2,}/).slice(0, 3)),
    [
      ['MEMBER', 'LABEL', 'GROUPS'],
      ['a.example', 'm1', 'gold, two'],
      ['b.example', 'm2', '-'],
    ],
  );
});

test('secondaries prints who follows, as JSON where nobody looks', async () => {
  source.secondaryList = [fakeSecondary()];

  const { stdout, status } = await zonegate('secondaries', '--server', url);

  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(stdout), { secondaries: [fakeSecondary()] });
});

test('the table of secondaries says how many zones are current, and how the last NOTIFY and transfer went', () => {
  const quiet = { address: null, notify: false, 'last-notify': null, 'last-transfer': null, behind: [] };
  const now = Date.parse('2026-11-21T08:00:12.000Z');

  const lines = formatTable([fakeSecondary(), fakeSecondary({ secondary: 'sec2', ...quiet })], secondaryColumns(now));

  assert.deepEqual(
    lines.map((line) => line.split(/ {2,}/)),
    [
      ['SECONDARY', 'ADDRESS', 'CURRENT', 'BEHIND', 'UNKNOWN', 'LAST NOTIFY', 'LAST TRANSFER', 'BEHIND LONGEST'],
      [
        'sec1',
        '198.51.100.7:53 udp',
        '5',
        '1',
        '2',
        `${readableTime('2026-11-21T08:00:02.000Z', now)}, failed (no answer)`,
        `${readableTime('2026-11-21T07:00:02.000Z', now)}, IXFR over tls`,
        'example.org',
      ],
      ['sec2', '-', '5', '1', '2', 'off', '-', '-'],
    ],
  );
});

test('-c finds the service by the admin section of its configuration', async () => {
  const file = write('admin.yaml', `${LISTEN}admin: { listen: "0.0.0.0:${server.port}" }\n`);

  const { stdout, stderr, status } = await zonegate('zones', '-c', file, '--json');

  assert.equal(status, 0, stderr);
  const { zones } = JSON.parse(stdout) as { zones: ZoneReport[] };
  assert.deepEqual(
    zones.map(({ zone }) => zone),
    ['.', 'example.net', 'example.org'],
  );
});

test('zones can be limited to a state, and a server may be given without http://', async () => {
  const { stdout } = await zonegate('zones', '--server', `127.0.0.1:${server.port}`, '--state', 'loading');

  const { zones } = JSON.parse(stdout) as { zones: ZoneReport[] };
  assert.deepEqual(
    zones.map(({ zone }) => zone),
    ['example.net'],
  );
});

test('zones of more than one page all come', async () => {
  const many = new FakeSource();
  many.zoneList = Array.from({ length: 5_001 }, (_, i) => fakeZone(`z${i}.example`));
  const other = await startAdmin({ host: '127.0.0.1', port: 0, source: many, log: capturedLog().log });

  const { stdout } = await zonegate('zones', '--server', `http://127.0.0.1:${other.port}`);
  await other.close();

  const { zones } = JSON.parse(stdout) as { zones: ZoneReport[] };
  assert.equal(new Set(zones.map(({ zone }) => zone)).size, 5_001);
});

test('zone prints one zone by any spelling of its name, the root too', async () => {
  for (const [name, zone] of [
    ['EXAMPLE.org.', 'example.org'],
    ['.', '.'],
  ] as const) {
    const { stdout, status } = await zonegate('zone', name, '--server', url);

    assert.equal(status, 0);
    assert.equal((JSON.parse(stdout) as ZoneReport).zone, zone);
  }
});

test('a zone that the service does not have ends with 1 and says so', async () => {
  const { stdout, stderr, status } = await zonegate('zone', 'example.edu', '--server', url);

  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^zonegate: the service at http:\/\/127\.0\.0\.1:\d+ says: no such zone$/m);
});

test('transfers prints those that run', async () => {
  const { stdout, status } = await zonegate('transfers', '--server', url);

  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(stdout), { transfers: [fakeTransfer()] });
});

test('a service that does not answer ends with 1 and one line', async () => {
  const { stdout, stderr, status } = await zonegate('status', '--server', `http://127.0.0.1:${await freePort()}`);

  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^zonegate: the service does not answer at http:\/\/127\.0\.0\.1:\d+: nothing listens there\n$/);
});

test('what is not an admin API is named as such, HTTP or not', async () => {
  const page = createHttpServer((_request, response) => response.end('<p>hello</p>'));
  const chatter = createServer((socket) =>
    socket
      .resume()
      .on('error', () => {})
      .end('220 smtp ready\r\n'),
  );

  const ofPage = await zonegate('status', '--server', `http://127.0.0.1:${await listening(page)}`);
  const ofChatter = await zonegate('status', '--server', `http://127.0.0.1:${await listening(chatter)}`);
  page.close();
  chatter.close();

  assert.match(ofPage.stderr, /is not zonegate's admin API \(status 200\)/);
  assert.match(ofChatter.stderr, /it does not speak HTTP/);
  assert.deepEqual([ofPage.status, ofChatter.status], [1, 1]);
});

test('the token of --token-file is sent', async () => {
  let seen: string | undefined;
  const echo = createHttpServer((request, response) => {
    seen = request.headers.authorization;
    response.end('{}');
  });
  const port = await listening(echo);

  await zonegate('status', '--json', '--server', `127.0.0.1:${port}`, '--token-file', write('token', 'abc123\n'));
  echo.close();

  assert.equal(seen, 'Bearer abc123');
});

test('a command line that says not which service, or two, or one without admin, ends with 1 and a way out', async () => {
  const without = write('without.yaml', LISTEN);
  const anyPort = write('any-port.yaml', `${LISTEN}admin: { listen: "127.0.0.1:0" }\n`);
  const broken = write('broken.yaml', `${LISTEN}admim: {}\n`);

  for (const [args, expected] of [
    [[], /either -c FILE or --server URL is needed/],
    [['-c', without, '--server', url], /exclude each other/],
    [['-c', without], /without\.yaml has no `admin` section.*--server URL/],
    [['-c', anyPort], /port 0/],
    [['-c', broken], /broken\.yaml:3:1: admim: unknown key/],
    [['-c', join(folder, 'nothing.yaml')], /nothing\.yaml:1:1: cannot be read/],
    [['--server', 'ftp://127.0.0.1'], /--server: not a URL/],
    [['--server', url, '--token-file', join(folder, 'nothing')], /--token-file: ENOENT/],
  ] as const) {
    const { stderr, status } = await zonegate('status', ...args);

    assert.equal(status, 1, stderr);
    assert.match(stderr, expected);
  }
});

test('tables show what people ask for, and a dash for what is not there', () => {
  const now = Date.parse('2026-11-21T09:00:00.000Z');
  const zone = fakeZone('example.org', {
    'last-contact': '2026-11-21T08:57:55.000Z',
    'next-check': '2026-11-21T10:30:00.000Z',
    'expires-at': '2026-11-23T09:00:00.000Z',
  });
  const loading = { ...fakeLoadingZone('example.net', 'no answer'), 'next-check': null };

  const [, served, waiting] = formatTable([zone, loading], zoneColumns(now));
  const [, transfer] = formatTable([fakeTransfer()], TRANSFER_COLUMNS);
  const one = Object.fromEntries(zoneRows(detailed(zone), now));
  const service = Object.fromEntries(statusRows(source.status()));

  assert.equal(served, 'example.org  served   2026112101     1234  98.8 kB  2m 5s ago  in 1h 30m   hidden   -');
  assert.equal(
    waiting,
    'example.net  loading           -        -        -  -          -           hidden   no answer',
  );
  assert.equal(
    transfer,
    'example.org  AXFR  2026112101  198.51.100.7#40112  tls  sec1-key  sending  25.0 kB  100 kB  25  12.5 kB/s   2s',
  );
  assert.equal(one['expires'], 'in 2d');
  assert.equal(one['size'], '98.8 kB in 7 frames');
  assert.equal(one['held'], 'serial 3: all is gone');
  assert.equal(one['last change'], 'IXFR: 2 frames packed, 5 shared');
  assert.equal(one['version 2'], '1h ago, 1234 records, -1 +2 in 200 B, served');
  assert.equal(one['primary 192.0.2.1#53'], 'cannot ixfr, as was found out');
  assert.equal(service['zones'], '3: 2 served, 1 loading, 0 expired');
  assert.equal(service['listen'], 'tcp 127.0.0.1:5300, tls [::1]:8853');
  assert.equal(service['up'], '1h 2m');
});

test('sizes and times take the unit that fits', () => {
  assert.deepEqual([0, 999, 1_000, 123_456, 5e9, 2e15].map(readableBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '123 kB',
    '5.0 GB',
    '2000 TB',
  ]);
  assert.deepEqual([0, 59.6, 3_600, 90_061, -5].map(readableSeconds), ['0s', '1m', '1h', '1d 1h', '0s']);
  assert.equal(readableTime(null, 0), undefined);
});

const write = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** Not `spawnSync`: the server that answers runs in this process. */
function zonegate(...args: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject).on('close', (status) => resolve({ stdout, stderr, status }));
  });
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
