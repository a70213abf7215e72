/** From the shape on disk to the configuration as the program uses it: each shape is taken apart completely. */
import { isIP } from 'node:net';
import { resolve as resolvePath } from 'node:path';
import type { Bytes } from '../base/bytes.ts';
import type { TrustAnchor } from '../guard/dnssec/anchor.ts';
import { TSIG_ALGORITHMS } from '../tsig/algorithm.ts';
import type { TsigKey } from '../tsig/key.ts';
import { resolveCatalogs } from './catalogs.ts';
import type {
  Config,
  HistoryLimits,
  Listener,
  PeerTls,
  PrefixSetConfig,
  Primary,
  PrimaryTls,
  RelayConfig,
  Secondary,
  StoreConfig,
  TimerBounds,
  ZoneConfig,
  ZoneSettings,
} from './config.ts';
import { resolveGuards } from './guards.ts';
import { resolveLimits, resolveTls } from './limits.ts';
import { resolvePadding } from './padding.ts';
import { resolveRule } from './rules.ts';
import { canonical, nothingLeft } from './take-apart.ts';
import type { V1, V1Zone } from './v1.ts';
import { resolveBans } from './v1-bans.ts';
import { ZONE_DEFAULTS, zone as zoneShape } from './v1-zone.ts';
import { parseName, parsePrefix } from './values.ts';

export interface Surroundings {
  /** Relative paths start here. */
  readonly folder: string;
  /** By the key's name as it stands in the file; checked before. */
  readonly secrets: ReadonlyMap<string, Bytes>;
  /** By the SIG(0) key's name as it stands in the file. */
  readonly sig0Records: ReadonlyMap<string, readonly Bytes[]>;
  /** By the zone's name as it stands in the file. */
  readonly anchors: ReadonlyMap<string, readonly TrustAnchor[]>;
  readonly cores: number;
}

/** Takes what has passed all checks; what is wrong here is a mistake of ours. */
export function resolveV1(file: V1, around: Surroundings): Config {
  const { version: _version, listen, certificates, keys, primaries, secondaries, zones, rules, ...rest } = file;
  const {
    'zone-defaults': zoneDefaults,
    'catalog-templates': templates,
    'prefix-sets': sets,
    'sig0-keys': sig0,
    limits,
    store,
    ...others
  } = rest;
  const { tls, bans, threads, log, admin, audit, ...later } = others;
  nothingLeft(later);
  const front = threads.front === 'auto' ? Math.max(1, Math.floor(around.cores / 2)) : threads.front;
  const pool = threads.pool === 'auto' ? Math.max(1, around.cores - front) : threads.pool;
  const path = (name: string): string => resolvePath(around.folder, name);
  return {
    listen: listen.map((listener) => resolveListener(listener, file)),
    certificates: mapValues(certificates, (certificate) => ({
      certFile: path(certificate['cert-file']),
      keyFile: path(certificate['key-file']),
      clientCaFile: optional(certificate['client-ca-file'], path),
    })),
    keys: new Map(
      Object.entries(keys).map(([name, key]) => {
        const resolved = resolveKey(name, key, around.secrets);
        return [resolved.name, resolved];
      }),
    ),
    sig0Keys: new Map(
      Object.entries(sig0).map(([name, { fudge }]) => {
        const records = around.sig0Records.get(name) ?? [];
        return [canonical(name), { name: canonical(name), records, fudge: fudge / 1000 }];
      }),
    ),
    primaries: mapValues(primaries, (primary, name) => resolvePrimary(name, primary, path)),
    secondaries: mapValues(secondaries, (secondary, name) => resolveSecondary(name, secondary, path)),
    zones: new Map(
      Object.entries(zones).map(([name, zone]) => {
        const resolved = resolveZone(name, zone, zoneDefaults, file, around);
        return [resolved.name, resolved];
      }),
    ),
    catalogTemplates: mapValues(templates, (own) => resolveSettings(own, zoneDefaults, file, around, [])),
    prefixSets: mapValues(sets, (set) => resolvePrefixSet(set, path)),
    rules: rules.map((rule, index) => resolveRule(rule, index)),
    limits: resolveLimits(limits),
    bans: resolveBans(bans),
    tls: resolveTls(tls),
    store: resolveStore(store, path),
    threads: { front, pool },
    log: { level: log.level, format: log.format, transfers: log.transfers },
    audit: optional(audit, ({ file: name }) => ({ file: path(name) })),
    admin: optional(admin, ({ listen: address, 'token-file': tokenFile, ...others }) => {
      nothingLeft(others);
      return { ...address, tokenFile: optional(tokenFile, path) };
    }),
  };
}

