/**
 * The chain of an audit log: JSON lines of which each holds the hash of the one before it and its own. What is changed,
 * taken out or put in between later breaks it; what is cut off at the end does not, so the last hash is worth keeping
 * elsewhere.
 */
import { createHash } from 'node:crypto';

/** Where a chain begins that goes on from nothing. */
export const GENESIS = '0'.repeat(64);

export interface AuditLine {
  readonly line: string;
  readonly hash: string;
}

/** The next line, without its line feed. `seq` counts from 1 over all files of a chain. */
export function chainLine(seq: number, prev: string, at: string, fields: Readonly<Record<string, unknown>>): AuditLine {
  const body = JSON.stringify({ seq, at, ...fields, prev });
  const hash = createHash('sha256').update(body).digest('hex');
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}`, hash };
}

export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
}

const HASH_FIELD = /,"hash":"([0-9a-f]{64})"\}$/;

/** What a line says of the chain; undefined where it is no line of one, or not as it was written. */
export function readLine(line: string): (ChainEnd & { readonly prev: string }) | undefined {
  const match = HASH_FIELD.exec(line);
  if (match === null) return undefined;
  const body = `${line.slice(0, match.index)}}`;
  const hash = createHash('sha256').update(body).digest('hex');
  if (hash !== match[1]) return undefined;
  try {
    const { seq, prev } = JSON.parse(body) as { seq?: unknown; prev?: unknown };
    return typeof seq === 'number' && typeof prev === 'string' ? { seq, prev, hash } : undefined;
  } catch {
    return undefined;
  }
}

export interface ChainFailure {
  /** From 1. */
  readonly line: number;
  readonly why: string;
}

/** Follows a chain line by line; `start` is where it goes on from, if that is known. */
export class ChainVerifier {
  #end: ChainEnd | undefined;
  #first: string | undefined;
  #lines = 0;

  constructor(start?: ChainEnd) {
    this.#end = start;
  }

  get lines(): number {
    return this.#lines;
  }

  get end(): ChainEnd | undefined {
    return this.#end;
  }

  /** The hash that the first line goes on from. */
  get start(): string | undefined {
    return this.#first;
  }

  /** Undefined where the line goes on. */
  take(line: string): ChainFailure | undefined {
    this.#lines++;
    const read = readLine(line);
    if (read === undefined) return this.#failure('it is not as it was written');
    this.#first ??= read.prev;
    const before = this.#end;
    if (before !== undefined && (read.prev !== before.hash || read.seq !== before.seq + 1)) {
      const missing = read.seq - before.seq - 1;
      return this.#failure(missing > 0 ? `${missing} before it are missing` : 'it does not follow the one before it');
    }
    this.#end = read;
    return undefined;
  }

  #failure(why: string): ChainFailure {
    return { line: this.#lines, why };
  }
}
