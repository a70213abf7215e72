/** `zonegate zones`: every zone of the running service. */
import { type Command, Option } from 'commander';
import type { ZoneList, ZoneReport } from '../../admin/api.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';
import { readableBytes, readableTime } from '../readable.ts';

interface ZonesOptions extends ServerOptions {
  readonly state?: string;
}

export function register(program: Command): void {
  withServerOptions(program.command('zones').description('the zones of the running service'))
    .addOption(new Option('--state <state>', 'only those in this state').choices(['served', 'loading', 'expired']))
    .action(async (options: ZonesOptions) => {
      const zones = await readZones(options);
      if (wantsJson(options)) printJson({ zones });
      else printTable(zones, zoneColumns(Date.now()));
    });
}

/** So many that 10,000 zones are few requests, so few that no answer is huge. */
const PAGE = 5_000;

async function readZones(options: ZonesOptions): Promise<ZoneReport[]> {
  const zones: ZoneReport[] = [];
  let after: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (options.state !== undefined) query.set('state', options.state);
    if (after !== null) query.set('after', after);
    const page: ZoneList = await readAdmin<ZoneList>(`api/v1/zones?${query}`, options);
    zones.push(...page.zones);
    after = page.next;
  } while (after !== null);
  return zones;
}

export const zoneColumns = (now: number): readonly Column<ZoneReport>[] => [
  { title: 'ZONE', value: ({ zone }) => zone },
  { title: 'STATE', value: ({ state, refreshing }) => (refreshing ? `${state}, refreshing` : state) },
  { title: 'SERIAL', value: ({ serial }) => serial ?? undefined, align: 'right' },
  { title: 'RECORDS', value: ({ records }) => records ?? undefined, align: 'right' },
  { title: 'SIZE', value: ({ bytes }) => (bytes === null ? undefined : readableBytes(bytes)), align: 'right' },
  { title: 'CONTACT', value: (zone) => readableTime(zone['last-contact'], now) },
  { title: 'NEXT CHECK', value: (zone) => readableTime(zone['next-check'], now) },
  { title: 'PRIMARY', value: ({ primary }) => primary },
  { title: 'LAST ERROR', value: (zone) => zone['last-error'] ?? undefined },
];
