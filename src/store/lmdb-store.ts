/** Control's side of the store's thread. */
import { Worker } from 'node:worker_threads';
import { ZonegateError } from '../base/errors.ts';
import type { SlabHandle } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { FromStore, StoreSetup, ToStore } from './messages.ts';
import type { Commit, LoadedZone, VersionStore, WantedZone, ZoneRecord } from './version-store.ts';

export interface LmdbStoreOptions extends StoreSetup {
  /** Entry of the thread. */
  readonly worker: URL;
  readonly registry: SlabRegistry;
  /** A store that was set aside, or a zone whose versions were; `zone` is absent for the whole. */
  readonly onDamage: (damage: { readonly zone?: string; readonly why: string }) => void;
  /** The thread ended, which it never does of its own. */
  readonly onDeath: (error: Error) => void;
}

export class LmdbStore implements VersionStore {
  readonly #options: LmdbStoreOptions;
  readonly #worker: Worker;
  readonly #commits = new Map<number, (failure: string | undefined) => void>();
  readonly #loads = new Map<number, { readonly onZone: (zone: LoadedZone) => void; readonly done: () => void }>();
  readonly #known = new Set<number>();
  #nextRequest = 1;
  #opened: (() => void) | undefined;
  #closed: (() => void) | undefined;

  private constructor(options: LmdbStoreOptions) {
    this.#options = options;
    const { folder, sync, mapSize } = options;
    const setup: StoreSetup = { folder, sync, mapSize };
    this.#worker = new Worker(options.worker, { workerData: setup, name: 'store' });
    this.#worker.on('message', (message: FromStore) => this.#hear(message));
  }

  /** Rejects with ZG_STORE_FAILED where the folder cannot be used. */
  static open(options: LmdbStoreOptions): Promise<LmdbStore> {
    return new Promise((resolve, reject) => {
      const store = new LmdbStore(options);
      let isOpen = false;
      store.#opened = () => {
        isOpen = true;
        resolve(store);
      };
      store.#worker.on('error', (cause) => {
        const text = `the store in ${options.folder} failed: ${(cause as Error).message}`;
        const error = new ZonegateError('ZG_STORE_FAILED', text, { folder: options.folder }, cause);
        if (isOpen) options.onDeath(error);
        else reject(error);
      });
    });
  }

  load(zones: readonly WantedZone[], onZone: (zone: LoadedZone) => void): Promise<void> {
    const request = this.#nextRequest++;
    const { registry } = this.#options;
    return new Promise((resolve) => {
      this.#loads.set(request, { onZone, done: resolve });
      this.#post({ kind: 'load', request, zones, ids: registry.ids, spares: [] });
    });
  }

  commit(commit: Commit): Promise<string | undefined> {
    const request = this.#nextRequest++;
    const usage = [...commit.handle.usage, ...(commit.step?.usage ?? [])];
    return new Promise((resolve) => {
      this.#commits.set(request, resolve);
      this.#post({ kind: 'commit', request, commit, slabs: this.#newSlabs(usage) });
    });
  }

  note(zone: string, record: ZoneRecord): void {
    this.#post({ kind: 'record', zone, record, isUrgent: false, request: undefined });
  }

  noteNow(zone: string, record: ZoneRecord): Promise<string | undefined> {
    const request = this.#nextRequest++;
    return new Promise((resolve) => {
      this.#commits.set(request, resolve);
      this.#post({ kind: 'record', zone, record, isUrgent: true, request });
    });
  }

  remove(zone: string): void {
    this.#post({ kind: 'record', zone, record: undefined, isUrgent: true, request: undefined });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      this.#post({ kind: 'close' });
    });
    await this.#worker.terminate();
  }

  #post(message: ToStore): void {
    this.#worker.postMessage(message);
  }

  #newSlabs(usage: Commit['handle']['usage']): SlabHandle[] {
    const slabs = this.#options.registry.handles(usage).filter(({ id }) => !this.#known.has(id));
    for (const { id } of slabs) this.#known.add(id);
    return slabs;
  }

  #hear(message: FromStore): void {
    switch (message.kind) {
      case 'opened':
        if (message.damage !== undefined) this.#options.onDamage({ why: message.damage });
        this.#opened?.();
        return;
      case 'committed':
        for (const request of message.requests) {
          this.#commits.get(request)?.(message.failure);
          this.#commits.delete(request);
        }
        return;
      case 'loaded':
        this.#loaded(message);
        return;
      case 'closed':
        this.#closed?.();
        return;
    }
  }

  #loaded({ request, zones, damage, slabs, isLast }: FromStore & { kind: 'loaded' }): void {
    const { registry } = this.#options;
    registry.apply(slabs);
    for (const { versions } of zones) {
      for (const { made, step } of versions) registry.retain([...made.added, ...(step?.usage ?? [])]);
    }
    registry.settle(slabs);
    for (const one of damage) this.#options.onDamage(one);
    const load = this.#loads.get(request);
    for (const zone of zones) load?.onZone(zone);
    if (!isLast) return;
    this.#loads.delete(request);
    load?.done();
  }
}
