/**
 * A change of ten records in a large zone: from NOTIFY until the new serial is answered, beside the peers as secondaries
 * of the same primary; a second change right behind the first; and the cost against the size of the zone.
 */
import { createSocket } from 'node:dgram';
import { setTimeout } from 'node:timers/promises';
import { startBind, startKnot, startNsd } from '../../test/support/dns-peers.ts';
import { type IxfrPrimary, startIxfrPrimary } from '../support/ixfr-primary.ts';
import { anonymousOctets, residentOctets } from '../support/process.ts';
import { summarize, table } from '../support/statistics.ts';
import { wireName } from '../support/synthetic.ts';
import { startZonegate } from '../support/zonegate.ts';

const ZONE = 'example.org';

interface Secondary {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<unknown>;
}

const STARTERS: Readonly<Record<string, (primary: number) => Promise<Secondary>>> = {
  zonegate: async (primary) => {
    const dir = await startZonegate(ZONE, primary, undefined, 'lmdb');
    return { name: 'zonegate', port: dir.port, pid: dir.pid, stop: () => dir.stop() };
  },
  BIND: async (primary) => peer('BIND', await startBind(secondaryOf(primary))),
  Knot: async (primary) => peer('Knot', await startKnot(secondaryOf(primary))),
  NSD: async (primary) => peer('NSD', await startNsd(secondaryOf(primary))),
};

const secondaryOf = (primary: number) => ({ secondaryZones: [{ name: ZONE, primary: { port: primary } }] });
const peer = (name: string, { port, pid, stop }: Awaited<ReturnType<typeof startBind>>): Secondary => ({
  name,
  port,
  pid: pid as number,
  stop: () => stop(),
});

export async function update(options: { readonly records: number; readonly changes: number }): Promise<unknown> {
  const { records, changes } = options;
  console.log(`changes of 10 records in a zone of ${records}, from NOTIFY to the new serial, ${changes} of them`);
  const rows: Record<string, string>[] = [];
  for (const name of Object.keys(STARTERS)) {
    const result = await measure(name, records, changes);
    rows.push({
      server: name,
      'ms, median': result.single.median.toFixed(1),
      'min to max': `${result.single.min.toFixed(1)} to ${result.single.max.toFixed(1)}`,
      'second right behind, ms': result.second.median.toFixed(1),
      'second, min to max': `${result.second.min.toFixed(1)} to ${result.second.max.toFixed(1)}`,
      'AXFRs asked': String(result.axfrs),
    });
  }
  console.log(`\n${table(rows)}\n`);
  return { records, changes, rows, growth: await growth(changes) };
}

async function measure(name: string, records: number, changes: number) {
  const primary = await startIxfrPrimary(ZONE, records);
  const secondary = await (STARTERS[name] as (typeof STARTERS)[string])(primary.port);
  const client = await newClient(secondary.port);
  try {
    await client.until(1, 120_000);
    const single: number[] = [];
    const second: number[] = [];
    for (let i = 0; i < changes; i++) {
      await setTimeout(name === 'zonegate' ? 50 : 1200);
      single.push(await changeOnce(primary, client));
      second.push(await changeOnce(primary, client));
    }
    return { single: summarize(single.slice(1)), second: summarize(second.slice(1)), axfrs: primary.asked.AXFR };
  } finally {
    client.close();
    await secondary.stop();
    await primary.stop();
  }
}

/** Milliseconds from NOTIFY to the new serial. */
async function changeOnce(primary: IxfrPrimary, client: Client): Promise<number> {
  primary.change();
  const started = performance.now();
  client.notify(primary.serial);
  await client.until(primary.serial, 20_000);
  return performance.now() - started;
}

interface Client {
  notify(serial: number): void;
  /** Asks for the SOA, over and over, until it has the serial. */
  until(serial: number, timeoutMs: number): Promise<void>;
  close(): void;
}

