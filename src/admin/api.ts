/** What the admin API tells: the types of its JSON, and the source that the service gives to the admin server. */
import type { CounterName } from '../front/counters.ts';
import type { RunningTransfer } from '../front/messages.ts';
import type { CatalogReport } from './api-catalogs.ts';
import type { ExposureList, KeyList } from './api-exposure.ts';
import type { SecondaryReport, ZoneSecondaryReport } from './api-secondaries.ts';

export interface StatusReport {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly 'started-at': string;
  readonly 'uptime-s': number;
  readonly listen: readonly { readonly address: string; readonly port: number; readonly transport: string }[];
  readonly zones: {
    readonly configured: number;
    readonly served: number;
    readonly loading: number;
    readonly expired: number;
  };
  readonly threads: { readonly front: number; readonly pool: number };
  readonly store: string;
  readonly memory: {
    readonly rss: number;
    readonly slabs: number;
    readonly 'slabs-free': number;
    readonly 'live-octets': number;
  };
  readonly draining: boolean;
}

export interface ZoneReport {
  readonly zone: string;
  readonly state: 'served' | 'loading' | 'expired';
  readonly primary: string;
  readonly serial: number | null;
  readonly records: number | null;
  readonly bytes: number | null;
  readonly frames: number | null;
  /** ISO 8601; null where it has not happened or will not. */
  readonly 'served-since': string | null;
  readonly 'last-contact': string | null;
  readonly 'next-check': string | null;
  readonly 'expires-at': string | null;
  /** The last failure, until the next success. */
  readonly 'last-error': string | null;
  readonly refreshing: boolean;
}

/** `/api/v1/zones/{zone}`: what the list has, and what only one zone is asked for. */
export interface ZoneDetail extends ZoneReport {
  /** Kept versions, the newest first. */
  readonly versions: readonly VersionReport[];
  /** Octets of memory that live for older versions alone. */
  readonly 'history-bytes': number;
  /** Of the last change: frames packed anew; the others are shared with the version before. */
  readonly 'last-change': ChangeReport | null;
  /** The serial that is served whatever comes. */
  readonly pinned: number | null;
  /** A version that waits for `release` or `reject`. */
  readonly held: HeldReport | null;
  /** What an operator rejected last, if the primary still has it. */
  readonly rejected: number | null;
  readonly primaries: readonly PrimaryReport[];
  readonly secondaries: readonly ZoneSecondaryReport[];
  /** Why differences did not do, the last time. */
  readonly 'last-ixfr-failure': string | null;
}

export interface VersionReport {
  readonly serial: number;
  /** What the primary calls it. */
  readonly 'primary-serial': number;
  readonly since: string;
  readonly records: number;
  readonly bytes: number;
  readonly frames: number;
  readonly served: boolean;
  /** From the version before; null where IXFR does not begin there. */
  readonly step: { readonly removed: number; readonly added: number; readonly bytes: number } | null;
}

export interface ChangeReport {
  readonly how: string;
  readonly 'frames-packed': number;
  readonly 'frames-shared': number;
  readonly removed: number | null;
  readonly added: number | null;
}

export interface HeldReport {
  /** The primary's. */
  readonly serial: number;
  readonly reasons: readonly string[];
  readonly since: string;
}

export interface PrimaryReport {
  /** `address#port`, or a folder. */
  readonly address: string;
  /** What was found out that it cannot: not asked of it again for a while. */
  readonly cannot: readonly ('ixfr' | 'edns')[];
}

export const ZONE_COMMANDS = ['refresh', 'retransfer', 'pin', 'unpin', 'rollback', 'release', 'reject'] as const;
export type ZoneCommand = (typeof ZONE_COMMANDS)[number];

/** What came of a command. */
export type CommandReport =
  | { readonly ok: true; readonly text: string }
  /** `why`: a stable word. */
  | { readonly ok: false; readonly why: string; readonly text: string };

export interface ThreadReport {
  /** `control`, `front-0`, ... */
  readonly thread: string;
  readonly 'loop-delay-mean-ms': number;
  readonly 'loop-delay-p99-ms': number;
}

/** A rule, in the order of the configuration. */
export interface RuleReport {
  readonly rule: string;
  readonly action: 'allow' | 'refuse' | 'drop' | 'delay';
  readonly shadow: boolean;
  /** Since the start; over reloads, by name. */
  readonly hits: number;
  readonly 'shadow-hits': number;
  readonly 'last-match': string | null;
}

/** A source or network that is turned away. */
export interface BanReport {
  readonly network: string;
  /** `refused`, `malformed`, `handshake`, `limit`, `prefix` or `operator`. */
  readonly why: string;
  readonly since: string;
  readonly until: string;
  readonly 'left-s': number;
}

/** `/api/v1/bans`. */
export interface BanList {
  readonly enabled: boolean;
  readonly bans: readonly BanReport[];
}

/** The service, as the admin server sees it. */
export interface AdminSource {
  status(): StatusReport;
  zones(): readonly ZoneReport[];
  zone(name: string): ZoneReport | undefined;
  zoneDetail(name: string): ZoneDetail | undefined;
  /** Undefined where that is no catalog zone. */
  catalog(name: string): CatalogReport | undefined;
  /** Reads the configuration again, as SIGHUP does; resolves when it is in force, or refused. */
  reload(): Promise<CommandReport>;
  /** Ends the service, as SIGTERM does. */
  drain(): CommandReport;
  /** Changes a zone; `serial` for pin and rollback. Undefined where there is no such zone. */
  command(zone: string, command: ZoneCommand, serial: number | undefined): Promise<CommandReport> | undefined;
  secondaries(): readonly SecondaryReport[];
  rules(): readonly RuleReport[];
  exposure(): ExposureList;
  keys(): KeyList;
  bans(): BanList;
  /** `forMs` undefined: as long as a ban may be. */
  ban(network: string, forMs: number | undefined): CommandReport;
  unban(network: string): CommandReport;
  /** Tries to send NOTIFY, by what came of them. */
  notifies(): Readonly<Record<string, number>>;
  /** Running now, over all fronts. */
  transfers(): Promise<readonly RunningTransfer[]>;
  /** Every zone is served. */
  isReady(): boolean;
  /** Sums over all fronts and the UDP side. */
  counters(): ReadonlyMap<CounterName, number>;
  threads(): readonly ThreadReport[];
  pool(): { readonly threads: number; readonly queued: number; readonly completed: number; readonly waitP99Ms: number };
}

/** `/api/v1/zones`. */
export interface ZoneList {
  /** How many there are that fit the query, on this page or not. */
  readonly total: number;
  readonly zones: readonly ZoneReport[];
  /** `after` of the next page; null on the last one. */
  readonly next: string | null;
}

/** `/api/v1/rules`. */
export interface RuleList {
  readonly rules: readonly RuleReport[];
}

/** `/api/v1/transfers`. */
export interface TransferList {
  readonly transfers: readonly RunningTransfer[];
}
