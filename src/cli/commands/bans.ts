/** `zonegate bans`, `ban NET`, `unban NET`: sources that the running service turns away. */
import type { Command } from 'commander';
import type { BanList, BanReport, CommandReport } from '../../admin/api.ts';
import { postAdmin, readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';

export function register(program: Command): void {
  withServerOptions(program.command('bans').description('who is banned, why, and until when')).action(
    async (options: ServerOptions) => {
      const list = await readAdmin<BanList>('api/v1/bans', options);
      if (wantsJson(options)) printJson(list);
      else if (list.bans.length === 0) console.log(list.enabled ? 'nobody is banned' : 'bans are not enabled');
      else printTable(list.bans, BAN_COLUMNS);
    },
  );
  withServerOptions(program.command('ban').description('turns a source or network away'))
    .argument('<network>', 'an address, or a network such as 192.0.2.0/24')
    .option('--for <duration>', 'such as 10m, 1h or 1d; `bans.longest` without it')
    .action(async (network: string, options: ServerOptions & { readonly for?: string }) => {
      const body = { network, ...(options.for !== undefined && { for: options.for }) };
      print(await postAdmin<CommandReport>('api/v1/bans', body, options), options);
    });
  withServerOptions(program.command('unban').description('lifts the bans of a source, or in a network'))
    .argument('<network>', 'an address, or a network such as 192.0.2.0/24')
    .action(async (network: string, options: ServerOptions) => {
      print(await postAdmin<CommandReport>('api/v1/unban', { network }, options), options);
    });
}

function print(report: CommandReport, options: ServerOptions): void {
  if (wantsJson(options)) printJson(report);
  else console.log(report.text);
}

const BAN_COLUMNS: readonly Column<BanReport>[] = [
  { title: 'NETWORK', value: ({ network }) => network },
  { title: 'WHY', value: ({ why }) => why },
  { title: 'SINCE', value: ({ since }) => since },
  { title: 'UNTIL', value: ({ until }) => until },
];
