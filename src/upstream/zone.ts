/** What control knows of one zone. */
import type { Milliseconds } from '../base/clock.ts';
import type { Primary, ZoneConfig } from '../config/config.ts';
import type { RejectedVersion } from '../store/version-store.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { History, KeptVersion, LiveVersion } from './history.ts';
import { initialSync, type SyncState } from './machine.ts';

export interface Zone {
  readonly name: string;
  config: ZoneConfig;
  primary: Primary;
  key: TsigKey | undefined;
  sync: SyncState;
  readonly history: History;
  /** What the fronts have: the newest of the history, or the one that is pinned. */
  served: KeptVersion | undefined;
  servedSince: Milliseconds | undefined;
  isPinned: boolean;
  /** What the primary has, where that is not what we tell: it is held by a guard, or an old content was put back. */
  shadow: Shadow | undefined;
  held: HeldVersion | undefined;
  /** What an operator rejected: it stays the shadow, and is not judged again. */
  rejected: RejectedVersion | undefined;
  /** The primary's content is unknown here, after a restart: IXFR has nothing to go on from. */
  isDiverged: boolean;
  /** Files that the zone was last read from, includes too, and their mark when it was served. */
  files: readonly string[];
  fileMark: string | undefined;
  /** A zone file that was refused, and why: told once, not at each look. */
  refusedFile: { readonly mark: string; readonly why: string } | undefined;
  /** A serial that was refused, and why: a NOTIFY does not bring it over again (RFC 5936 §6), the timers do. */
  refusedSerial: { readonly serial: number; readonly why: string } | undefined;
  /** When the zone's budget of looks on NOTIFY is whole again. */
  notifyBudgetFullAt: Milliseconds;
  hasDeferredNotify: boolean;
  /** An operator wants it whole, whatever the serial. */
  isRetransferWanted: boolean;
  /** Times in a row that differences did not fit; until when they are not asked for. */
  ixfrFailures: number;
  ixfrPausedUntil: Milliseconds;
  /** Why differences did not do, the last time. */
  lastIxfrFailure: string | undefined;
  /** One thing at a time is done to a zone: the end of the last. */
  turn: Promise<unknown>;
  /** The store is being asked for it. */
  isRestoring: boolean;
  /** The last change: frames packed anew, records removed and added, how it came. */
  lastChange: ZoneChange | undefined;
}

export interface Shadow extends LiveVersion {
  readonly primarySerial: number;
}

export interface HeldVersion {
  /** The primary's. */
  readonly serial: number;
  readonly reasons: readonly string[];
  readonly since: Milliseconds;
}

export interface ZoneChange {
  readonly how: string;
  readonly packed: number;
  readonly removed: number | undefined;
  readonly added: number | undefined;
}

export const newZone = (
  parts: Pick<Zone, 'name' | 'config' | 'primary' | 'key' | 'history'>,
  now: Milliseconds,
): Zone => ({
  ...parts,
  sync: initialSync(now),
  served: undefined,
  servedSince: undefined,
  isPinned: false,
  shadow: undefined,
  held: undefined,
  rejected: undefined,
  isDiverged: false,
  files: [],
  fileMark: undefined,
  refusedFile: undefined,
  refusedSerial: undefined,
  notifyBudgetFullAt: 0,
  hasDeferredNotify: false,
  isRetransferWanted: false,
  lastIxfrFailure: undefined,
  ixfrFailures: 0,
  ixfrPausedUntil: 0,
  turn: Promise.resolve(),
  isRestoring: true,
  lastChange: undefined,
});

/** What the primary's next change is to be applied to, and its serial there. */
export function sourceOf(zone: Zone): { readonly version: LiveVersion; readonly serial: number } | undefined {
  if (zone.shadow !== undefined) return { version: zone.shadow, serial: zone.shadow.primarySerial };
  const { newest } = zone.history;
  return newest && { version: newest, serial: newest.primarySerial };
}
