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
import { type CatalogEvent, Catalogs } from './catalogs.ts';
import { type CommandEvent, type CommandResult, ZoneCommands } from './commands.ts';
import { Compaction } from './compaction.ts';
import { Gate } from './gate.ts';
import { Guards } from './guards.ts';
import { History } from './history.ts';
import { IxfrAnswers, type LiveAnswer } from './ixfr-answers.ts';
import { Learned } from './learned.ts';
import type { Leases } from './leases.ts';
import { PrimaryLinks } from './links.ts';
import { NOBODY, type SyncEvent, stepSync, wakeAt } from './machine.ts';
import { withinBudget } from './notify-budget.ts';
import { PrimaryRefresh, type RefreshEvent } from './primary-refresh.ts';
import { Publishing, type ZoneListener } from './publishing.ts';
import { Renders, type RenderWish } from './renders.ts';
import { Restorer, recordOf } from './restorer.ts';
import { Taking, type TakingEvent } from './taking.ts';
import { newZone, sourceOf, type Zone } from './zone.ts';
import { FolderWatchers } from './zone-folder.ts';

/** Events of INTERFACE.md that arise here. */
export type UpstreamEvent =
  | TakingEvent
  | RefreshEvent
  | 'zone-expired'
  | CatalogEvent
  | CommandEvent
  | 'primary-failed';

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
const GENERATED: Primary = { kind: 'generated', name: 'generated' };

export class Upstream {
  readonly #deps: UpstreamDeps;
  readonly #zones = new Map<string, Zone>();
  readonly #files = new Gate(MOST_FILES);
  readonly #links: PrimaryLinks;
  readonly #learned = new Learned();
  readonly #directory = new SlabDirectory();
  readonly #answers: IxfrAnswers;
  readonly #renders: Renders;
  readonly #publishing: Publishing;
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
    this.#renders = new Renders({ ...deps, answers: this.#answers });
    this.#publishing = new Publishing({
      ...deps,
      forget: (zone) => this.#forgetAnswers(zone),
      published: (zone) => {
        this.#catalogs.served(zone.name);
        this.#compaction.look();
      },
    });
    const taking = new Taking({
      pool,
      registry,
      directory: this.#directory,
      clock,
      store,
      guard: (zone, before, candidate) => guards.check(zone, before, candidate),
      report,
      nextId: () => this.#restorer.nextId(),
      publish: (zone, version) => this.#publishing.publish(zone, version),
      isLive: (zone) => this.#isLive(zone),
    });
    const common = { pool, registry, clock, report, taking, directory: this.#directory };
    this.#refresher = new PrimaryRefresh({
      ...common,
      links: this.#links,
      learned: this.#learned,
      listing: (name) => this.#catalogs.listing(name),
    });
    this.#commands = new ZoneCommands({
      ...common,
      look: (zone) => this.#look(zone.name),
      publish: (zone, version) => this.#publishing.publish(zone, version),
      released: (zone, timers) => this.#step(zone.name, { kind: 'released', timers }),
      note: (zone) => store.noteNow(zone.name, recordOf(zone)),
    });
    this.#restorer = new Restorer({
      store,
      registry,
      clock,
      isLive: (zone) => this.#isLive(zone),
      restored: (zone, version) => {
        if (zone.sync.isExpired) this.#publishing.keepExpired(zone, version);
        else this.#publishing.publish(zone, version);
      },
    });
    this.#compaction = new Compaction({
      pool,
      registry,
      zones: () => this.#zones.values(),
      inTurn: (zone, work) => this.#inTurn(zone, work),
      isLive: (zone) => this.#isLive(zone),
      moved: (zone) => this.#publishing.moved(zone),
    });
    this.#scheduler = new Scheduler(clock, (zone) => this.#step(zone, { kind: 'due' }));
    this.#catalogs = new Catalogs({
      read: catalogReader(pool, deps.leases),
      now: () => clock.now(),
      zone: (name) => this.#zones.get(name),
      put: (names) => this.#put(names),
      remove: (name) => this.#remove(this.#zones.get(name)),
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
    for (const zone of this.#zones.values()) if (!isMirrored(zones.get(zone.name))) this.#remove(zone);
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
      if (primary.kind === 'generated') this.#look(name);
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
    if (!isMirrored(config) || this.#isStopped) return undefined;
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
    this.#look(name);
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

  /** A turn for a request that a front relays; see `PrimaryLinks.reserve`. */
  relayTurn(primary: string, isTransfer: boolean): Promise<(() => void) | undefined> {
    return this.#links.reserve(primary, isTransfer ? 'transfer' : 'query');
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

  /** For a version that a front serves; undefined where the zone as it is kept is the better answer, or there is none. */
  async answer(name: string, wish: RenderWish): Promise<LiveAnswer | undefined> {
    const zone = this.#zones.get(name);
    if (zone === undefined) return undefined;
    if (wish.format !== 'compressed') return this.#renders.get(zone, wish);
    if (wish.from === null || zone.served?.handle.id !== wish.version.id) return undefined;
    const answer = await this.#answers.get(zone, wish.from);
    return answer === 'AXFR' ? undefined : answer;
  }

  /** Lease slots of memory that only readers keep, of zones where it is over its bound. */
  overdueReaders(): readonly number[] {
    if (this.#deps.leases.retiredCount === 0) return [];
    const slots: number[] = [];
    for (const zone of this.#zones.values()) {
      const { octets = 0, slots: ofVersions = [] } = zone.history.readOnly ?? {};
      const renders = this.#renders.readOnly(zone);
      if (octets + renders.octets > zone.config.oldVersionBytes) slots.push(...ofVersions, ...renders.slots);
    }
    return slots;
  }

  stop(): void {
    this.#isStopped = true;
    this.#catalogs.stop();
    this.#scheduler.stop();
    this.#watchers.close();
    this.#links.close();
  }

  /** Somebody here has a reason to look before the time. */
  #look(name: string): void {
    this.#step(name, { kind: 'notify', sender: NOBODY });
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
      if (effect.kind === 'expire') this.#publishing.expire(zone);
      else void this.#refresh(zone, effect.first);
    }
    // The primary is back, and has what we had: it is good again.
    if (wasExpired && !next.isExpired && zone.served !== undefined) this.#publishing.tell(zone, zone.served);
    this.#publishing.setExpiry(zone);
    if (event.kind !== 'due' && event.kind !== 'notify') this.#deps.store.note(name, recordOf(zone));
    this.#scheduler.set(name, wakeAt(next));
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

  /** What leads to the version that was served. */
  #forgetAnswers(zone: Zone): void {
    this.#answers.forget(zone);
    this.#renders.forget(zone);
  }

  #isLive(zone: Zone): boolean {
    return this.#zones.get(zone.name) === zone && !this.#isStopped;
  }

  #remove(zone: Zone | undefined): void {
    if (zone === undefined) return;
    this.#zones.delete(zone.name);
    this.#scheduler.delete(zone.name);
    this.#deps.listener.removed(zone.name);
    this.#deps.store.remove(zone.name);
    this.#forgetAnswers(zone);
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
    for (const [name, zone] of this.#zones) {
      const isOfFolder = zone.primary.kind === 'files' && zone.primary.folder === folder;
      if (isOfFolder && (named === undefined || zone === named)) this.#look(name);
    }
  }
}

const isMirrored = (config: ZoneConfig | undefined): config is ZoneConfig => config?.mode === 'mirror';
