/**
 * What an attacker does, from many addresses of 127.0.0.0/8: scripted, bounded in count, speed and time, each attack in
 * a process of its own, so that whoever measures beside it is not starved. For benches and tests.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pinned } from './process.ts';

export const ATTACKS = {
  idle: 'connections that say nothing, 2,000',
  'slow-writers': 'queries that come an octet a second, 500',
  'slow-readers': 'AXFR of a large zone taken at 4 KB/s, four to a connection, 200 connections',
  garbage: 'octets at random, with and without a length in front',
  'half-messages': 'a length and half a query, 1,000 connections',
  handshakes: 'TLS handshakes, full, as fast as they go',
  hellos: 'TLS handshakes left at the first answer: a ClientHello costs the attacker nothing',
  'key-updates': 'TLS connections that renew their keys all the time, and ask for ours to be renewed',
  hammer: 'AXFR of a large zone, one after the other, from 200 sources',
  notify: 'NOTIFY by UDP, 5,000 a second: strangers, and the primary, forged',
  'unknown-keys': 'AXFR signed with keys that nobody knows, twenty at a time',
  loops: 'names that point at themselves, at each other, and along long chains',
} as const;

export type AttackName = keyof typeof ATTACKS;
export const ATTACK_NAMES = Object.keys(ATTACKS) as AttackName[];
/** Those that need a TLS listener. */
export const TLS_ATTACKS: readonly AttackName[] = ['handshakes', 'hellos', 'key-updates'];

export interface AttackTarget {
  /** TCP and UDP, on 127.0.0.1. */
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly zone: string;
  /** What is hammered, and read slowly: the attackers may have it. */
  readonly largeZone: string;
}

/** What the process of the attack is told. */
export interface AttackTask {
  readonly name: AttackName;
  readonly target: AttackTarget;
  /** Where its sources are: 127.`network`.x.y, few to a /24. */
  readonly network: number;
  /** 1: the counts above. */
  readonly scale: number;
  /** The end in any case. */
  readonly mostMs: number;
}

/** What came of it: connections that were opened and closed by the other side, messages sent, octets received. */
export interface AttackTally {
  opened: number;
  closed: number;
  failed: number;
  sent: number;
  received: number;
}

export interface RunningAttack {
  readonly pid: number;
  stop(): Promise<AttackTally>;
}

/** Resolves when it has begun. `core`: in its idle time only, so that a client that is measured there goes first. */
export async function startAttack(task: AttackTask, core?: number): Promise<RunningAttack> {
  const command = [process.execPath, fileURLToPath(new URL('./attack-client.js', import.meta.url))];
  const [program, ...words] = core === undefined ? command : pinned(core, ['chrt', '-i', '0', ...command]);
  const child = spawn(program as string, [...words, JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the attack ${task.name} ended with status ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      child.stdin.end();
      await ended;
      return JSON.parse(lines.at(-1) ?? '{}') as AttackTally;
    },
  };
}

/** The nth source of a network: no two in one /24 before there are 250. */
export const sourceOf = (network: number, i: number): string => `127.${network}.${i % 250}.${1 + Math.floor(i / 250)}`;
