/** Rules as the configuration gives them: text checked, not yet compiled. */
import type { Milliseconds } from '../base/clock.ts';

export type Transport = 'tcp' | 'tls' | 'udp';
export type RequestType = 'AXFR' | 'IXFR' | 'SOA' | 'NOTIFY';

export interface RuleConfig {
  readonly name: string;
  readonly match: RuleMatch;
  readonly action: 'allow' | 'refuse' | 'drop' | 'delay';
  /** Counted and logged where it would have decided; the rules behind it decide. */
  readonly shadow: boolean;
  /** What a refused client is told in place of REFUSED with EDE 18. */
  readonly answer: RefusalAnswer | undefined;
  /** There where the action is delay. */
  readonly delay: DelayConfig | undefined;
  readonly limits: RuleLimits;
}

/** undefined = any; a list means any of it. */
export interface RuleMatch {
  /** CIDR text, or `set:NAME` for one of the prefix sets. */
  readonly source: readonly string[] | undefined;
  readonly transport: readonly Transport[] | undefined;
  /** `address#port`. */
  readonly listener: readonly string[] | undefined;
  /** Canonical key names. */
  readonly key: readonly string[] | undefined;
  /** Canonical names of SIG(0) keys. */
  readonly sig0: readonly string[] | undefined;
  readonly certificate: CertificateMatch | undefined;
  /** `example.org`, `*.example.net` (below, not the apex), `*` (all). */
  readonly zone: readonly string[] | undefined;
  /** Groups that a catalog puts the zone in. */
  readonly zoneGroup: readonly string[] | undefined;
  /** undefined = AXFR, IXFR and SOA, never NOTIFY. */
  readonly type: readonly RequestType[] | undefined;
  readonly time: TimeWindow | undefined;
}

/** Of a list that is empty nothing is asked; where both have something, both must hold. */
export interface CertificateMatch {
  /** Lower case, as in the certificate's subjectAltName. */
  readonly names: readonly string[];
  /** Base64 SHA-256 of the public key. */
  readonly pins: readonly string[];
}

/** A window that goes over midnight belongs to the day it begins on. */
export interface TimeWindow {
  /** 0 is Sunday; empty = every day. */
  readonly days: readonly number[];
  /** Minutes since midnight; equal ones mean the whole day. */
  readonly from: number;
  readonly to: number;
  /** IANA name. */
  readonly zone: string;
}

export interface RefusalAnswer {
  readonly rcode: number;
  /** undefined: no EDE. */
  readonly ede: number | undefined;
  readonly text: string;
}

export interface DelayConfig {
  readonly byMs: Milliseconds;
  /** Requests held at a time, over all fronts; what comes on top is not held. */
  readonly atMost: number;
  readonly next: 'allow' | 'refuse' | 'drop';
}

/** What a limit counts apart. A request without the key or certificate counts by its source. */
export type LimitKey =
  | { readonly kind: 'source'; readonly ipv4: number; readonly ipv6: number }
  | { readonly kind: 'key' | 'certificate' | 'zone' };

interface Keyed {
  readonly per: LimitKey;
}

/** What an allowed transfer is held to. */
export interface RuleLimits {
  readonly rate: (Keyed & Rate) | undefined;
  readonly concurrent: (Keyed & { readonly count: number }) | undefined;
  /** For those whom `concurrent` holds back. */
  readonly queue: { readonly length: number; readonly waitMs: Milliseconds } | undefined;
  readonly bandwidth: (Keyed & { readonly bytesPerSecond: number }) | undefined;
  /** Octets over a time. */
  readonly bytes: (Keyed & Rate) | undefined;
  readonly repeatAxfr: RepeatLimit | undefined;
  readonly minProgress: { readonly bytesPerSecond: number; readonly overMs: Milliseconds } | undefined;
}

/** Full transfers of a serial that was delivered already. */
export interface RepeatLimit extends Keyed {
  readonly rate: Rate;
  readonly coolDownMs: Milliseconds;
  readonly longestMs: Milliseconds;
}

export interface Rate {
  readonly count: number;
  readonly perMs: Milliseconds;
}
