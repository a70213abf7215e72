/** dig, kdig, drill and ldns' tools as clients of a server on 127.0.0.1: run without stopping the event loop. */
import { spawn } from 'node:child_process';
import type { PeerKey } from './dns-peer.ts';
import { SEARCH_ENV } from './dns-peer-process.ts';

export interface ProgramResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 20_000;

/** Runs a program to its end; `input` goes to its standard input, which is closed then. */
export function runProgram(program: string, words: readonly string[], input = ''): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const env = { ...SEARCH_ENV, LC_ALL: 'C' };
    const child = spawn(program, words, { env, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (data: Buffer) => output[name].push(data));
    }
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (signal !== null) reject(new Error(`${program} ${words.join(' ')}: ended by ${signal}`));
      else {
        const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('latin1');
        resolve({ status: code ?? 1, stdout: text(output.stdout), stderr: text(output.stderr) });
      }
    });
    // A program that ends without reading its input is no failure of the test.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** `words`: type, name and options, in dig's own syntax. One try, so that a lost answer shows. */
export const dig = (port: number, ...words: string[]): Promise<ProgramResult> =>
  runProgram('dig', ['@127.0.0.1', '-p', `${port}`, '+tries=1', '+time=8', '-r', ...words]);

export const kdig = (port: number, ...words: string[]): Promise<ProgramResult> =>
  runProgram('kdig', ['@127.0.0.1', '-p', `${port}`, '+retry=0', '+time=8', ...words]);

export const drill = (port: number, ...words: string[]): Promise<ProgramResult> =>
  runProgram('drill', ['-p', `${port}`, '@127.0.0.1', ...words]);

/** The words that make dig and kdig sign with a key. */
export const digKey = ({ name, algorithm, secret }: PeerKey): string[] => ['-y', `${algorithm}:${name}:${secret}`];

/** ldns names the algorithm last and, but for the first, by its name as a domain. */
export const ldnsKey = ({ name, algorithm, secret }: PeerKey): string[] => ['-y', `${name}:${secret}:${algorithm}`];

/** Sends a NOTIFY for a zone, once; ldns-notify has it unsigned or signed, and from an address of choice. */
export const sendNotify = (
  port: number,
  zone: string,
  options: { readonly key?: PeerKey; readonly source?: string; readonly serial?: number } = {},
): Promise<ProgramResult> =>
  runProgram('ldns-notify', [
    ...['-z', zone, '-p', `${port}`, '-r', '1'],
    ...(options.serial === undefined ? [] : ['-s', `${options.serial}`]),
    ...(options.source === undefined ? [] : ['-I', options.source]),
    ...(options.key === undefined ? [] : ldnsKey(options.key)),
    '127.0.0.1',
  ]);
