/** Prometheus metrics, read from the service when somebody asks. The only importer of prom-client. */
import { Counter, Gauge, Registry } from 'prom-client';

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** What metrics are made of; the admin API's source is one. */
export interface MetricsSource {
  status(): {
    readonly version: string;
    readonly node: string;
    readonly 'started-at': string;
    readonly zones: Readonly<Record<'configured' | 'served' | 'loading' | 'expired', number>>;
    readonly memory: { readonly slabs: number; readonly 'slabs-free': number; readonly 'live-octets': number };
  };
  zones(): readonly ZoneMetrics[];
  counters(): ReadonlyMap<string, number>;
  rules(): readonly RuleMetrics[];
  bans(): { readonly bans: readonly unknown[] };
  notifies(): Readonly<Record<string, number>>;
  threads(): readonly {
    readonly thread: string;
    readonly 'loop-delay-mean-ms': number;
    readonly 'loop-delay-p99-ms': number;
  }[];
  pool(): { readonly threads: number; readonly queued: number; readonly completed: number; readonly waitP99Ms: number };
}

interface RuleMetrics {
  readonly rule: string;
  readonly action: string;
  readonly hits: number;
  readonly 'shadow-hits': number;
}

interface ZoneMetrics {
  readonly zone: string;
  readonly state: string;
  readonly serial: number | null;
  readonly records: number | null;
  readonly bytes: number | null;
  readonly 'last-contact': string | null;
}

