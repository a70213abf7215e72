import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Pool } from '../../../src/pool/pool.ts';
import type { BatchOptions } from '../../../src/xfr/ingest.ts';
import type { BatchTaskResult } from '../../../src/xfr/tasks.ts';
import { SlabDirectory } from '../../../src/zone/slab.ts';
import { SlabRegistry } from '../../../src/zone/slab-registry.ts';
import { VersionReader } from '../../../src/zone/version.ts';
import { decodeMessage } from '../../support/message-decoder.ts';
import { labels, type RawRecord } from '../../support/raw-messages.ts';
import { BATCH_ID, streamOf, zoneSoa } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
const SOA = zoneSoa(APEX);
const OPTIONS: BatchOptions = {
  apex: new Uint8Array(APEX),
  frameSize: 16_000,
  id: BATCH_ID,
  query: 'AXFR',
  isFirst: true,
  outOfZone: 'reject',
  tsig: undefined,
  now: 0,
};
const host = (label: string): RawRecord => ({
  owner: labels(label, 'example', 'org'),
  type: 1,
  ttl: 60,
  rdata: Buffer.of(192, 0, 2, 1),
});

async function withPool(threads: number, work: (pool: Pool, registry: SlabRegistry) => Promise<void>): Promise<void> {
  const registry = new SlabRegistry();
  const pool = new Pool(threads, registry);
  try {
    await work(pool, registry);
  } finally {
    await pool.close();
  }
}

/** Has a stream of messages taken in, as the receiver does. */
async function batch(pool: Pool, registry: SlabRegistry, stream: Buffer, options = OPTIONS): Promise<BatchTaskResult> {
  const received = registry.take();
  new Uint8Array(received.buffer).set(stream, 40);
  const result = await pool.batch({ slab: received.id, offset: 40, length: stream.length }, received, options);
  registry.giveBack(received);
  return result;
}

test('batches of several threads become one version, and its memory is free when it is let go', async () => {
  await withPool(2, async (pool, registry) => {
    const streams = [[SOA, host('a'), host('b')], [host('c')], [host('d'), SOA]].map((records) =>
      streamOf([records], true),
    );
    const results = await Promise.all(
      streams.map((stream, i) => batch(pool, registry, stream, { ...OPTIONS, isFirst: i === 0 })),
    );
    const values = results.map((result) => {
      assert.ok(result.ok);
      return result.value;
    });
    const runs = values.flatMap(({ batch: { run } }) => (run === undefined ? [] : [run]));
    const usage = values.flatMap((value) => value.usage);
    const soa = values[0]?.batch.firstSoa;
    assert.ok(soa !== undefined);

    const assembled = await pool.assemble({ id: 1, apex: OPTIONS.apex, frameSize: 16_000, soa, runs });

    assert.ok(assembled.ok);
    const { version } = assembled.value;
    const directory = new SlabDirectory();
    directory.add(registry.handles(version.usage));
    const names = [...new VersionReader(version.root, directory).messages()]
      .flatMap((message) => decodeMessage(message).answers)
      .map(({ owner }) => owner.toString('latin1', 1, 2));
    assert.deepEqual(names, ['a', 'b', 'c', 'd']);
    assert.equal(version.records, 5);
    registry.release(usage);
    const kept = version.usage.reduce((sum, { octets }) => sum + octets, 0);
    assert.equal(registry.stats.liveOctets, kept);
    registry.release(version.usage);
    assert.equal(registry.stats.liveOctets, 0);
    assert.equal(pool.stats.threads, 2);
  });
});

test('what cannot be taken in is told, and nothing of it is kept', async () => {
  await withPool(1, async (pool, registry) => {
    const result = await batch(pool, registry, streamOf([[SOA, host('a')]], false, 99));

    assert.ok(!result.ok && result.failure.code === 'WRONG_ID');
    assert.equal(registry.stats.liveOctets, 0);
  });
});

test('a thread goes on in its slab from task to task: many small zones take few slabs', async () => {
  await withPool(1, async (pool, registry) => {
    for (let i = 0; i < 30; i++) {
      const result = await batch(pool, registry, streamOf([[SOA, host(`h${i}`), SOA]], true));
      assert.ok(result.ok);
    }

    assert.ok(registry.stats.slabs <= 3, `${registry.stats.slabs} slabs`);
  });
});

test('a zone file is read in the pool, and $INCLUDE stays below its folder, links or not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zonegate-pool-'));
  try {
    writeFileSync(join(folder, 'outside'), 'x 60 A 192.0.2.9\n');
    const zones = mkdtempSync(join(folder, 'zones-'));
    const soa = '@ 60 SOA ns1 host 1 2 3 4 5\n';
    writeFileSync(join(zones, 'good'), `${soa}$INCLUDE hosts\n`);
    writeFileSync(join(zones, 'hosts'), 'a 60 A 192.0.2.1\n');
    writeFileSync(join(zones, 'above'), `${soa}$INCLUDE ../outside\n`);
    writeFileSync(join(zones, 'linked'), `${soa}$INCLUDE link\n`);
    symlinkSync('../outside', join(zones, 'link'));
    writeFileSync(join(zones, 'piped'), `${soa}$INCLUDE pipe\n`);
    execFileSync('mkfifo', [join(zones, 'pipe')]);
    await withPool(1, async (pool) => {
      const request = {
        includeBelow: zones,
        apex: OPTIONS.apex,
        frameSize: 16_000,
        outOfZone: 'reject',
        base: undefined,
      } as const;
      const read = async (file: string): Promise<BatchTaskResult> => {
        const { result } = await pool.zoneFile({ ...request, file: join(zones, file) });
        return result;
      };

      const { files } = await pool.zoneFile({ ...request, file: join(zones, 'good') });
      const piped = await read('piped');
      const [good, above, linked, missing] = [
        await read('good'),
        await read('above'),
        await read('linked'),
        await read('none'),
      ];

      assert.deepEqual(files, [join(zones, 'good'), join(zones, 'hosts')]);
      assert.match(piped.ok ? '' : piped.failure.text, /pipe is not a file/);
      assert.ok(good.ok && good.value.batch.run?.records === 1);
      for (const result of [above, linked]) assert.match(result.ok ? '' : result.failure.text, /lies outside/);
      assert.match(missing.ok ? '' : missing.failure.text, /cannot be read: ENOENT/);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
