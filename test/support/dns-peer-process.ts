/** What all peers have in common: a folder, ports, a process in the foreground, and a SOA query to see that it answers. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Debian has servers in sbin, which is not in everybody's PATH. */
export const SEARCH_ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

export const isInstalled = (program: string): boolean =>
  spawnSync('which', [program], { env: SEARCH_ENV }).status === 0;

/** Whether a test can go on; without the program it is skipped, but in CI it fails. */
export function hasProgram(context: TestContext, program: string): boolean {
  if (isInstalled(program)) return true;
  if (process.env['CI'] === 'true') throw new Error(`${program} is not installed`);
  context.skip(`${program} is not installed`);
  return false;
}

export const newPeerFolder = (program: string): string => mkdtempSync(join(tmpdir(), `zonegate-${program}-`));

/** A port that is free for TCP and UDP on 127.0.0.1; until it is used, somebody else may take it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const socket = createSocket('udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise<void>((resolve) => socket.close(resolve));
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}

/** A program that runs in the foreground until it is stopped, and in no case longer than we do. */
export class PeerProcess {
  readonly program: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #log = '';
  #hasEnded = false;

  constructor(program: string, words: readonly string[], folder: string) {
    this.program = program;
    this.#folder = folder;
    this.#child = spawn(program, words, { cwd: folder, env: SEARCH_ENV, stdio: ['ignore', 'pipe', 'pipe'] });
    const collect = (data: Buffer): void => {
      this.#log = (this.#log + data.toString()).slice(-200_000);
    };
    this.#child.stdout?.on('data', collect);
    this.#child.stderr?.on('data', collect);
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true;
        process.off('exit', this.#kill);
        resolve();
      };
      this.#child.once('exit', end).once('error', (error) => {
        this.#log += `${error.message}\n`;
        end();
      });
    });
    process.once('exit', this.#kill);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it printed: a peer's log is the first place to look when a test fails. */
  get log(): string {
    return this.#log;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for `isReady` to give true; throws with the log when the process ends before, or time runs out. */
  async until(what: string, isReady: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await isReady())) {
      if (this.#hasEnded) throw new Error(`${this.program} ended before ${what}:\n${this.#lastLines()}`);
      if (Date.now() > end)
        throw new Error(`${this.program}: not within ${timeoutMs} ms: ${what}\n${this.#lastLines()}`);
      await pause(40);
    }
  }

  /** Ends it, politely and after five seconds by force, and removes its folder. */
  async stop(): Promise<void> {
    if (!this.#hasEnded) this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await this.#ended;
    clearTimeout(force);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #lastLines(): string {
    return this.#log.split('\n').slice(-40).join('\n');
  }

  readonly #kill = (): void => {
    this.#child.kill('SIGTERM');
  };
}

/** The serial that a server answers with over UDP; undefined when there is no answer, or none with a SOA. */
export async function querySerial(port: number, zone: string, timeoutMs = 1000): Promise<number | undefined> {
  const socket = createSocket('udp4');
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<number | undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
      socket.once('error', () => resolve(undefined));
      socket.once('message', (message) => resolve(serialOf(message)));
      socket.connect(port, '127.0.0.1', () => socket.send(soaQuery(zone)));
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** Whether something accepts TCP connections there. */
export const acceptsTcp = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Made by hand, as the peers must not depend on the code that is tested with them. */
export function soaQuery(zone: string): Buffer {
  const labels = zone.split('.').filter((label) => label !== '');
  const name = labels.map((label) => String.fromCharCode(label.length) + label).join('');
  return Buffer.from(`\x12\x34\0\0\0\x01\0\0\0\0\0\0${name}\0\0\x06\0\x01`, 'latin1');
}

/** Of the SOA that an answer begins with, whatever stands behind it. */
export function serialOf(message: Buffer): number | undefined {
  if (message.length < 12 || (message.readUInt16BE(2) & 0xf) !== 0 || message.readUInt16BE(6) === 0) return undefined;
  const owner = skipName(message, 12) + 4;
  const fixed = skipName(message, owner);
  if (message.readUInt16BE(fixed) !== 6) return undefined;
  return message.readUInt32BE(fixed + 10 + message.readUInt16BE(fixed + 8) - 20);
}

function skipName(message: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const octet = message[at] as number;
    if (octet >= 0xc0) return at + 2;
    at += octet + 1;
    if (octet === 0) return at;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
