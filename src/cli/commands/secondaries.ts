/** `zonegate secondaries`: who takes zones, and who has their newest versions. */
import type { Command } from 'commander';
import type { ClientExposure, ExposureList } from '../../admin/api-exposure.ts';
import type { NotifyReport, SecondaryList, SecondaryReport } from '../../admin/api-secondaries.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';
import { readableTime } from '../readable.ts';

export function register(program: Command): void {
  withServerOptions(program.command('secondaries').description('the secondaries, and whether they are current'))
    .option('--exposure', 'who still comes in clear text or with weak proof, and what TLS alone would break')
    .action(async (options: ServerOptions & { readonly exposure?: boolean }) => {
      if (options.exposure === true) {
        printExposure(await readAdmin<ExposureList>('api/v1/exposure', options), options);
        return;
      }
      const list = await readAdmin<SecondaryList>('api/v1/secondaries', options);
      if (wantsJson(options)) printJson(list);
      else if (list.secondaries.length === 0) console.log('no secondary is configured');
      else printTable(list.secondaries, secondaryColumns(Date.now()));
    });
}

interface ExposureRow extends ClientExposure {
  readonly zone: string;
}

function printExposure(list: ExposureList, options: ServerOptions): void {
  if (wantsJson(options)) {
    printJson(list);
    return;
  }
  const rows = list.zones.flatMap(({ zone, clients }) => clients.map((client): ExposureRow => ({ zone, ...client })));
  if (rows.length === 0) console.log(`nobody has come for a zone since ${list.since}`);
  else printTable(rows, exposureColumns(Date.now()));
  for (const { zone, unseen, 'tls-only-would-break': broken } of list.zones) {
    if (broken.length > 0) console.log(`${zone}: for TLS alone it would break for ${broken.join(', ')}`);
    if (unseen.length > 0) console.log(`${zone}: not seen since ${list.since}: ${unseen.join(', ')}`);
  }
}

const exposureColumns = (now: number): readonly Column<ExposureRow>[] => [
  { title: 'ZONE', value: ({ zone }) => zone },
  { title: 'CLIENT', value: ({ client }) => client },
  { title: 'VIA', value: ({ transport }) => transport },
  { title: 'KEY', value: ({ key, sig0 }) => key ?? sig0 ?? undefined },
  { title: 'CERTIFICATE', value: ({ certificate }) => certificate ?? undefined },
  { title: 'WEAK', value: ({ weaknesses }) => weaknesses.join(', ') },
  { title: 'LAST', value: (row) => readableTime(row['last-seen'], now) },
];

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
