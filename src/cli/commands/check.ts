/** `zonegate check`: says everything that is wrong with a configuration. */
import type { Command } from 'commander';
import { type ConfigProblem, loadConfig } from '../../config/load.ts';
import { formatProblem, printJson } from '../output.ts';

export function register(program: Command): void {
  program
    .command('check')
    .description('check a configuration; every error is printed, with its line and path')
    .requiredOption('-c, --config <file>', 'the configuration')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit status: 0 where the configuration can be used, 2 where it cannot.')
    .action((options: { config: string; json?: boolean }) => check(options.config, options.json === true));
}

function check(file: string, asJson: boolean): void {
  const loaded = loadConfig(file);
  const problems = loaded.ok ? [] : loaded.problems;
  const warnings = loaded.ok ? loaded.warnings : [];
  if (!loaded.ok) process.exitCode = 2;
  if (asJson) {
    printJson({ ok: loaded.ok, problems, warnings });
    return;
  }
  for (const problem of problems) console.error(formatProblem(problem));
  for (const warning of warnings) console.error(formatProblem(asWarning(warning)));
  if (!loaded.ok) {
    console.error(`${file}: ${count(problems.length, 'error')}`);
    return;
  }
  const { listen, zones, rules } = loaded.config;
  const summary = [count(listen.length, 'listener'), count(zones.size, 'zone'), count(rules.length, 'rule')].join(', ');
  console.log(`${file}: ok (${summary}${warnings.length === 0 ? '' : `; ${count(warnings.length, 'warning')}`})`);
}

const asWarning = (problem: ConfigProblem): ConfigProblem => ({ ...problem, message: `warning: ${problem.message}` });

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
