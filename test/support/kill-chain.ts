/**
 * The service is killed over and over, at any moment: as it takes in a zone, applies changes, prunes its history. What it
 * has served is there each time, record for record, before any primary answers.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers';
import { setTimeout } from 'node:timers/promises';
import { type IxfrPrimary, startIxfrPrimary } from '../../bench/support/ixfr-primary.ts';
import { type RunningService, startService } from './service.ts';
import { takeZone } from './take-zone.ts';

const ZONE = 'example.org';
const RECORDS = 3000;
/** A new store from time to time, so that first transfers are hit, too. */
const KILLS_OF_A_STORE = 17;

const config = (port: number): Record<string, unknown> => ({
  primaries: { peer: { addresses: [`127.0.0.1:${port}`], 'queries-per-second': 100_000 } },
  zones: {
    [ZONE]: {
      primary: 'peer',
      'frame-size': '1000B',
      history: { versions: 3 },
      timers: { 'refresh-min': '10ms', 'refresh-max': '20ms', 'retry-min': '10ms', 'retry-max': '20ms' },
    },
  },
  rules: [{ match: { source: '127.0.0.0/8' }, action: 'allow' }],
  store: { type: 'lmdb', path: 'store' },
});

async function checkServed(service: RunningService, primary: IxfrPrimary, least: number): Promise<void> {
  const zone = await takeZone(service.port, ZONE);
  assert.ok(zone.serial >= least, `serial ${zone.serial} is served after ${least} was`);
  assert.equal(zone.records.length, RECORDS);
  const changed = primary.addressesAt(zone.serial);
  const wrong = zone.records.filter((record) => {
    const [, number, address] = /^host-(\d+)\.\S+ A (\S+)$/.exec(record) ?? [];
    if (number === undefined) return false;
    const i = Number(number);
    return address !== (changed.get(i) ?? `198.18.${(i >> 8) & 255}.${i & 255}`);
  });
  assert.deepEqual(wrong, []);
}

/** One store after the other, each killed so many times. Gives the number of times that what was served was checked. */
export async function killChain(stores: number): Promise<{ readonly kills: number; readonly checks: number }> {
  const primary = await startIxfrPrimary(ZONE, RECORDS);
  let checks = 0;
  for (let store = 0; store < stores; store++) {
    const dir = mkdtempSync(join(tmpdir(), 'zonegate-kill-'));
    let served = 0;
    for (let kill = 0; kill < KILLS_OF_A_STORE; kill++) {
      primary.isAway = true;
      const service = await startService({ dir, config: config(primary.port) });
      if (served > 0) {
        await checkServed(service, primary, served);
        checks++;
      }
      primary.isAway = false;
      const changes = setInterval(() => primary.change(), 15);
      await setTimeout(Math.random() * 250);
      clearInterval(changes);
      await service.kill();
      for (const { event, to } of service.events) if (event === 'zone-updated') served = Math.max(served, Number(to));
      assert.ok(!service.events.some(({ event }) => event === 'store-damaged'));
    }
    rmSync(dir, { recursive: true });
  }
  await primary.stop();
  return { kills: stores * KILLS_OF_A_STORE, checks };
}
