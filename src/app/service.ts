/** Builds everything that lives long, and owns start, reload and drain. The only code that knows all parts. */
import { readFileSync } from 'node:fs';
import type { CommandReport } from '../admin/api.ts';
import { type AdminServer, startAdmin } from '../admin/server.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { compareConfigs } from '../config/reload.ts';
import { Counters, newCounterRow } from '../front/counters.ts';
import { FrontHub, type PublishedAnswer, type PublishedVersion, type PublishedZone } from '../front/hub.ts';
import type { AnswerWish, FrontEvent, ReceivedNotify } from '../front/messages.ts';
import { takeTurn } from '../front/relay-turns.ts';
import { Tarpit } from '../front/tarpit.ts';
import { UdpServer } from '../front/udp.ts';
import { Notifier } from '../notify/notifier.ts';
import { Standings } from '../notify/standings.ts';
import { newQuotaTables } from '../policy/limits/quota.ts';
import { newRateTable } from '../policy/limits/rate.ts';
import { newCountTable, SharedCount } from '../policy/limits/shared-count.ts';
import { Pool } from '../pool/pool.ts';
import type { VersionStore } from '../store/version-store.ts';
import type { EventName } from '../telemetry/events.ts';
import type { Log } from '../telemetry/log.ts';
import { Leases } from '../upstream/leases.ts';
import type { ServedZone } from '../upstream/publishing.ts';
import { Upstream, type UpstreamEvent } from '../upstream/upstream.ts';
import { SlabRegistry } from '../zone/slab-registry.ts';
import { Bans } from './bans.ts';
import { cutTransfer, endsWithin } from './drain.ts';
import { Exposure } from './exposure.ts';
import { FrontEvents } from './front-events.ts';
import { Journal } from './journal.ts';
import { frontListeners, udpAddresses } from './listeners.ts';
import { PolicyMaker } from './policy.ts';
import { folderOfFeeds, PrefixSets } from './prefix-sets.ts';
import { ServiceReport } from './report.ts';
import type { InheritedSocket } from './sockets.ts';
import { openStore } from './store.ts';
import { TlsKeeper } from './tls-keeper.ts';
import { UdpZones } from './udp-zones.ts';

const TICK_MS = 1_000;

export class Service {
  readonly #configFile: string;
  readonly #clock: Clock = systemClock;
  readonly #registry: SlabRegistry;
  readonly #store: VersionStore;
  readonly #leases = new Leases();
  readonly #rates = newRateTable();
  readonly #connections = new Int32Array(new SharedArrayBuffer(4));
  readonly #policies: PolicyMaker;
  readonly #sets: PrefixSets;
  readonly #pool: Pool;
  readonly #hub: FrontHub;
  readonly #tls: TlsKeeper;
  readonly #bans: Bans;
  readonly #udp: UdpServer;
  readonly #udpZones: UdpZones;
  readonly #udpCounters = new Counters(newCounterRow());
  readonly #standings: Standings;
  readonly #notifier: Notifier;
  readonly #upstream: Upstream;
  readonly #exposure: Exposure;
  readonly #frontEvents: FrontEvents;
  readonly #report: ServiceReport;
  #config: Config;
  readonly #journal: Journal;
  #admin: AdminServer | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #drainer: Promise<void> | undefined;
  #reloading: Promise<void> = Promise.resolve();

  /** Rejects with ZG_STORE_FAILED where the store cannot be used. */
  static async open(configFile: string, config: Config, sockets: readonly InheritedSocket[]): Promise<Service> {
    const registry = new SlabRegistry();
    const journal = new Journal(config, systemClock);
    return new Service(
      configFile,
      config,
      sockets,
      registry,
      journal,
      await openStore(config.store, registry, journal.log),
    );
  }

