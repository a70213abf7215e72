/** The store's thread: takes commits as they come and writes what has gathered in one transaction. */
import { SlabDirectory, SlabWriter } from '../zone/slab.ts';
import { openDatabase, type StoreDatabase } from './database.ts';
import { FrameStore } from './frame-store.ts';
import type { FromStore, StoreSetup, ToStore } from './messages.ts';
import type { Commit, LoadedZone, WantedZone, ZoneRecord } from './version-store.ts';
import { loadZone } from './zone-loader.ts';

/** Commits in one transaction at most. */
const MOST_COMMITS = 256;
/** Records of zones are not worth a transaction of their own, for so long. */
const RECORDS_MS = 5_000;
/** Zones told of at once while loading. */
const LOAD_BATCH = 500;

export class StoreThread {
  readonly #database: StoreDatabase;
  readonly #store: FrameStore;
  readonly #directory = new SlabDirectory();
  readonly #slabs = new SlabWriter(this.#directory);
  readonly #send: (message: FromStore) => void;
  #commits: { readonly request: number; readonly commit: Commit }[] = [];
  #records = new Map<string, ZoneRecord | undefined>();
  /** Requests that wait for the records at hand. */
  #noted: number[] = [];
  #isScheduled = false;
  #recordTimer: NodeJS.Timeout | undefined;

  /** Throws where the folder cannot be used. */
  constructor(setup: StoreSetup, send: (message: FromStore) => void) {
    const { database, damage } = openDatabase(setup);
    this.#database = database;
    this.#store = new FrameStore(database, this.#directory, setup.mapSize);
    this.#send = send;
    send({ kind: 'opened', damage });
  }

  take(message: ToStore): void {
    switch (message.kind) {
      case 'commit':
        this.#directory.add(message.slabs);
        this.#endRemoval(message.commit.zone);
        this.#commits.push({ request: message.request, commit: message.commit });
        this.#schedule();
        return;
      case 'record':
        this.#endRemoval(message.zone);
        this.#records.set(message.zone, message.record);
        if (message.request !== undefined) this.#noted.push(message.request);
        if (message.isUrgent) this.#schedule();
        else this.#recordTimer ??= setTimeout(() => this.#flush(), RECORDS_MS);
        return;
      case 'load':
        for (const { zone } of message.zones) this.#endRemoval(zone);
        this.#slabs.begin(message.ids, message.spares);
        this.#load(message.request, message.zones);
        return;
      case 'close':
        void this.#close();
        return;
    }
  }

  /** A zone may come back at once: what was removed is gone before anything else is done for it. */
  #endRemoval(zone: string): void {
    if (this.#records.has(zone) && this.#records.get(zone) === undefined) this.#flush();
  }

  /** After the messages that have come by now. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    clearTimeout(this.#recordTimer);
    this.#recordTimer = undefined;
    const commits = this.#commits.splice(0, MOST_COMMITS);
    const records = this.#records;
    this.#records = new Map();
    const noted = this.#noted;
    this.#noted = [];
    if (this.#commits.length > 0) this.#schedule();
    if (commits.length === 0 && records.size === 0) return;
    const failure = this.#try(commits, records);
    if (noted.length > 0) this.#send({ kind: 'committed', requests: noted, failure });
    if (failure === undefined || commits.length <= 1) return;
    // One of them may be what is wrong, as one that is too large for the disk.
    for (const commit of commits) this.#try([commit], new Map());
  }

  /** Tells how it ended, and gives why it failed; several that failed together are not told: they are tried one by one. */
  #try(
    commits: readonly { readonly request: number; readonly commit: Commit }[],
    records: ReadonlyMap<string, ZoneRecord | undefined>,
  ): string | undefined {
    let failure: string | undefined;
    try {
      this.#store.commit(
        commits.map(({ commit }) => commit),
        records,
      );
    } catch (error) {
      failure = `the store cannot be written: ${(error as Error).message}`;
      // Written again with the next commit that succeeds.
      for (const [zone, record] of records) if (!this.#records.has(zone)) this.#records.set(zone, record);
    }
    if (failure === undefined || commits.length === 1) {
      this.#send({ kind: 'committed', requests: commits.map(({ request }) => request), failure });
    }
    return failure;
  }

  #load(request: number, wanted: readonly WantedZone[]): void {
    for (let at = 0; at === 0 || at < wanted.length; at += LOAD_BATCH) {
      const zones: LoadedZone[] = [];
      const damage: { zone: string; why: string }[] = [];
      for (const one of wanted.slice(at, at + LOAD_BATCH)) {
        const result = this.#loadOne(one);
        if (result.loaded !== undefined) zones.push(result.loaded);
        if (result.damage !== undefined) damage.push({ zone: one.zone, why: result.damage });
      }
      const isLast = at + LOAD_BATCH >= wanted.length;
      if (isLast) this.#slabs.leave();
      this.#send({ kind: 'loaded', request, zones, damage, slabs: this.#slabs.report(), isLast });
    }
  }

  #loadOne(wanted: WantedZone): ReturnType<typeof loadZone> {
    try {
      return loadZone(this.#store, wanted, this.#slabs, this.#directory);
    } catch (error) {
      return { loaded: undefined, damage: `it cannot be read: ${(error as Error).message}` };
    }
  }

  async #close(): Promise<void> {
    while (this.#commits.length > 0 || this.#records.size > 0) {
      const before = this.#commits.length + this.#records.size;
      this.#flush();
      if (this.#commits.length + this.#records.size >= before) break;
    }
    await this.#database.root.close();
    this.#send({ kind: 'closed' });
  }
}
