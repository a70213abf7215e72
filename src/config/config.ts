/** The configuration as the program uses it: parsed, resolved, complete. `v1.ts` has the shape on disk. */
import type { Bytes } from '../base/bytes.ts';
import type { Milliseconds } from '../base/clock.ts';
import type { ChangeLimits } from '../guard/change.ts';
import type { DnssecPolicy } from '../guard/dnssec/check.ts';
import type { BanConfig } from '../policy/bans.ts';
import type { CertificateMatch, Rate, RuleConfig } from '../policy/rule-config.ts';
import type { SecondaryTerms } from '../policy/secondaries.ts';
import type { Sig0Key } from '../sig0/key.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { Padding } from '../wire/padding.ts';

export type { Rate, RuleConfig, Transport } from '../policy/rule-config.ts';

export interface Config {
  readonly listen: readonly Listener[];
  readonly certificates: ReadonlyMap<string, CertificateFiles>;
  /** By canonical key name (lower-case text without the final dot). */
  readonly keys: ReadonlyMap<string, TsigKey>;
  /** By canonical name. */
  readonly sig0Keys: ReadonlyMap<string, Sig0Key>;
  readonly primaries: ReadonlyMap<string, Primary>;
  readonly secondaries: ReadonlyMap<string, Secondary>;
  /** By `zoneLabel`. A folder of zone files adds the zones it holds only where they are listed here. */
  readonly zones: ReadonlyMap<string, ZoneConfig>;
  /** By name. */
  readonly catalogTemplates: ReadonlyMap<string, ZoneSettings>;
  /** By name. */
  readonly prefixSets: ReadonlyMap<string, PrefixSetConfig>;
  readonly rules: readonly RuleConfig[];
  readonly limits: Limits;
  readonly bans: BanConfig;
  readonly tls: TlsConfig;
  readonly store: StoreConfig;
  readonly threads: { readonly front: number; readonly pool: number };
  readonly log: { readonly level: LogLevel; readonly format: 'json' | 'text'; readonly transfers: 'all' | 'summary' };
  readonly audit: { readonly file: string } | undefined;
  readonly admin: AdminConfig | undefined;
}

export type PrefixSetConfig = {
  /** More are not taken. */
  readonly maxPrefixes: number;
} & (
  | { readonly kind: 'file'; readonly file: string }
  | {
      readonly kind: 'feed';
      readonly url: string;
      readonly refreshMs: Milliseconds;
      readonly timeoutMs: Milliseconds;
    }
);

export type StoreConfig =
  | { readonly type: 'memory' }
  /** `mapSize` in octets; undefined grows as needed. */
  | {
      readonly type: 'lmdb';
      readonly path: string;
      readonly mapSize: number | undefined;
      readonly sync: boolean;
    };

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Listener extends Address {
  readonly transport: 'tcp' | 'tls';
  /** SOA, NOTIFY and IXFR over UDP at the same address (plain TCP listeners only). */
  readonly udp: boolean;
  readonly udpMaxSize: number;
  readonly certificate: string | undefined;
  readonly clientCertificate: 'none' | 'optional' | 'required';
  readonly alpn: 'required' | 'optional';
  /** CIDR text: who must send PROXY v2; nobody else may. */
  readonly proxyAllowlist: readonly string[];
}

/** What all TLS listeners have in common. */
export interface TlsConfig {
  /** Suites of TLS 1.3, by OpenSSL's names. */
  readonly ciphers: readonly string[];
  readonly sessionTickets: boolean;
  readonly ticketLifetimeMs: Milliseconds;
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
}

export type Primary = ServerPrimary | FilePrimary | GeneratedPrimary;

/** Of a catalog that zonegate makes. */
export interface GeneratedPrimary {
  readonly kind: 'generated';
  readonly name: string;
}

export interface ServerPrimary {
  readonly kind: 'server';
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly key: string | undefined;
  /** Undefined: plain TCP. */
  readonly tls: PrimaryTls | undefined;
  readonly selection: 'ordered' | 'highest-serial';
  readonly sourceAddress: string | undefined;
  readonly edns: boolean;
  readonly ixfr: boolean;
  readonly stallTimeoutMs: Milliseconds;
  readonly transferTimeoutMs: Milliseconds;
  readonly queriesPerSecond: number;
  readonly concurrentTransfers: number;
  /** To each address. */
  readonly connections: number;
  /** Queries in flight on a connection. */
  readonly pipeline: number;
  readonly connectionIdleMs: Milliseconds;
  /** CIDR text; whoever may send NOTIFY without a rule. */
  readonly notifyFrom: readonly string[];
  /** Canonical name of the key that their NOTIFY must be signed with. */
  readonly notifyKey: string | undefined;
}

/** Who a server is over TLS: `name` and `caFile` come together, and they or a pin are there. */
export interface PeerTls {
  readonly name: string | undefined;
  readonly caFile: string | undefined;
  /** Base64 SHA-256 of the public key. */
  readonly pins: readonly string[];
  /** Ours, one of `certificates`. */
  readonly certificate: string | undefined;
}

export interface PrimaryTls extends PeerTls {
  readonly alpn: 'required' | 'optional';
  readonly resumption: boolean;
}

export interface FilePrimary {
  readonly kind: 'files';
  readonly name: string;
  /** Absolute path of the folder; a zone's file carries the zone's name (`example.org` or `example.org.zone`). */
  readonly folder: string;
  /** Absolute path that $INCLUDE may not leave. */
  readonly includeBelow: string;
  readonly watch: boolean;
}

