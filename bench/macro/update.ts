/**
 * A change of ten records in a large zone: from NOTIFY until the new serial is answered, beside the peers as secondaries
 * of scripted primaries; a second change right behind the first; and the cost against the size of the zone.
 */
import { setTimeout } from 'node:timers/promises';
import { type IxfrPrimary, startIxfrPrimary } from '../support/ixfr-primary.ts';
import { type SecondaryKind, secondaries, ZONEGATE } from '../support/secondaries.ts';
import { newSoaClient, type SoaClient } from '../support/soa-client.ts';
import { summarize, table } from '../support/statistics.ts';

const ZONE = 'example.org';
/** Longer than any peer puts off a change that follows another. */
const BETWEEN_ROUNDS_MS = 1200;

export interface UpdateOptions {
  readonly records: number;
  readonly changes: number;
  /** Of zones in which only zonegate is measured. */
  readonly sizes: readonly number[];
}

export async function update({ records, changes, sizes }: UpdateOptions): Promise<unknown> {
  console.log(`changes of 10 records in a zone of ${records}, from NOTIFY to the new serial, ${changes} rounds`);
  const runs: Run[] = [];
  const rows: Record<string, string>[] = [];
  try {
    for (const kind of secondaries({ takesIxfr: true })) runs.push(await startRun(kind, records));
    // The first round warms up.
    for (let round = 0; round <= changes; round++) {
      await setTimeout(BETWEEN_ROUNDS_MS);
      for (const run of runs) await oneRound(run, round > 0);
    }
    for (const { name, singles, seconds, primary } of runs) {
      const single = summarize(singles);
      const second = summarize(seconds);
      rows.push({
        server: name,
        'ms, median': single.median.toFixed(1),
        'min to max': `${single.min.toFixed(1)} to ${single.max.toFixed(1)}`,
        'second right behind, ms': second.median.toFixed(1),
        'second, min to max': `${second.min.toFixed(1)} to ${second.max.toFixed(1)}`,
        'IXFRs asked': String(primary.asked.IXFR),
        'AXFRs asked': String(primary.asked.AXFR),
      });
    }
  } finally {
    for (const run of runs) await run.stop();
  }
  console.log(`\n${table(rows)}\n`);
  return { records, changes, rows, growth: await growth(sizes, changes) };
}

/** A secondary that has the zone, its primary, and what was measured. */
interface Run {
  readonly name: string;
  readonly primary: IxfrPrimary;
  readonly client: SoaClient;
  readonly singles: number[];
  readonly seconds: number[];
  stop(): Promise<void>;
}

async function startRun(kind: SecondaryKind, records: number): Promise<Run> {
  const primary = await startIxfrPrimary(ZONE, records);
  const secondary = await kind.start(ZONE, primary.port);
  const client = await newSoaClient(ZONE, secondary.port);
  const stop = async (): Promise<void> => {
    client.close();
    await secondary.stop();
    await primary.stop();
  };
  try {
    await client.until(1, 300_000);
  } catch (error) {
    await stop();
    throw new Error(`${kind.name} did not load the zone`, { cause: error });
  }
  return { name: kind.name, primary, client, singles: [], seconds: [], stop };
}

async function oneRound({ primary, client, singles, seconds }: Run, counts: boolean): Promise<void> {
  primary.change();
  const single = await client.untilTaken(primary.serial);
  primary.change();
  const second = await client.untilTaken(primary.serial);
  if (!counts) return;
  singles.push(single);
  seconds.push(second);
}

/** zonegate alone: how the cost of a change grows with the zone. */
async function growth(sizes: readonly number[], changes: number): Promise<unknown> {
  const times: number[] = [];
  for (const records of sizes) {
    const run = await startRun(ZONEGATE, records);
    try {
      // What it does after a load has passed.
      await setTimeout(BETWEEN_ROUNDS_MS);
      for (let round = 0; round <= changes; round++) {
        await setTimeout(50);
        await oneRound(run, round > 0);
      }
    } finally {
      await run.stop();
    }
    times.push(summarize(run.singles).median);
  }
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
