/** Servers under measurement: started on one core, their CPU time and memory read from /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Server on core 0, client on core 1, where there are two (`taskset`). */
export const pinned = (core: number, command: readonly string[]): readonly string[] =>
  availableParallelism() > 1 ? ['taskset', '-c', String(core), ...command] : command;

export function start(
  command: readonly string[],
  options: { readonly cwd?: string; readonly quiet?: boolean } = {},
): ChildProcess {
  const [program, ...rest] = command;
  return spawn(program as string, rest, {
    stdio: ['ignore', 'pipe', options.quiet ? 'ignore' : 'inherit'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
}

export function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** A process and all its descendants. */
export function processTree(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(Number(name)) === pid)
    .map(Number);
  return [pid, ...children.flatMap(processTree)];
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // ended since it was listed
  }
}

/** CPU time of all threads of a process tree, milliseconds, to the nanosecond (schedstat). */
export function cpuMs(pid: number): number {
  let total = 0;
  for (const process of processTree(pid)) {
    for (const task of readdirSync(`/proc/${process}/task`)) {
      total += Number(readFileSync(`/proc/${process}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    }
  }
  return total;
}

/** Resident octets of a process tree without pages of files: what it would need with no disk behind it. */
export const anonymousOctets = (pid: number): number => sumOf(pid, 'Pss_Anon') + sumOf(pid, 'Pss_Shmem');

/** Resident octets of a process tree: private pages and, once, those shared between its processes (smaps_rollup's Pss). */
export const residentOctets = (pid: number): number => sumOf(pid, 'Pss');

function sumOf(pid: number, field: string): number {
  let total = 0;
  for (const process of processTree(pid)) {
    const rollup = readFileSync(`/proc/${process}/smaps_rollup`, 'utf8');
    total += Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) * 1024;
  }
  return total;
}
