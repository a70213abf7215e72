/** The side towards the primaries: keeps every zone's copy current, one transfer a serial however many clients ask. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { Scheduler } from '../net/scheduler.ts';
import type { Pool } from '../pool/pool.ts';
import type { VersionStore } from '../store/version-store.ts';
import { isNewer } from '../zone/serial.ts';
import { SlabDirectory } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import { type CommandResult, ZoneCommands } from './commands.ts';
import { Compaction } from './compaction.ts';
import { Gate } from './gate.ts';
import { Guards } from './guards.ts';
import { History, type KeptVersion } from './history.ts';
import { IxfrAnswers, isShorter, type LiveAnswer } from './ixfr-answers.ts';
import { Learned } from './learned.ts';
import type { Leases } from './leases.ts';
import { PrimaryLinks } from './links.ts';
import { type SyncEvent, stepSync, wakeAt } from './machine.ts';
import { PrimaryRefresh, type RefreshEvent } from './primary-refresh.ts';
import { Restorer, recordOf } from './restorer.ts';
import { Taking, type TakingEvent } from './taking.ts';
import { newZone, sourceOf, type Zone } from './zone.ts';
import { FolderWatchers } from './zone-folder.ts';

/** What becomes of zones: whoever serves them listens. */
export interface ZoneListener {
  served(zone: string, version: ServedZone): void;
  loading(zone: string): void;
  expired(zone: string): void;
  removed(zone: string): void;
}

/** A version to serve, and what there is for those who have an older one. */
export interface ServedZone {
  readonly version: KeptVersion;
  /** Serials from which `ixfrAnswer` may give an answer. */
  readonly serials: readonly number[];
  /** The answer to those who have the version before. */
  readonly step: { readonly from: number; readonly live: LiveAnswer } | undefined;
}

/** Events of INTERFACE.md that arise here. */
export type UpstreamEvent =
  | TakingEvent
  | RefreshEvent
  | 'zone-expired'
  | 'primary-failed'
  | 'zone-pinned'
  | 'zone-released';

export interface UpstreamDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly store: VersionStore;
  readonly listener: ZoneListener;
  readonly report: (event: UpstreamEvent, fields: Record<string, unknown>) => void;
}

/** Zone files read at once: each takes a pool thread for as long as it is read. */
const MOST_FILES = 10;

/** What the primary is asked in all is held by its `queries-per-second`; this keeps one zone from taking all of that. */
const NOTIFY_INTERVAL_MS = 5;
/** Looks on NOTIFY in a row: edits come in bursts. */
const NOTIFY_BURST = 200;

export class Upstream {
  readonly #deps: UpstreamDeps;
  readonly #zones = new Map<string, Zone>();
  readonly #files = new Gate(MOST_FILES);
  readonly #links: PrimaryLinks;
  readonly #learned = new Learned();
  readonly #directory = new SlabDirectory();
  readonly #answers: IxfrAnswers;
  readonly #refresher: PrimaryRefresh;
  readonly #commands: ZoneCommands;
  readonly #restorer: Restorer;
  readonly #compaction: Compaction;
  readonly #watchers: FolderWatchers;
  readonly #scheduler: Scheduler;
  #isStopped = false;

