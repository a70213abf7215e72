/** Control's side of the fronts: starts them, tells them, hears them, and replaces one that dies. */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { QuotaTables } from '../policy/limits/quota.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import { type CountTable, clearRow } from '../policy/limits/shared-count.ts';
import type { PrefixTable } from '../policy/prefix-table.ts';
import { workerUrl } from '../pool/worker-url.ts';
import type { TransferAnswer } from '../xfr/transfer-answer.ts';
import type { SlabHandle } from '../zone/slab.ts';
import type { SlabUsage, VersionHandle } from '../zone/version.ts';
import { Counters, newCounterRow } from './counters.ts';
import type {
  AnswerOffer,
  AnswerWish,
  FromFront,
  FrontEvent,
  FrontListener,
  FrontSetup,
  FrontTls,
  Offence,
  PolicyUpdate,
  ReceivedNotify,
  RunningTransfer,
  ToFront,
  ZoneState,
} from './messages.ts';
import { TurnBook } from './relay-turns.ts';

/** What the hub needs to know of versions and their memory; control's `Versions` and slab book give it. */
export interface VersionKeeper {
  readonly expiries: Float64Array<SharedArrayBuffer>;
  /** A cleared row of leases for a front that starts. */
  row(front: number): Int32Array<SharedArrayBuffer>;
  leaseFor(front: number, slot: number): void;
  slabs(usage: readonly SlabUsage[]): readonly SlabHandle[];
}

export interface PublishedVersion {
  readonly handle: VersionHandle;
  readonly slot: number;
  readonly serials: readonly number[];
  readonly step: (PublishedAnswer & { readonly from: number }) | undefined;
}

/** A finished answer. */
export interface PublishedAnswer {
  readonly answer: TransferAnswer;
  readonly slot: number;
}

export type PublishedZone =
  | { readonly kind: 'loading' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'served'; readonly version: PublishedVersion };

export interface HubOptions {
  readonly fronts: number;
  /** For each listener one descriptor a front, and more for those that replace a front that died. */
  readonly listeners: readonly (Omit<FrontListener, 'fd'> & { readonly fds: readonly number[] })[];
  readonly policy: PolicyUpdate;
  readonly bans: PrefixTable;
  readonly rates: RateTable;
  readonly sources: CountTable;
  readonly counts: CountTable;
  readonly quotas: QuotaTables;
  readonly connections: Int32Array<SharedArrayBuffer>;
  readonly versions: VersionKeeper;
  readonly onEvents: (events: readonly FrontEvent[]) => void;
  readonly onNotify: (notify: ReceivedNotify) => void;
  readonly onOffences: (offences: readonly Offence[]) => void;
  /** Undefined where the zone as it is kept is the better answer, or there is none. */
  readonly onAnswerWanted: (wish: AnswerWish) => Promise<PublishedAnswer | undefined>;
  /** A turn at a primary for a request that a front relays; called to give it back, undefined where there is none. */
  readonly onRelayWanted: (primary: string, isTransfer: boolean) => Promise<(() => void) | undefined>;
  /** A front died; `replaced` says whether another took its place. */
  readonly onDeath: (front: number, error: Error | undefined, replaced: boolean) => void;
}

interface FrontHandle {
  readonly turns: TurnBook;
  worker: Worker;
  readonly counters: Float64Array<SharedArrayBuffer>;
  known: Set<number>;
  isListening: boolean;
  isDrained: boolean;
  listening: () => void;
}

/** A front that does not answer in this time is left out of a list of transfers. */
const SNAPSHOT_MS = 2_000;

