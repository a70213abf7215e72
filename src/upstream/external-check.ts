/** A program of the operator's has its say: the zone file on its standard input, its exit status the answer. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { ExternalValidation } from '../config/config.ts';

/** What is told of a program's words. */
const MOST_TOLD = 500;

/** Undefined where it lets the version pass; else a sentence. `file` is read as its standard input. */
export function runExternalCheck(
  { command, timeoutMs, onTimeout }: ExternalValidation,
  zone: string,
  serial: number,
  file: string,
): Promise<string | undefined> {
  const [program = '', ...args] = command;
  const input = openSync(file, 'r');
  return new Promise((resolve) => {
    const env = { ...process.env, ZONEGATE_ZONE: zone, ZONEGATE_SERIAL: String(serial) };
    // A group of its own, so that what it starts ends with it.
    const child = spawn(program, args, { stdio: [input, 'ignore', 'pipe'], env, detached: true });
    let words = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      killGroup(child.pid);
    }, timeoutMs);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(0, MOST_TOLD);
    });
    let isOver = false;
    const end = (why: string | undefined): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      closeSync(input);
      resolve(why);
    };
    child.once('error', (error) => end(`external-validation: ${program} cannot be run: ${error.message}`));
    child.once('close', (code, signal) => {
      if (isLate)
        end(onTimeout === 'accept' ? undefined : `external-validation: no answer after ${timeoutMs / 1000} s`);
      else if (code === 0) end(undefined);
      else
        end(
          `external-validation: ${told(words) || `${program} ended with ${code === null ? signal : `status ${code}`}`}`,
        );
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself, just now.
  }
}

const told = (words: string): string => words.replace(/\p{Cc}+/gu, ' ').trim();
