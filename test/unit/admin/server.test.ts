import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import type { ZoneList, ZoneReport } from '../../../src/admin/api.ts';
import { type AdminServer, startAdmin } from '../../../src/admin/server.ts';
import { capturedLog, FakeSource, fakeLoadingZone, fakeTransfer, fakeZone } from './fake-source.ts';

const { log, lines } = capturedLog();
const source = new FakeSource();
let server: AdminServer;

before(async () => {
  server = await startAdmin({ host: '127.0.0.1', port: 0, source, log });
});
after(() => server.close());
beforeEach(() => {
  source.zoneList = [fakeZone('example.org'), fakeZone('example.net'), fakeLoadingZone('example.com', 'no answer')];
  source.transferList = [];
  source.draining = false;
  lines.length = 0;
});

test('healthz answers whatever the zones do', async () => {
  const { status, body } = await get('/healthz');

  assert.equal(status, 200);
  assert.deepEqual(body, { status: 'ok' });
});

test('readyz is 503 and names zones that are not served, 20 at most', async () => {
  const one = await get('/readyz');
  source.zoneList = Array.from({ length: 50 }, (_, i) => fakeLoadingZone(`z${String(i).padStart(2, '0')}.example`));
  const many = await get('/readyz');

  assert.equal(one.status, 503);
  assert.deepEqual(one.body, { status: 'not-ready', 'not-served': 1, zones: ['example.com'] });
  const { zones, 'not-served': missing } = many.body as { zones: string[]; 'not-served': number };
  assert.equal(missing, 50);
  assert.equal(zones.length, 20);
  assert.equal(zones[0], 'z00.example');
});

test('readyz is 200 once every zone is served, and 503 while the service drains', async () => {
  source.zoneList = [fakeZone('example.org')];
  const ready = await get('/readyz');
  source.draining = true;
  const draining = await get('/readyz');

  assert.deepEqual([ready.status, ready.body], [200, { status: 'ready' }]);
  assert.deepEqual([draining.status, draining.body], [503, { status: 'draining' }]);
});

test('status and transfers tell what the service tells', async () => {
  source.transferList = [fakeTransfer()];

  const status = await get('/api/v1/status');
  const transfers = await get('/api/v1/transfers');

  assert.deepEqual(status.body, source.status());
  assert.deepEqual(transfers.body, { transfers: [fakeTransfer()] });
});

test('fronts that do not answer do not hold the request', async () => {
  const stuck = new FakeSource();
  stuck.transfers = () => new Promise(() => {});
  const other = await startAdmin({ host: '127.0.0.1', port: 0, source: stuck, log });

  const response = await fetch(`http://127.0.0.1:${other.port}/api/v1/transfers`);
  await other.close();

  assert.equal(response.status, 503);
  assert.equal(((await response.json()) as { error: string }).error, 'fronts-silent');
});

test('a zone is found in any case, with or without the final dot, escaped or not', async () => {
  source.zoneList = [
    fakeZone('example.org'),
    fakeZone('0/25.2.0.192.in-addr.arpa'),
    fakeZone('.'),
    fakeZone('a\\032b.example'),
  ];

  for (const [path, zone] of [
    ['example.org', 'example.org'],
    ['EXAMPLE.org.', 'example.org'],
    ['ex%61mple.org', 'example.org'],
    ['0%2F25.2.0.192.in-addr.arpa', '0/25.2.0.192.in-addr.arpa'],
    ['@', '.'],
    ['%2E', '.'],
    ['a%5C032b.example', 'a\\032b.example'],
  ] as const) {
    const { status, body } = await get(`/api/v1/zones/${path}`);

    assert.equal(status, 200, path);
    assert.equal((body as ZoneReport).zone, zone);
  }
});

test('a zone that is not there, or no name at all, is 404 in JSON', async () => {
  for (const [path, error] of [
    ['example.edu', 'unknown-zone'],
    ['example..org', 'bad-zone-name'],
    [`${'a'.repeat(64)}.org`, 'bad-zone-name'],
    ['%5C999.org', 'bad-zone-name'],
    [`${'a.'.repeat(200)}org`, 'bad-zone-name'],
    ['__proto__', 'unknown-zone'],
  ]) {
    const { status, body } = await get(`/api/v1/zones/${path}`);

    assert.equal(status, 404, path);
    assert.equal((body as { error: string }).error, error, path);
  }
});

test('zones come by name, in pages that a cursor continues', async () => {
  source.zoneList = ['c.example', 'a.example', 'd.example', 'b.example'].map((name) => fakeZone(name));

  const first = (await get('/api/v1/zones?limit=3')).body as ZoneList;
  const second = (await get(`/api/v1/zones?limit=3&after=${first.next}`)).body as ZoneList;
  const back = (await get('/api/v1/zones?order=desc&after=C.example.')).body as ZoneList;

  assert.deepEqual([names(first), first.total, first.next], [['a.example', 'b.example', 'c.example'], 4, 'c.example']);
  assert.deepEqual([names(second), second.total, second.next], [['d.example'], 4, null]);
  assert.deepEqual(names(back), ['b.example', 'a.example']);
});

test('zones are filtered by state and by a part of the name, and sorted with what is missing last', async () => {
  source.zoneList = [
    fakeZone('a.example', { records: 5 }),
    fakeLoadingZone('b.example'),
    fakeZone('c.example', { records: 50 }),
    fakeZone('d.test', { records: 7 }),
  ];

  const loading = (await get('/api/v1/zones?state=loading')).body as ZoneList;
  const matching = (await get('/api/v1/zones?match=.EXAMPLE&sort=records&order=desc')).body as ZoneList;

  assert.deepEqual(names(loading), ['b.example']);
  assert.deepEqual(names(matching), ['c.example', 'a.example', 'b.example']);
});

