/** `zonegate explain`: who may take which zone, and by which rule, from the same compiled policy as the fronts use. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { folderOfFeeds, keptFeed } from '../../app/prefix-sets.ts';
import { ZonegateError } from '../../base/errors.ts';
import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import { parseListener } from '../../config/values.ts';
import type { ClientCertificate, Facts } from '../../policy/decision.ts';
import { explain } from '../../policy/explain.ts';
import { Policy } from '../../policy/policy.ts';
import { parseAddress } from '../../policy/prefix.ts';
import { readPrefixList } from '../../policy/prefix-list.ts';
import type { PrefixTable } from '../../policy/prefix-table.ts';
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
  readonly sig0?: string;
  readonly certName?: string[];
  readonly pin?: string;
  readonly listener?: string;
  readonly at?: string;
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
    .option('--sig0 <name>', 'the SIG(0) key that it is signed with')
    .option('--cert-name <name...>', 'names in the certificate that the client shows')
    .option('--pin <pin>', 'the pin of its public key')
    .option('--listener <address:port>', 'the listener that it comes to; the first of the transport unless given')
    .option('--at <time>', 'the time to ask for, as 2026-11-21T22:30:00Z; now unless given')
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
  const sig0 = options.sig0 === undefined ? undefined : label(options.sig0, '--sig0');
  if (sig0 !== undefined && !loaded.config.sig0Keys.has(sig0)) {
    throw new ZonegateError('ZG_USAGE', `--sig0: the configuration has no SIG(0) key '${sig0}'`);
  }
  const facts: Facts = {
    source,
    transport: options.transport,
    listener: listenerName(options, loaded.config),
    certificate: certificateOf(options),
    key,
    sig0,
    zone: label(options.zone, '--zone'),
    type: options.type,
    now: timeOf(options.at),
  };
  const groups = new Map(Array.from(loaded.config.zones, ([name, zone]) => [name, zone.groups]));
  const explanation = explain(new Policy(loaded.config.rules, { sets: setsOf(loaded.config), groups }), facts);
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

/** Files as they are now, feeds as they were last taken; a feed of which no copy is kept holds nobody, and is told. */
function setsOf({ prefixSets, store }: Config): Map<string, PrefixTable> {
  const tables = new Map<string, PrefixTable>();
  for (const [name, set] of prefixSets) {
    const text =
      set.kind === 'file' ? readFileSync(set.file, 'utf8') : keptFeed(folderOfFeeds(store), name, set.url)?.text;
    const list = text === undefined ? undefined : readPrefixList(text, set.maxPrefixes);
    if (list?.ok) tables.set(name, list.value.table);
    else
      console.error(
        `prefix set ${name}: there is no copy of ${set.kind === 'feed' ? set.url : set.file}: it holds nobody here`,
      );
  }
  return tables;
}

/** A client that shows a certificate over anything but TLS would be a mistake of the asker. */
function certificateOf({ certName, pin, transport }: Options): ClientCertificate | undefined {
  if (certName === undefined && pin === undefined) return undefined;
  if (transport !== 'tls') {
    throw new ZonegateError('ZG_USAGE', '--cert-name and --pin go with --transport tls: no other has certificates');
  }
  return { names: (certName ?? []).map((name) => name.toLowerCase()), pin: pin ?? '' };
}

function listenerName({ listener, transport }: Options, { listen }: Config): string {
  if (listener !== undefined) {
    const parsed = parseListener(listener);
    if (!parsed.ok) throw new ZonegateError('ZG_USAGE', `--listener: ${parsed.failure}`);
    return parsed.value;
  }
  const first = listen.find((one) => (transport === 'udp' ? one.udp : one.transport === transport));
  return first === undefined ? '' : `${first.host}#${first.port}`;
}

function timeOf(text: string | undefined): number {
  const time = text === undefined ? Date.now() : Date.parse(text);
  if (Number.isNaN(time))
    throw new ZonegateError('ZG_USAGE', `--at: '${text}' is not a time such as 2026-11-21T22:30:00Z`);
  return time;
}

function label(text: string, option: string): string {
  const name = nameFromText(text);
  if (!name.ok) throw new ZonegateError('ZG_USAGE', `${option}: '${text}' is not a name (${name.failure})`);
  return zoneLabel(name.value);
}
