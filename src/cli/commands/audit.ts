/** `zonegate audit verify`: follows the chain of hashes of an audit log. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { ZonegateError } from '../../base/errors.ts';
import { type ChainFailure, ChainVerifier } from '../../telemetry/audit-chain.ts';
import { printJson } from '../output.ts';

/** INTERFACE.md: what was changed is told from what cannot be read. */
const BROKEN = 5;

interface Options {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const audit = program.command('audit').description('the audit log');
  audit
    .command('verify')
    .description('check that nothing in an audit log was changed, taken out or put in; several files in their order')
    .argument('<file...>', 'the log, and what was rotated away before it')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit status: 0 where the chain holds, 5 where it does not.')
    .action((files: string[], options: Options) => verify(files, options));
}

async function verify(files: readonly string[], { json }: Options): Promise<void> {
  let chain = new ChainVerifier();
  let lines = 0;
  let first: string | undefined;
  for (const file of files) {
    chain = new ChainVerifier(chain.end);
    const failure = await verifyFile(file, chain);
    lines += chain.lines;
    first ??= chain.start;
    if (failure === undefined) continue;
    process.exitCode = BROKEN;
    if (json === true) printJson({ ok: false, file, ...failure });
    else console.error(`${file}:${failure.line}: the chain is broken: ${failure.why}`);
    return;
  }
  const { seq, hash } = chain.end ?? { seq: 0, hash: null };
  if (json === true) printJson({ ok: true, lines, first: first ?? null, seq, hash });
  else console.log(`${files.join(', ')}: ${lines} lines hold; the last is ${seq}, ${hash ?? 'none'}`);
}

async function verifyFile(file: string, chain: ChainVerifier): Promise<ChainFailure | undefined> {
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      const failure = chain.take(line);
      if (failure !== undefined) return failure;
    }
    return undefined;
  } catch (cause) {
    throw new ZonegateError('ZG_USAGE', `${file} cannot be read: ${(cause as Error).message}`, { file }, cause);
  }
}
