/** What control and the store's thread tell each other. */
import type { SlabHandle, SlabIds, SlabReport } from '../zone/slab.ts';
import type { Commit, LoadedZone, WantedZone, ZoneRecord } from './version-store.ts';

export interface StoreSetup {
  readonly folder: string;
  readonly sync: boolean;
  /** Octets that versions may take; undefined for as many as there is room for. */
  readonly mapSize: number | undefined;
}

export type ToStore =
  | {
      readonly kind: 'commit';
      readonly request: number;
      readonly commit: Commit;
      readonly slabs: readonly SlabHandle[];
    }
  /** A record of a zone; undefined removes the zone. */
  | {
      readonly kind: 'record';
      readonly zone: string;
      readonly record: ZoneRecord | undefined;
      readonly isUrgent: boolean;
      /** To be told when it is durable. */
      readonly request: number | undefined;
    }
  | {
      readonly kind: 'load';
      readonly request: number;
      readonly zones: readonly WantedZone[];
      readonly ids: SlabIds;
      readonly spares: readonly SlabHandle[];
    }
  | { readonly kind: 'close' };

export type FromStore =
  | { readonly kind: 'opened'; readonly damage: string | undefined }
  | { readonly kind: 'committed'; readonly requests: readonly number[]; readonly failure: string | undefined }
  | {
      readonly kind: 'loaded';
      readonly request: number;
      readonly zones: readonly LoadedZone[];
      readonly damage: readonly { readonly zone: string; readonly why: string }[];
      readonly slabs: SlabReport;
      readonly isLast: boolean;
    }
  | { readonly kind: 'closed' };
