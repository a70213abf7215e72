/**
 * When a zone is looked after, as a pure function (RFC 1034 §4.3.5, RFC 1996):
 *
 *     waiting --due, notify--> refreshing --current, taken--> waiting (refresh later)
 *        ^                        |  notify: again when done
 *        |                        '--failed--> waiting (retry later)
 *        '--- expiry: the version is served no more, the search goes on ---'
 *
 * Only contact with the primary moves the expiry; a version that was refused counts as contact, not as an update: it
 * does not bring back what has expired.
 */
import type { Milliseconds } from '../base/clock.ts';
import type { TimerBounds } from '../config/config.ts';
import type { SoaTimers } from '../wire/soa.ts';

export interface SyncState {
  readonly phase: 'waiting' | 'refreshing';
  /** Of the last version taken; undefined before the first. */
  readonly timers: SoaTimers | undefined;
  readonly isExpired: boolean;
  readonly lastContact: Milliseconds | undefined;
  readonly expiresAt: Milliseconds | undefined;
  readonly nextCheck: Milliseconds;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastError: string | undefined;
  /** A NOTIFY that came while refreshing: one more look when done (RFC 1996 §4.4). */
  readonly pending: NotifySender | undefined;
}

/** Whom to ask first (RFC 1996 §3.11). */
export interface NotifySender {
  readonly source: string;
}

/** Somebody here wants a look: no address goes first, nor is it held to what a NOTIFY may bring. */
export const NOBODY: NotifySender = { source: '' };

export type SyncEvent =
  | { readonly kind: 'due' }
  | { readonly kind: 'notify'; readonly sender: NotifySender }
  /** The primary has what we have. */
  | { readonly kind: 'current'; readonly expireS?: number }
  /** A new version is served. `expireS`: what the primary says it has left of its own copy (RFC 7314). */
  | { readonly kind: 'taken'; readonly timers: SoaTimers; readonly expireS?: number }
  /** What was held is served now: its timers count from the last contact. */
  | { readonly kind: 'released'; readonly timers: SoaTimers }
  /** The primary answered, but what it has was refused: contact, no update. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

export type SyncEffect = { readonly kind: 'refresh'; readonly first: string | undefined } | { readonly kind: 'expire' };

export interface SyncSettings {
  readonly bounds: TimerBounds;
  /** Share of the refresh interval that is taken off at random. */
  readonly jitter: number;
  /** 0 to 1, drawn anew for each step. */
  readonly random: number;
}

/** Without a SOA there is no retry value: so often is a zone asked for that never came. */
const FIRST_RETRY_MS = 5_000;
const LONGEST_FIRST_RETRY_MS = 5 * 60_000;

export const initialSync = (now: Milliseconds): SyncState => ({
  phase: 'waiting',
  timers: undefined,
  isExpired: false,
  lastContact: undefined,
  expiresAt: undefined,
  nextCheck: now,
  failures: 0,
  lastError: undefined,
  pending: undefined,
});

/** As it was when the process ended: the clock of the last contact goes on. */
export const restoredSync = (
  now: Milliseconds,
  timers: SoaTimers,
  { lastContact, expiresAt }: Pick<SyncState, 'lastContact' | 'expiresAt'>,
): SyncState => ({
  ...initialSync(now),
  timers,
  lastContact,
  expiresAt,
  isExpired: expiresAt !== undefined && expiresAt <= now,
});

export function stepSync(
  state: SyncState,
  event: SyncEvent,
  now: Milliseconds,
  settings: SyncSettings,
): [SyncState, readonly SyncEffect[]] {
  switch (event.kind) {
    case 'due':
      return due(state, now);
    case 'notify':
      return state.phase === 'refreshing'
        ? [{ ...state, pending: event.sender }, []]
        : [{ ...state, phase: 'refreshing' }, [{ kind: 'refresh', first: event.sender.source }]];
    case 'current':
      return settle(stillCurrent(state, event.expireS, now, settings), now);
    case 'taken':
      return settle(contact(state, event.timers, now, settings, event.expireS), now);
    case 'released':
      return released(state, event.timers, now, settings);
    case 'refused':
      // The expiry moves on; when to look again goes by the retry, as the zone is not what it should be.
      return settle(failed(heard(state, now, settings), event.why, now, settings), now);
    case 'failed':
      return settle(failed(state, event.why, now, settings), now);
  }
}

