/**
 * A NOTIFY over UDP may be anybody's: so many looks at once, and so many a second from then on, however many come. What
 * is beyond is folded into one look, a moment later.
 */
import type { Clock } from '../base/clock.ts';
import type { Zone } from './zone.ts';

/** What the primary is asked in all is held by its `queries-per-second`; this keeps one zone from taking all of that. */
const INTERVAL_MS = 5;
/** Looks on NOTIFY in a row: edits come in bursts. */
const BURST = 200;

export function withinBudget(zone: Zone, clock: Clock, isLive: (zone: Zone) => boolean, look: () => void): void {
  const now = clock.now();
  const fullAt = Math.max(zone.notifyBudgetFullAt, now) + INTERVAL_MS;
  if (fullAt <= now + BURST * INTERVAL_MS) {
    zone.notifyBudgetFullAt = fullAt;
    look();
  } else if (!zone.hasDeferredNotify) {
    zone.hasDeferredNotify = true;
    setTimeout(() => {
      zone.hasDeferredNotify = false;
      if (isLive(zone)) withinBudget(zone, clock, isLive, look);
    }, INTERVAL_MS).unref();
  }
}
