/** Prefix sets from files and feeds: in force without a restart, and never worse than the last good list. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningService, startService } from '../support/service.ts';
import { askFrom } from '../support/sources.ts';

const ZONE = '$ORIGIN example.org.\n@ 3600 IN SOA ns1 h 1 3600 600 86400 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n';
const folders: string[] = [];
const folder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-sets-'));
  folders.push(dir);
  return dir;
};
after(() => {
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

interface Feed {
  readonly url: string;
  body: string;
  status: number;
  /** `if-none-match` of each request, or '-'. */
  readonly asked: string[];
  readonly server: Server;
}

async function startFeed(body: string): Promise<Feed> {
  const server = createServer((request, response) => {
    const etag = `"${feed.body.length}"`;
    const known = request.headers['if-none-match'];
    feed.asked.push(known ?? '-');
    if (feed.status !== 200) response.writeHead(feed.status).end();
    else if (known === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag }).end(feed.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/list.txt`;
  const feed: Feed = { url, body, status: 200, asked: [], server };
  return feed;
}

const configOf = (sets: Record<string, unknown>, store: object = { type: 'memory' }): Record<string, unknown> => ({
  'prefix-sets': sets,
  primaries: { files: { 'zone-files': 'zones' } },
  zones: { 'example.org': { primary: 'files' } },
  rules: [
    { name: 'known', match: { source: 'set:known' }, action: 'allow' },
    { name: 'out', action: 'refuse' },
  ],
  store,
});
const files = { 'zones/example.org': ZONE };
/** A front hears of a change a moment after the log does. */
async function rcodes(service: RunningService, ...sources: string[]): Promise<number[]> {
  await sleep(100);
  return Promise.all(sources.map((source) => askFrom(source, service.port)));
}

test('a file is in force from the start, and each change of it at once; a bad line changes nothing', async () => {
  const dir = folder();
  const service = await startService({
    dir,
    config: configOf({ known: { file: 'known.txt' } }),
    files: { ...files, 'known.txt': '# who is known\n127.0.0.2\n127.1.0.0/16 ; a network\n\n' },
  });
  try {
    await service.event('zone-updated');
    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.1.2.3', '127.0.0.3'), [0, 0, 5]);

    writeFileSync(join(dir, 'new.txt'), '127.0.0.3\n');
    renameSync(join(dir, 'new.txt'), join(dir, 'known.txt'));
    await service.event('feed-updated', ({ prefixes }) => prefixes === 1);
    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.0.0.3'), [5, 0]);

    writeFileSync(join(dir, 'known.txt'), '127.0.0.2\n127.0.0.300\n');
    const { why, now } = await service.event('feed-failed');
    assert.match(String(why), /line 2: "127\.0\.0\.300"/);
    assert.equal(now, 'the last good list stays');
    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.0.0.3'), [5, 0]);
  } finally {
    await service.stop();
  }
});

test('a feed is asked with its ETag, its last good copy outlives errors and a restart', async () => {
  const dir = folder();
  const feed = await startFeed('127.0.0.2\n');
  const sets = { known: { url: feed.url, refresh: '1s', timeout: '2s' } };
  const config = configOf(sets, { type: 'lmdb', path: 'store' });
  let service = await startService({ dir, config, files });
  try {
    await service.event('feed-updated');
    await service.event('zone-updated');
    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.0.0.3'), [0, 5]);

    feed.body = '127.0.0.2\n127.0.0.3\n';
    await service.event('feed-updated', ({ prefixes }) => prefixes === 2);
    assert.deepEqual(await rcodes(service, '127.0.0.3'), [0]);
    assert.ok(feed.asked.includes('"10"'), feed.asked.join(' '));

    const before = service.events.length;
    feed.body = '  \n';
    await service.event('feed-failed', ({ why }) => String(why).endsWith('the list is empty'), before);
    feed.status = 503;
    await service.event('feed-failed', ({ why }) => String(why).endsWith('status 503'), before);
    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.0.0.3'), [0, 0]);

    await service.stop();
    service = await startService({ dir, config, files });
    await service.event('feed-failed');
    await service.event('ready');
    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.0.0.3', '127.0.0.4'), [0, 0, 5]);
  } finally {
    feed.server.close();
    await service.stop();
  }
});

test('a reload brings new sets with the rules that go by them', async () => {
  const service = await startService({
    config: configOf({ known: { file: 'known.txt' } }),
    files: { ...files, 'known.txt': '127.0.0.2\n', 'more.txt': '127.0.0.3\n' },
  });
  try {
    await service.event('zone-updated');
    const both = configOf({ known: { file: 'known.txt' }, more: { file: 'more.txt' } });
    const rules = [{ match: { source: ['set:more', 'set:known'] }, action: 'allow' }];
    assert.equal((await service.reload({ ...both, rules }))['ok'], true);

    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.0.0.3', '127.0.0.4'), [0, 0, 5]);

    const missing = configOf({ known: { file: 'gone.txt' } });
    assert.equal((await service.reload(missing))['ok'], false);
    assert.deepEqual(await rcodes(service, '127.0.0.2', '127.0.0.3', '127.0.0.4'), [0, 0, 5]);
  } finally {
    await service.stop();
  }
});
