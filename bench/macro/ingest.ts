/**
 * Taking in 1,000,000 records from NSD: from the start of the refresh to the zone served, and the memory it costs above
 * the idle process. Both cores are zonegate's and NSD's together, as they would be in a first start.
 */
import { setTimeout } from 'node:timers/promises';
import { startNsd } from '../../test/support/dns-peers.ts';
import { residentOctets } from '../support/process.ts';
import { summarize, table } from '../support/statistics.ts';
import { zoneFile } from '../support/synthetic.ts';
import { startZonegate } from '../support/zonegate.ts';

const ZONE = 'example.org';
const TINY = `$ORIGIN ${ZONE}.\n@ 3600 IN SOA ns1 host 1 3600 600 86400 300\n@ 3600 IN NS ns1\nns1 3600 IN A 192.0.2.1\n`;

export async function ingest(options: { readonly records: number; readonly rounds: number }): Promise<unknown> {
  const { records, rounds } = options;
  console.log(`ingest of ${records} records from NSD, ${rounds} fresh processes`);
  const large = await startNsd({ zones: [{ name: ZONE, text: [...zoneFile(ZONE, records)].join('') }] });
  const small = await startNsd({ zones: [{ name: ZONE, text: TINY }] });
  const seconds: number[] = [];
  const octetsPerRecord: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const idle = await startZonegate(ZONE, small.port, undefined);
    await idle.event('zone-updated');
    await setTimeout(1500);
    const idleOctets = residentOctets(idle.pid);
    await idle.stop();
    const loaded = await startZonegate(ZONE, large.port, undefined);
    const updated = await loaded.event('zone-updated');
    seconds.push(Number(updated['ms']) / 1000);
    await setTimeout(1500);
    octetsPerRecord.push((residentOctets(loaded.pid) - idleOctets) / records);
    await loaded.stop();
  }
  await large.stop();
  await small.stop();
  const time = summarize(seconds);
  const memory = summarize(octetsPerRecord);
  const show = ({ median, min, max }: typeof time, digits: number): string =>
    `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
  const rows = [
    { what: 'seconds from SOA query to served', 'median (min to max)': show(time, 3) },
    { what: 'M records/s', 'median (min to max)': (records / time.median / 1e6).toFixed(2) },
    { what: 'octets a record above idle', 'median (min to max)': show(memory, 1) },
  ];
  console.log(`\n${table(rows)}\n`);
  return { records, rounds, seconds, octetsPerRecord, rows };
}