export class FrontHub {
  readonly #options: HubOptions;
  readonly #fronts: FrontHandle[] = [];
  readonly #zones = new Map<string, PublishedZone>();
  readonly #snapshots = new Map<number, (transfers: readonly RunningTransfer[]) => void>();
  #policy: PolicyUpdate;
  #bans: PrefixTable;
  #tls: readonly (FrontTls | undefined)[];
  #nextSnapshot = 1;
  #nextDescriptor = 0;
  #isEnding = false;
  #drained: (() => void) | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#policy = options.policy;
    this.#bans = options.bans;
    this.#tls = options.listeners.map(({ tls }) => tls);
  }

  /** Resolves when every front listens. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.fronts }, (_, i) => this.#start(i)));
  }

  get counters(): readonly Counters[] {
    return this.#fronts.map((front) => new Counters(front.counters));
  }

  publish(zone: string, state: PublishedZone): void {
    this.#zones.set(zone, state);
    this.#fronts.forEach((front, i) => {
      this.#tell(i, front, zone, state);
    });
  }

  remove(zone: string): void {
    this.#zones.delete(zone);
    this.#broadcast({ kind: 'zone-removed', zone });
  }

  setPolicy(policy: PolicyUpdate): void {
    this.#policy = policy;
    this.#broadcast({ kind: 'policy', policy });
  }

  /** Who is turned away. */
  setBans(table: PrefixTable): void {
    this.#bans = table;
    this.#broadcast({ kind: 'bans', table });
  }

  /** Certificates and keys of tickets, by listener. */
  setTls(listeners: readonly (FrontTls | undefined)[]): void {
    this.#tls = listeners;
    this.#broadcast({ kind: 'tls', listeners });
  }

  /** Transfers that run now, over all fronts. */
  async transfers(): Promise<readonly RunningTransfer[]> {
    const lists = await Promise.all(this.#fronts.map((front) => this.#snapshot(front)));
    return lists.flat();
  }

  /** Of those who read from these lease slots, each front ends its slowest. */
  endSlowest(slots: readonly number[]): void {
    this.#broadcast({ kind: 'end-slowest', slots });
  }

  /** Ends a front at once, as a crash would; another takes its place. */
  async endFront(index: number): Promise<void> {
    await this.#fronts[index]?.worker.terminate();
  }

  /** No new connections; resolves when the last one is gone. */
  drain(): Promise<void> {
    this.#isEnding = true;
    this.#closeSpareDescriptors();
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#broadcast({ kind: 'drain' });
    });
  }

  /** While any descriptor of it is open, a socket goes on taking connections into its queue, which nobody serves. */
  #closeSpareDescriptors(): void {
    for (const { fds } of this.#options.listeners) for (const fd of fds.slice(this.#nextDescriptor)) closeSync(fd);
    this.#nextDescriptor = Number.POSITIVE_INFINITY;
  }

  async stop(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#fronts.map((front) => front.worker.terminate()));
  }

  #start(index: number): Promise<void> {
    const counters = this.#fronts[index]?.counters ?? newCounterRow();
    const place = this.#nextDescriptor++;
    const setup: FrontSetup = {
      index,
      listeners: this.#options.listeners.map(({ fds, ...listener }, i) => ({
        ...listener,
        tls: this.#tls[i],
        fd: fds[place] as number,
      })),
      policy: this.#policy,
      bans: this.#bans,
      rates: this.#options.rates,
      sources: this.#options.sources,
      counts: this.#options.counts,
      quotas: this.#options.quotas,
      leases: this.#options.versions.row(index),
      expiries: this.#options.versions.expiries,
      counters,
      connections: this.#options.connections,
    };
    return new Promise((resolve, reject) => {
      const worker = new Worker(workerUrl('front'), { workerData: setup, name: `front-${index}` });
      const front: FrontHandle = {
        worker,
        counters,
        known: new Set(),
        turns: new TurnBook(),
        isListening: false,
        isDrained: false,
        listening: resolve,
      };
      this.#fronts[index] = front;
      let error: Error | undefined;
      worker.on('message', (message: FromFront) => this.#hear(front, message));
      worker.on('error', (cause) => {
        error = cause as Error;
      });
      worker.on('exit', () => {
        front.turns.clear();
        if (!front.isListening) reject(error ?? new Error(`front ${index} ended before it listened`));
        else if (!this.#isEnding) this.#replace(index, error);
        else this.#noteDrained(front);
      });
      for (const [zone, state] of this.#zones) this.#tell(index, front, zone, state);
    });
  }

  /** The dead front's counts and leases go with it; the descriptors of the next one are untouched by its end. */
  #replace(index: number, error: Error | undefined): void {
    const open = sourceTotal(this.#options.sources, index);
    clearRow(this.#options.sources, index);
    clearRow(this.#options.counts, index);
    Atomics.sub(this.#options.connections, 0, open);
    const hasDescriptors = this.#options.listeners.every((listener) => this.#nextDescriptor < listener.fds.length);
    this.#options.onDeath(index, error, hasDescriptors);
    if (!hasDescriptors) return;
    this.#start(index).catch((cause: unknown) => this.#options.onDeath(index, cause as Error, false));
  }

  #hear(front: FrontHandle, message: FromFront): void {
    switch (message.kind) {
      case 'listening':
        front.isListening = true;
        front.listening();
        return;
      case 'events':
        this.#options.onEvents(message.events);
        return;
      case 'offences':
        this.#options.onOffences(message.offences);
        return;
      case 'notify':
        this.#options.onNotify(message.notify);
        return;
      case 'answer-wanted':
        void this.#answerWish(front, message.wish);
        return;
      case 'relay-wanted': {
        const given = this.#options.onRelayWanted(message.primary, message.isTransfer);
        const tell = (isGranted: boolean): void =>
          front.worker.postMessage({ kind: 'relay-turn', turn: message.turn, isGranted } satisfies ToFront);
        void front.turns.want(message.turn, given, tell);
        return;
      }
      case 'relay-done':
        front.turns.done(message.turn);
        return;
      case 'snapshot':
        this.#snapshots.get(message.request)?.(message.transfers);
        this.#snapshots.delete(message.request);
        return;
      case 'drained':
        this.#noteDrained(front);
        return;
    }
  }

  #noteDrained(front: FrontHandle): void {
    front.isDrained = true;
    if (this.#fronts.every(({ isDrained }) => isDrained)) this.#drained?.();
  }

  #tell(index: number, front: FrontHandle, zone: string, state: PublishedZone): void {
    if (state.kind !== 'served') {
      front.worker.postMessage({ kind: 'zone', zone, state, slabs: [] } satisfies ToFront);
      return;
    }
    const { handle, slot, serials, step } = state.version;
    // On the front's behalf, before it hears of the version: from now on control waits for it to let go.
    this.#options.versions.leaseFor(index, slot);
    const slabs = this.#newSlabs(front, [...handle.usage, ...(step?.answer.usage ?? [])]);
    const offer = step && { ...this.#offer(index, step), from: step.from };
    const served: ZoneState = { kind: 'served', version: handle, lease: slot, serials, step: offer };
    front.worker.postMessage({ kind: 'zone', zone, state: served, slabs } satisfies ToFront);
  }

  #offer(index: number, { answer, slot }: PublishedAnswer): AnswerOffer {
    this.#options.versions.leaseFor(index, slot);
    return { answer, lease: slot };
  }

  async #answerWish(front: FrontHandle, wish: AnswerWish): Promise<void> {
    // Whatever goes wrong there, the client gets the whole zone, or is told to come again.
    const published = await this.#options.onAnswerWanted(wish).catch(() => undefined);
    const index = this.#fronts.indexOf(front);
    // It died meanwhile, and its wishes with it.
    if (index < 0) return;
    const slabs = published === undefined ? [] : this.#newSlabs(front, published.answer.usage);
    const offer = published && this.#offer(index, published);
    front.worker.postMessage({ kind: 'answer', wish, offer, slabs } satisfies ToFront);
  }

  /** Slabs that the front has not been told of; it has when this is sent. */
  #newSlabs(front: FrontHandle, usage: readonly SlabUsage[]): SlabHandle[] {
    const slabs = this.#options.versions.slabs(usage).filter(({ id }) => !front.known.has(id));
    for (const { id } of slabs) front.known.add(id);
    return slabs;
  }

  #broadcast(message: ToFront): void {
    for (const front of this.#fronts) front.worker.postMessage(message);
  }

  #snapshot(front: FrontHandle): Promise<readonly RunningTransfer[]> {
    const request = this.#nextSnapshot++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#snapshots.delete(request);
        resolve([]);
      }, SNAPSHOT_MS);
      this.#snapshots.set(request, (transfers) => {
        clearTimeout(timer);
        resolve(transfers);
      });
      front.worker.postMessage({ kind: 'snapshot', request } satisfies ToFront);
    });
  }
}

function sourceTotal(table: CountTable, row: number): number {
  const half = table.words.length / table.rows / 2;
  let total = 0;
  for (let i = (row * 2 + 1) * half; i < (row + 1) * 2 * half; i++) total += table.words[i] as number;
  return total;
}
