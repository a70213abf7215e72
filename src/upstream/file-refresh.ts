/** One look at a zone's file: nothing new, a version's makings, or why not. */
import type { Clock } from '../base/clock.ts';
import type { FilePrimary } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { Incoming } from './taking.ts';
import { sourceOf, type Zone } from './zone.ts';
import { findZoneFile, markOf } from './zone-folder.ts';

export type FileRefreshResult =
  | { readonly kind: 'current' }
  | { readonly kind: 'received'; readonly incoming: Incoming & { kind: 'whole' }; readonly mark: string }
  | { readonly kind: 'failed'; readonly why: string }
  /** `isNews`: it was not said before. */
  | { readonly kind: 'refused'; readonly why: string; readonly isNews: boolean };

/** `isForced`: read it whether it changed or not. */
export async function refreshFromFile(
  { pool, clock }: { readonly pool: Pool; readonly clock: Clock },
  zone: Zone,
  primary: FilePrimary,
  isForced: boolean,
): Promise<FileRefreshResult> {
  const startedAt = clock.now();
  const file = await findZoneFile(primary, zone.name);
  if (file === undefined) {
    return { kind: 'failed', why: `${primary.folder} has no file ${zone.name} or ${zone.name}.zone` };
  }
  if (zone.files[0] === file && !isForced) {
    const mark = await markOf(zone.files);
    if (mark === zone.refusedFile?.mark) return { kind: 'refused', why: zone.refusedFile.why, isNews: false };
    if (mark === zone.fileMark) return { kind: 'current' };
  }
  zone.refusedFile = undefined;
  // Before it is read: what changes meanwhile is seen next time.
  const early = await markOf([file]);
  const { apex, frameSize, outOfZone } = zone.config;
  const { result, files } = await pool.zoneFile({
    file,
    includeBelow: primary.includeBelow,
    apex: new Uint8Array(apex),
    frameSize,
    outOfZone,
    base: sourceOf(zone)?.version.handle,
  });
  zone.files = files;
  const mark = [early, await markOf(files.slice(1))].filter((part) => part !== '').join(' ');
  if (!result.ok) {
    zone.refusedFile = { mark, why: result.failure.text };
    return { kind: 'refused', why: result.failure.text, isNews: true };
  }
  const { batch, usage } = result.value;
  const soa = batch.firstSoa;
  if (soa === undefined) throw new Error('a whole zone file has a SOA');
  const incoming = { kind: 'whole', batches: [batch], usage, soa, how: 'file', from: file, startedAt } as const;
  return { kind: 'received', incoming, mark };
}
