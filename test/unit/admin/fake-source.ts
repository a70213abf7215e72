/** A service that is only told about: what the admin server reads, made up and changeable by the test. */

import type {
  AdminSource,
  BanList,
  BanReport,
  CommandReport,
  RuleReport,
  StatusReport,
  ZoneCommand,
  ZoneDetail,
  ZoneReport,
} from '../../../src/admin/api.ts';
import type { CatalogReport } from '../../../src/admin/api-catalogs.ts';
import type { ExposureList, KeyList } from '../../../src/admin/api-exposure.ts';
import type {
  NotifyReport,
  SecondaryReport,
  TakenReport,
  ZoneSecondaryReport,
} from '../../../src/admin/api-secondaries.ts';
import { COUNTERS, type CounterName } from '../../../src/front/counters.ts';
import type { RunningTransfer } from '../../../src/front/messages.ts';
import { createLog, type Log } from '../../../src/telemetry/log.ts';

/** What one zone is asked for, of two versions. */
export const detailed = (zone: ZoneReport): ZoneDetail => ({
  ...zone,
  versions: [2, 1].map((serial) => ({
    serial,
    'primary-serial': serial,
    since: '2026-11-21T08:00:00.000Z',
    records: 1234,
    bytes: 98_765,
    frames: 7,
    served: serial === 2,
    step: serial === 2 ? { removed: 1, added: 2, bytes: 200 } : null,
  })),
  'history-bytes': 32_000,
  'last-change': { how: 'IXFR', 'frames-packed': 2, 'frames-shared': 5, removed: 1, added: 2 },
  pinned: null,
  held: { serial: 3, reasons: ['all is gone'], since: '2026-11-21T08:00:00.000Z' },
  rejected: null,
  primaries: [{ address: '192.0.2.1#53', cannot: ['ixfr'] }],
  secondaries: [fakeZoneSecondary()],
  'last-ixfr-failure': null,
});

export const fakeCatalog = (): CatalogReport => ({
  catalog: 'catalog.example',
  serial: 7,
  broken: ['the version is "1", expected "2"'],
  members: [
    { zone: 'a.example', label: 'm1', groups: ['gold', 'two'], since: '2026-11-21T08:00:00.000Z' },
    { zone: 'b.example', label: 'm2', groups: [], since: '2026-11-21T08:00:00.000Z' },
  ],
  ignored: [{ zone: 'c.example', why: 'it is a member of other.example' }],
});

export class FakeSource implements AdminSource {
  zoneList: ZoneReport[] = [];
  transferList: RunningTransfer[] = [];
  secondaryList: SecondaryReport[] = [];
  catalogList: CatalogReport[] = [fakeCatalog()];
  banList: BanReport[] = [
    {
      network: '192.0.2.1/32',
      why: 'malformed',
      since: '2026-11-21T08:00:00.000Z',
      until: '2026-11-21T08:01:00.000Z',
      'left-s': 42,
    },
  ];
  readonly banCommands: [string, string, number | undefined][] = [];
  draining = false;
  readonly commands: [string, ZoneCommand, number | undefined][] = [];
  outcome: CommandReport = { ok: true, text: 'done' };
  readonly counts = new Map<CounterName, number>(COUNTERS.map((name) => [name, 0]));

  status(): StatusReport {
    const count = (state: ZoneReport['state']): number => this.zoneList.filter((zone) => zone.state === state).length;
    return {
      version: '0.1.0',
      node: process.version,
      pid: 4242,
      'started-at': '2026-11-21T08:00:00.000Z',
      'uptime-s': 3_725,
      listen: [
        { address: '127.0.0.1', port: 5300, transport: 'tcp' },
        { address: '::1', port: 8853, transport: 'tls' },
      ],
      zones: {
        configured: this.zoneList.length,
        served: count('served'),
        loading: count('loading'),
        expired: count('expired'),
      },
      threads: { front: 2, pool: 1 },
      store: 'memory',
      memory: { rss: 200_000_000, slabs: 3, 'slabs-free': 1, 'live-octets': 40_000_000 },
      draining: this.draining,
    };
  }

  zones(): readonly ZoneReport[] {
    return this.zoneList;
  }

  zone(name: string): ZoneReport | undefined {
    return this.zoneList.find(({ zone }) => zone === name);
  }

  zoneDetail(name: string): ZoneDetail | undefined {
    const zone = this.zone(name);
    return zone && detailed(zone);
  }

  command(zone: string, command: ZoneCommand, serial: number | undefined): Promise<CommandReport> | undefined {
    if (this.zone(zone) === undefined) return undefined;
    this.commands.push([zone, command, serial]);
    return Promise.resolve(this.outcome);
  }

  catalog(name: string): CatalogReport | undefined {
    return this.catalogList.find(({ catalog }) => catalog === name);
  }

  secondaries(): readonly SecondaryReport[] {
    return this.secondaryList;
  }

  async reload(): Promise<CommandReport> {
    return this.outcome;
  }

  drain(): CommandReport {
    return this.outcome;
  }

  rules(): readonly RuleReport[] {
    return [
      {
        rule: 'sec1',
        action: 'allow',
        shadow: false,
        hits: 12,
        'shadow-hits': 0,
        'last-match': '2026-11-21T12:00:00.000Z',
      },
      { rule: 'strict', action: 'refuse', shadow: true, hits: 0, 'shadow-hits': 3, 'last-match': null },
    ];
  }

  bans(): BanList {
    return { enabled: true, bans: this.banList };
  }

  ban(network: string, forMs: number | undefined): CommandReport {
    this.banCommands.push(['ban', network, forMs]);
    return this.outcome;
  }

