/**
 * Prefix sets: read from files that are watched and from feeds that are asked again and again, compiled in the pool, and
 * given to the fronts as tables in shared memory. Whatever goes wrong, the last good list stays in force.
 */
import { createHash } from 'node:crypto';
import { type FSWatcher, mkdirSync, readFileSync, renameSync, watch, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Result } from '../base/result.ts';
import type { PrefixSetConfig, StoreConfig } from '../config/config.ts';
import type { PrefixList } from '../policy/prefix-list.ts';
import type { PrefixTable } from '../policy/prefix-table.ts';
import { httpRequest } from '../remote/http.ts';

/** Editors write in several steps. */
const QUIET_MS = 150;
/** A prefix is some 20 octets of text; a feed may say more behind it. */
const OCTETS_A_PREFIX = 256;

export interface PrefixSetsOptions {
  /** In the pool. */
  readonly compile: (text: string, maxPrefixes: number) => Promise<Result<PrefixList, string>>;
  /** Where copies of feeds are kept over a restart; undefined: nowhere. */
  readonly folder: string | undefined;
  readonly report: (event: 'feed-updated' | 'feed-failed', fields: Record<string, unknown>) => void;
  /** A set is another than before. */
  readonly changed: () => void;
}

/** Beside the store, which is the one place that is ours to write to. */
export const folderOfFeeds = (store: StoreConfig): string | undefined =>
  store.type === 'lmdb' ? join(store.path, 'prefix-sets') : undefined;

const copyFile = (folder: string, name: string): string => join(folder, `${encodeURIComponent(name)}.json`);

interface KeptFeed {
  readonly etag: string | undefined;
  readonly text: string;
}

/** The last good copy of a feed; undefined where there is none of that URL. */
export function keptFeed(folder: string | undefined, name: string, url: string): KeptFeed | undefined {
  if (folder === undefined) return undefined;
  try {
    const copy = JSON.parse(readFileSync(copyFile(folder, name), 'utf8')) as { url?: unknown } & Partial<KeptFeed>;
    if (copy.url !== url || typeof copy.text !== 'string') return undefined;
    return { etag: typeof copy.etag === 'string' ? copy.etag : undefined, text: copy.text };
  } catch {
    return undefined;
  }
}

interface Loaded {
  readonly config: PrefixSetConfig;
  table: PrefixTable | undefined;
  /** Of the text that is in force, or was refused last. */
  hash: string;
  etag: string | undefined;
  close: () => void;
}

export class PrefixSets {
  readonly #options: PrefixSetsOptions;
  readonly #sets = new Map<string, Loaded>();

  constructor(options: PrefixSetsOptions) {
    this.#options = options;
  }

