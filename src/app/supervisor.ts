/**
 * The parent of the service: binds the listening sockets, spawns the service with them, passes signals on, and ends
 * when it ends. It holds the sockets, so that a successor can be given them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import { markSuspect } from '../store/store-file.ts';
import { type BoundSocket, bindSocket, type InheritedSocket, SPARE_DESCRIPTORS } from './sockets.ts';

/** Parent to service. */
export type SupervisorMessage =
  | { readonly kind: 'start'; readonly configFile: string; readonly sockets: readonly InheritedSocket[] }
  | { readonly kind: 'reload' }
  | { readonly kind: 'drain' }
  | { readonly kind: 'stop' };

/** Service to parent. */
export type ServiceMessage =
  | { readonly kind: 'ready'; readonly admin: number | undefined }
  /** The parent lets go of its sockets, so that new connections are refused. */
  | { readonly kind: 'draining' };

export interface Supervisor {
  readonly sockets: readonly { readonly host: string; readonly port: number }[];
  /** When all listeners accept; the port of the admin server. */
  readonly ready: Promise<{ readonly adminPort: number | undefined }>;
  /** The service's exit status. */
  readonly ended: Promise<number>;
  /** Drains; a second call ends at once. */
  stop(): void;
}

/** What a service that was told to end at once has left. */
const STOP_MS = 2_000;
const CRASHES: ReadonlySet<NodeJS.Signals> = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGTRAP']);
/** Descriptors 0 to 3 are standard input, output, error and the channel. */
const FIRST_DESCRIPTOR = 4;

/** Throws ZG_LISTEN_FAILED where an address cannot be bound. */
export function supervise(configFile: string, config: Config): Supervisor {
  const bound = config.listen.map(bindSocket);
  const perListener = config.threads.front + SPARE_DESCRIPTORS;
  const child = spawnService(bound, perListener);
  const sockets: InheritedSocket[] = bound.map(({ host, port }, i) => ({
    host,
    port,
    fds: Array.from({ length: perListener }, (_, j) => FIRST_DESCRIPTOR + i * perListener + j),
  }));
  const tell = (message: SupervisorMessage): void => {
    if (child.connected) child.send(message);
  };
  tell({ kind: 'start', configFile, sockets });

  let isReady = false;
  let isStopping = false;
  const stop = (): void => {
    tell({ kind: isStopping ? 'stop' : 'drain' });
    // A thread that is stuck keeps its process from ending in any milder way.
    if (isStopping) setTimeout(() => child.kill('SIGKILL'), STOP_MS).unref();
    isStopping = true;
  };
  const reload = (): void => tell({ kind: 'reload' });
  process.on('SIGHUP', reload);
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const closeSockets = (): void => {
    for (const socket of bound.splice(0)) socket.close();
  };
  const endService = (): boolean => child.kill('SIGKILL');
  process.on('exit', endService);

  const ended = new Promise<number>((resolve) => {
    child.on('exit', (code, signal) => {
      // LMDB trusts its file: what crashed the process before it was ready may be in there.
      const isCrash = signal !== null && CRASHES.has(signal);
      if (isCrash && !isReady && config.store.type === 'lmdb') markSuspect(config.store.path);
      process.off('SIGHUP', reload).off('SIGTERM', stop).off('SIGINT', stop).off('exit', endService);
      closeSockets();
      resolve(code ?? (signal === null ? 1 : 128));
    });
  });
  const ready = new Promise<{ adminPort: number | undefined }>((resolve, reject) => {
    child.on('message', (message: ServiceMessage) => {
      if (message.kind === 'ready') {
        isReady = true;
        resolve({ adminPort: message.admin });
      } else closeSockets();
    });
    void ended.then((code) => reject(new Error(`the service ended with status ${code} before it was ready`)));
  });
  // Whoever does not wait for it learns of the end by `ended`.
  ready.catch(() => undefined);
  return { sockets, ready, ended, stop };
}

function spawnService(bound: readonly BoundSocket[], perListener: number): ChildProcess {
  const descriptors = bound.flatMap(({ fd }) => Array.from({ length: perListener }, () => fd));
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const entry = fileURLToPath(new URL(`./main${extension}`, import.meta.url));
  return spawn(process.execPath, ['--enable-source-maps', ...LEAN_HEAP, ...process.execArgv, entry], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors],
  });
}

/**
 * V8 lets a heap grow to twice and more what lives before it collects, in each thread: of 20,000 zones that was 1,030 MB
 * in place of 531, for the same time to load, and pauses of 195 ms in place of 18.
 */
const LEAN_HEAP = ['--heap-growing-percent=20', '--max-semi-space-size=4'];