function resolvePrefixSet(set: V1['prefix-sets'][string], path: (name: string) => string): PrefixSetConfig {
  const {
    file,
    url = '',
    refresh: refreshMs = 900_000,
    timeout: timeoutMs = 10_000,
    'max-prefixes': maxPrefixes,
  } = set;
  return file === undefined
    ? { kind: 'feed', url, refreshMs, timeoutMs, maxPrefixes }
    : { kind: 'file', file: path(file), maxPrefixes };
}

function resolveListener(listener: V1['listen'][number], file: V1): Listener {
  const { address, port, transport, udp, 'udp-max-size': udpMaxSize, certificate, alpn, ...rest } = listener;
  const {
    'client-certificate': clientCertificate,
    'xfr-only': _always,
    'proxy-allowlist': proxyAllowlist,
    ...later
  } = rest;
  nothingLeft(later);
  const takesClients = certificate !== undefined && file.certificates[certificate]?.['client-ca-file'] !== undefined;
  return {
    host: address,
    port: port ?? (transport === 'tls' ? 853 : 53),
    transport,
    udp: transport === 'tcp' && udp !== false,
    udpMaxSize,
    certificate,
    clientCertificate: clientCertificate ?? (takesClients ? 'optional' : 'none'),
    alpn: alpn ?? 'required',
    proxyAllowlist,
  };
}

function resolveKey(name: string, key: V1['keys'][string], secrets: ReadonlyMap<string, Bytes>): TsigKey {
  const { algorithm, secret: _secret, 'secret-file': _secretFile, fudge, truncation, ...rest } = key;
  const { 'replay-check': isReplayChecked, ...later } = rest;
  nothingLeft(later);
  const parsed = parseName(name);
  const secret = secrets.get(name);
  if (!parsed.ok || secret === undefined) throw new Error('a key was not checked');
  const { label, wire } = parsed.value;
  return {
    name: label,
    wireName: wire,
    algorithm: TSIG_ALGORITHMS[algorithm],
    secret,
    fudge: fudge / 1000,
    leastMacLength: truncation === 'none' ? undefined : truncation / 8,
    isReplayChecked,
  };
}

function resolvePrimary(name: string, primary: V1['primaries'][string], path: (name: string) => string): Primary {
  const { addresses = [], key, transport, tls, selection, edns, ixfr, connections, pipeline, watch, ...rest } = primary;
  const { 'stall-timeout': stallTimeoutMs, 'transfer-timeout': transferTimeoutMs, ...more } = rest;
  const { 'queries-per-second': queriesPerSecond, 'concurrent-transfers': concurrentTransfers, ...others } = more;
  const { 'connection-idle': connectionIdleMs, 'source-address': sourceAddress, ...sources } = others;
  const { 'notify-from': notifyFrom, 'notify-key': notifyKey, ...files } = sources;
  const { 'zone-files': zoneFiles, 'include-below': below, ...later } = files;
  nothingLeft(later);
  if (zoneFiles !== undefined) {
    const folder = path(zoneFiles);
    return { kind: 'files', name, folder, includeBelow: optional(below, path) ?? folder, watch: watch ?? true };
  }
  return {
    kind: 'server',
    name,
    addresses: addresses.map(({ host, port }) => ({ host, port: port ?? (transport === 'tls' ? 853 : 53) })),
    key: optional(key, canonical),
    tls: transport === 'tls' ? optional(tls, (given) => resolvePrimaryTls(given, path)) : undefined,
    selection,
    sourceAddress,
    edns,
    ixfr,
    stallTimeoutMs,
    transferTimeoutMs,
    queriesPerSecond,
    concurrentTransfers,
    connections,
    pipeline,
    connectionIdleMs,
    notifyFrom: notifyFrom ?? addresses.map(({ host }) => singleHost(host)),
    notifyKey: optional(notifyKey, canonical),
  };
}

