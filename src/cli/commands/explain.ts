/** `zonegate explain`: who may take which zone, and by which rule, from the same compiled policy as the fronts use. */
import { type Command, Option } from 'commander';
import { ZonegateError } from '../../base/errors.ts';
import { loadConfig } from '../../config/load.ts';
import { explain } from '../../policy/explain.ts';
import { Policy } from '../../policy/policy.ts';
import { parseAddress } from '../../policy/prefix.ts';
import type { RequestType, Transport } from '../../policy/rule-config.ts';
import { nameFromText, zoneLabel } from '../../wire/name.ts';
import { formatProblem, printJson } from '../output.ts';

interface Options {
  readonly config: string;
  readonly source: string;
  readonly zone: string;
  readonly type: RequestType;
  readonly transport: Transport;
  readonly key?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('explain')
    .description('say what the rules decide for a client, and why the rules before the deciding one did not match')
    .requiredOption('-c, --config <file>', 'the configuration')
    .requiredOption('--source <address>', 'the address that the client comes from')
    .requiredOption('--zone <zone>', 'the zone asked for')
    .addOption(new Option('--type <type>', 'what is asked').choices(['AXFR', 'IXFR', 'SOA', 'NOTIFY']).default('AXFR'))
    .addOption(new Option('--transport <transport>', 'how').choices(['tcp', 'tls', 'udp']).default('tcp'))
    .option('--key <name>', 'the TSIG key that the request is signed with')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit status: 0 where the answer is allow, 3 where it is not.')
    .action((options: Options) => run(options));
}

function run(options: Options): void {
  const loaded = loadConfig(options.config);
  if (!loaded.ok) {
    for (const problem of loaded.problems) console.error(formatProblem(problem));
    process.exitCode = 2;
    return;
  }
  const source = parseAddress(options.source);
  if (source === undefined) throw new ZonegateError('ZG_USAGE', `--source: '${options.source}' is not an address`);
  const key = options.key === undefined ? undefined : label(options.key, '--key');
  if (key !== undefined && !loaded.config.keys.has(key)) {
    throw new ZonegateError('ZG_USAGE', `--key: the configuration has no key '${key}'`);
  }
  const facts = { source, transport: options.transport, key, zone: label(options.zone, '--zone'), type: options.type };
  const explanation = explain(new Policy(loaded.config.rules), facts);
  if (explanation.decision !== 'allow') process.exitCode = 3;
  if (options.json) {
    printJson(explanation);
    return;
  }
  for (const { rule, because } of explanation.passedOver) console.log(`  ${rule}: no match (${because.join(', ')})`);
  console.log(
    `${explanation.decision}, by ${explanation.rule === 'none' ? 'no rule: what matches none is refused' : `rule ${explanation.rule}`}`,
  );
}

function label(text: string, option: string): string {
  const name = nameFromText(text);
  if (!name.ok) throw new ZonegateError('ZG_USAGE', `${option}: '${text}' is not a name (${name.failure})`);
  return zoneLabel(name.value);
}
