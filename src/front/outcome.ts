/** What comes of a request: how the pipeline says it, and what it is asked with. */
import type { Bytes } from '../base/bytes.ts';
import type { Milliseconds } from '../base/clock.ts';
import type { Facts } from '../policy/decision.ts';
import type { Rule } from '../policy/rule.ts';
import type { RuleConfig } from '../policy/rule-config.ts';
import type { Message } from '../wire/message.ts';
import type { TransferFormat } from '../wire/transfer-format.ts';
import type { Manner, SignWith } from './answer.ts';
import type { ReceivedNotify, RefusalReason, SoaTold } from './messages.ts';
import type { Peer } from './peer.ts';
import type { PolicyState } from './policy-state.ts';
import type { RelayRequest } from './relay.ts';
import type { Delay } from './tarpit.ts';
import type { FrontZones, ServedVersion } from './zones.ts';

export interface Refusal {
  readonly why: RefusalReason;
  readonly zone: string;
  readonly type: string;
  readonly identity: string | null;
  readonly rule: string;
  readonly secondaries: readonly string[];
}

/** What a rule in shadow would have done. */
export interface ShadowHit {
  readonly action: RuleConfig['action'];
  readonly zone: string;
  readonly type: string;
  readonly identity: string | null;
  readonly rule: string;
}

/** Who is given something, and what decided: what limits and logs go by. */
export interface TransferFacts {
  readonly zone: string;
  readonly identity: string | null;
  readonly rule: string;
  readonly facts: Facts;
  readonly allowedBy: Rule;
  /** Who it is among the zone's secondaries. */
  readonly secondaries: readonly string[];
  /** Serial that an IXFR asks from. */
  readonly from: number | null;
}

/** A transfer that may begin. */
export interface AcceptedTransfer extends TransferFacts {
  readonly type: 'AXFR' | 'IXFR';
  readonly query: Message;
  readonly manner: Manner;
  readonly version: ServedVersion;
  readonly sign: SignWith | undefined;
  readonly format: TransferFormat;
  /** The client is current: one SOA is the answer. */
  readonly isCurrent: boolean;
}

/** `isLast`: the client was told a keepalive of 0, so the connection ends when this is answered. */
export type Outcome = { readonly isLast?: boolean } & (
  | { readonly kind: 'silence' }
  | { readonly kind: 'close'; readonly refusal?: Refusal }
  | {
      readonly kind: 'answer';
      readonly message: Uint8Array<ArrayBuffer>;
      readonly refusal?: Refusal;
      readonly told?: SoaTold;
    }
  | { readonly kind: 'notify'; readonly message: Uint8Array<ArrayBuffer>; readonly notify: ReceivedNotify }
  | { readonly kind: 'transfer'; readonly transfer: AcceptedTransfer }
  | { readonly kind: 'relay'; readonly request: RelayRequest }
  /** To be asked again with `isDelayed` after `byMs`; `bytes` as they came, so a copy is needed. */
  | ({ readonly kind: 'delay'; readonly refusal: Refusal } & Delay)
);

/** What a request is looked at with. */
export interface RequestContext {
  readonly peer: Peer;
  readonly state: PolicyState;
  readonly zones: FrontZones;
  /** Milliseconds since the epoch. */
  readonly now: Milliseconds;
  readonly onShadow: (hit: ShadowHit) => void;
  /** What is told as edns-tcp-keepalive, in units of 100 ms: 0 asks the client to go. Not over UDP. */
  readonly keepalive?: number | undefined;
  /** It was held as long as its rule says: what its rule has come next is done. */
  readonly isDelayed?: boolean;
}

/** What an answer that takes its time needs of its query: id, flags, question, OPT. */
export const detachQuery = (query: Message): Message => ({ ...query, answers: [], authorities: [], tsig: undefined });

/** What a version's SOA is told with. */
export const soaOf = (version: ServedVersion, now: number): { soaRecord: Bytes; expire: number | undefined } => ({
  soaRecord: version.handle.soaRecord,
  expire: version.expiresIn(now),
});
