/**
 * The file that `transfer --out` writes: a zone file, or the differences of an IXFR as `- ` and `+ ` lines. It lies
 * beside its place under another name until the transfer is whole, and then replaces what was there at once.
 */
import { createWriteStream, rmSync, type WriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { Bytes } from '../base/bytes.ts';
import { ZonegateError } from '../base/errors.ts';
import { MAX_NAME_LENGTH, nameToText } from '../wire/name.ts';
import { rdataToText } from '../wire/presentation/print.ts';
import { typeToText } from '../wire/registry.ts';
import type { ReceivedRecord, RecordChange } from '../xfr/client.ts';

/** Characters held before they are written: each write costs a call into the system. */
const PIECE = 1 << 18;

const MARKS: Readonly<Record<RecordChange, string>> = { zone: '', deleted: '- ', added: '+ ' };

export class ZoneOutput {
  readonly #file: string;
  /** Undefined: standard output, which cannot be taken back. */
  readonly #beside: string | undefined;
  readonly #stream: WriteStream | NodeJS.WriteStream;
  #pending = '';
  #isFull = false;
  #error: Error | undefined;

  /** `-` is standard output. */
  constructor(file: string) {
    this.#file = file;
    this.#beside = file === '-' ? undefined : `${file}.${process.pid}.new`;
    this.#stream = this.#beside === undefined ? process.stdout : createWriteStream(this.#beside, { flags: 'wx' });
    this.#stream.on('error', (error) => {
      this.#error ??= error;
    });
    if (this.#beside !== undefined) process.once('SIGINT', this.#interrupted);
  }

  write(change: RecordChange, { owner, ttl, type, rdata }: ReceivedRecord): void {
    this.#pending += `${MARKS[change]}${ownerToText(owner)}\t${ttl}\tIN\t${typeToText(type)}\t${rdataToText(type, rdata)}\n`;
    if (this.#pending.length >= PIECE) this.#flush();
  }

  /** To be awaited before more is written, where it gives a promise. */
  ready(): Promise<void> | undefined {
    if (this.#error !== undefined) return Promise.reject(this.#unwritable(this.#error));
    if (!this.#isFull) return undefined;
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        this.#stream.off('drain', settle).off('error', settle);
        this.#isFull = false;
        if (error === undefined) resolve();
        else reject(this.#unwritable(error));
      };
      this.#stream.on('drain', settle).on('error', settle);
    });
  }

  /** The transfer is whole: puts the file in its place, on the disk. */
  async commit(): Promise<void> {
    try {
      this.#flush();
      if (this.#error !== undefined) throw this.#error;
      if (this.#beside === undefined) return;
      this.#stream.end();
      await finished(this.#stream);
      const handle = await open(this.#beside, 'r');
      await handle.sync();
      await handle.close();
      await rename(this.#beside, this.#file);
    } catch (cause) {
      this.discard();
      throw this.#unwritable(cause as Error);
    } finally {
      process.off('SIGINT', this.#interrupted);
    }
  }

  discard(): void {
    process.off('SIGINT', this.#interrupted);
    this.#pending = '';
    if (this.#beside === undefined) return;
    this.#stream.destroy();
    // With `wx`, a file that was there before is not ours to remove.
    if ((this.#error as NodeJS.ErrnoException | undefined)?.code !== 'EEXIST') rmSync(this.#beside, { force: true });
  }

  #flush(): void {
    if (this.#pending !== '') this.#isFull = !this.#stream.write(this.#pending);
    this.#pending = '';
  }

  readonly #interrupted = (): void => {
    this.discard();
    process.exit(130);
  };

  #unwritable(cause: Error): ZonegateError {
    return new ZonegateError('ZG_TRANSFER_FAILED', `cannot write ${this.#file}: ${cause.message}`, {}, cause);
  }
}

const text = Buffer.alloc(MAX_NAME_LENGTH);

/** As `nameToText`, by one copy where nothing in it must be escaped: an owner is the most of a line. */
function ownerToText(name: Bytes): string {
  let length = 0;
  for (let at = 0; name[at] !== 0; ) {
    const end = at + (name[at] as number);
    while (at < end) {
      const octet = name[++at] as number;
      if (!isPlain(octet)) return nameToText(name);
      text[length++] = octet;
    }
    text[length++] = 0x2e;
    at++;
  }
  return length === 0 ? '.' : text.toString('latin1', 0, length);
}

/** Letters, digits, `-`, `_` and `*`. */
const isPlain = (octet: number): boolean =>
  (octet >= 0x61 && octet <= 0x7a) ||
  (octet >= 0x30 && octet <= 0x39) ||
  (octet >= 0x41 && octet <= 0x5a) ||
  octet === 0x2d ||
  octet === 0x5f ||
  octet === 0x2a;
