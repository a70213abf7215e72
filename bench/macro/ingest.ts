/**
 * Taking in a large zone from NSD, zonegate beside the peers as secondaries: from NOTIFY to the zone answered (zonegate:
 * checked and stored), and the memory it costs above the same process with a zone of four records. ixfrdist, which hears
 * no NOTIFY, is measured from its start. Both cores are the secondary's and NSD's together, as in a first start.
 */
import { setTimeout } from 'node:timers/promises';
import { startNsd } from '../../test/support/dns-peers.ts';
import { anonymousOctets, residentOctets } from '../support/process.ts';
import { type Secondary, type SecondaryKind, secondaries } from '../support/secondaries.ts';
import { newSoaClient, type SoaClient } from '../support/soa-client.ts';
import { type Summary, summarize, table } from '../support/statistics.ts';
import { zoneFile } from '../support/synthetic.ts';

const ZONE = 'example.org';
/** Until what was needed only for loading is given back. */
const REST_MS = 3000;

export async function ingest(options: { readonly records: number; readonly rounds: number }): Promise<unknown> {
  const { records, rounds } = options;
  console.log(`ingest of ${records} records from NSD, ${rounds} fresh processes of each secondary`);
  const loads = await measureLoads(records, rounds);
  const rows = loads.map(({ name, seconds, anonymous, inAll }) => ({
    server: name,
    'seconds from NOTIFY to served': show(summarize(seconds), 3),
    'M records/s': (records / summarize(seconds).median / 1e6).toFixed(2),
    ...memoryColumns(anonymous, inAll),
  }));
  console.log(`\n${table(rows)}\n`);
  return { records, rounds, loads, rows };
}

export interface Loads {
  readonly name: string;
  readonly seconds: number[];
  /** Octets a record above idle, without pages of files. */
  readonly anonymous: number[];
  /** The same with pages of files that are mapped: LMDB's in zonegate and Knot. */
  readonly inAll: number[];
}

/** Rounds are interleaved: each secondary in turn, in a process of its own. */
export async function measureLoads(records: number, rounds: number): Promise<readonly Loads[]> {
  const kinds = secondaries({ takesIxfr: false });
  const loads = kinds.map(({ name }): Loads => ({ name, seconds: [], anonymous: [], inAll: [] }));
  const primary = await startGrowingPrimary(records);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [i, kind] of kinds.entries()) {
        const { seconds, anonymous, inAll } = await loadOnce(kind, primary);
        loads[i]?.seconds.push(seconds);
        loads[i]?.anonymous.push(anonymous / records);
        loads[i]?.inAll.push(inAll / records);
      }
    }
  } finally {
    await primary.stop();
  }
  return loads;
}

async function loadOnce(kind: SecondaryKind, primary: GrowingPrimary) {
  await primary.become('small');
  let running = await startRunning(kind, primary.port);
  try {
    await running.client.until(primary.serial, 60_000);
    await setTimeout(REST_MS);
    const idle = memoryOf(running.secondary.pid);
    if (!kind.hearsNotify) await running.stop();
    await primary.become('large');
    const started = performance.now();
    if (kind.hearsNotify) await running.client.untilTaken(primary.serial);
    else {
      running = await startRunning(kind, primary.port);
      await running.client.until(primary.serial, 60_000);
    }
    const seconds = (performance.now() - started) / 1000;
    await setTimeout(REST_MS);
    const loaded = memoryOf(running.secondary.pid);
    return { seconds, anonymous: loaded.anonymous - idle.anonymous, inAll: loaded.inAll - idle.inAll };
  } catch (error) {
    throw new Error(`${kind.name} did not load the zone`, { cause: error });
  } finally {
    await running.stop();
  }
}

const memoryOf = (pid: number) => ({ anonymous: anonymousOctets(pid), inAll: residentOctets(pid) });

interface Running {
  readonly secondary: Secondary;
  readonly client: SoaClient;
  /** May be called again. */
  stop(): Promise<void>;
}

async function startRunning(kind: SecondaryKind, primaryPort: number): Promise<Running> {
  const secondary = await kind.start(ZONE, primaryPort);
  const client = await newSoaClient(ZONE, secondary.port);
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    client.close();
    await secondary.stop();
  };
  return {
    secondary,
    client,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

interface GrowingPrimary {
  readonly port: number;
  readonly serial: number;
  /** Shows the one zone or the other, under the next serial. */
  become(size: 'small' | 'large'): Promise<void>;
  stop(): Promise<void>;
}

async function startGrowingPrimary(records: number): Promise<GrowingPrimary> {
  let serial = 1;
  const text = (size: 'small' | 'large'): string =>
    [...zoneFile(ZONE, size === 'small' ? 4 : records, serial)].join('');
  const nsd = await startNsd({ zones: [{ name: ZONE, text: text('small') }] });
  return {
    port: nsd.port,
    get serial() {
      return serial;
    },
    become: async (size) => {
      serial++;
      await nsd.update(ZONE, text(size), serial);
    },
    stop: () => nsd.stop(),
  };
}

/** Of a table. */
export const memoryColumns = (anonymous: readonly number[], inAll: readonly number[]): Record<string, string> => ({
  'octets a record above idle': show(summarize(anonymous), 1),
  'with pages of files (LMDB)': show(summarize(inAll), 1),
});

const show = ({ median, min, max }: Summary, digits: number): string =>
  `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
