/** `zonegate catalog Z`: what a catalog zone brought. */
import type { Command } from 'commander';
import type { CatalogMemberReport, CatalogReport } from '../../admin/api-catalogs.ts';
import { pathSegment, readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';
import { readableTime } from '../readable.ts';

export function register(program: Command): void {
  withServerOptions(program.command('catalog').description('the members of a catalog zone'))
    .argument('<zone>', 'its name, with or without the final dot')
    .action(async (name: string, options: ServerOptions) => {
      const catalog = await readAdmin<CatalogReport>(`api/v1/catalogs/${pathSegment(name)}`, options);
      if (wantsJson(options)) {
        printJson(catalog);
        return;
      }
      for (const line of remarks(catalog)) console.log(line);
      printTable(catalog.members, memberColumns(Date.now()));
    });
}

/** What stands above the table: why it is broken, and what was not taken. */
export const remarks = ({ serial, broken, members, ignored }: CatalogReport): string[] => [
  `${members.length} ${members.length === 1 ? 'member' : 'members'}, serial ${serial ?? 'not served'}`,
  ...broken.map((why) => `broken: ${why}`),
  ...ignored.map(({ zone, why }) => `ignored ${zone}: ${why}`),
];

export const memberColumns = (now: number): readonly Column<CatalogMemberReport>[] => [
  { title: 'MEMBER', value: ({ zone }) => zone },
  { title: 'LABEL', value: ({ label }) => label },
  { title: 'GROUPS', value: ({ groups }) => (groups.length === 0 ? undefined : groups.join(', ')) },
  { title: 'SINCE', value: ({ since }) => readableTime(since, now) },
];
