/** `zonegate quickstart`: a certificate, a key and a sample zone, served at once; what `npm run quickstart` runs. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { supervise } from '../../app/supervisor.ts';
import { ZonegateError } from '../../base/errors.ts';
import { loadConfig } from '../../config/load.ts';
import { createCertificate } from '../../net/certificates.ts';
import { httpRequest } from '../../remote/http.ts';
import { formatProblem } from '../output.ts';
import { newKey } from './keygen.ts';

const ZONE = 'example.org';
const KEY = 'quickstart-key';
const ZONE_TIMEOUT_MS = 30_000;

interface Options {
  readonly dir: string;
  readonly once?: boolean;
  readonly ephemeral?: boolean;
}

export function register(program: Command): void {
  program
    .command('quickstart')
    .description('serve a sample zone over TCP and XoT with TSIG, on this machine only')
    .option('--dir <dir>', 'where certificate, key, zone and configuration are put', '.zonegate/quickstart')
    .option('--once', 'transfer the zone from itself over XoT with TSIG, print what came, and end')
    .option('--ephemeral', 'on any free ports, in place of 5300, 8853 and 8053')
    .action((options: Options) => quickstart(options));
}

async function quickstart(options: Options): Promise<void> {
  const dir = resolve(options.dir);
  prepare(dir, options.ephemeral === true);
  const file = join(dir, 'quickstart.yaml');
  const loaded = loadConfig(file);
  if (!loaded.ok) {
    throw new ZonegateError('ZG_CONFIG_INVALID', loaded.problems.map(formatProblem).join('\n'));
  }
  const supervisor = supervise(file, loaded.config);
  const isUp = await supervisor.ready.catch(() => undefined);
  if (isUp === undefined) {
    process.exitCode = (await supervisor.ended) || 1;
    return;
  }
  const [tcp, tls] = supervisor.sockets;
  const keyFile = join(dir, 'keys', `${KEY}.conf`);
  const caFile = join(dir, 'tls', 'server.pem');
  if (options.once) {
    try {
      await untilServed(`http://127.0.0.1:${isUp.adminPort}/readyz`);
      process.exitCode = await transferFrom(`127.0.0.1:${tls?.port}`, caFile, keyFile);
    } finally {
      supervisor.stop();
    }
    await supervisor.ended;
    return;
  }
  const secret = readFileSync(join(dir, 'keys', 'quickstart'), 'utf8').trim();
  const relative = (path: string): string => path.replace(`${process.cwd()}/`, '');
  const sign = `-y hmac-sha256:${KEY}:${secret}`;
  console.log(`
${ZONE} is served on this machine. Paste into another terminal:

  dig @127.0.0.1 -p ${tcp?.port} ${ZONE} SOA
  dig @127.0.0.1 -p ${tcp?.port} ${ZONE} AXFR ${sign}
  dig @127.0.0.1 -p ${tls?.port} +tls ${ZONE} AXFR ${sign}
  npx zonegate transfer ${ZONE} --server 127.0.0.1:${tls?.port} --tls --ca-file ${relative(caFile)} --tls-name localhost --key-file ${relative(keyFile)} --out -

  Without the key it is refused:   dig @127.0.0.1 -p ${tcp?.port} ${ZONE} AXFR
  Edit ${relative(join(dir, 'zones', 'example.org.zone'))}, raise its serial, and the zone follows.
  The admin page: http://127.0.0.1:${isUp.adminPort}/       Ctrl-C stops.
`);
  process.exitCode = await supervisor.ended;
}

/** Makes what is missing; what is there, an edited zone say, stays. */
function prepare(dir: string, ephemeral: boolean): void {
  const conf = fileURLToPath(new URL('.', import.meta.resolve('#conf/quickstart.yaml')));
  for (const folder of ['tls', 'keys', 'zones']) mkdirSync(join(dir, folder), { recursive: true });
  const text = readFileSync(join(conf, 'quickstart.yaml'), 'utf8');
  const anyPort = text.replaceAll(/port: \d+/g, 'port: 0').replace('127.0.0.1:8053', '127.0.0.1:0');
  writeFileSync(join(dir, 'quickstart.yaml'), ephemeral ? anyPort : text);
  cpSync(join(conf, 'zones', 'example.org.zone'), join(dir, 'zones', 'example.org.zone'), { force: false });
  if (!existsSync(join(dir, 'tls', 'server.key'))) {
    const names = ['localhost', '127.0.0.1'];
    const { certPem, keyPem } = createCertificate({ kind: 'server', names, days: 365, now: new Date() });
    writeFileSync(join(dir, 'tls', 'server.pem'), certPem);
    writeFileSync(join(dir, 'tls', 'server.key'), keyPem, { mode: 0o600 });
  }
  if (!existsSync(join(dir, 'keys', 'quickstart'))) {
    const key = newKey('hmac-sha256', KEY);
    writeFileSync(join(dir, 'keys', 'quickstart'), `${key.secret}\n`, { mode: 0o600 });
    writeFileSync(join(dir, 'keys', `${KEY}.conf`), key.clauses, { mode: 0o600 });
  }
}

/** The command that a newcomer would type, its output on our standard output; gives its exit status. */
function transferFrom(server: string, caFile: string, keyFile: string): Promise<number> {
  const client = ['transfer', ZONE, '--server', server, '--tls', '--ca-file', caFile, '--tls-name', 'localhost'];
  const main = process.argv[1] as string;
  const child = spawn(process.execPath, [main, ...client, '--key-file', keyFile, '--out', '-'], { stdio: 'inherit' });
  return new Promise((done) => child.on('exit', (code) => done(code ?? 1)));
}

async function untilServed(url: string): Promise<void> {
  const deadline = Date.now() + ZONE_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const answer = await httpRequest(new URL(url));
    if (answer.ok && answer.value.status === 200) return;
    await setTimeout(50);
  }
  throw new ZonegateError('ZG_TRANSFER_FAILED', `${ZONE} was not served after ${ZONE_TIMEOUT_MS / 1000} s`);
}
