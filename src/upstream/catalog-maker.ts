/** Catalog zones that zonegate makes (RFC 9432): a new version whenever the zones that name them are others. */
import type { Clock } from '../base/clock.ts';
import { type ListedZone, uniqueLabel } from '../catalog/render.ts';
import type { Pool } from '../pool/pool.ts';
import type { MemberColumns } from '../pool/read-tasks.ts';
import { isNewer } from '../zone/serial.ts';
import type { Incoming } from './taking.ts';
import { sourceOf, type Zone } from './zone.ts';

/** What a catalog is to list, or why that is not known yet. */
export type Listing =
  | { readonly ok: true; readonly zones: readonly ListedZone[] }
  | { readonly ok: false; readonly why: string };

export type Generated =
  | { readonly kind: 'current' }
  | { readonly kind: 'made'; readonly incoming: Incoming & { kind: 'whole' } }
  | { readonly kind: 'failed'; readonly why: string };

/** `isForced`: under a new serial whether it changed or not. */
export async function generateCatalog(
  { pool, clock }: { readonly pool: Pool; readonly clock: Clock },
  zone: Zone,
  listing: Listing,
  isForced: boolean,
): Promise<Generated> {
  // A list that is not whole would have consumers remove zones.
  if (!listing.ok) return { kind: 'failed', why: listing.why };
  const startedAt = clock.now();
  const base = sourceOf(zone)?.version.handle;
  const apex = new Uint8Array(zone.config.apex);
  if (base !== undefined && !isForced) {
    const before = await pool.catalog({ version: base, apex, maxMembers: Number.MAX_SAFE_INTEGER });
    if (before.ok && isSame(before.columns, listing.zones)) return { kind: 'current' };
  }
  const serial = nextSerial(base?.serial, startedAt);
  const { frameSize } = zone.config;
  const result = await pool.generate({ apex, serial, zones: listing.zones, frameSize, base });
  if (!result.ok) return { kind: 'failed', why: result.failure.text };
  const { batch, usage } = result.value;
  const soa = batch.firstSoa;
  if (soa === undefined) throw new Error('a catalog of ours has a SOA');
  const incoming = {
    kind: 'whole',
    batches: [batch],
    usage,
    soa,
    how: 'generated',
    from: 'zonegate',
    startedAt,
  } as const;
  return { kind: 'made', incoming };
}

/** Unix time, and never back. */
function nextSerial(ours: number | undefined, now: number): number {
  const time = Math.floor(now / 1000) >>> 0;
  return ours === undefined || isNewer(time, ours) ? time : (ours + 1) >>> 0;
}

function isSame({ zones, labels, groups }: MemberColumns, wanted: readonly ListedZone[]): boolean {
  if (zones.length !== wanted.length) return false;
  const listed = new Map(zones.map((zone, i) => [zone, i]));
  return wanted.every(({ zone, group }) => {
    const at = listed.get(zone);
    if (at === undefined || labels[at] !== uniqueLabel(zone)) return false;
    const [one, ...more] = groups.get(at) ?? [];
    return one === group && more.length === 0;
  });
}
