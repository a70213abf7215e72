/** The whole service as its users start it: `zonegate serve` in a process of its own, on free ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createCertificate } from '../../src/net/certificates.ts';

export type EventFields = Record<string, unknown> & { readonly event?: string };

export interface ServiceOptions {
  /** The configuration without `version`, `listen`, `certificates` and `admin`, which are supplied where absent. */
  readonly config: Record<string, unknown>;
  /** Files to write beside it, by relative path. */
  readonly files?: Readonly<Record<string, string>>;
  /** A folder to run in, which stays when the service ends; a new one by default, which goes. */
  readonly dir?: string;
  /** Octets that a file of the service may have at most (`ulimit -f`): a disk that is full. */
  readonly mostFileOctets?: number;
  /** How long `ready` may take. */
  readonly timeoutMs?: number;
}

export interface RunningService {
  /** Of the parent process. */
  readonly pid: number;
  readonly dir: string;
  /** TCP and UDP. */
  readonly port: number;
  readonly tlsPort: number;
  readonly adminUrl: string;
  /** The certificate of the TLS listener, for `localhost` and 127.0.0.1, self-signed. */
  readonly caFile: string;
  readonly events: readonly EventFields[];
  /** Its standard output, for who stops reading it, or hangs up. */
  readonly output: Readable;
  /** What it printed on standard error. */
  stderr(): string;
  /** The next event of that name, or of one of them, that passes; those before `since` (a length of `events`) left out. */
  event(
    name: string | readonly string[],
    test?: (fields: EventFields) => boolean,
    since?: number,
  ): Promise<EventFields>;
  /** Writes the configuration anew (same supplements) and sends SIGHUP; resolves with the `reloaded` event. */
  reload(config: Record<string, unknown>): Promise<EventFields>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL to the service and its parent, at once: what a power cut would do. */
  kill(): Promise<void>;
  /** SIGTERM, and the exit status. */
  stop(): Promise<number>;
  /** The exit status, whenever it ends. */
  readonly ended: Promise<number>;
}

const EVENT_TIMEOUT_MS = 20_000;

/** Rejects with what it printed where it ends before it is ready. */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'zonegate-test-'));
  const { certPem, keyPem } = createCertificate({
    kind: 'server',
    names: ['localhost', '127.0.0.1'],
    days: 2,
    now: new Date(),
  });
  const files = { 'tls/cert.pem': certPem, 'tls/key.pem': keyPem, ...options.files };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const configFile = join(dir, 'zonegate.json');
  const write = (config: Record<string, unknown>): void =>
    writeFileSync(configFile, JSON.stringify({ ...SUPPLEMENT, ...config }));
  write(options.config);

  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  const limit = options.mostFileOctets === undefined ? [] : ['prlimit', `--fsize=${options.mostFileOctets}`];
  const [program, ...args] = [...limit, process.execPath, '--enable-source-maps', main, 'serve', '-c', configFile];
  const child = spawn(program as string, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = new Output(child);
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      process.off('exit', kill);
      resolve(code ?? (signal === null ? 1 : 128));
    });
  });
  const early = ended.then((code) => {
    throw new Error(`the service ended with status ${code} before it was ready:\n${output.stderr}`);
  });
  early.catch(() => undefined);
  const ready = await Promise.race([output.event('ready', () => true, 0, options.timeoutMs), early]);

  const listen = ready['listen'] as { port: number; transport: string }[];
  const portOf = (transport: string): number => listen.find((entry) => entry.transport === transport)?.port ?? 0;
  const admin = ready['admin'] as { port: number } | null;
  const service: RunningService = {
    pid: child.pid ?? 0,
    dir,
    port: portOf('tcp'),
    tlsPort: portOf('tls'),
    adminUrl: `http://127.0.0.1:${admin?.port ?? 0}`,
    caFile: join(dir, 'tls/cert.pem'),
    events: output.events,
    output: child.stdout as Readable,
    stderr: () => output.stderr,
    event: (name, test = () => true, since = 0) => output.event(name, test, since),
    reload: (config) => {
      write(config);
      const since = output.events.length;
      child.kill('SIGHUP');
      return output.event('reloaded', () => true, since);
    },
    signal: (signal) => child.kill(signal),
    kill: async () => {
      killTree(child.pid ?? 0);
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      const code = await ended;
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
      return code;
    },
    ended,
  };
  return service;
}

/** The service first: it ends by itself, in order, when its parent has gone. */
export function killTree(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  for (const process_ of [...children.map(Number), pid]) {
    try {
      process.kill(process_, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}

const SUPPLEMENT = {
  version: 1,
  listen: [
    { address: '127.0.0.1', port: 0, transport: 'tcp' },
    { address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main' },
  ],
  certificates: { main: { 'cert-file': 'tls/cert.pem', 'key-file': 'tls/key.pem' } },
  admin: { listen: '127.0.0.1:0' },
  store: { type: 'memory' },
  // Tests provoke refusals by the hundred, all from one source.
  bans: { enabled: false },
};

/** Collects the lines of a service, and lets tests wait for one. */
class Output {
  readonly events: EventFields[] = [];
  stderr = '';
  #waiting: (() => void)[] = [];

  constructor(child: ChildProcess) {
    if (child.stdout === null || child.stderr === null) throw new Error('no output to read');
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.events.push(parseLine(line));
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    });
    child.stderr.on('data', (data: Buffer) => {
      this.stderr += data.toString();
    });
  }

  async event(
    name: string | readonly string[],
    test: (fields: EventFields) => boolean,
    since: number,
    timeoutMs = EVENT_TIMEOUT_MS,
  ): Promise<EventFields> {
    const deadline = Date.now() + timeoutMs;
    const names = [name].flat();
    for (;;) {
      const found = this.events.slice(since).find((fields) => names.includes(fields.event ?? '') && test(fields));
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) {
        const tail = this.events
          .slice(-10)
          .map((fields) => JSON.stringify(fields))
          .join('\n');
        throw new Error(`no event ${names.join(', ')} in ${timeoutMs} ms; the last ones:\n${tail}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

function parseLine(line: string): EventFields {
  try {
    return JSON.parse(line) as EventFields;
  } catch {
    return { event: 'unreadable', line };
  }
}