  private constructor(
    configFile: string,
    config: Config,
    sockets: readonly InheritedSocket[],
    registry: SlabRegistry,
    journal: Journal,
    store: VersionStore,
  ) {
    this.#configFile = configFile;
    this.#config = config;
    this.#registry = registry;
    this.#store = store;
    this.#journal = journal;
    const emit = (name: EventName, fields: Record<string, unknown>): void => this.#log.event(name, fields);
    this.#pool = new Pool(config.threads.pool, this.#registry);
    this.#policies = new PolicyMaker(config.threads.front + 1);
    this.#sets = new PrefixSets({
      compile: (text, most) => this.#pool.prefixList(text, most),
      folder: folderOfFeeds(config.store),
      report: (event, fields) => this.#log.event(event, fields, event === 'feed-failed' ? 'warn' : 'info'),
      changed: () => this.#setPolicy(),
    });
    const policy = this.#policies.make(config, this.#sets.tables);
    const counts = newCountTable(config.threads.front + 1);
    const onEvents = (events: readonly FrontEvent[]): void => {
      for (const event of events) this.#frontEvents.take(event);
    };
    const onNotify = ({ zone, serial, source }: ReceivedNotify): void => this.#upstream.notify(zone, serial, source);
    this.#bans = new Bans(config, {
      clock: this.#clock,
      folder: config.store.type === 'lmdb' ? config.store.path : undefined,
      report: (event, fields) => this.#log.event(event, fields, 'warn'),
      changed: (table) => {
        this.#hub.setBans(table);
        this.#udp.setBans(table);
      },
      failed: (message) => this.#log.error(message),
    });
    const bans = this.#bans.table;
    this.#tls = new TlsKeeper(config, sockets, (listeners) => this.#hub.setTls(listeners));
    this.#hub = new FrontHub({
      fronts: config.threads.front,
      listeners: frontListeners(config, sockets, this.#tls.listeners),
      policy,
      bans,
      rates: this.#rates,
      sources: newCountTable(config.threads.front),
      counts,
      quotas: newQuotaTables(),
      connections: this.#connections,
      versions: {
        expiries: this.#leases.expiries,
        row: (front) => this.#leases.row(front),
        leaseFor: (front, slot) => this.#leases.leaseFor(front, slot),
        slabs: (usage) => this.#registry.handles(usage),
      },
      onRelayWanted: (primary, isTransfer) => this.#upstream.relayTurn(primary, isTransfer),
      onAnswerWanted: (wish) => this.#answerWish(wish),
      onEvents,
      onNotify,
      onOffences: (offences) => this.#bans.offend(offences),
      onDeath: (front, error, replaced) => this.#onFrontDeath(front, error, replaced),
    });
    this.#udpZones = new UdpZones({
      row: this.#udpRow,
      leases: this.#leases,
      registry,
      answer: (wish) => this.#answerWish(wish),
    });
    const held = new SharedCount(counts, this.#udpRow);
    this.#udp = new UdpServer({
      addresses: udpAddresses(config.listen, sockets),
      clock: this.#clock,
      counters: this.#udpCounters,
      zones: this.#udpZones.zones,
      policy,
      bans,
      rates: this.#rates,
      tarpit: new Tarpit(held),
      relaying: held,
      turns: {
        take: (primary, isTransfer, begin) => takeTurn(this.#upstream.relayTurn(primary, isTransfer), begin),
      },
      row: this.#udpRow,
      onEvent: (event) => this.#frontEvents.take(event),
      onNotify,
    });
    this.#standings = new Standings(this.#clock);
    this.#exposure = new Exposure(this.#clock);
    this.#frontEvents = new FrontEvents({
      clock: this.#clock,
      standings: this.#standings,
      exposure: this.#exposure,
      emit,
      audit: (name, fields) => this.#journal.audit(name, fields),
      logsTransfers: () => this.#config.log.transfers === 'all',
    });
    this.#notifier = new Notifier({
      clock: this.#clock,
      standings: this.#standings,
      report: (event, fields) => this.#log.event(event, fields, 'warn'),
    });
    this.#upstream = new Upstream({
      pool: this.#pool,
      registry: this.#registry,
      leases: this.#leases,
      store,
      clock: this.#clock,
      listener: {
        served: (zone, served) => this.#publish(zone, { kind: 'served', version: publishedVersion(served) }),
        loading: (zone) => this.#publish(zone, { kind: 'loading' }),
        expired: (zone) => this.#publish(zone, { kind: 'expired' }),
        removed: (zone) => {
          this.#hub.remove(zone);
          this.#udpZones.zones.remove(zone);
          this.#withdraw(zone);
        },
        changed: () => this.#configureZones(),
      },
      report: (event, fields) => this.#onUpstreamEvent(event, fields),
    });
    this.#report = new ServiceReport({
      clock: this.#clock,
      config: () => ({ ...this.#config, zones: this.#upstream.zoneConfigs }),
      sockets,
      upstream: this.#upstream,
      standings: this.#standings,
      notifier: this.#notifier,
      hub: this.#hub,
      pool: this.#pool,
      registry: this.#registry,
      udpCounters: this.#udpCounters,
      tallies: this.#policies.tallies,
      exposure: this.#exposure,
      bans: this.#bans,
      isDraining: () => this.#drainer !== undefined,
      reload: () => this.reload(),
      // As the parent would: it is told, and ends with us.
      drain: () => process.kill(process.pid, 'SIGTERM'),
    });
  }

  /** Resolves when all listeners accept, with the port of the admin server; zones may still be on their way. */
  async start(): Promise<number | undefined> {
    if (this.#config.store.type === 'memory') {
      this.#log.warn(
        'store: memory keeps nothing over a restart; every zone is transferred anew then, and bans are forgotten',
      );
    }
    // First, as a rule that keeps somebody out by a set must not begin without it.
    await this.#sets.configure(this.#config.prefixSets);
    await this.#hub.start();
    await this.#udp.listen();
    const { admin } = this.#config;
    if (admin !== undefined) {
      const token = admin.tokenFile === undefined ? undefined : readFileSync(admin.tokenFile, 'utf8').trim();
      this.#admin = await startAdmin({ ...admin, token, source: this.#report, log: this.#log });
    }
    const configured = this.#upstream.configure(this.#config);
    this.#configureZones();
    await configured;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#report.begin();
    const { zones } = this.#report.status();
    this.#log.event('ready', {
      listen: this.#report.listen(),
      admin: this.#admin === undefined ? null : { address: admin?.host, port: this.#admin.port },
      zones: { loaded: zones.served, awaited: zones.configured - zones.served },
      fronts: this.#config.threads.front,
      pool: this.#config.threads.pool,
    });
    return this.#admin?.port;
  }

  /** One after the other. */
  reload(): Promise<CommandReport> {
    const report = this.#reloading.then(() => this.#reload());
    this.#reloading = report.then(() => undefined);
    return report;
  }

  /** Checks the new file whole; then swaps what can be swapped, and names what cannot. */
  async #reload(): Promise<CommandReport> {
    const loaded = loadConfig(this.#configFile);
    if (!loaded.ok) {
      const errors = loaded.problems.map(({ file, line, path, message }) => ({ file, line, path, message }));
      // Whatever the file says: the audit log may have been moved away.
      this.#journal.configure(this.#config);
      this.#log.event('reloaded', { ok: false, errors }, 'error');
      const first = errors[0];
      const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
      return {
        ok: false,
        why: 'bad-config',
        text: `${first?.file}:${first?.line}: ${first?.path}: ${first?.message}${more}`,
      };
    }
    const { changed, needsRestart } = compareConfigs(this.#config, loaded.config);
    // Before the rules that go by them.
    await this.#sets.configure(loaded.config.prefixSets);
    if (this.#drainer !== undefined) return { ok: false, why: 'draining', text: 'the service is about to end' };
    const inUse = this.#exposure.keysInUse(this.#config, loaded.config, this.#clock.now());
    const { listen, store, threads, admin } = this.#config;
    this.#config = { ...loaded.config, listen, store, threads, admin };
    const unaudited = this.#journal.configure(this.#config);
    this.#bans.configure(this.#config);
    const { replaced, kept } = this.#tls.reload(this.#config);
    this.#upstream.configure(this.#config).catch((error: unknown) => {
      this.#log.error('zones that are new could not be looked for in the store', { error: `${error}` });
    });
    this.#configureZones();
    const warnings = loaded.warnings.map(({ file, line, path, message }) => ({ file, line, path, message }));
    this.#log.event('reloaded', {
      ok: true,
      changed,
      'needs-restart': needsRestart,
      ...(replaced.length > 0 && { certificates: replaced }),
      ...(kept.length > 0 && { 'certificates-kept': kept }),
      ...(unaudited !== undefined && { 'audit-kept': unaudited }),
      ...(inUse.length > 0 && { 'removed-in-use': inUse }),
      ...(warnings.length > 0 && { warnings }),
    });
    const waits = needsRestart.length === 0 ? '' : `; ${needsRestart.join(', ')} need a restart`;
    return {
      ok: true,
      text: `${changed.length === 0 ? 'nothing has changed' : `in force: ${changed.join(', ')}`}${waits}`,
    };
  }

  /** Running transfers go on to their end, or to that of `drain-timeout`; then everything stops. */
  drain(): Promise<void> {
    this.#drainer ??= this.#drain();
    return this.#drainer;
  }

  async #drain(): Promise<void> {
    const transfers = await this.#hub.transfers();
    this.#log.event('draining', { transfers: transfers.length });
    this.#upstream.stop();
    this.#sets.close();
    this.#tls.close();
    this.#bans.close();
    this.#notifier.stop();
    this.#udp.close();
    const isDrained = await endsWithin(this.#hub.drain(), this.#config.limits.drainTimeoutMs);
    if (!isDrained) await this.#cut();
    clearInterval(this.#ticker);
    this.#frontEvents.flush();
    await this.#admin?.close();
    await this.#hub.stop();
    this.#leases.stop();
    await this.#store.close();
    await this.#pool.close();
    this.#log.event('stopped', {});
    await this.#journal.close();
  }

  get #log(): Log {
    return this.#journal.log;
  }

  #tick(): void {
    this.#frontEvents.tick();
    this.#journal.tick();
    this.#bans.tick(this.#clock.now());
    const overdue = this.#upstream.overdueReaders();
    if (overdue.length > 0) this.#hub.endSlowest(overdue);
  }

  /** Who still reads is told by the end of the connection, when the fronts stop. */
  async #cut(): Promise<void> {
    for (const transfer of await this.#hub.transfers()) {
      const fields = cutTransfer(transfer);
      this.#log.event('transfer', fields, 'warn');
      this.#journal.audit('transfer', { ...fields });
    }
    const connections = Atomics.load(this.#connections, 0);
    this.#log.warn('drain-timeout is over: what still runs is cut', { connections });
  }

  /** The UDP side reads versions under leases of a row of its own, behind those of the fronts. */
  get #udpRow(): number {
    return this.#config.threads.front;
  }

  #publish(zone: string, state: PublishedZone): void {
    this.#hub.publish(zone, state);
    this.#udpZones.publish(zone, state);
    if (state.kind !== 'served') {
      this.#withdraw(zone);
      return;
    }
    const { handle } = state.version;
    // Not before it is served (RFC 1996 §4.2).
    this.#standings.served(zone, handle.serial);
    this.#notifier.served(zone, handle.serial, handle.soaRecord);
  }

  #withdraw(zone: string): void {
    this.#standings.withdrawn(zone);
    this.#notifier.withdrawn(zone);
  }

  /** What goes by the zones there are, members of catalogs included. */
  #configureZones(): void {
    const config = { ...this.#config, zones: this.#upstream.zoneConfigs };
    this.#setPolicy();
    this.#standings.configure(config);
    this.#notifier.configure(config);
  }

  /** Rules, keys, limits and what they go by. */
  #setPolicy(): void {
    const config = { ...this.#config, zones: this.#upstream.zoneConfigs };
    const policy = this.#policies.make(config, this.#sets.tables);
    this.#hub.setPolicy(policy);
    this.#udp.setPolicy(policy);
  }

  #answerWish({ zone, ...wish }: AnswerWish): Promise<PublishedAnswer | undefined> {
    return this.#upstream.answer(zone, wish);
  }

  #onUpstreamEvent(event: UpstreamEvent, fields: Record<string, unknown>): void {
    this.#log.event(event, fields, event === 'zone-updated' || event === 'catalog-changed' ? 'info' : 'warn');
  }

  #onFrontDeath(front: number, error: Error | undefined, replaced: boolean): void {
    this.#log.error(`front ${front} died${replaced ? ' and was replaced' : ''}`, {
      error: error?.stack ?? 'it was ended',
    });
    if (replaced) return;
    throw new ZonegateError(
      'ZG_WORKER_FAILED',
      `front ${front} died, and no descriptor is left for another`,
      {},
      error,
    );
  }
}

const publishedVersion = ({ version, serials, step }: ServedZone): PublishedVersion => ({
  handle: version.handle,
  slot: version.slot,
  serials,
  step: step && { from: step.from, answer: step.live.answer, slot: step.live.slot },
});