export function renderMetrics(source: MetricsSource, now = Date.now()): Promise<string> {
  const registry = new Registry();
  for (const family of families(source, now)) register(family, registry);
  return registry.metrics();
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly values: readonly Sample[];
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const families = (source: MetricsSource, now: number): readonly Family[] => [
  ...zoneFamilies(source.zones(), now),
  ...counterFamilies(source.counters()),
  ...ruleFamilies(source.rules()),
  gauge('zonegate_bans', 'Sources and networks that are banned.', source.bans().bans.length),
  notifyFamily(source.notifies()),
  ...threadFamilies(source),
  ...processFamilies(source, now),
];

/** One series per zone: of states, the one it is in. All of them with 0 or 1 would be three times as long. */
function zoneFamilies(zones: readonly ZoneMetrics[], now: number): Family[] {
  const perZone = (
    name: string,
    help: string,
    value: (zone: ZoneMetrics) => number | null,
    labels: (zone: ZoneMetrics) => Sample['labels'] = ({ zone }) => ({ zone }),
  ): Family => {
    const values: Sample[] = [];
    for (const zone of zones) {
      const number = value(zone);
      if (number !== null) values.push({ labels: labels(zone), value: number });
    }
    return { name, help, type: 'gauge', values };
  };
  const age = ({ 'last-contact': last }: ZoneMetrics): number | null =>
    last === null ? null : Math.max(0, (now - Date.parse(last)) / 1_000);
  return [
    perZone('zonegate_zone_serial', 'Serial served.', ({ serial }) => serial),
    perZone('zonegate_zone_age_seconds', 'Time since the primary last answered for the zone.', age),
    perZone(
      'zonegate_zone_state',
      'The state a zone is in: 1 for served, loading or expired.',
      () => 1,
      ({ zone, state }) => ({ zone, state }),
    ),
    perZone('zonegate_zone_records', 'Records of the version served.', ({ records }) => records),
    perZone('zonegate_zone_bytes', 'Octets of the version served, as sent.', ({ bytes }) => bytes),
  ];
}

function counterFamilies(counters: ReadonlyMap<string, number>): Family[] {
  const read = (name: string): number => counters.get(name) ?? 0;
  const total = (name: string, help: string, counter: string): Family => ({
    name,
    help,
    type: 'counter',
    values: [{ labels: {}, value: read(counter) }],
  });
  // By prefix, so that a new outcome or reason shows up here without being listed again.
  const byLabel = (name: string, help: string, label: string, prefix: string, except?: string): Family => {
    const names = [...counters.keys()].filter((counter) => counter.startsWith(prefix) && counter !== except);
    const values = names.map((counter) => ({
      labels: { [label]: counter.slice(prefix.length) },
      value: read(counter),
    }));
    return { name, help, type: 'counter', values };
  };
  return [
    byLabel('zonegate_transfers_total', 'Transfers by outcome.', 'outcome', 'transfers-'),
    total('zonegate_transfer_bytes_total', 'Octets sent in transfers.', 'transfer-octets'),
    byLabel('zonegate_refused_total', 'Requests refused, by reason.', 'reason', 'refused-'),
    total('zonegate_dropped_total', 'Requests dropped without an answer.', 'dropped'),
    total('zonegate_relayed_total', 'Requests passed on to a primary.', 'relayed'),
    total('zonegate_delayed_total', 'Requests that a rule delayed.', 'delayed'),
    total('zonegate_queued_total', 'Transfers that waited for a place.', 'queued'),
    total('zonegate_cool_downs_total', 'Times that a client had to wait after repeated full transfers.', 'cool-downs'),
    total('zonegate_shadow_hits_total', 'Requests that a rule in shadow would have decided.', 'shadow-hits'),
    { ...total('zonegate_connections_open', 'Connections open.', 'connections-open'), type: 'gauge' },
    total('zonegate_connections_accepted_total', 'Connections accepted.', 'connections-accepted'),
    total('zonegate_connections_over_limit_total', 'Connections closed over a limit.', 'connections-over-limit'),
    total('zonegate_connections_banned_total', 'Connections of banned sources, closed.', 'connections-banned'),
    total('zonegate_proxy_failures_total', 'Connections of balancers without a PROXY header.', 'proxy-failures'),
    total('zonegate_tls_handshake_failures_total', 'TLS handshakes that failed.', 'handshake-failures'),
    byLabel('zonegate_tls_handshakes_total', 'TLS handshakes: full, resumed, over a limit.', 'kind', 'handshakes-'),
    total('zonegate_requests_total', 'Requests received.', 'requests'),
    total('zonegate_notifies_total', 'NOTIFY messages accepted.', 'notifies'),
  ];
}

/** Rules by name: what each one decides, and would decide. */
function ruleFamilies(rules: readonly RuleMetrics[]): Family[] {
  const perRule = (name: string, help: string, value: (rule: RuleMetrics) => number): Family => ({
    name,
    help,
    type: 'counter',
    values: rules.map((rule) => ({ labels: { rule: rule.rule, action: rule.action }, value: value(rule) })),
  });
  return [
    perRule('zonegate_rule_hits_total', 'Requests that the rule decided.', ({ hits }) => hits),
    perRule(
      'zonegate_rule_shadow_hits_total',
      'Requests that the rule would have decided, were it not in shadow.',
      (rule) => rule['shadow-hits'],
    ),
  ];
}

const notifyFamily = (notifies: Readonly<Record<string, number>>): Family => ({
  name: 'zonegate_notify_sent_total',
  help: 'NOTIFY sent to secondaries, copies included, by what came of it.',
  type: 'counter',
  values: Object.entries(notifies).map(([outcome, value]) => ({ labels: { outcome }, value })),
});

function threadFamilies(source: MetricsSource): Family[] {
  const delays = source.threads().flatMap(({ thread, 'loop-delay-mean-ms': mean, 'loop-delay-p99-ms': p99 }) => [
    { labels: { thread, quantile: 'mean' }, value: mean / 1_000 },
    { labels: { thread, quantile: '0.99' }, value: p99 / 1_000 },
  ]);
  const pool = source.pool();
  return [
    {
      name: 'zonegate_event_loop_delay_seconds',
      help: 'Delay of the event loop by thread: mean and 99th percentile.',
      type: 'gauge',
      values: delays,
    },
    gauge('zonegate_pool_threads', 'Threads of the worker pool.', pool.threads),
    gauge('zonegate_pool_queued', 'Tasks that wait for a pool thread.', pool.queued),
    { ...gauge('zonegate_pool_completed_total', 'Tasks that the pool has done.', pool.completed), type: 'counter' },
    gauge('zonegate_pool_wait_p99_seconds', 'Time a task waits, 99th percentile.', pool.waitP99Ms / 1_000),
  ];
}

/** The names that prom-client's own defaults have; those would start a 10 ms timer and a GC observer. */
function processFamilies(source: MetricsSource, now: number): Family[] {
  const { version, node, zones, memory, 'started-at': startedAt } = source.status();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const byState = (['served', 'loading', 'expired'] as const).map((state) => ({
    labels: { state },
    value: zones[state],
  }));
  const cpu = 'process_cpu_seconds_total';
  return [
    {
      name: 'zonegate_info',
      help: 'Version of zonegate and of Node.',
      type: 'gauge',
      values: [{ labels: { version, node }, value: 1 }],
    },
    { name: 'zonegate_zones', help: 'Zones by state.', type: 'gauge', values: byState },
    gauge('zonegate_uptime_seconds', 'Time since the start.', Math.max(0, (now - Date.parse(startedAt)) / 1_000)),
    gauge('zonegate_slabs', 'Slabs of shared memory.', memory.slabs),
    gauge('zonegate_slabs_free', 'Slabs that hold nothing.', memory['slabs-free']),
    gauge('zonegate_slab_live_bytes', 'Octets in slabs that a version uses.', memory['live-octets']),
    gauge('process_resident_memory_bytes', 'Resident memory.', rss),
    gauge('nodejs_heap_size_used_bytes', 'Heap of the control thread.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Memory outside of the heap of the control thread.', external),
    { ...gauge(cpu, 'Processor time, user and system, all threads.', (user + system) / 1e6), type: 'counter' },
    gauge('process_start_time_seconds', 'Start, since the epoch.', Date.parse(startedAt) / 1_000),
  ];
}

const gauge = (name: string, help: string, value: number): Family => ({
  name,
  help,
  type: 'gauge',
  values: [{ labels: {}, value }],
});

function register({ name, help, type, values }: Family, registry: Registry): void {
  const options = { name, help, labelNames: Object.keys(values[0]?.labels ?? {}), registers: [registry] };
  if (type === 'gauge') {
    const metric = new Gauge(options);
    for (const { labels, value } of values) metric.set(labels, value);
  } else {
    const metric = new Counter(options);
    for (const { labels, value } of values) metric.inc(labels, value);
  }
}
