/** What control and the front threads tell each other. Everything crosses threads by structured clone. */
import type { ConnectionLimits, Transport } from '../config/config.ts';
import type { OffenceKind } from '../policy/bans.ts';
import type { ClientCertificate } from '../policy/decision.ts';
import type { SignedTimes } from '../policy/limits/last-signed.ts';
import type { QuotaTables } from '../policy/limits/quota.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import type { CountTable } from '../policy/limits/shared-count.ts';
import type { AddressBytes } from '../policy/prefix.ts';
import type { PrefixTable } from '../policy/prefix-table.ts';
import type { RuleConfig } from '../policy/rule-config.ts';
import type { SecondaryLooks, SecondaryTerms } from '../policy/secondaries.ts';
import type { Sig0Key } from '../sig0/key.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { Padding } from '../wire/padding.ts';
import type { TransferFormat } from '../wire/transfer-format.ts';
import type { TransferAnswer } from '../xfr/transfer-answer.ts';
import type { SlabHandle } from '../zone/slab.ts';
import type { VersionHandle } from '../zone/version.ts';
import type { RelayTarget } from './relay.ts';
import type { TallyTable } from './rule-tallies.ts';

/** What a front is given at its start. */
export interface FrontSetup {
  readonly index: number;
  readonly listeners: readonly FrontListener[];
  readonly policy: PolicyUpdate;
  readonly bans: PrefixTable;
  readonly rates: RateTable;
  /** Connections, by source. */
  readonly sources: CountTable;
  /** Whatever else is counted over all fronts. */
  readonly counts: CountTable;
  readonly quotas: QuotaTables;
  /** Leases on zone versions: this front's row of counters, by lease slot. */
  readonly leases: Int32Array<SharedArrayBuffer>;
  /** Until when versions may be served, by lease slot, milliseconds since the epoch. */
  readonly expiries: Float64Array<SharedArrayBuffer>;
  /** This front's row of counters, see counters.ts. */
  readonly counters: Float64Array<SharedArrayBuffer>;
  /** Connections in all, over all fronts. */
  readonly connections: Int32Array<SharedArrayBuffer>;
}

export interface FrontListener {
  /** A descriptor of this front's own. */
  readonly fd: number;
  /** `address:port`, for logs. */
  readonly name: string;
  readonly transport: Exclude<Transport, 'udp'>;
  readonly tls: FrontTls | undefined;
  /** CIDR text: load balancers, who say who the client is. */
  readonly proxyAllowlist: readonly string[];
}

export interface FrontTls {
  readonly certPem: string;
  readonly keyPem: string;
  readonly clientCaPem: string | undefined;
  readonly clientCertificate: 'none' | 'optional' | 'required';
  readonly alpn: 'required' | 'optional';
  /** Suites of TLS 1.3, by OpenSSL's names, with colons between. */
  readonly ciphers: string;
  readonly sessionTickets: boolean;
  readonly sessionTimeoutS: number;
  /** 48 octets, the same for all fronts, so that any of them resumes a session of another. */
  readonly ticketKeys: Uint8Array;
}

/** Replaces rules, keys and limits at once; running transfers go on. */
export interface PolicyUpdate {
  readonly rules: readonly RuleConfig[];
  /** Where the rules' hits are counted, a row a thread. */
  readonly tallies: TallyTable;
  /** Prefix sets that are loaded, by name. */
  readonly sets: ReadonlyMap<string, PrefixTable>;
  /** Groups of zones that are in any, by `zoneLabel`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Zones that are relayed, by `zoneLabel`. */
  readonly relays: ReadonlyMap<string, RelayTarget>;
  readonly secondaries: readonly (SecondaryLooks & Partial<SecondaryTerms>)[];
  /** Names of a zone's secondaries, by `zoneLabel`. */
  readonly secondariesOf: ReadonlyMap<string, readonly string[]>;
  readonly keys: ReadonlyMap<string, TsigKey>;
  /** Of keys that are checked for replay. */
  readonly signedTimes: SignedTimes;
  readonly sig0Keys: readonly Sig0Key[];
  readonly limits: ConnectionLimits;
  /** By `zoneLabel`: CIDR text of those who may send NOTIFY for it without a rule. */
  readonly notifyFrom: ReadonlyMap<string, readonly string[]>;
  /** By `zoneLabel`, of zones that do not have the default. */
  readonly padding: ReadonlyMap<string, Padding>;
}

export type ZoneState =
  | { readonly kind: 'loading' }
  | {
      readonly kind: 'served';
      readonly version: VersionHandle;
      readonly lease: number;
      /** Serials from which control may have an answer to IXFR. */
      readonly serials: readonly number[];
      /** The answer to those who have the version before. */
      readonly step: (AnswerOffer & { readonly from: number }) | undefined;
    }
  | { readonly kind: 'expired' };

/** A finished answer, with the lease slot of its memory. */
export interface AnswerOffer {
  readonly answer: TransferAnswer;
  readonly lease: number;
}

/** What a client of a version is to get, and the front does not have. */
export interface AnswerWish {
  readonly zone: string;
  /** Leased by the front until this is answered. */
  readonly version: VersionHandle;
  readonly slot: number;
  /** Serial that the client has; null where it wants the whole zone. */
  readonly from: number | null;
  readonly format: TransferFormat;
}