async function newClient(port: number): Promise<Client> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const question = Buffer.concat([wireName(ZONE), Buffer.from([0, 6, 0, 1])]);
  const head = (flags: number): Buffer => Buffer.from([0x12, 0x34, flags >> 8, flags & 255, 0, 1, 0, 0, 0, 0, 0, 0]);
  const query = Buffer.concat([head(0), question]);
  let heard: ((serial: number | undefined) => void) | undefined;
  socket.on('message', (message) => {
    if (((message[2] as number) & 0x78) !== 0) return; // the answer to a NOTIFY
    const isAnswer = message.readUInt16BE(6) === 1 && ((message[3] as number) & 15) === 0;
    heard?.(isAnswer ? message.readUInt32BE(message.length - 20) : undefined);
  });
  const ask = (): Promise<number | undefined> =>
    new Promise((resolve) => {
      const timer = globalThis.setTimeout(() => resolve(undefined), 100);
      heard = (serial) => {
        clearTimeout(timer);
        resolve(serial);
      };
      socket.send(query, port, '127.0.0.1');
    });
  return {
    notify: () => socket.send(Buffer.concat([head(0x2400), question]), port, '127.0.0.1'),
    until: async (serial, timeoutMs) => {
      const deadline = performance.now() + timeoutMs;
      while ((await ask()) !== serial) {
        if (performance.now() > deadline) throw new Error(`serial ${serial} did not come in ${timeoutMs} ms`);
        // A secondary that is asked without a pause has no time for its work.
        await setTimeout(0.2);
      }
    },
    close: () => socket.close(),
  };
}

/** zonegate alone: how the cost of a change grows with the zone. */
async function growth(changes: number): Promise<unknown> {
  const sizes = [10_000, 100_000, 1_000_000, 10_000_000];
  const times: number[] = [];
  for (const records of sizes) times.push((await measure('zonegate', records, changes)).single.median);
  const rows = sizes.map((records, i) => ({
    records: String(records),
    'ms, median': (times[i] as number).toFixed(2),
    'to the size before': i === 0 ? '' : ((times[i] as number) / (times[i - 1] as number)).toFixed(2),
  }));
  const exponent = slope(sizes.map(Math.log10), times.map(Math.log10));
  console.log(`\n${table(rows)}\n\nexponent ${exponent.toFixed(3)}\n`);
  return { rows, exponent };
}

/** Of the straight line nearest to the points. */
function slope(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const over = x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] as number) - my), 0);
  return over / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
}

/** Memory after many changes of a large zone, against that after its first load; zonegate alone. */
export async function memory(options: { readonly records: number; readonly changes: number }): Promise<unknown> {
  const { records, changes } = options;
  const primary = await startIxfrPrimary(ZONE, records);
  const zonegate = await startZonegate(ZONE, primary.port, undefined, 'lmdb');
  const client = await newClient(zonegate.port);
  try {
    await client.until(1, 120_000);
    await setTimeout(3_000);
    const first = anonymousOctets(zonegate.pid);
    const firstInAll = residentOctets(zonegate.pid);
    const seen: { changes: number; octets: number; inAll: number }[] = [];
    const started = performance.now();
    for (let i = 1; i <= changes; i++) {
      await changeOnce(primary, client);
      if (i % (changes / 10) === 0) {
        seen.push({ changes: i, octets: anonymousOctets(zonegate.pid), inAll: residentOctets(zonegate.pid) });
      }
    }
    const perChange = (performance.now() - started) / changes;
    await setTimeout(3_000);
    const last = anonymousOctets(zonegate.pid);
    const mb = (octets: number): string => (octets / 1e6).toFixed(0);
    const rows = [
      { after: 'the first load', MB: mb(first), 'of the first': '1.00', 'with pages of files, MB': mb(firstInAll) },
      ...seen.map((at) => ({
        after: `${at.changes} changes`,
        MB: mb(at.octets),
        'of the first': (at.octets / first).toFixed(2),
        'with pages of files, MB': mb(at.inAll),
      })),
      {
        after: 'a rest',
        MB: mb(last),
        'of the first': (last / first).toFixed(2),
        'with pages of files, MB': mb(residentOctets(zonegate.pid)),
      },
    ];
    console.log(`\n${table(rows)}\n\n${perChange.toFixed(2)} ms a change\n`);
    return { records, changes, first, last, ratio: last / first, rows, perChange };
  } finally {
    client.close();
    await zonegate.stop();
    await primary.stop();
  }
}
