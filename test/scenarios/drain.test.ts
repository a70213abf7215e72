/** The end of a service: SIGTERM has a limit, whoever reads slowly, and what was on its way to the disk is there. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { framed } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';
import { encodeMessage, TYPE_NUMBERS } from '../support/transfer-messages.ts';

const ZONE = 'example.org';
const HOSTS = 20_000;
const hosts = Array.from({ length: HOSTS }, (_, i) => `host${i} 60 TXT "${'x'.repeat(100)}"\n`).join('');
const text = (serial: number): string =>
  `@ 60 SOA ns1 host ${serial} 3600 600 86400 300\n@ 60 NS ns1\nns1 60 A 192.0.2.1\nnew${serial} 60 A 192.0.2.9\n${hosts}`;

const dir = mkdtempSync(join(tmpdir(), 'zonegate-drain-'));
mkdirSync(join(dir, 'zones'));
after(() => rmSync(dir, { recursive: true, force: true }));

const write = (serial: number): void => writeFileSync(join(dir, 'zones', ZONE), text(serial));
const start = (): Promise<RunningService> =>
  startService({
    dir,
    config: {
      primaries: { files: { 'zone-files': 'zones' } },
      zones: { [ZONE]: { primary: 'files' } },
      rules: [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }],
      limits: { 'drain-timeout': '500ms' },
      store: { type: 'lmdb', path: 'store' },
    },
  });

/** Asks for the zone so often that no buffer holds it all, reads what comes first, and no more. */
async function beginToRead(port: number): Promise<Socket> {
  const socket = await new Promise<Socket>((resolve) => {
    const opened = connect(port, '127.0.0.1', () => resolve(opened));
  });
  socket.on('error', () => undefined);
  const query = framed(encodeMessage({ flags: 0, question: { name: ZONE, type: TYPE_NUMBERS.AXFR } }));
  for (let i = 0; i < 10; i++) socket.write(query);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return socket;
}

test('who does not read to the end is cut by drain-timeout, which the log says; the versions are there after it', async () => {
  write(1);
  const service = await start();
  await service.event('zone-updated');
  const socket = await beginToRead(service.port);
  const startedAt = Date.now();
  service.signal('SIGTERM');
  const code = await service.ended;
  const took = Date.now() - startedAt;
  const cut = service.events.filter(({ event, outcome }) => event === 'transfer' && outcome === 'cut-by-drain');
  socket.destroy();
  rmSync(join(dir, 'zones', ZONE));
  const again = await start();
  const { serial } = await takeZone(again.port, ZONE);
  await again.stop();

  assert.equal(code, 0);
  assert.ok(took >= 500 && took < 5_000, String(took));
  assert.ok(cut.length > 0);
  assert.deepEqual([cut[0]?.['zone'], cut[0]?.['type'], cut[0]?.['to']], [ZONE, 'AXFR', 1]);
  assert.equal(service.events.at(-1)?.event, 'stopped');
  assert.equal(serial, 1);
});

test('SIGTERM at any moment of a commit: what was told to be served is served by the next, and nothing is damaged', async () => {
  for (let serial = 2; serial <= 6; serial++) {
    write(serial);
    const service = await start();
    // From before the commit until after it.
    await sleep((serial - 2) * 70);
    await service.stop();
    const told = service.events.filter(({ event }) => event === 'zone-updated').at(-1)?.['to'];
    rmSync(join(dir, 'zones', ZONE));
    const next = await start();
    const ready = next.events.find(({ event }) => event === 'ready');
    const served = (await takeZone(next.port, ZONE)).serial;
    await next.stop();

    assert.deepEqual(ready?.['zones'], { loaded: 1, awaited: 0 });
    assert.ok(served === serial || (told === undefined && served < serial), `${told} was told, ${served} is served`);
    assert.equal(
      next.events.some(({ event }) => event === 'store-damaged'),
      false,
    );
  }
});
