/** `zonegate rules`: what each rule does, in the order in which they are tried. */
import type { Command } from 'commander';
import type { RuleList, RuleReport } from '../../admin/api.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';

export function register(program: Command): void {
  withServerOptions(program.command('rules').description('the rules, and how often each one decided')).action(
    async (options: ServerOptions) => {
      const list = await readAdmin<RuleList>('api/v1/rules', options);
      if (wantsJson(options)) printJson(list);
      else if (list.rules.length === 0) console.log('there is no rule: every request is refused');
      else printTable(list.rules, RULE_COLUMNS);
    },
  );
}

const RULE_COLUMNS: readonly Column<RuleReport>[] = [
  { title: 'RULE', value: ({ rule }) => rule },
  { title: 'ACTION', value: ({ action, shadow }) => (shadow ? `${action} (shadow)` : action) },
  { title: 'HITS', value: ({ hits }) => hits, align: 'right' },
  { title: 'WOULD HIT', value: (rule) => rule['shadow-hits'], align: 'right' },
  { title: 'LAST', value: (rule) => rule['last-match'] ?? undefined },
];
