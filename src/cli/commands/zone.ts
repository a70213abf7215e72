/** `zonegate zone Z`: one zone of the running service. */
import type { Command } from 'commander';
import type { ZoneDetail } from '../../admin/api.ts';
import type { ZoneSecondaryReport } from '../../admin/api-secondaries.ts';
import { pathSegment, readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { printJson, printTable, wantsJson } from '../output.ts';
import { readableBytes, readableTime } from '../readable.ts';
import { outcomeText } from './secondaries.ts';

export function register(program: Command): void {
  withServerOptions(program.command('zone').description('one zone of the running service'))
    .argument('<zone>', 'its name, with or without the final dot')
    .action(async (name: string, options: ServerOptions) => {
      const zone = await readAdmin<ZoneDetail>(`api/v1/zones/${pathSegment(name)}`, options);
      if (wantsJson(options)) printJson(zone);
      else
        printTable(zoneRows(zone, Date.now()), [
          { title: 'WHAT', value: (row) => row[0] },
          { title: 'IS', value: (row) => row[1] },
        ]);
    });
}

export function zoneRows(zone: ZoneDetail, now: number): Row[] {
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
    ...historyRows(zone, now),
    ...zone.primaries.flatMap(({ address, cannot }): Row[] =>
      cannot.length === 0 ? [] : [[`primary ${address}`, `cannot ${cannot.join(', ')}, as was found out`]],
    ),
    ...zone.secondaries.map((one): Row => [`secondary ${one.secondary}`, secondaryText(one, now)]),
    ['IXFR failed', zone['last-ixfr-failure'] ?? undefined],
  ];
}

type Row = readonly [string, string | undefined];

function historyRows(zone: ZoneDetail, now: number): Row[] {
  const { held, versions } = zone;
  const change = zone['last-change'];
  return [
    ['pinned', text(zone.pinned)],
    ['held', held === null ? undefined : `serial ${held.serial}: ${held.reasons.join('; ')}`],
    ['rejected', text(zone.rejected)],
    [
      'last change',
      change === null
        ? undefined
        : `${change.how}: ${change['frames-packed']} frames packed, ${change['frames-shared']} shared`,
    ],
    ['history', versions.length <= 1 ? undefined : `${readableBytes(zone['history-bytes'])} for older versions`],
    ...versions.map((version): Row => [`version ${version.serial}`, versionText(version, now)]),
  ];
}

function versionText(version: ZoneDetail['versions'][number], now: number): string {
  const { step, records } = version;
  const told = version['primary-serial'] === version.serial ? '' : `, the primary's ${version['primary-serial']}`;
  const changed = step === null ? '' : `, -${step.removed} +${step.added} in ${readableBytes(step.bytes)}`;
  return `${readableTime(version.since, now)}, ${records} records${changed}${told}${version.served ? ', served' : ''}`;
}

function secondaryText(secondary: ZoneSecondaryReport, now: number): string {
  const { state, serial, 'behind-since': since, 'last-notify': notify } = secondary;
  const has = state === 'behind' ? ` with ${serial}, since ${readableTime(since, now)}` : '';
  const told = notify === null ? '' : `, NOTIFY ${notify.serial} ${outcomeText(notify)}`;
  return `${state}${has}${told}`;
}

const text = (value: number | null): string | undefined => (value === null ? undefined : String(value));
