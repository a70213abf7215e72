/** Memory a record beside the peers, and zonegate's after many changes of ten records against that after its first load. */
import { setTimeout } from 'node:timers/promises';
import { startIxfrPrimary } from '../support/ixfr-primary.ts';
import { anonymousOctets, residentOctets } from '../support/process.ts';
import { ZONEGATE } from '../support/secondaries.ts';
import { newSoaClient } from '../support/soa-client.ts';
import { table } from '../support/statistics.ts';
import { measureLoads, memoryColumns } from './ingest.ts';

const ZONE = 'example.org';

export async function memory(options: { readonly records: number; readonly changes: number }): Promise<unknown> {
  const { records, changes } = options;
  console.log(
    `memory of a zone of ${records} records: pages that are no file's, and beside them those of mapped files`,
  );
  const loads = await measureLoads(records, 1);
  console.log(
    `\n${table(loads.map((load) => ({ server: load.name, ...memoryColumns(load.anonymous, load.inAll) })))}\n`,
  );
  return { records, loads, afterChanges: await afterChanges(records, changes) };
}

async function afterChanges(records: number, changes: number): Promise<unknown> {
  const primary = await startIxfrPrimary(ZONE, records);
  const zonegate = await ZONEGATE.start(ZONE, primary.port);
  const client = await newSoaClient(ZONE, zonegate.port);
  try {
    await client.until(1, 120_000);
    await setTimeout(3_000);
    const seen: { after: string; octets: number; inAll: number }[] = [];
    const note = (after: string): void => {
      seen.push({ after, octets: anonymousOctets(zonegate.pid), inAll: residentOctets(zonegate.pid) });
    };
    note('the first load');
    const started = performance.now();
    for (let i = 1; i <= changes; i++) {
      primary.change();
      await client.untilTaken(primary.serial);
      if (i % Math.ceil(changes / 10) === 0) note(`${i} changes`);
    }
    const perChange = (performance.now() - started) / changes;
    await setTimeout(3_000);
    note('a rest');
    const first = seen[0]?.octets ?? 0;
    const rows = seen.map(({ after, octets, inAll }) => ({
      'zonegate after': after,
      MB: (octets / 1e6).toFixed(0),
      'of the first': (octets / first).toFixed(2),
      'with pages of files, MB': (inAll / 1e6).toFixed(0),
    }));
    console.log(`\n${table(rows)}\n\n${perChange.toFixed(2)} ms a change\n`);
    const last = seen.at(-1)?.octets ?? 0;
    return { changes, first, last, ratio: last / first, rows, perChange };
  } finally {
    client.close();
    await zonegate.stop();
    await primary.stop();
  }
}