export interface Secondary extends SecondaryTerms {
  readonly name: string;
  readonly address: Address | undefined;
  /** Canonical names; the first signs, any is accepted. */
  readonly keys: readonly string[];
  /** Whether NOTIFY is sent to it: it has an address then. */
  readonly notify: boolean;
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** CIDR text: clients from there are this secondary, */
  readonly sources: readonly string[];
  /** with such a certificate. */
  readonly certificate: CertificateMatch | undefined;
  readonly sourceAddress: string | undefined;
  /** There where the transport is tls. */
  readonly tls: PeerTls | undefined;
  readonly notifyRetry: NotifyRetry;
  readonly notifyDelayMs: Milliseconds;
}

/** RFC 1996 §3.6: each wait is `backoff` times the one before. */
export interface NotifyRetry {
  readonly tries: number;
  readonly timeoutMs: Milliseconds;
  readonly backoff: number;
}

export interface ZoneConfig extends ZoneSettings {
  /** `zoneLabel`: lower case, no final dot. */
  readonly name: string;
  /** Wire form, lower case. */
  readonly apex: Bytes;
  /** Of the catalog that brought it, or that lists it. */
  readonly groups: readonly string[];
}

/** All of a zone but its name: what members of a catalog have in common. */
export interface ZoneSettings {
  /** mirror: fetched ahead and served from memory. */
  readonly mode: 'mirror' | 'relay';
  readonly relay: RelayConfig;
  readonly primary: string;
  /** Key for this zone towards the primary: its own, else the primary's. */
  readonly primaryKey: string | undefined;
  readonly secondaries: readonly string[];
  readonly timers: TimerBounds;
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly outOfZone: 'reject' | 'ignore';
  /** Share of a refresh interval taken off at random, 0 to 1. */
  readonly refreshJitter: number;
  /** Target size of a frame in octets. */
  readonly frameSize: number;
  readonly zonemd: 'ignore' | 'check' | 'require';
  /** Undefined where no trust anchor is for this zone. */
  readonly dnssec: DnssecConfig | undefined;
  readonly changeGuard: ChangeGuardConfig | undefined;
  readonly externalValidation: ExternalValidation | undefined;
  readonly history: HistoryLimits;
  /** Octets of older versions that only slow readers keep. */
  readonly oldVersionBytes: number;
  readonly serialPolicy: 'hold' | 'adopt' | 'translate';
  readonly padding: Padding;
  /** There where the zone is a catalog. */
  readonly catalog: InterpretedCatalog | GeneratedCatalog | undefined;
  /** `zoneLabel` of the generated catalog that lists it, and its group there. */
  readonly catalogZone: string | undefined;
  readonly catalogGroup: string | undefined;
}

/** zonegate makes it of the zones that name it; it has no primary. */
export interface GeneratedCatalog {
  readonly role: 'generate';
}

/** RFC 9432: the zones that it lists are served, too. */
export interface InterpretedCatalog {
  readonly role: 'interpret';
  /** Names of templates: that of all members, and those of members of a group. */
  readonly template: { readonly default: string; readonly groups: ReadonlyMap<string, string> };
  /** Patterns of zones; what none of them matches is not taken. */
  readonly members: readonly string[];
  readonly maxMembers: number;
}

/** Versions kept besides the one served; whichever limit comes first. */
export interface HistoryLimits {
  readonly versions: number;
  readonly bytes: number;
  readonly ageMs: Milliseconds;
}

export interface DnssecConfig extends DnssecPolicy {
  /** Of the zone as a whole; without it the anchors are for the ZONEMD record alone (RFC 8976 §4). */
  readonly validation: boolean;
}

export interface ChangeGuardConfig extends ChangeLimits {
  readonly action: 'hold' | 'reject' | 'warn';
}

export interface ExternalValidation {
  /** Program and arguments; a program that is named by a path has an absolute one. */
  readonly command: readonly string[];
  readonly input: 'zone-file';
  readonly timeoutMs: Milliseconds;
  readonly onTimeout: 'reject' | 'accept';
}

/** Requests are passed on to the primary. */
export interface RelayConfig {
  /** What becomes of requests signed with a key that we do not have (RFC 8945 §5.5). */
  readonly unknownKeys: 'forward' | 'refuse';
  /** Requests at a time, over all fronts. */
  readonly concurrent: number;
}

export interface TimerBounds {
  readonly refreshMinMs: Milliseconds;
  readonly refreshMaxMs: Milliseconds;
  readonly retryMinMs: Milliseconds;
  readonly retryMaxMs: Milliseconds;
  readonly expireMinMs: Milliseconds;
  readonly expireMaxMs: Milliseconds;
}

export interface ConnectionLimits {
  readonly connections: number;
  readonly connectionsPerSource: number;
  readonly newConnectionsPerSource: Rate;
  /** TLS handshakes of all sources that the configuration does not name, but for those that resume a session. */
  readonly handshakes: Rate;
  /** Full TLS handshakes, and those that resume a session. */
  readonly handshakesPerSource: Rate;
  readonly resumedHandshakesPerSource: Rate;
  readonly queriesPerConnection: number;
  readonly queriesInFlight: number;
  /** Octets. */
  readonly memoryPerConnection: number;
  readonly idleTimeoutMs: Milliseconds;
  readonly firstMessageTimeoutMs: Milliseconds;
  readonly messageTimeoutMs: Milliseconds;
  /** Transfers at a time, over all; those reserved for secondaries come on top. */
  readonly concurrent: number;
}

export interface Limits extends ConnectionLimits {
  /** What running transfers have left once the service is told to stop. */
  readonly drainTimeoutMs: Milliseconds;
}

export interface AdminConfig extends Address {
  readonly tokenFile: string | undefined;
}
