/** `zonegate serve`: runs the service until it is told to stop. */
import type { Command } from 'commander';
import { supervise } from '../../app/supervisor.ts';
import { loadConfig } from '../../config/load.ts';
import { formatProblem } from '../output.ts';

export function register(program: Command): void {
  program
    .command('serve')
    .description('run the service; SIGHUP reloads the configuration, SIGTERM drains running transfers and stops')
    .requiredOption('-c, --config <file>', 'the configuration')
    .addHelpText('after', '\nExit status: 0 after a stop, 2 where the configuration cannot be used, 1 otherwise.')
    .action((options: { config: string }) => serve(options.config));
}

async function serve(file: string): Promise<void> {
  const loaded = loadConfig(file);
  if (!loaded.ok) {
    for (const problem of loaded.problems) console.error(formatProblem(problem));
    process.exitCode = 2;
    return;
  }
  process.exitCode = await supervise(file, loaded.config).ended;
}
