/** What the admin API tells: the types of its JSON, and the source that the service gives to the admin server. */
import type { CounterName } from '../front/counters.ts';
import type { RunningTransfer } from '../front/messages.ts';

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

export interface ThreadReport {
  /** `control`, `front-0`, ... */
  readonly thread: string;
  readonly 'loop-delay-mean-ms': number;
  readonly 'loop-delay-p99-ms': number;
}

/** The service, as the admin server sees it. Reads only: nothing here changes anything. */
export interface AdminSource {
  status(): StatusReport;
  zones(): readonly ZoneReport[];
  zone(name: string): ZoneReport | undefined;
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

/** `/api/v1/transfers`. */
export interface TransferList {
  readonly transfers: readonly RunningTransfer[];
}