test('a query that is not right is 400 and says what is', async () => {
  for (const query of [
    'limit=0',
    'limit=x',
    'limit=10001',
    'state=up',
    'limit=1&limit=2',
    'sort=size',
    'sort=records&after=a',
    'page=2',
    '__proto__=1',
  ]) {
    const { status, body } = await get(`/api/v1/zones?${query}`);

    assert.equal(status, 400, query);
    assert.equal((body as { error: string }).error, 'bad-query', query);
  }
});

test('Host must be something that no stranger can point here', async () => {
  const statusFor = async (host: string): Promise<number> => (await get('/api/v1/status', { host })).status;

  for (const host of ['127.0.0.1', '127.0.0.1:8053', '[::1]', '[::1]:80', 'localhost', 'LOCALHOST:8053', '192.0.2.1']) {
    assert.equal(await statusFor(host), 200, host);
  }
  for (const host of [
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'x@localhost',
  ]) {
    assert.equal(await statusFor(host), 421, host);
  }
});

test('the configured host name is taken as Host', async () => {
  const named = await startAdmin({ host: 'localhost', port: 0, source, log });

  const { status } = await get('/healthz', { host: 'Localhost', port: named.port });
  await named.close();

  assert.equal(status, 200);
});

test('a hostile Host gets neither the page, nor a file, nor another 404', async () => {
  for (const path of ['/', '/app.js', '/metrics', '/nothing']) {
    const { status, body } = await get(path, { host: 'evil.example' });

    assert.equal(status, 421, path);
    assert.equal((body as { error: string }).error, 'misdirected');
  }
});

test('HTTP/1.0 without Host is answered, as load balancers check so', async () => {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write('GET /healthz HTTP/1.0\r\n\r\n'));
    let received = '';
    socket.setEncoding('latin1').on('data', (data) => {
      received += data;
    });
    socket.on('end', () => resolve(received)).on('error', reject);
  });

  assert.match(text, /^HTTP\/1\.1 200 /);
});

test('HEAD gets the headers alone', async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/zones`, { method: 'HEAD' });

  assert.equal(response.status, 200);
  assert.equal(await response.text(), '');
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
});

test('a method that changes things is 405 and told what goes, with a body or without', async () => {
  for (const path of ['/api/v1/zones', '/api/v1/zones/example.org', '/', '/metrics', '/healthz']) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const { status, headers, body } = await get(path, { method });

      assert.equal(status, 405, `${method} ${path}`);
      assert.equal(headers['allow'], 'GET, HEAD');
      assert.equal((body as { error: string }).error, 'method-not-allowed');
    }
  }
  const posted = await get('/api/v1/zones', { method: 'POST', payload: '{"a":' });
  assert.equal(posted.status, 405);
});

test('a path that is not there is 404 in JSON, as is one that only looks like it', async () => {
  for (const path of [
    '/api/v2/status',
    '/api/v1/zones/',
    '/api/v1/zones/a/b',
    '/app.css/',
    '/..%2f..%2fetc/passwd',
    '//',
  ]) {
    const { status, body } = await get(path);

    assert.equal(status, 404, path);
    assert.equal(typeof (body as { error: string }).error, 'string');
  }
});

test('a path that cannot be read is 400 in JSON', async () => {
  const { status, body, headers } = await get('/api/v1/zones/%zz');

  assert.equal(status, 400);
  assert.deepEqual(body, { error: 'bad-request', message: 'the path cannot be read' });
  assert.equal(headers['x-content-type-options'], 'nosniff');
});

test('every answer carries the headers that keep other pages out', async () => {
  for (const path of ['/', '/api/v1/status', '/metrics', '/nothing']) {
    const { headers } = await get(path);

    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.match(String(headers['content-security-policy']), /^default-src 'self';/, path);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
  }
});

test('a failure inside is logged whole and told in a word', async () => {
  const broken = new FakeSource();
  broken.status = () => {
    throw new Error('the inside of it');
  };
  const other = await startAdmin({ host: '127.0.0.1', port: 0, source: broken, log });

  const { status, body } = await get('/api/v1/status', { port: other.port });
  await other.close();

  assert.equal(status, 500);
  assert.deepEqual(body, { error: 'internal', message: 'the request failed; the log says why' });
  assert.match(JSON.stringify(lines.at(-1)), /the inside of it/);
});

test('a port in use is an error with its code', async () => {
  await assert.rejects(startAdmin({ host: '127.0.0.1', port: server.port, source, log }), { code: 'ZG_LISTEN_FAILED' });
});

test('close ends a connection that is kept alive', { timeout: 2_000 }, async () => {
  const other = await startAdmin({ host: '127.0.0.1', port: 0, source, log });
  const socket = connect(other.port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.resume().on('error', () => {});

  await other.close();

  await ended;
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: unknown;
}

interface GetOptions {
  readonly host?: string;
  readonly port?: number;
  readonly method?: string;
  readonly payload?: string;
}

function get(path: string, { host, port = server.port, method = 'GET', payload }: GetOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...(host === undefined ? {} : { host }), 'content-type': 'application/json' };
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data) => {
        text += data;
      });
      response.on('end', () => {
        const isJson = String(response.headers['content-type']).startsWith('application/json');
        const body: unknown = isJson ? JSON.parse(text) : text;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    request.on('error', reject).end(payload);
  });
}

const names = ({ zones }: ZoneList): string[] => zones.map(({ zone }) => zone);