  /** Those that are loaded. */
  get tables(): ReadonlyMap<string, PrefixTable> {
    const tables = new Map<string, PrefixTable>();
    for (const [name, { table }] of this.#sets) if (table !== undefined) tables.set(name, table);
    return tables;
  }

  /** Resolves when files are read and kept copies of feeds are; feeds are asked behind that. */
  async configure(sets: ReadonlyMap<string, PrefixSetConfig>): Promise<void> {
    for (const [name, set] of this.#sets) {
      if (JSON.stringify(sets.get(name)) === JSON.stringify(set.config)) continue;
      set.close();
      this.#sets.delete(name);
    }
    const loading: Promise<void>[] = [];
    for (const [name, config] of sets) if (!this.#sets.has(name)) loading.push(this.#begin(name, config));
    await Promise.all(loading);
  }

  close(): void {
    for (const set of this.#sets.values()) set.close();
    this.#sets.clear();
  }

  async #begin(name: string, config: PrefixSetConfig): Promise<void> {
    const set: Loaded = { config, table: undefined, hash: '', etag: undefined, close: () => undefined };
    this.#sets.set(name, set);
    if (config.kind === 'file') {
      set.close = this.#watch(name, config.file, () => void this.#readFile(name, set, config.file));
      await this.#readFile(name, set, config.file);
      return;
    }
    const kept = keptFeed(this.#options.folder, name, config.url);
    if (kept !== undefined) {
      await this.#take(name, set, kept.text, 'the copy kept from before');
      // Only of what was taken: else the feed would say for ever that nothing is new.
      if (set.table !== undefined) set.etag = kept.etag;
    }
    this.#poll(name, set, config);
  }

  #watch(name: string, file: string, changed: () => void): () => void {
    let timer: NodeJS.Timeout | undefined;
    const failed = (error: Error): void =>
      this.#options.report('feed-failed', { set: name, why: `${file} is not watched: ${error.message}` });
    let watcher: FSWatcher | undefined;
    try {
      // The folder, as what is renamed into place is another file.
      watcher = watch(dirname(file), (_event, changedName) => {
        if (changedName !== null && changedName !== basename(file)) return;
        clearTimeout(timer);
        timer = setTimeout(changed, QUIET_MS);
      });
      watcher.on('error', failed);
    } catch (error) {
      failed(error as Error);
    }
    return () => {
      clearTimeout(timer);
      watcher?.close();
    };
  }

  async #readFile(name: string, set: Loaded, file: string): Promise<void> {
    try {
      await this.#take(name, set, await readFile(file, 'utf8'), file);
    } catch (error) {
      this.#fail(name, set, `${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}`);
    }
  }

  #poll(name: string, set: Loaded, config: PrefixSetConfig & { kind: 'feed' }): void {
    let isClosed = false;
    let timer: NodeJS.Timeout | undefined;
    set.close = () => {
      isClosed = true;
      clearTimeout(timer);
    };
    const next = async (): Promise<void> => {
      await this.#fetch(name, set, config);
      if (!isClosed) timer = setTimeout(() => void next(), config.refreshMs).unref();
    };
    void next();
  }

  async #fetch(
    name: string,
    set: Loaded,
    { url, timeoutMs, maxPrefixes }: PrefixSetConfig & { kind: 'feed' },
  ): Promise<void> {
    const answer = await httpRequest(new URL(url), {
      headers: set.etag === undefined ? {} : { 'if-none-match': set.etag },
      connectTimeoutMs: timeoutMs,
      timeoutMs,
      maxBytes: maxPrefixes * OCTETS_A_PREFIX,
    });
    if (this.#sets.get(name) !== set) return;
    if (!answer.ok) return this.#fail(name, set, `${url}: ${answer.failure}`);
    const { status, etag, body } = answer.value;
    if (status === 304 && set.etag !== undefined) return;
    if (status !== 200) return this.#fail(name, set, `${url}: it answers with status ${status}`);
    // An outage of theirs often looks like this; a file that is empty is somebody's will.
    if (body.trim() === '') return this.#fail(name, set, `${url}: the list is empty`);
    if (!(await this.#take(name, set, body, url))) return;
    set.etag = etag;
    this.#keepCopy(name, url, etag, body);
  }

  /** True where the text is in force now. */
  async #take(name: string, set: Loaded, text: string, from: string): Promise<boolean> {
    const hash = createHash('sha256').update(text).digest('hex');
    if (hash === set.hash) return set.table !== undefined;
    const list = await this.#options.compile(text, set.config.maxPrefixes);
    // Another took its place, or a later text was quicker to read.
    if (this.#sets.get(name) !== set) return false;
    set.hash = hash;
    if (!list.ok) {
      this.#fail(name, set, `${from}: ${list.failure}`);
      return false;
    }
    set.table = list.value.table;
    this.#options.changed();
    this.#options.report('feed-updated', { set: name, from, prefixes: list.value.prefixes });
    return true;
  }

  #fail(name: string, { table }: Loaded, why: string): void {
    const now = table === undefined ? 'it holds nobody' : 'the last good list stays';
    this.#options.report('feed-failed', { set: name, why, now });
  }

  #keepCopy(name: string, url: string, etag: string | undefined, text: string): void {
    const { folder } = this.#options;
    if (folder === undefined) return;
    const file = copyFile(folder, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, JSON.stringify({ url, etag, text }), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      this.#options.report('feed-failed', {
        set: name,
        why: `no copy of it is kept for a restart: ${(error as Error).message}`,
      });
    }
  }
}