  unban(network: string): CommandReport {
    this.banCommands.push(['unban', network, undefined]);
    return this.outcome;
  }

  exposure(): ExposureList {
    const client = { client: 'sec1', secondary: true, transport: 'tcp' as const, key: 'sec1-key', sig0: null };
    const weak = { certificate: null, weaknesses: ['clear-text' as const, 'weak-tsig' as const] };
    const seen = { 'last-seen': '2026-11-21T12:00:00.000Z' };
    const broken = { 'tls-only-would-break': ['sec1'], unseen: ['sec2'] };
    const zones = [{ zone: 'example.org', clients: [{ ...client, ...weak, ...seen }], ...broken }];
    return { since: '2026-11-20T12:00:00.000Z', zones };
  }

  keys(): KeyList {
    const seen = { 'last-seen': '2026-11-21T12:00:00.000Z', 'last-client': '192.0.2.7' };
    const never = { 'last-seen': null, 'last-client': null };
    return {
      keys: [
        { key: 'sec1-key', kind: 'tsig', algorithm: 'hmac-sha256', ...seen, 'named-by': ['sec1'] },
        { key: 'sec2.example', kind: 'sig0', algorithm: '13 (ECDSAP256SHA256)', ...never, 'named-by': [] },
      ],
      certificates: [
        {
          certificate: 'main',
          names: ['ns.example'],
          pin: 'p',
          'not-after': '2027-01-01T00:00:00.000Z',
          'days-left': 40,
        },
      ],
      'client-certificates': [
        { names: ['sec1.example'], pin: 'q', 'last-seen': seen['last-seen'], 'last-client': '192.0.2.7' },
      ],
    };
  }

  notifies() {
    return { acknowledged: 5, 'no-answer': 2 };
  }

  async transfers(): Promise<readonly RunningTransfer[]> {
    return this.transferList;
  }

  isReady(): boolean {
    return this.zoneList.every(({ state }) => state === 'served');
  }

  counters(): ReadonlyMap<CounterName, number> {
    return this.counts;
  }

  threads() {
    return [
      { thread: 'control', 'loop-delay-mean-ms': 1.5, 'loop-delay-p99-ms': 12 },
      { thread: 'front-0', 'loop-delay-mean-ms': 0.5, 'loop-delay-p99-ms': 3 },
    ];
  }

  pool() {
    return { threads: 1, queued: 2, completed: 77, waitP99Ms: 4 };
  }
}

export function fakeZone(zone: string, fields: Partial<ZoneReport> = {}): ZoneReport {
  return {
    zone,
    state: 'served',
    primary: 'hidden',
    serial: 2026112101,
    records: 1_234,
    bytes: 98_765,
    frames: 7,
    'served-since': '2026-11-21T08:00:01.000Z',
    'last-contact': new Date(Date.now() - 90_000).toISOString(),
    'next-check': new Date(Date.now() + 3_600_000).toISOString(),
    'expires-at': new Date(Date.now() + 86_400_000).toISOString(),
    'last-error': null,
    refreshing: false,
    ...fields,
  };
}

/** What a zone looks like before its first transfer. */
export const fakeLoadingZone = (zone: string, error: string | null = null): ZoneReport =>
  fakeZone(zone, {
    state: 'loading',
    serial: null,
    records: null,
    bytes: null,
    frames: null,
    'served-since': null,
    'last-contact': null,
    'expires-at': null,
    'last-error': error,
  });

export const fakeTransfer = (fields: Partial<RunningTransfer> = {}): RunningTransfer => ({
  zone: 'example.org',
  type: 'AXFR',
  transport: 'tls',
  client: '198.51.100.7#40112',
  identity: 'sec1-key',
  serial: 2026112101,
  bytes: 25_000,
  totalBytes: 100_000,
  state: 'sending',
  ms: 2_000,
  ...fields,
});

/** A log whose lines the test reads. */
export function capturedLog(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { log: createLog({ level: 'debug', format: 'json', destination: { write } }), lines };
}

const fakeNotify = (): NotifyReport => ({
  serial: 2026112101,
  tries: 2,
  'sent-at': '2026-11-21T08:00:02.000Z',
  outcome: 'failed',
  'answered-at': null,
  rcode: null,
  why: 'no answer',
});

const fakeTaken = (): TakenReport => ({
  at: '2026-11-21T07:00:02.000Z',
  from: 2026112001,
  to: 2026112002,
  'sent-as': 'IXFR',
  transport: 'tls',
  outcome: 'done',
});

export const fakeZoneSecondary = (fields: Partial<ZoneSecondaryReport> = {}): ZoneSecondaryReport => ({
  secondary: 'sec1',
  state: 'behind',
  serial: 2026112002,
  'behind-since': '2026-11-21T08:00:01.000Z',
  'last-notify': fakeNotify(),
  'last-query': { at: '2026-11-21T07:00:01.000Z', serial: 2026112002 },
  'last-transfer': fakeTaken(),
  ...fields,
});

export const fakeSecondary = (fields: Partial<SecondaryReport> = {}): SecondaryReport => ({
  secondary: 'sec1',
  address: '198.51.100.7:53',
  transport: 'udp',
  notify: true,
  keys: ['sec1-key'],
  zones: { current: 5, behind: 1, unknown: 2 },
  'notify-pending': 1,
  'last-notify': { zone: 'example.org', ...fakeNotify() },
  'last-transfer': { zone: 'example.net', ...fakeTaken() },
  behind: [{ zone: 'example.org', serial: 2026112002, since: '2026-11-21T08:00:01.000Z' }],
  ...fields,
});
