/** The side towards the primaries: keeps every zone's copy current, one transfer a serial however many clients ask. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Config, Primary, ZoneConfig } from '../config/config.ts';
import { Scheduler } from '../net/scheduler.ts';
import type { Pool } from '../pool/pool.ts';
import type { VersionStore } from '../store/version-store.ts';
import { isNewer } from '../zone/serial.ts';
import { SlabDirectory } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import { type CatalogView, catalogReader } from './catalog.ts';
import type { Listing } from './catalog-maker.ts';
import { type CatalogEvent, Catalogs } from './catalogs.ts';
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
import { withinBudget } from './notify-budget.ts';
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
  /** Catalogs brought zones, or took some away. */
  changed(): void;
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
  | CatalogEvent
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

/** In the place of a primary. */
const GENERATED: Primary = { kind: 'generated', name: 'generated' };

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
  readonly #catalogs: Catalogs;
  #config: Pick<Config, 'primaries' | 'keys'> = { primaries: new Map(), keys: new Map() };
  #hasSettled = false;
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
    const listing = (name: string): Listing => this.#catalogs.listing(name);
    this.#refresher = new PrimaryRefresh({ ...common, links, learned: this.#learned, listing });
    this.#commands = new ZoneCommands({
      ...common,
      look: (zone) => this.#step(zone.name, { kind: 'notify', sender: { source: '' } }),
      publish: (zone, version) => {
        this.#publish(zone, version);
        store.note(zone.name, recordOf(zone), true);
      },
      released: (zone, timers) => this.#step(zone.name, { kind: 'released', timers }),
      note: (zone) => store.note(zone.name, recordOf(zone), true),
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
    this.#catalogs = new Catalogs({
      read: catalogReader(pool, deps.leases),
      now: () => clock.now(),
      zone: (name) => this.#zones.get(name),
      put: (names) => this.#put(names),
      remove: (name) => this.#removeNamed(name),
      changed: () => {
        deps.listener.changed();
        this.#lookAtGenerated();
      },
      report,
    });
    this.#watchers = new FolderWatchers(
      (folder, zone) => this.#folderChanged(folder, zone),
      (folder, error) => report('primary-failed', { primary: folder, why: `cannot be watched: ${error.message}` }),
    );
  }

  /** Brings the zones in line with the configuration; what is served goes on. Resolves when new zones have been looked for in the store. */
  async configure(config: Config): Promise<void> {
    this.#config = config;
    this.#links.configure(config);
    this.#catalogs.configure(config);
    const { zones } = this.#catalogs;
    for (const zone of this.#zones.values()) if (!zones.has(zone.name)) this.#remove(zone);
    this.#watchers.watch(config.primaries.values());
    await this.#put(zones.keys());
    await this.#catalogs.settled();
    this.#hasSettled = true;
    this.#lookAtGenerated();
  }

  /** At the start not before the members that the store knows are there: without them they would be told to be gone. */
  #lookAtGenerated(): void {
    if (!this.#hasSettled) return;
    for (const [name, { primary }] of this.#zones) {
      if (primary.kind === 'generated') this.#step(name, { kind: 'notify', sender: { source: '' } });
    }
  }

  /** Gives zones the settings they have now; new ones are looked for in the store first. */
  async #put(names: Iterable<string>): Promise<void> {
    const added: Zone[] = [];
    for (const name of names) {
      const zone = this.#bring(name);
      if (zone !== undefined) added.push(zone);
    }
    await this.#restorer.restore(added);
    for (const zone of added) {
      if (this.#isLive(zone) && zone.primary.kind !== 'generated') this.#step(zone.name, { kind: 'due' });
    }
  }

  /** Gives the zone where it is new. */
  #bring(name: string): Zone | undefined {
    const config = this.#catalogs.zones.get(name);
    if (config === undefined || this.#isStopped) return undefined;
    const { primaries, keys } = this.#config;
    const primary = config.catalog?.role === 'generate' ? GENERATED : primaries.get(config.primary);
    if (primary === undefined) throw new Error(`zone ${name}: its primary was checked to exist`);
    const key = config.primaryKey === undefined ? undefined : keys.get(config.primaryKey);
    const existing = this.#zones.get(name);
    if (existing === undefined) {
      const history = new History({ ...this.#deps, directory: this.#directory });
      const zone = newZone({ name, config, primary, key, history }, this.#deps.clock.now());
      this.#zones.set(name, zone);
      this.#deps.listener.loading(name);
      return zone;
    }
    const before = [existing.config, existing.primary, existing.key];
    Object.assign(existing, { config, primary, key });
    if (isDeepStrictEqual(before, [config, primary, key])) return undefined;
    // What was refused under other settings may do now.
    existing.refusedFile = undefined;
    existing.refusedSerial = undefined;
    existing.fileMark = undefined;
    this.#step(name, { kind: 'notify', sender: { source: '' } });
    return undefined;
  }

  /**
   * A NOTIFY that was let in. Its serial is a hint: not newer than ours, it changes nothing (RFC 1996 §3.7), but that
   * the primary of an expired zone is back.
   */
  notify(name: string, serial: number | undefined, source: string): void {
    const zone = this.#zones.get(name);
    if (zone === undefined) return;
    const ours = sourceOf(zone)?.serial;
    if (serial !== undefined && ours !== undefined && !isNewer(serial, ours) && !zone.sync.isExpired) return;
    const look = (): void => this.#step(name, { kind: 'notify', sender: { source } });
    withinBudget(zone, this.#deps.clock, (one) => this.#isLive(one), look);
  }

  /** Members of catalogs included. */
  get zoneConfigs(): ReadonlyMap<string, ZoneConfig> {
    return this.#catalogs.zones;
  }

  catalog(name: string): CatalogView | undefined {
    return this.#catalogs.view(name);
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
    this.#catalogs.stop();
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
    // Members are as they were: what it listed was gone by before it expired.
    this.#catalogs.served(zone.name);
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
    // What an operator does to an expired zone does not bring it back; `#step` tells it when the primary is heard.
    if (!zone.sync.isExpired) this.#tell(zone, version);
    this.#catalogs.served(zone.name);
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

  #removeNamed(name: string): void {
    const zone = this.#zones.get(name);
    if (zone !== undefined) this.#remove(zone);
  }

  #remove(zone: Zone): void {
    this.#zones.delete(zone.name);
    this.#scheduler.delete(zone.name);
    this.#deps.listener.removed(zone.name);
    this.#deps.store.remove(zone.name);
    this.#answers.forget(zone);
    // An answer that is being made is for nobody, and not kept.
    zone.served = undefined;
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
