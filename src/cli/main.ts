#!/usr/bin/env node
/** The command line: one file per command in `commands/`, each registering itself here. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { type ErrorCode, ZonegateError } from '../base/errors.ts';
import { register as registerAudit } from './commands/audit.ts';
import { register as registerBans } from './commands/bans.ts';
import { register as registerCatalog } from './commands/catalog.ts';
import { register as registerCert } from './commands/cert.ts';
import { register as registerCheck } from './commands/check.ts';
import { register as registerControl } from './commands/control.ts';
import { register as registerExplain } from './commands/explain.ts';
import { register as registerKeygen } from './commands/keygen.ts';
import { register as registerKeys } from './commands/keys.ts';
import { register as registerQuickstart } from './commands/quickstart.ts';
import { register as registerRules } from './commands/rules.ts';
import { register as registerSecondaries } from './commands/secondaries.ts';
import { register as registerServe } from './commands/serve.ts';
import { register as registerStatus } from './commands/status.ts';
import { register as registerTransfer } from './commands/transfer.ts';
import { register as registerTransfers } from './commands/transfers.ts';
import { register as registerZone } from './commands/zone.ts';
import { register as registerZones } from './commands/zones.ts';

const COMMANDS = [
  registerServe,
  registerQuickstart,
  registerCheck,
  registerExplain,
  registerKeygen,
  registerCert,
  registerTransfer,
  registerStatus,
  registerZones,
  registerZone,
  registerTransfers,
  registerRules,
  registerKeys,
  registerBans,
  registerAudit,
  registerCatalog,
  registerSecondaries,
  registerControl,
];

/** Scripts tell these apart (INTERFACE.md, "Commands"); every other error ends with 1. */
const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  ZG_CONFIG_INVALID: 2,
  ZG_CONFIG_UNREADABLE: 2,
  ZG_TRANSFER_REFUSED: 4,
};

const program = new Command('zonegate')
  .description('DNS zone-transfer proxy and firewall: AXFR and IXFR over TCP and TLS 1.3 (XoT)')
  .version(packageVersion())
  .showHelpAfterError('(`zonegate help COMMAND` lists its options)')
  .showSuggestionAfterError();
for (const register of COMMANDS) register(program);

// A reader that has seen enough (`| head`) closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof ZonegateError)) throw error;
  console.error(`zonegate: ${error.message}`);
  process.exitCode = EXIT_CODES[error.code] ?? 1;
}

function packageVersion(): string {
  const file = fileURLToPath(import.meta.resolve('#package'));
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