function resolvePrimaryTls(
  tls: NonNullable<V1['primaries'][string]['tls']>,
  path: (name: string) => string,
): PrimaryTls {
  const { alpn, resumption, ...peer } = tls;
  return { ...resolvePeerTls(peer, path), alpn, resumption };
}

function resolvePeerTls(tls: NonNullable<V1['secondaries'][string]['tls']>, path: (name: string) => string): PeerTls {
  const { name, 'ca-file': caFile, pins, certificate, ...later } = tls;
  nothingLeft(later);
  return { name, caFile: optional(caFile, path), pins, certificate };
}

function resolveStore(store: V1['store'], path: (name: string) => string): StoreConfig {
  const { type, path: folder, 'map-size': mapSize, sync, ...later } = store;
  nothingLeft(later);
  if (type === 'memory') return { type };
  return { type, path: path(folder), mapSize, sync };
}

function resolveSecondary(
  name: string,
  secondary: V1['secondaries'][string],
  path: (name: string) => string,
): Secondary {
  const { address, key = [], notify, transport, sources, tls, edns, 'notify-retry': retry, ...rest } = secondary;
  const { 'source-address': sourceAddress, 'notify-delay': notifyDelayMs, ...served } = rest;
  const { 'reserved-transfers': reservedTransfers, weight, certificate, format, ...later } = served;
  const { tries, timeout: timeoutMs, backoff, ...laterRetry } = retry;
  nothingLeft(later);
  nothingLeft(laterRetry);
  return {
    name,
    address: optional(address, ({ host, port }) => ({ host, port: port ?? (transport === 'tls' ? 853 : 53) })),
    keys: key.map(canonical),
    notify: address !== undefined && notify !== false,
    transport,
    certificate,
    sources: sources ?? (address === undefined ? [] : [singleHost(address.host)]),
    sourceAddress,
    tls: transport === 'tls' ? optional(tls, (given) => resolvePeerTls(given, path)) : undefined,
    edns,
    notifyRetry: { tries, timeoutMs, backoff },
    notifyDelayMs,
    reservedTransfers,
    weight,
    format,
  };
}

function resolveZone(name: string, own: V1Zone, defaults: V1Zone, file: V1, around: Surroundings): ZoneConfig {
  const parsed = parseName(name);
  if (!parsed.ok) throw new Error('a zone was not checked');
  const { label, wire } = parsed.value;
  const settings = resolveSettings(own, defaults, file, around, around.anchors.get(name) ?? []);
  const groups = settings.catalogGroup === undefined ? [] : [settings.catalogGroup];
  return { name: label, apex: wire, groups, ...settings };
}

