/** What connections of one front share. */
import type { Clock } from '../base/clock.ts';
import type { OffenceKind } from '../policy/bans.ts';
import type { AddressBytes } from '../policy/prefix.ts';
import type { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import type { FrontEvent, ReceivedNotify } from './messages.ts';
import type { PolicyState } from './policy-state.ts';
import type { RelayHost } from './relays.ts';
import type { Tarpit } from './tarpit.ts';
import type { TransferLimits } from './transfer-limits.ts';
import type { FrontZones } from './zones.ts';

export interface FrontContext extends RelayHost {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly zones: FrontZones;
  /** The present one: a reload replaces it. */
  readonly policy: PolicyState;
  readonly tarpit: Tarpit;
  /** Connections run short, or the service is about to end: clients are asked to go. */
  readonly isUnderPressure: boolean;
  readonly transferLimits: TransferLimits;
  /** Counts against the client's source. */
  offend(source: AddressBytes, kind: OffenceKind): void;
  notify(notify: ReceivedNotify): void;
  report(event: FrontEvent): void;
  gone(connection: Connection): void;
}
