/** What is told of one zone that a list of them has no room for. */
import type { VersionReport, ZoneDetail, ZoneReport } from '../admin/api.ts';
import type { Milliseconds } from '../base/clock.ts';
import type { KeptVersion } from '../upstream/history.ts';
import type { Learned } from '../upstream/learned.ts';
import type { Zone } from '../upstream/zone.ts';

export function zoneDetails(
  zone: Readonly<Zone>,
  learned: Learned,
  now: Milliseconds,
): Omit<ZoneDetail, keyof ZoneReport | 'secondaries'> {
  const { history, served, lastChange, held, primary, isPinned } = zone;
  const frames = served?.handle.frames ?? 0;
  return {
    versions: history.versions.toReversed().map((version) => versionReport(version, version === served)),
    'history-bytes': history.octets,
    'last-change':
      lastChange === undefined
        ? null
        : {
            how: lastChange.how,
            'frames-packed': lastChange.packed,
            'frames-shared': Math.max(0, frames - lastChange.packed),
            removed: lastChange.removed ?? null,
            added: lastChange.added ?? null,
          },
    pinned: isPinned ? (served?.handle.serial ?? null) : null,
    held: held === undefined ? null : { ...held, since: new Date(held.since).toISOString() },
    rejected: zone.rejected?.serial ?? null,
    primaries:
      primary.kind === 'server'
        ? learned.of(primary.addresses, now)
        : primary.kind === 'files'
          ? [{ address: primary.folder, cannot: [] }]
          : [],
    'last-ixfr-failure': zone.lastIxfrFailure ?? null,
  };
}

function versionReport({ handle, primarySerial, at, step }: KeptVersion, served: boolean): VersionReport {
  return {
    serial: handle.serial,
    'primary-serial': primarySerial,
    since: new Date(at).toISOString(),
    records: handle.records,
    bytes: handle.octets,
    frames: handle.frames,
    served,
    step:
      step === undefined ? null : { removed: step.removedRecords, added: step.addedRecords, bytes: step.answer.octets },
  };
}
