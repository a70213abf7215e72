/** `zonegate zone Z`: one zone of the running service. */
import type { Command } from 'commander';
import type { ZoneReport } from '../../admin/api.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { printJson, printTable, wantsJson } from '../output.ts';
import { readableBytes, readableTime } from '../readable.ts';

export function register(program: Command): void {
  withServerOptions(program.command('zone').description('one zone of the running service'))
    .argument('<zone>', 'its name, with or without the final dot')
    .action(async (name: string, options: ServerOptions) => {
      const zone = await readAdmin<ZoneReport>(`api/v1/zones/${pathSegment(name)}`, options);
      if (wantsJson(options)) printJson(zone);
      else
        printTable(zoneRows(zone, Date.now()), [
          { title: 'WHAT', value: (row) => row[0] },
          { title: 'IS', value: (row) => row[1] },
        ]);
    });
}

export function zoneRows(zone: ZoneReport, now: number): (readonly [string, string | undefined])[] {
  const { bytes, frames } = zone;
  return [
    ['zone', zone.zone],
    ['state', zone.refreshing ? `${zone.state}, refreshing` : zone.state],
    ['primary', zone.primary],
    ['serial', text(zone.serial)],
    ['records', text(zone.records)],
    [
      'size',
      bytes === null ? undefined : `${readableBytes(bytes)} in ${frames ?? 0} ${frames === 1 ? 'frame' : 'frames'}`,
    ],
    ['served since', zone['served-since'] ?? undefined],
    ['last contact', readableTime(zone['last-contact'], now)],
    ['next check', readableTime(zone['next-check'], now)],
    ['expires', readableTime(zone['expires-at'], now)],
    ['last error', zone['last-error'] ?? undefined],
  ];
}

const text = (value: number | null): string | undefined => (value === null ? undefined : String(value));

/** A URL loses `.` for a segment, percent sign or not, so the root zone is called `@` there. */
const pathSegment = (name: string): string => (name === '.' ? '@' : encodeURIComponent(name));
