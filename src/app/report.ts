/** What the admin server is told of the service. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type {
  AdminSource,
  BanList,
  CommandReport,
  RuleReport,
  StatusReport,
  ThreadReport,
  ZoneCommand,
  ZoneDetail,
  ZoneReport,
} from '../admin/api.ts';
import type { CatalogReport } from '../admin/api-catalogs.ts';
import type { ExposureList, KeyList } from '../admin/api-exposure.ts';
import type { SecondaryReport } from '../admin/api-secondaries.ts';
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { COUNTERS, type CounterName, type Counters } from '../front/counters.ts';
import type { FrontHub } from '../front/hub.ts';
import type { RunningTransfer } from '../front/messages.ts';
import type { TallyBook } from '../front/rule-tallies.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Standings } from '../notify/standings.ts';
import type { Pool } from '../pool/pool.ts';
import { loopDelay, monitorLoop } from '../telemetry/loop-delay.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { Bans } from './bans.ts';
import { catalogReport } from './catalog-report.ts';
import type { Exposure } from './exposure.ts';
import { exposureReport, keyReport } from './exposure-report.ts';
import { secondaryReports, zoneSecondaries } from './secondaries-report.ts';
import type { InheritedSocket } from './sockets.ts';
import { zoneDetails } from './zone-details.ts';

export interface ReportParts {
  readonly clock: Clock;
  readonly config: () => Config;
  readonly sockets: readonly InheritedSocket[];
  readonly upstream: Upstream;
  readonly standings: Standings;
  readonly notifier: Notifier;
  readonly hub: FrontHub;
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly udpCounters: Counters;
  readonly tallies: TallyBook;
  readonly bans: Bans;
  readonly exposure: Exposure;
  readonly isDraining: () => boolean;
  readonly reload: () => Promise<CommandReport>;
  readonly drain: () => void;
}

export class ServiceReport implements AdminSource {
  readonly #parts: ReportParts;
  readonly #startedAt: Milliseconds;
  readonly #delay = monitorLoop();
  readonly #version = packageVersion();

  constructor(parts: ReportParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** Begins to measure the delay of control's event loop. */
  begin(): void {
    this.#delay.enable();
  }

  listen(): StatusReport['listen'] {
    const { listen } = this.#parts.config();
    return listen.flatMap(({ host, port, transport, udp }, i) => {
      const bound = this.#parts.sockets[i]?.port ?? port;
      const address = { address: host, port: bound, transport: transport as string };
      return transport === 'tcp' && udp ? [address, { ...address, transport: 'udp' }] : [address];
    });
  }

  status(): StatusReport {
    const { clock, registry, upstream } = this.#parts;
    const { threads, store } = this.#parts.config();
    const slabs = registry.stats;
    const states = { served: 0, loading: 0, expired: 0 };
    for (const { state } of this.zones()) states[state]++;
    return {
      version: this.#version,
      node: process.version,
      pid: process.pid,
      'started-at': new Date(this.#startedAt).toISOString(),
      'uptime-s': Math.floor((clock.now() - this.#startedAt) / 1000),
      listen: this.listen(),
      zones: { configured: upstream.zones.size, ...states },
      threads,
      store: store.type,
      memory: {
        rss: process.memoryUsage.rss(),
        slabs: slabs.slabs,
        'slabs-free': slabs.free,
        'live-octets': slabs.liveOctets,
      },
      draining: this.#parts.isDraining(),
    };
  }

  zones(): readonly ZoneReport[] {
    return Array.from(this.#parts.upstream.zones.keys(), (name) => this.zone(name)).filter(
      (zone) => zone !== undefined,
    );
  }

  zone(name: string): ZoneReport | undefined {
    const zone = this.#parts.upstream.zones.get(name);
    if (zone === undefined) return undefined;
    const { sync, served: live } = zone;
    return {
      zone: name,
      state: sync.isExpired ? 'expired' : live === undefined ? 'loading' : 'served',
      primary: zone.primary.name,
      serial: live?.handle.serial ?? null,
      records: live?.handle.records ?? null,
      bytes: live?.handle.octets ?? null,
      frames: live?.handle.frames ?? null,
      'served-since': isoTime(zone.servedSince),
      'last-contact': isoTime(sync.lastContact),
      'next-check': sync.phase === 'refreshing' ? null : isoTime(sync.nextCheck),
      'expires-at': isoTime(sync.expiresAt),
      'last-error': sync.lastError ?? null,
      refreshing: sync.phase === 'refreshing',
    };
  }

  zoneDetail(name: string): ZoneDetail | undefined {
    const zone = this.#parts.upstream.zones.get(name);
    const report = this.zone(name);
    if (zone === undefined || report === undefined) return undefined;
    const learned = this.#parts.upstream.learned;
    const secondaries = zoneSecondaries(this.#parts.standings, name, zone.config.secondaries);
    return { ...report, ...zoneDetails(zone, learned, this.#parts.clock.now()), secondaries };
  }

  catalog(name: string): CatalogReport | undefined {
    return catalogReport(this.#parts.upstream, name);
  }

  secondaries(): readonly SecondaryReport[] {
    const { config, standings, notifier } = this.#parts;
    return secondaryReports(config(), standings, notifier.pending());
  }

  rules(): readonly RuleReport[] {
    const sums = this.#parts.tallies.sums();
    return this.#parts.config().rules.map(({ name, action, shadow }) => {
      const { hits = 0, shadowHits = 0, lastMatch } = sums.get(name) ?? {};
      return { rule: name, action, shadow, hits, 'shadow-hits': shadowHits, 'last-match': isoTime(lastMatch) };
    });
  }

  bans(): BanList {
    return this.#parts.bans.list();
  }

  ban(network: string, forMs: Milliseconds | undefined): CommandReport {
    return this.#parts.bans.ban(network, forMs);
  }

  unban(network: string): CommandReport {
    return this.#parts.bans.unban(network);
  }

  exposure(): ExposureList {
    return exposureReport(this.#parts.config(), this.#parts.exposure, this.#startedAt);
  }

  keys(): KeyList {
    return keyReport(this.#parts.config(), this.#parts.exposure, this.#parts.clock.now());
  }

  notifies(): Readonly<Record<string, number>> {
    return this.#parts.notifier.results;
  }

  reload(): Promise<CommandReport> {
    return this.#parts.reload();
  }

  drain(): CommandReport {
    this.#parts.drain();
    return { ok: true, text: 'running transfers end, then the service does' };
  }

  command(name: string, command: ZoneCommand, serial = 0): Promise<CommandReport> | undefined {
    return this.#parts.upstream.command(name, (commands, zone) => commands[command](zone, serial));
  }

  transfers(): Promise<readonly RunningTransfer[]> {
    return this.#parts.hub.transfers();
  }

  isReady(): boolean {
    return this.zones().every(({ state }) => state === 'served');
  }

  counters(): ReadonlyMap<CounterName, number> {
    const rows = [...this.#parts.hub.counters, this.#parts.udpCounters];
    return new Map(COUNTERS.map((name) => [name, rows.reduce((sum, row) => sum + row.get(name), 0)]));
  }

  threads(): readonly ThreadReport[] {
    const fronts = this.#parts.hub.counters.map((row, i) => ({
      thread: `front-${i}`,
      'loop-delay-mean-ms': row.get('loop-delay-mean-ms'),
      'loop-delay-p99-ms': row.get('loop-delay-p99-ms'),
    }));
    const delay = loopDelay(this.#delay);
    const control = {
      thread: 'control',
      'loop-delay-mean-ms': delay.meanMs,
      'loop-delay-p99-ms': delay.p99Ms,
    };
    return [control, ...fronts];
  }

  pool(): ReturnType<AdminSource['pool']> {
    return this.#parts.pool.stats;
  }
}

export const isoTime = (time: Milliseconds | undefined): string | null =>
  time === undefined || !Number.isFinite(time) ? null : new Date(time).toISOString();

function packageVersion(): string {
  const text = readFileSync(fileURLToPath(import.meta.resolve('#package')), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