  constructor(deps: UpstreamDeps) {
    this.#deps = deps;
    const { pool, registry, clock, report, store } = deps;
    const guards = new Guards(pool, clock);
    registry.onSlab = (slabs) => this.#directory.add(slabs);
    this.#links = new PrimaryLinks({ clock });
    this.#answers = new IxfrAnswers(deps);
    const taking = new Taking({
      pool,
      registry,
      directory: this.#directory,
      clock,
      store,
      guard: (zone, before, candidate) => guards.check(zone, before, candidate),
      report,
      nextId: () => this.#restorer.nextId(),
      publish: (zone, version) => this.#publish(zone, version),
      isLive: (zone) => this.#isLive(zone),
    });
    const links = this.#links;
    const common = { pool, registry, clock, report, taking, directory: this.#directory };
    this.#refresher = new PrimaryRefresh({ ...common, links, learned: this.#learned });
    this.#commands = new ZoneCommands({
      ...common,
      look: (zone) => this.#step(zone.name, { kind: 'notify', sender: { source: '' } }),
      publish: (zone, version) => {
        this.#publish(zone, version);
        store.note(zone.name, recordOf(zone), true);
      },
    });
    this.#restorer = new Restorer({
      store,
      registry,
      clock,
      isLive: (zone) => this.#isLive(zone),
      restored: (zone, version) => {
        if (zone.sync.isExpired) this.#keepExpired(zone, version);
        else this.#publish(zone, version);
      },
    });
    this.#compaction = new Compaction({
      pool,
      registry,
      zones: () => this.#zones.values(),
      inTurn: (zone, work) => this.#inTurn(zone, work),
      isLive: (zone) => this.#isLive(zone),
      moved: (zone) => this.#moved(zone),
    });
    this.#scheduler = new Scheduler(clock, (zone) => this.#step(zone, { kind: 'due' }));
    this.#watchers = new FolderWatchers(
      (folder, zone) => this.#folderChanged(folder, zone),
      (folder, error) => report('primary-failed', { primary: folder, why: `cannot be watched: ${error.message}` }),
    );
  }

  /** Brings the zones in line with the configuration; what is served goes on. Resolves when new zones have been looked for in the store. */
  async configure(config: Config): Promise<void> {
    const added: Zone[] = [];
    this.#links.configure(config);
    for (const zone of this.#zones.values()) if (!config.zones.has(zone.name)) this.#remove(zone);
    this.#watchers.watch(config.primaries.values());
    for (const [name, zoneConfig] of config.zones) {
      const primary = config.primaries.get(zoneConfig.primary);
      if (primary === undefined) throw new Error(`zone ${name}: its primary was checked to exist`);
      const key = zoneConfig.primaryKey === undefined ? undefined : config.keys.get(zoneConfig.primaryKey);
      const existing = this.#zones.get(name);
      if (existing !== undefined) {
        const before = [existing.config, existing.primary, existing.key];
        Object.assign(existing, { config: zoneConfig, primary, key });
        if (isDeepStrictEqual(before, [zoneConfig, primary, key])) continue;
        // What was refused under other settings may do now.
        existing.refusedFile = undefined;
        existing.refusedSerial = undefined;
        existing.fileMark = undefined;
        this.#step(name, { kind: 'notify', sender: { source: '' } });
        continue;
      }
      const history = new History({ ...this.#deps, directory: this.#directory });
      const zone = newZone({ name, config: zoneConfig, primary, key, history }, this.#deps.clock.now());
      this.#zones.set(name, zone);
      added.push(zone);
      this.#deps.listener.loading(name);
    }
    await this.#restorer.restore(added);
    for (const zone of added) if (this.#isLive(zone)) this.#step(zone.name, { kind: 'due' });
  }

  /** A NOTIFY that was let in. Its serial is a hint: not newer than ours, it changes nothing (RFC 1996 §3.7). */
  notify(name: string, serial: number | undefined, source: string): void {
    const zone = this.#zones.get(name);
    if (zone === undefined) return;
    const ours = sourceOf(zone)?.serial;
    if (serial !== undefined && ours !== undefined && !isNewer(serial, ours)) return;
    this.#withinBudget(zone, () => this.#step(name, { kind: 'notify', sender: { source } }));
  }

  /**
   * A NOTIFY over UDP may be anybody's: so many looks at once, and so many a second from then on, however many come. What
   * is beyond is folded into one look, a moment later.
   */
  #withinBudget(zone: Zone, look: () => void): void {
    const now = this.#deps.clock.now();
    const fullAt = Math.max(zone.notifyBudgetFullAt, now) + NOTIFY_INTERVAL_MS;
    if (fullAt <= now + NOTIFY_BURST * NOTIFY_INTERVAL_MS) {
      zone.notifyBudgetFullAt = fullAt;
      look();
    } else if (!zone.hasDeferredNotify) {
      zone.hasDeferredNotify = true;
      setTimeout(() => {
        zone.hasDeferredNotify = false;
        if (this.#isLive(zone)) this.#withinBudget(zone, look);
      }, NOTIFY_INTERVAL_MS).unref();
    }
  }

  get zones(): ReadonlyMap<string, Readonly<Zone>> {
    return this.#zones;
  }

  /** Times that slabs were emptied. */
  get compactions(): number {
    return this.#compaction.runs;
  }

  get learned(): Learned {
    return this.#learned;
  }

  /** What an operator wants; undefined where there is no such zone. */
  command(
    name: string,
    run: (commands: ZoneCommands, zone: Zone) => Promise<CommandResult>,
  ): Promise<CommandResult> | undefined {
    const zone = this.#zones.get(name);
    return zone && this.#inTurn(zone, () => run(this.#commands, zone));
  }

  /** The answer to an IXFR from a serial, for a version that a front serves. */
  async ixfrAnswer(name: string, version: number, from: number): Promise<LiveAnswer | 'AXFR'> {
    const zone = this.#zones.get(name);
    if (zone?.served?.handle.id !== version) return 'AXFR';
    return this.#answers.get(zone, from);
  }

  stop(): void {
    this.#isStopped = true;
    this.#scheduler.stop();
    this.#watchers.close();
    this.#links.close();
  }

  #step(name: string, event: SyncEvent): void {
    const zone = this.#zones.get(name);
    if (zone === undefined || zone.isRestoring || this.#isStopped) return;
    const settings = {
      bounds: zone.config.timers,
      jitter: zone.config.refreshJitter,
      random: Math.random(),
    };
    const [next, effects] = stepSync(zone.sync, event, this.#deps.clock.now(), settings);
    const wasExpired = zone.sync.isExpired;
    zone.sync = next;
    for (const effect of effects) {
      if (effect.kind === 'expire') this.#expire(zone);
      else void this.#refresh(zone, effect.first);
    }
    // The primary is back, and has what we had: it is good again.
    if (wasExpired && !next.isExpired && zone.served !== undefined) this.#tell(zone, zone.served);
    this.#setExpiry(zone);
    if (event.kind !== 'due' && event.kind !== 'notify') this.#deps.store.note(name, recordOf(zone));
    this.#scheduler.set(name, wakeAt(next));
  }

  /** Where the fronts read it, for those who ask how long they may serve it. */
  #setExpiry(zone: Zone): void {
    const { served, sync } = zone;
    if (served !== undefined) this.#deps.leases.expiries[served.slot] = sync.expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /** Its time ran out while the service was down: served again when the primary is heard. */
  #keepExpired(zone: Zone, version: KeptVersion): void {
    zone.served = version;
    this.#expire(zone);
  }

  #expire(zone: Zone): void {
    this.#deps.listener.expired(zone.name);
    const { lastContact, lastError } = zone.sync;
    const since = lastContact === undefined ? null : new Date(lastContact).toISOString();
    this.#deps.report('zone-expired', {
      zone: zone.name,
      serial: zone.served?.handle.serial ?? null,
      'last-contact': since,
      why: lastError,
    });
  }

  async #refresh(zone: Zone, first: string | undefined): Promise<void> {
    let event: SyncEvent;
    try {
      const look = (): Promise<SyncEvent> => this.#inTurn(zone, () => this.#refresher.run(zone, first));
      event = await (zone.primary.kind === 'files' ? this.#files.run(look) : look());
    } catch (error) {
      event = { kind: 'failed', why: `${error}` };
    }
    if (!this.#isLive(zone)) return;
    if (event.kind === 'failed' && zone.sync.failures === 0) {
      this.#deps.report('primary-failed', { zone: zone.name, primary: zone.primary.name, why: event.why });
    }
    this.#step(zone.name, event);
  }

  /** Looks and commands of one zone follow each other. */
  #inTurn<T>(zone: Zone, work: () => Promise<T>): Promise<T> {
    const turn = zone.turn.then(work, work);
    zone.turn = turn.catch(() => undefined);
    return turn;
  }

  #publish(zone: Zone, version: KeptVersion): void {
    zone.served = version;
    zone.servedSince = this.#deps.clock.now();
    this.#answers.forget(zone);
    this.#setExpiry(zone);
    this.#tell(zone, version);
    this.#compaction.look();
  }

  /** The same versions, in other memory. */
  #moved(zone: Zone): void {
    this.#answers.forget(zone);
    this.#setExpiry(zone);
    if (zone.served !== undefined && !zone.sync.isExpired) this.#tell(zone, zone.served);
  }

  #tell(zone: Zone, version: KeptVersion): void {
    const isNewest = version === zone.history.newest;
    const { step } = version;
    const hasStep = isNewest && step !== undefined && isShorter(step.answer, version.handle);
    this.#deps.listener.served(zone.name, {
      version,
      serials: isNewest ? zone.history.serials : [],
      step: hasStep ? { from: step.step.from.serial, live: step } : undefined,
    });
  }

  #isLive(zone: Zone): boolean {
    return this.#zones.get(zone.name) === zone && !this.#isStopped;
  }

  #remove(zone: Zone): void {
    this.#zones.delete(zone.name);
    this.#scheduler.delete(zone.name);
    this.#deps.listener.removed(zone.name);
    this.#deps.store.remove(zone.name);
    this.#answers.forget(zone);
    // After what is under way for it.
    void this.#inTurn(zone, async () => {
      if (zone.shadow !== undefined) zone.history.dropAside(zone.shadow);
      zone.history.clear();
    });
  }

  #folderChanged(folder: string, changed: string | undefined): void {
    const named = changed === undefined ? undefined : this.#zones.get(changed);
    const isOfFolder = (zone: Zone): boolean => zone.primary.kind === 'files' && zone.primary.folder === folder;
    for (const [name, zone] of this.#zones) {
      if (!isOfFolder(zone) || (named !== undefined && zone !== named)) continue;
      this.#step(name, { kind: 'notify', sender: { source: '' } });
    }
  }
}
