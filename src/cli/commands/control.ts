/** `refresh Z`, `pin Z SERIAL` and the like: changes to a zone of the running service. */
import type { Command } from 'commander';
import type { CommandReport, ZoneCommand } from '../../admin/api.ts';
import { ZonegateError } from '../../base/errors.ts';
import { pathSegment, postAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { printJson, wantsJson } from '../output.ts';

interface Described {
  readonly does: string;
  readonly withSerial?: true;
}

const COMMANDS: Readonly<Record<ZoneCommand, Described>> = {
  refresh: { does: "asks a zone's primary now" },
  retransfer: { does: 'takes the whole zone from its primary, whatever its serial' },
  pin: { does: 'serves a kept version and no other, until unpin', withSerial: true },
  unpin: { does: 'serves the newest version again' },
  rollback: { does: 'serves the content of a kept version under a new serial', withSerial: true },
  release: { does: 'serves the version that a guard holds' },
  reject: { does: 'does not serve the version that a guard holds' },
};

export function register(program: Command): void {
  for (const [name, does] of Object.entries(SERVICE_COMMANDS)) {
    const command = withServerOptions(program.command(name).description(does));
    command.action((options: ServerOptions) => runService(name, options));
  }
  for (const [name, { does, withSerial }] of Object.entries(COMMANDS)) {
    const command = withServerOptions(program.command(name).description(does)).argument('<zone>', 'its name');
    if (withSerial !== true) {
      command.action((zone: string, options: ServerOptions) => run(name, zone, {}, options));
    } else {
      command
        .argument('<serial>', 'of the version')
        .action((zone: string, serial: string, options: ServerOptions) =>
          run(name, zone, { serial: readSerial(serial) }, options),
        );
    }
  }
}

/** Of the service as a whole. */
const SERVICE_COMMANDS = {
  reload: 'reads the configuration again, as SIGHUP does',
  drain: 'ends the service when running transfers have ended, as SIGTERM does',
} as const;

async function runService(command: string, options: ServerOptions): Promise<void> {
  print(await postAdmin<CommandReport>(`api/v1/${command}`, {}, options), options);
}

function print(report: CommandReport, options: ServerOptions): void {
  if (wantsJson(options)) printJson(report);
  else console.log(report.text);
}

async function run(command: string, zone: string, body: object, options: ServerOptions): Promise<void> {
  const path = `api/v1/zones/${pathSegment(zone)}/${command}`;
  print(await postAdmin<CommandReport>(path, body, options), options);
}

function readSerial(text: string): number {
  const serial = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (serial < 0 || serial > 0xffff_ffff) {
    throw new ZonegateError('ZG_USAGE', `not a serial: ${JSON.stringify(text)}; expected 0 to 4294967295`);
  }
  return serial;
}