function resolveSettings(
  own: V1Zone,
  defaults: V1Zone,
  file: V1,
  around: Surroundings,
  anchors: readonly TrustAnchor[],
): ZoneSettings {
  const relay = { ...BUILT_IN_RELAY, ...present(defaults.relay ?? {}), ...present(own.relay ?? {}) };
  const history = { ...BUILT_IN_HISTORY, ...present(defaults.history ?? {}), ...present(own.history ?? {}) };
  const timers: Timers = { ...BUILT_IN_TIMERS, ...present(defaults.timers ?? {}), ...present(own.timers ?? {}) };
  const merged: Defaulted = { ...BUILT_IN, ...present(defaults), ...present(own) };
  const { primary = '', 'primary-key': ownKey, secondaries, mode, timers: _timers, relay: _relay, ...all } = merged;
  const { history: _history, 'old-versions': _old, 'serial-policy': serialPolicy, ...rest } = all;
  const { 'max-records': maxRecords, 'max-bytes': maxBytes, 'out-of-zone': outOfZone, ...more } = rest;
  const { 'refresh-jitter': refreshJitter, 'frame-size': frameSize, ...others } = more;
  const {
    zonemd: _zonemd,
    dnssec: _dnssec,
    'change-guard': _changes,
    'external-validation': _external,
    ...catalogs
  } = others;
  const {
    'catalog-role': _role,
    'catalog-template': _template,
    'catalog-members': _members,
    'catalog-max-members': _maxMembers,
    'catalog-zone': _catalogZone,
    'catalog-group': _catalogGroup,
    padding: _padding,
    ...later
  } = catalogs;
  nothingLeft(later);
  return {
    mode,
    relay: shared({ unknownKeys: relay['unknown-keys'], concurrent: relay.concurrent }),
    primary,
    primaryKey: optional(ownKey ?? file.primaries[primary]?.key, canonical),
    secondaries: secondaries ?? [],
    timers: shared(resolveTimers(timers)),
    maxRecords,
    maxBytes,
    outOfZone,
    refreshJitter,
    frameSize,
    history: shared({ versions: history.versions, bytes: history.bytes, ageMs: history.age }),
    oldVersionBytes: own['old-versions']?.bytes ?? defaults['old-versions']?.bytes ?? BUILT_IN_OLD.bytes,
    serialPolicy,
    padding: resolvePadding(own.padding, defaults.padding),
    ...resolveCatalogs(own, defaults),
    ...resolveGuards(own, defaults, anchors, around.folder),
  };
}

/** One object for all that say the same: 100,000 zones have a handful of settings among them. */
function shared<T extends TimerBounds | HistoryLimits | RelayConfig>(value: T): T {
  const key = JSON.stringify(value);
  const known = sharedValues.get(key) as T | undefined;
  if (known !== undefined) return known;
  sharedValues.set(key, value);
  return value;
}

const sharedValues = new Map<string, TimerBounds | HistoryLimits | RelayConfig>();

const resolveTimers = (timers: Timers): TimerBounds => ({
  refreshMinMs: timers['refresh-min'],
  refreshMaxMs: timers['refresh-max'],
  retryMinMs: timers['retry-min'],
  retryMaxMs: timers['retry-max'],
  expireMinMs: timers['expire-min'],
  expireMaxMs: timers['expire-max'],
});

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the keys that are undefined, which would hide a default when spread over it. */
const present = <T extends object>(value: T): Partial<Present<T>> =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Partial<Present<T>>;

type Defaulted = Omit<V1Zone, keyof typeof ZONE_DEFAULTS> & Required<Present<Pick<V1Zone, keyof typeof ZONE_DEFAULTS>>>;
type Timers = Required<Present<NonNullable<V1Zone['timers']>>>;

const BUILT_IN = zoneShape.parse(ZONE_DEFAULTS) as Defaulted;
const BUILT_IN_TIMERS = BUILT_IN.timers as Timers;
const BUILT_IN_RELAY = BUILT_IN.relay as Required<Present<NonNullable<V1Zone['relay']>>>;
const BUILT_IN_OLD = BUILT_IN['old-versions'] as { readonly bytes: number };
const BUILT_IN_HISTORY = BUILT_IN.history as Required<Present<NonNullable<V1Zone['history']>>>;

const optional = <T, U>(value: T | undefined, map: (value: T) => U): U | undefined =>
  value === undefined ? undefined : map(value);

const mapValues = <T, U>(entries: Readonly<Record<string, T>>, map: (value: T, name: string) => U): Map<string, U> =>
  new Map(Object.entries(entries).map(([name, value]) => [name, map(value, name)]));

function singleHost(host: string): string {
  const bare = host.replace(/%.*$/, '');
  const prefix = parsePrefix(bare);
  return prefix.ok ? prefix.value : `${bare}/${isIP(bare) === 4 ? 32 : 128}`;
}
