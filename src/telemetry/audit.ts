/** The audit log: who was given what and who was not, as a chain of hashes that `zonegate audit verify` follows. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { type ChainEnd, chainLine, GENESIS, readLine } from './audit-chain.ts';

export interface AuditOptions {
  readonly clock: Clock;
  /** It cannot be written to, or can again: told once each time. */
  readonly failed: (why: string | undefined) => void;
}

/** The last line of a file is looked for in its last octets; lines are shorter by far. */
const TAIL = 64 * 1024;
/** What has not been written for so many octets is dropped, and counted. */
const MOST_PENDING = 8_000_000;

export class AuditLog {
  readonly #options: AuditOptions;
  #descriptor: number | undefined;
  #end: ChainEnd = { seq: 0, hash: GENESIS };
  #pending: string[] = [];
  #pendingOctets = 0;
  #dropped = 0;
  #isFailing = false;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /**
   * Also where the file is the same: it may have been moved away, to be kept. Throws where it cannot be opened, and goes
   * on with the one before.
   */
  open(file: string | undefined): void {
    this.flush();
    const before = this.#descriptor;
    const next = file === undefined ? undefined : openAppending(file);
    if (before !== undefined) closeSync(before);
    this.#descriptor = next;
    if (next === undefined) return;
    const { end, torn } = lastOf(next);
    // What still waits to be written goes on from where it was to go.
    if (end !== undefined && this.#pending.length === 0) this.#end = end;
    this.write('audit-opened', torn === 0 ? {} : { 'torn-octets': torn });
    this.flush();
  }

  /** One line; it is on its way to the disk after the next `flush`. */
  write(event: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#descriptor === undefined) return;
    if (this.#pendingOctets > MOST_PENDING) {
      this.#dropped++;
      return;
    }
    const at = new Date(this.#options.clock.now()).toISOString();
    const { line, hash } = chainLine(this.#end.seq + 1, this.#end.hash, at, { event, ...fields });
    this.#end = { seq: this.#end.seq + 1, hash };
    this.#pending.push(`${line}\n`);
    this.#pendingOctets += line.length + 1;
  }

  /** About once a second, and at the end: many lines in one write. */
  flush(): void {
    if (this.#descriptor === undefined || this.#pending.length === 0) return;
    const octets = Buffer.from(this.#pending.join(''));
    try {
      const { size } = fstatSync(this.#descriptor);
      try {
        for (let at = 0; at < octets.length; ) at += writeSync(this.#descriptor, octets, at);
        fsyncSync(this.#descriptor);
      } catch (error) {
        // Half a batch would be written twice.
        ftruncateSync(this.#descriptor, size);
        throw error;
      }
    } catch (error) {
      if (!this.#isFailing) this.#options.failed((error as NodeJS.ErrnoException).code ?? String(error));
      this.#isFailing = true;
      return;
    }
    this.#pending = [];
    this.#pendingOctets = 0;
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.failed(undefined);
    if (this.#dropped > 0) this.write('audit-dropped', { count: this.#dropped });
    this.#dropped = 0;
  }

  close(): void {
    this.flush();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

function openAppending(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a+', 0o640);
}

/** Where the chain in a file ends; what a crash left of a line behind it is cut off. */
function lastOf(descriptor: number): { readonly end: ChainEnd | undefined; readonly torn: number } {
  const { size } = fstatSync(descriptor);
  const length = Math.min(size, TAIL);
  const tail = Buffer.alloc(length);
  readSync(descriptor, tail, 0, length, size - length);
  const whole = tail.lastIndexOf(0x0a) + 1;
  const torn = length - whole;
  if (torn > 0) ftruncateSync(descriptor, size - torn);
  const lines = tail.toString('utf8', 0, whole).split('\n').filter(Boolean);
  const last = lines.at(-1);
  return { end: last === undefined ? undefined : readLine(last), torn };
}
