/** How commands talk to a running service: where its admin API is, and one answer from it. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ZonegateError } from '../base/errors.ts';
import type { AdminConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { type HttpOptions, httpRequest } from '../remote/http.ts';
import { formatProblem } from './output.ts';

export interface ServerOptions {
  readonly config?: string;
  readonly server?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export const withServerOptions = (command: Command): Command =>
  command
    .option('-c, --config <file>', 'the configuration of the service: its `admin` section says where it listens')
    .option('--server <url>', 'the admin API, instead of -c: http://127.0.0.1:8053')
    .option('--token-file <file>', 'a file with the token')
    .option('--json', 'print JSON');

/** Reads `path` (no slash in front) of the admin API; `Answer` is what src/admin/api.ts has for it. */
export const readAdmin = <Answer extends object>(path: string, options: ServerOptions): Promise<Answer> =>
  askAdmin(path, options, {});

/** Has the service change something; needs the token. */
export const postAdmin = <Answer extends object>(path: string, body: object, options: ServerOptions): Promise<Answer> =>
  askAdmin(path, options, { method: 'POST', body: JSON.stringify(body) });

async function askAdmin<Answer extends object>(
  path: string,
  options: ServerOptions,
  what: Pick<HttpOptions, 'method' | 'body'>,
): Promise<Answer> {
  const { base, token } = adminServer(options);
  const headers = {
    accept: 'application/json',
    ...(what.body !== undefined && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  // Below the URL's own path, for a service behind a reverse proxy.
  const answer = await httpRequest(new URL(path, base.href.replace(/\/*$/, '/')), { ...what, headers });
  const where = base.origin;
  if (!answer.ok) {
    const message = `the service does not answer at ${where}: ${answer.failure}`;
    throw new ZonegateError('ZG_ADMIN_UNREACHABLE', message, { server: where });
  }
  const { status, body } = answer.value;
  const value = parseObject(body);
  if (status === 200 && value !== undefined) return value as Answer;
  const { message } = (value ?? {}) as { message?: unknown };
  if (typeof message !== 'string') {
    const notOurs = `what answers at ${where} is not zonegate's admin API (status ${status})`;
    throw new ZonegateError('ZG_ADMIN_UNREACHABLE', notOurs, { server: where, status });
  }
  // A question that makes no sense to the service is the asker's mistake.
  const code = MISTAKES.has(status) ? 'ZG_USAGE' : 'ZG_ADMIN_UNREACHABLE';
  throw new ZonegateError(code, `the service at ${where} says: ${message}`, { server: where, status });
}

const MISTAKES: ReadonlySet<number> = new Set([400, 401, 403, 404, 409]);

/** A URL loses `.` for a segment, percent sign or not, so the root zone is called `@` there. */
export const pathSegment = (name: string): string => (name === '.' ? '@' : encodeURIComponent(name));

interface AdminAddress {
  readonly base: URL;
  readonly token: string | undefined;
}

function adminServer({ config, server, tokenFile }: ServerOptions): AdminAddress {
  if (config !== undefined && server !== undefined) throw usage('-c and --server exclude each other');
  if (server !== undefined) {
    return { base: serverUrl(server), token: tokenFile === undefined ? undefined : readToken(tokenFile) };
  }
  if (config === undefined) throw usage('either -c FILE or --server URL is needed');
  const admin = adminConfig(config);
  // Reading needs no token, so that of the configuration may be out of this user's reach.
  const token = tokenFile === undefined ? readable(admin.tokenFile) : readToken(tokenFile);
  return { base: new URL(`http://${urlHost(admin.host)}:${admin.port}`), token };
}

function serverUrl(text: string): URL {
  const whole = text.includes('://') ? text : `http://${text}`;
  if (!/^https?:/.test(whole) || !URL.canParse(whole)) {
    throw usage(`--server: not a URL: ${JSON.stringify(text)}; expected one like http://127.0.0.1:8053`);
  }
  return new URL(whole);
}

function adminConfig(file: string): AdminConfig {
  const loaded = loadConfig(file);
  if (!loaded.ok) {
    throw usage([`${file} cannot be used:`, ...loaded.problems.map(formatProblem)].join('\n'));
  }
  const { admin } = loaded.config;
  if (admin === undefined) {
    const hint = 'add `admin: { listen: "127.0.0.1:8053" }` and restart the service, or use --server URL';
    throw usage(`${file} has no \`admin\` section, so the service it configures cannot be asked; ${hint}`);
  }
  if (admin.port === 0) {
    throw usage(`${file}: admin.listen has port 0, any free one; the \`ready\` line says which: use --server URL`);
  }
  return admin;
}

/** A service that listens on all addresses is found on the loopback. */
function urlHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw usage(`--token-file: ${(error as Error).message}`);
  }
}

function readable(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const usage = (message: string): ZonegateError => new ZonegateError('ZG_USAGE', message);
