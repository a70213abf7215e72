/** 100,000 small zones from one primary: first load, memory, start from the store, NOTIFY while all are refreshing. */
import { createSocket } from 'node:dgram';
import { setTimeout } from 'node:timers/promises';
import { type RunningService, startService } from '../../test/support/service.ts';
import { startManyPrimary } from '../support/many-primary.ts';
import { anonymousOctets, residentOctets } from '../support/process.ts';
import { summarize, table } from '../support/statistics.ts';
import { wireName } from '../support/synthetic.ts';

const nameOf = (i: number): string => `zone-${String(i).padStart(6, '0')}.example`;

export async function many({ zones, dir }: { readonly zones: number; readonly dir: string }): Promise<unknown> {
  const primary = await startManyPrimary();
  const config = {
    primaries: {
      peer: { addresses: [`127.0.0.1:${primary.port}`], 'queries-per-second': 100_000, 'concurrent-transfers': 50 },
    },
    'zone-defaults': { primary: 'peer', timers: { 'refresh-min': '1s', 'refresh-max': '5m' } },
    zones: Object.fromEntries(Array.from({ length: zones }, (_, i) => [nameOf(i), {}])),
    rules: [{ match: { source: '127.0.0.0/8' }, action: 'allow' }],
    store: { type: 'lmdb', path: 'store' },
  };
  const rows: { what: string; is: string }[] = [];
  const note = (what: string, is: string): void => {
    rows.push({ what, is });
    console.log(`${what}: ${is}`);
  };
  const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
  const started = performance.now();
  let service = await startService({ dir, config, timeoutMs: 120_000 });
  note('ready, nothing loaded', seconds(started));
  await untilServed(service, zones, 600_000);
  note('all loaded from the primary', seconds(started));
  await setTimeout(3_000);
  const mb = (octets: number): string => `${(octets / 1e6).toFixed(0)} MB`;
  note('memory', `${mb(anonymousOctets(service.pid))}, with pages of files ${mb(residentOctets(service.pid))}`);
  await service.stop();

  const again = performance.now();
  service = await startService({ dir, config, timeoutMs: 120_000 });
  const ready = service.events.find(({ event }) => event === 'ready');
  note('ready from the store', `${seconds(again)}, ${JSON.stringify(ready?.['zones'])}`);
  // All of them are due now: the primary has something newer for each.
  primary.serial = 2;
  const delays: number[] = [];
  for (let i = 0; i < 200; i++) {
    delays.push(await notify(service.port, nameOf(i * 37)));
    await setTimeout(10);
  }
  const { median, max } = summarize(delays);
  note('NOTIFY answered while all refresh', `${median.toFixed(2)} ms, at most ${max.toFixed(1)} ms`);
  note('memory meanwhile', mb(anonymousOctets(service.pid)));
  await service.stop();
  await primary.stop();
  console.log(`\n${table(rows)}\n`);
  return { zones, rows, asked: primary.asked };
}

async function untilServed(service: RunningService, zones: number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const status = (await (await fetch(`${service.adminUrl}/api/v1/status`)).json()) as { zones: { served: number } };
    if (status.zones.served >= zones) return;
    if (performance.now() > deadline) throw new Error(`${status.zones.served} of ${zones} are served`);
    await setTimeout(1_000);
  }
}

/** Milliseconds until the NOTIFY is answered. */
async function notify(port: number, zone: string): Promise<number> {
  const socket = createSocket('udp4');
  const head = Buffer.from([0x12, 0x34, 0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const message = Buffer.concat([head, wireName(zone), Buffer.from([0, 6, 0, 1])]);
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    const timer = globalThis.setTimeout(() => reject(new Error('a NOTIFY was not answered')), 10_000);
    socket.once('message', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.send(message, port, '127.0.0.1');
  });
  socket.close();
  return performance.now() - started;
}