/** When `due` is to be fed next. */
export function wakeAt(state: SyncState): Milliseconds {
  const expiry = state.isExpired ? undefined : state.expiresAt;
  if (state.phase === 'refreshing') return expiry ?? Number.POSITIVE_INFINITY;
  return Math.min(state.nextCheck, expiry ?? Number.POSITIVE_INFINITY);
}

function due(state: SyncState, now: Milliseconds): [SyncState, readonly SyncEffect[]] {
  const effects: SyncEffect[] = [];
  let next = state;
  if (!next.isExpired && next.expiresAt !== undefined && now >= next.expiresAt) {
    next = { ...next, isExpired: true };
    effects.push({ kind: 'expire' });
  }
  if (next.phase === 'waiting' && now >= next.nextCheck) {
    next = { ...next, phase: 'refreshing' };
    effects.push({ kind: 'refresh', first: undefined });
  }
  return [next, effects];
}

/** No contact: an expired zone stays so, and a look that is under way goes on. */
function released(
  state: SyncState,
  timers: SoaTimers,
  now: Milliseconds,
  settings: SyncSettings,
): [SyncState, readonly SyncEffect[]] {
  const { phase, lastContact = now, isExpired, expiresAt } = state;
  const next = contact(state, timers, lastContact, settings);
  return [{ ...next, phase, lastContact, isExpired, expiresAt: isExpired ? expiresAt : next.expiresAt }, []];
}

/** RFC 7314 §4: the primary's own time left may lengthen ours, and never shorten it. */
function stillCurrent(
  state: SyncState,
  expireS: number | undefined,
  now: Milliseconds,
  settings: SyncSettings,
): SyncState {
  const next = contact(state, state.timers, now, settings, expireS);
  if (expireS === undefined || state.isExpired || state.expiresAt === undefined || next.expiresAt === undefined)
    return next;
  return { ...next, expiresAt: Math.max(state.expiresAt, next.expiresAt) };
}

/** Contact, and nothing that can be served: it keeps a zone alive, and does not bring an expired one back. */
const heard = (state: SyncState, now: Milliseconds, settings: SyncSettings): SyncState =>
  state.isExpired ? { ...state, lastContact: now } : contact(state, state.timers, now, settings);

function contact(
  state: SyncState,
  timers: SoaTimers | undefined,
  now: Milliseconds,
  settings: SyncSettings,
  expireS?: number,
): SyncState {
  const { bounds } = settings;
  if (timers === undefined) return { ...failed(state, '', now, settings), lastError: undefined, lastContact: now };
  const refresh = clamp(timers.refresh * 1000, bounds.refreshMinMs, bounds.refreshMaxMs);
  const expire = clamp(timers.expire * 1000, bounds.expireMinMs, bounds.expireMaxMs);
  return {
    ...state,
    phase: 'waiting',
    timers,
    isExpired: false,
    lastContact: now,
    // An expiry before the next look would take the zone away from a primary that is well; one that has its zone
    // from elsewhere may have less left.
    expiresAt: now + Math.min(Math.max(expire, refresh), (expireS ?? Number.POSITIVE_INFINITY) * 1000),
    nextCheck: now + Math.max(bounds.refreshMinMs, refresh * (1 - settings.jitter * settings.random)),
    failures: 0,
    lastError: undefined,
  };
}

function failed(state: SyncState, why: string, now: Milliseconds, settings: SyncSettings): SyncState {
  const failures = state.failures + 1;
  const { bounds } = settings;
  const early = 1 - settings.jitter * settings.random;
  const delay =
    state.timers === undefined
      ? Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10), LONGEST_FIRST_RETRY_MS) * early
      : Math.max(bounds.retryMinMs, clamp(state.timers.retry * 1000, bounds.retryMinMs, bounds.retryMaxMs) * early);
  return {
    ...state,
    phase: 'waiting',
    failures,
    lastError: why,
    nextCheck: now + delay,
  };
}

/** A NOTIFY that waited is looked after at once. */
function settle(state: SyncState, now: Milliseconds): [SyncState, readonly SyncEffect[]] {
  const [next, effects] = due({ ...state, phase: 'waiting', pending: undefined }, now);
  if (state.pending === undefined || next.phase === 'refreshing') return [next, effects];
  return [{ ...next, phase: 'refreshing' }, [...effects, { kind: 'refresh', first: state.pending.source }]];
}

const clamp = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);
