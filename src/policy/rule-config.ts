/** Rules as the configuration gives them: text checked, not yet compiled. */
import type { Milliseconds } from '../base/clock.ts';

export type Transport = 'tcp' | 'tls' | 'udp';
export type RequestType = 'AXFR' | 'IXFR' | 'SOA' | 'NOTIFY';

export interface RuleConfig {
  readonly name: string;
  readonly match: {
    /** CIDR text; undefined = any. The same for each of these: undefined matches all, a list any of it. */
    readonly source: readonly string[] | undefined;
    readonly transport: readonly Transport[] | undefined;
    /** Canonical key names. */
    readonly key: readonly string[] | undefined;
    /** `example.org`, `*.example.net` (below, not the apex), `*` (all). */
    readonly zone: readonly string[] | undefined;
    /** undefined = AXFR, IXFR and SOA, never NOTIFY. */
    readonly type: readonly RequestType[] | undefined;
  };
  readonly action: 'allow' | 'refuse' | 'drop';
  readonly limits: { readonly rate: Rate | undefined };
}

export interface Rate {
  readonly count: number;
  readonly perMs: Milliseconds;
}
