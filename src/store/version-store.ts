/** What keeps versions over a restart, as the rest of the program sees it. A version that is not stored is not served. */
import type { Milliseconds } from '../base/clock.ts';
import type { MadeStep } from '../xfr/update.ts';
import type { MadeVersion } from '../xfr/version-maker.ts';
import type { VersionHandle } from '../zone/version.ts';

export interface Commit {
  /** By `zoneLabel`. */
  readonly zone: string;
  readonly handle: VersionHandle;
  readonly primarySerial: number;
  readonly at: Milliseconds;
  /** From the version stored before it. */
  readonly step: MadeStep | undefined;
  /** Ids of the versions to keep beside it, with the steps between them. */
  readonly keep: readonly number[];
}

/** What is known of a zone besides its versions. */
export interface ZoneRecord {
  /** When the primary was last heard, so that a restart does not begin the expiry anew. */
  readonly lastContact: Milliseconds | undefined;
  readonly expiresAt: Milliseconds | undefined;
  /** Id of a version that stays, and is served. */
  readonly pinned: number | undefined;
  /** What the primary has is not what the newest version holds. */
  readonly isDiverged: boolean;
  /** What an operator rejected; absent in stores of before. */
  readonly rejected?: RejectedVersion | undefined;
}

export interface RejectedVersion {
  /** The primary's. */
  readonly serial: number;
  /** Of the content as it was packed. */
  readonly hash: string;
}

export interface LoadedVersion {
  /** Made from the one before it in the list. */
  readonly made: MadeVersion;
  readonly primarySerial: number;
  readonly at: Milliseconds;
  readonly step: MadeStep | undefined;
}

export interface LoadedZone {
  readonly zone: string;
  /** Oldest first. Their memory is retained: it is the caller's. */
  readonly versions: readonly LoadedVersion[];
  readonly record: ZoneRecord | undefined;
}

/** A zone to look for. */
export interface WantedZone {
  readonly zone: string;
  /** Wire form, lower case. */
  readonly apex: Uint8Array;
  readonly frameSize: number;
}

export interface VersionStore {
  /** Gives what is stored of zones, in any order; what is damaged is left out, and told by the store's own way. */
  load(zones: readonly WantedZone[], onZone: (zone: LoadedZone) => void): Promise<void>;
  /** Resolves when the version is durable: with undefined, or with a sentence why it is not. */
  commit(commit: Commit): Promise<string | undefined>;
  /** Soon, and at the latest when closed. */
  note(zone: string, record: ZoneRecord): void;
  /** Resolves when it is durable: with undefined, or with a sentence why it is not. */
  noteNow(zone: string, record: ZoneRecord): Promise<string | undefined>;
  /** The zone is no longer ours. */
  remove(zone: string): void;
  close(): Promise<void>;
}

/** `store: memory`. */
export const noStore: VersionStore = {
  load: async () => undefined,
  commit: async () => undefined,
  note: () => undefined,
  noteNow: async () => undefined,
  remove: () => undefined,
  close: async () => undefined,
};