export type ToFront =
  | { readonly kind: 'policy'; readonly policy: PolicyUpdate }
  /** In the order of the setup's listeners. Connections that are there go on as they are. */
  | { readonly kind: 'tls'; readonly listeners: readonly (FrontTls | undefined)[] }
  /** `slabs`: those of the version that this front has not been told of. */
  | { readonly kind: 'zone'; readonly zone: string; readonly state: ZoneState; readonly slabs: readonly SlabHandle[] }
  | { readonly kind: 'zone-removed'; readonly zone: string }
  /** What a front wished for: undefined where the zone as it is kept is the better answer, or there is none. */
  | {
      readonly kind: 'answer';
      readonly wish: AnswerWish;
      readonly offer: AnswerOffer | undefined;
      readonly slabs: readonly SlabHandle[];
    }
  /** Who is turned away. */
  | { readonly kind: 'bans'; readonly table: PrefixTable }
  /** Memory that only readers keep, by lease slot, is over its bound: the slowest of them ends. */
  | { readonly kind: 'end-slowest'; readonly slots: readonly number[] }
  | { readonly kind: 'snapshot'; readonly request: number }
  /** The turn of a request to be relayed; not granted where there is no such primary. */
  | { readonly kind: 'relay-turn'; readonly turn: number; readonly isGranted: boolean }
  | { readonly kind: 'drain' };

export type FromFront =
  | { readonly kind: 'listening' }
  | { readonly kind: 'events'; readonly events: readonly FrontEvent[] }
  | { readonly kind: 'notify'; readonly notify: ReceivedNotify }
  | { readonly kind: 'answer-wanted'; readonly wish: AnswerWish }
  | { readonly kind: 'relay-wanted'; readonly turn: number; readonly primary: string; readonly isTransfer: boolean }
  | { readonly kind: 'relay-done'; readonly turn: number }
  | { readonly kind: 'snapshot'; readonly request: number; readonly transfers: readonly RunningTransfer[] }
  | { readonly kind: 'offences'; readonly offences: readonly Offence[] }
  | { readonly kind: 'drained' };

/** So many of one kind, over TCP or TLS. */
export interface Offence {
  readonly source: AddressBytes;
  readonly kind: OffenceKind;
  readonly count: number;
}

export interface ReceivedNotify {
  readonly zone: string;
  /** Serial in the NOTIFY's answer section, if it has one: a hint (RFC 1996 §3.7). */
  readonly serial: number | undefined;
  /** Address text of the sender. */
  readonly source: string;
}

export type FrontEvent = TransferEvent | RefusedEvent | ShadowEvent | SoaToldEvent;

/** INTERFACE.md's `transfer`, one line each. */
export interface TransferEvent {
  readonly event: 'transfer';
  readonly zone: string;
  readonly type: 'AXFR' | 'IXFR';
  /** What was sent in answer. */
  readonly 'sent-as': 'AXFR' | 'IXFR' | 'SOA';
  readonly transport: Transport;
  /** Address text and port. */
  readonly client: string;
  readonly identity: string | null;
  readonly rule: string;
  readonly from: number | null;
  readonly to: number;
  readonly messages: number;
  readonly records: number;
  readonly bytes: number;
  readonly ms: number;
  /** It was passed on, by whom, and why it failed. */
  readonly relayed?: { readonly primary: string; readonly why?: string };
  readonly outcome: 'done' | 'closed-by-client' | 'stalled' | 'too-slow' | 'old-version' | 'error';
  /** Who it is among the zone's secondaries; not in the log. */
  readonly secondaries: readonly string[];
  readonly proof: Proof;
}

/** What a client has proved to be; its address apart. */
export interface Proof {
  /** Names of keys whose signature held. */
  readonly tsig: string | null;
  readonly sig0: string | null;
  readonly certificate: ClientCertificate | null;
}

/** Never a line in the log: what secondaries know is made of it. */
export interface SoaToldEvent extends SoaTold {
  readonly event: 'soa-told';
  readonly transport: Transport;
  /** Address text and port. */
  readonly client: string;
}

export interface SoaTold {
  readonly zone: string;
  readonly serial: number;
  readonly secondaries: readonly string[];
  readonly proof: Proof;
}

/** Counted always, logged in summaries: nothing a stranger does writes a line of its own. */
export interface RefusedEvent {
  readonly event: 'refused';
  readonly why: RefusalReason;
  readonly zone: string;
  readonly type: string;
  readonly transport: Transport;
  readonly client: string;
  /** TSIG key, SIG(0) key or name of the client's certificate that was proved; null where nothing was. */
  readonly identity: string | null;
  readonly rule: string;
  /** Who it is among the zone's secondaries; not in the log. */
  readonly secondaries: readonly string[];
}

/** What a rule in shadow would have done. In summaries, too. */
export interface ShadowEvent {
  readonly event: 'shadow';
  readonly action: RuleConfig['action'];
  readonly zone: string;
  readonly type: string;
  readonly transport: Transport;
  readonly client: string;
  readonly identity: string | null;
  readonly rule: string;
}

export type RefusalReason =
  | 'malformed'
  | 'bad-version'
  | 'not-implemented'
  | 'not-supported'
  | 'no-rule'
  | 'rule'
  | 'dropped'
  | 'bad-key'
  | 'bad-signature'
  | 'bad-time'
  | 'bad-truncation'
  | 'unknown-zone'
  | 'rate'
  | 'concurrent'
  | 'queue-wait'
  | 'bytes'
  | 'repeat'
  | 'relays'
  | 'not-ready'
  | 'expired';

export interface RunningTransfer {
  readonly zone: string;
  readonly type: 'AXFR' | 'IXFR';
  readonly transport: Transport;
  readonly client: string;
  readonly identity: string | null;
  readonly serial: number;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Milliseconds since it began. */
  readonly ms: number;
  /** queued: for a place. preparing: its answer is made. paced: for its share of a bandwidth. */
  readonly state: 'queued' | 'preparing' | 'sending' | 'paced';
}
