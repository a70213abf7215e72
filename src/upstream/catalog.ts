/** One catalog zone that is interpreted: what is known of it, how it is read, and what becomes of what it lists. */
import type { CatalogMember } from '../catalog/read.ts';
import { admits } from '../config/catalogs.ts';
import type { InterpretedCatalog } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { MemberColumns } from '../pool/read-tasks.ts';
import type { Leases } from './leases.ts';
import type { Zone } from './zone.ts';

export interface Catalog {
  readonly name: string;
  settings: InterpretedCatalog;
  /** By those. */
  admits: (zone: string) => boolean;
  /** What the last version lists that was not broken. */
  listed: ReadonlyMap<string, CatalogMember> | undefined;
  /** Id of the last version that was read, broken or not. */
  readId: number | undefined;
  /** Why that one is; empty where it is not. */
  broken: readonly string[];
  /** Zones that it brought. */
  readonly members: Map<string, Member>;
  /** Zones that it lists and did not bring, and why. */
  readonly ignored: Map<string, string>;
  /** Its turn will come. */
  isAwaited: boolean;
}

export interface Member {
  readonly label: string;
  readonly groups: readonly string[];
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export const newCatalog = (name: string, settings: InterpretedCatalog): Catalog => ({
  name,
  settings,
  admits: admits(settings),
  listed: undefined,
  readId: undefined,
  broken: [],
  members: new Map(),
  ignored: new Map(),
  isAwaited: false,
});

export type Ruling =
  /** It is a zone of this catalog. */
  | { readonly kind: 'keep' | 'add' }
  /** It is to begin anew, without what is kept of it. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'ignore'; readonly why: string };

/** What becomes of a zone that a catalog lists (RFC 9432 §4.3.1, §5.2 to §5.4). */
export function rule(
  catalog: Catalog,
  { zone, label }: CatalogMember,
  owner: Catalog | undefined,
  isConfigured: boolean,
): Ruling {
  if (isConfigured) return { kind: 'ignore', why: 'it is configured as a zone of its own' };
  if (!catalog.admits(zone)) return { kind: 'ignore', why: 'catalog-members does not let it in' };
  if (owner === undefined) return { kind: 'add' };
  // Both must agree: the one that has it names us.
  if (owner !== catalog && owner.listed?.get(zone)?.coo !== catalog.name) {
    return { kind: 'ignore', why: `it is a member of ${owner.name}` };
  }
  if (owner.members.get(zone)?.label !== label) return { kind: 'reset' };
  return { kind: owner === catalog ? 'keep' : 'add' };
}

/** What a catalog lists as far as it is not broken; tells the reasons why it is, none where it is not. */
export type CatalogReader = (
  zone: Zone,
  catalog: Catalog,
  told: (why: readonly string[]) => void,
) => Promise<MemberColumns | undefined>;

/** At the start the last good one of the kept versions says what members there were. */
export const catalogReader =
  (pool: Pool, leases: Leases): CatalogReader =>
  async (zone, { settings, listed }, told) => {
    const { served, history } = zone;
    if (served === undefined) return undefined;
    const older = history.versions.filter(({ handle }) => handle.id < served.handle.id).reverse();
    const versions = [served, ...(listed === undefined ? older : [])];
    const releases = versions.map(({ slot }) => leases.hold(slot));
    const { apex } = zone.config;
    try {
      for (const version of versions) {
        const { maxMembers } = settings;
        const reading = await pool.catalog({ version: version.handle, apex: new Uint8Array(apex), maxMembers });
        if (version === served) told(reading.ok ? [] : reading.why);
        if (reading.ok) return reading.columns;
      }
      return undefined;
    } finally {
      for (const release of releases) release();
    }
  };

export interface CatalogView {
  readonly members: ReadonlyMap<string, Member>;
  readonly ignored: ReadonlyMap<string, string>;
  readonly broken: readonly string[];
}

export const viewOf = ({ members, ignored, broken }: Catalog): CatalogView => ({ members, ignored, broken });
