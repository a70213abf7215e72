/** What keeps versions over a restart, as the zones' side sees it. A version that is not stored is not served. */
import type { Milliseconds } from '../base/clock.ts';
import type { MadeStep } from '../xfr/update.ts';
import type { VersionHandle } from '../zone/version.ts';

export interface StoredVersion {
  readonly handle: VersionHandle;
  readonly primarySerial: number;
  readonly at: Milliseconds;
  /** From the version stored before it. */
  readonly step: MadeStep | undefined;
}

export interface Commit {
  readonly zone: string;
  readonly version: StoredVersion;
  /** Ids of the versions to keep beside it, with the steps between them. */
  readonly keep: readonly number[];
}

export interface VersionStore {
  /** Resolves when the version is durable: with undefined, or with a sentence why it is not. */
  commit(commit: Commit): Promise<string | undefined>;
  /** The zone is no longer ours. */
  remove(zone: string): void;
  /** When the primary was last heard, so that a restart does not begin the expiry anew. */
  touch(zone: string, lastContact: Milliseconds): void;
  close(): Promise<void>;
}

/** `store: memory`. */
export const noStore: VersionStore = {
  commit: async () => undefined,
  remove: () => undefined,
  touch: () => undefined,
  close: async () => undefined,
};
