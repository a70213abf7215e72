import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { processTree } from './process.ts';

/** Moves a running process, its children and all their threads to one core. */
export function pinAll(pid: number, core: number): void {
  if (availableParallelism() < 2) return;
  for (const process of processTree(pid)) {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(process)], { stdio: 'ignore' });
  }
}
