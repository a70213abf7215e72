/** zonegate itself as a server under measurement: the built service, in front of a primary. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createCertificate } from '../../src/net/certificates.ts';
import { pinned, start, stop } from './process.ts';

export interface BenchZonegate {
  readonly pid: number;
  readonly dir: string;
  readonly port: number;
  readonly tlsPort: number;
  /** The first line of an event, or of those that the test takes. */
  event(name: string, test?: (fields: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export const BENCH_KEY = { name: 'bench', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 7).toString('base64') };

/** Serves `zone` from the primary at `primaryPort`; pinned to `core` where one is given. `more`: in place of what is there. */
export async function startZonegate(
  zone: string,
  primaryPort: number,
  core: number | undefined,
  store: 'memory' | 'lmdb' = 'memory',
  more: Readonly<Record<string, unknown>> = {},
): Promise<BenchZonegate> {
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-bench-'));
  const { certPem, keyPem } = createCertificate({ kind: 'server', names: ['localhost'], days: 2, now: new Date() });
  writeFileSync(join(dir, 'cert.pem'), certPem);
  writeFileSync(join(dir, 'key.pem'), keyPem);
  writeFileSync(
    join(dir, 'zonegate.json'),
    JSON.stringify({
      version: 1,
      listen: [
        { address: '127.0.0.1', port: 0, transport: 'tcp' },
        { address: '127.0.0.1', port: 0, transport: 'tls', certificate: 'main' },
      ],
      certificates: { main: { 'cert-file': 'cert.pem', 'key-file': 'key.pem' } },
      keys: { [BENCH_KEY.name]: { algorithm: BENCH_KEY.algorithm, secret: BENCH_KEY.secret } },
      primaries: { peer: { addresses: [`127.0.0.1:${primaryPort}`], 'queries-per-second': 100_000 } },
      zones: { [zone]: { primary: 'peer' } },
      rules: [{ name: 'bench', match: { source: '127.0.0.0/8' }, action: 'allow' }],
      // All clients of a bench come from one source.
      limits: {
        'connections-per-source': 10_000,
        'new-connections-per-source': '100000/s',
        'handshakes-per-source': '100000/s',
        'resumed-handshakes-per-source': '100000/s',
        'queries-per-connection': 1_000_000_000,
      },
      bans: { enabled: false },
      store: { type: store, path: 'store' },
      log: { transfers: 'summary' },
      ...more,
    }),
  );
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  const command = [process.execPath, main, 'serve', '-c', join(dir, 'zonegate.json')];
  const child = start(core === undefined ? command : pinned(core, command));
  const events = new EventLog(child);
  const ready = await events.next('ready', () => true);
  const listen = ready['listen'] as { port: number; transport: string }[];
  const portOf = (transport: string): number => listen.find((entry) => entry.transport === transport)?.port ?? 0;
  return {
    pid: child.pid ?? 0,
    dir,
    port: portOf('tcp'),
    tlsPort: portOf('tls'),
    event: (name, test = () => true) => events.next(name, test),
    stop: async () => {
      await stop(child);
      rmSync(dir, { recursive: true });
    },
  };
}

type Fields = Record<string, unknown>;

class EventLog {
  readonly #seen: Fields[] = [];
  #waiting: { name: string; test: (fields: Fields) => boolean; resolve: (fields: Fields) => void }[] = [];

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('no standard output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const fields = JSON.parse(line) as Fields;
      this.#seen.push(fields);
      this.#waiting = this.#waiting.filter((waiting) => {
        if (fields['event'] !== waiting.name || !waiting.test(fields)) return true;
        waiting.resolve(fields);
        return false;
      });
    });
  }

  next(name: string, test: (fields: Fields) => boolean): Promise<Fields> {
    const seen = this.#seen.find((fields) => fields['event'] === name && test(fields));
    if (seen !== undefined) return Promise.resolve(seen);
    return new Promise((resolve) => this.#waiting.push({ name, test, resolve }));
  }
}
