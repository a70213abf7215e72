/** `zonegate secondaries`: who takes zones, and who has their newest versions. */
import type { Command } from 'commander';
import type { NotifyReport, SecondaryList, SecondaryReport } from '../../admin/api-secondaries.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';
import { readableTime } from '../readable.ts';

export function register(program: Command): void {
  withServerOptions(program.command('secondaries').description('the secondaries, and whether they are current')).action(
    async (options: ServerOptions) => {
      const list = await readAdmin<SecondaryList>('api/v1/secondaries', options);
      if (wantsJson(options)) printJson(list);
      else if (list.secondaries.length === 0) console.log('no secondary is configured');
      else printTable(list.secondaries, secondaryColumns(Date.now()));
    },
  );
}

export const secondaryColumns = (now: number): readonly Column<SecondaryReport>[] => [
  { title: 'SECONDARY', value: ({ secondary }) => secondary },
  { title: 'ADDRESS', value: ({ address, transport }) => (address === null ? undefined : `${address} ${transport}`) },
  { title: 'CURRENT', value: ({ zones }) => zones.current, align: 'right' },
  { title: 'BEHIND', value: ({ zones }) => zones.behind, align: 'right' },
  { title: 'UNKNOWN', value: ({ zones }) => zones.unknown, align: 'right' },
  { title: 'LAST NOTIFY', value: (row) => notifyText(row, now) },
  { title: 'LAST TRANSFER', value: (row) => transferText(row, now) },
  { title: 'BEHIND LONGEST', value: ({ behind }) => behind[0]?.zone },
];

function notifyText({ notify, 'last-notify': last }: SecondaryReport, now: number): string | undefined {
  if (last === null) return notify ? undefined : 'off';
  return `${readableTime(last['sent-at'], now)}, ${outcomeText(last)}`;
}

export const outcomeText = ({ outcome, why }: Pick<NotifyReport, 'outcome' | 'why'>): string =>
  why === null ? outcome : `${outcome} (${why})`;

function transferText({ 'last-transfer': last }: SecondaryReport, now: number): string | undefined {
  if (last === null) return undefined;
  const way = `${last['sent-as']} over ${last.transport}`;
  return `${readableTime(last.at, now)}, ${way}${last.outcome === 'done' ? '' : `, ${last.outcome}`}`;
}
