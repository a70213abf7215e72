/**
 * What each secondary has of each of its zones, as far as it has shown: by a transfer it took, by the serial it asks
 * IXFR from, or by asking for the SOA and then for nothing more. Of configured secondaries of configured zones only.
 *
 * `behind` is another serial than the one served, a newer one included: after a rollback a secondary does not follow.
 */
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { Config } from '../config/config.ts';

export interface NotifyStanding {
  readonly serial: number;
  readonly tries: number;
  readonly sentAt: Milliseconds;
  readonly outcome: 'pending' | 'acknowledged' | 'not-implemented' | 'failed';
  readonly answeredAt: Milliseconds | undefined;
  readonly rcode: string | null;
  readonly why: string | null;
}

export interface TransferStanding {
  readonly at: Milliseconds;
  readonly from: number | null;
  readonly to: number;
  readonly sentAs: string;
  readonly transport: string;
  readonly outcome: string;
}

export interface QueryStanding {
  readonly at: Milliseconds;
  /** Serial that it was told. */
  readonly serial: number;
}

export interface Standing {
  notify: NotifyStanding | undefined;
  query: QueryStanding | undefined;
  transfer: TransferStanding | undefined;
  /** When it last asked for a transfer, refused ones included. */
  wantedAt: Milliseconds | undefined;
  /** Serial that it has. */
  has: number | undefined;
  /** Since when it has another serial than the one served. */
  behindSince: Milliseconds | undefined;
}

export interface StandingView {
  readonly state: 'current' | 'behind' | 'unknown';
  readonly serial: number | undefined;
  readonly behindSince: Milliseconds | undefined;
  readonly standing: Readonly<Standing> | undefined;
}

/** What a client did, as the events of the fronts have it. */
export interface ClientDeed {
  readonly zone: string;
  /** Who it is among the zone's secondaries: several where they look alike. */
  readonly secondaries: readonly string[];
}

export interface TransferDeed extends ClientDeed {
  readonly 'sent-as': 'AXFR' | 'IXFR' | 'SOA';
  readonly transport: string;
  readonly from: number | null;
  readonly to: number;
  readonly outcome: string;
}

/** The last of something that a secondary did, over all zones. */
export interface Latest {
  readonly notify: { readonly zone: string; readonly standing: NotifyStanding } | undefined;
  readonly transfer: { readonly zone: string; readonly standing: TransferStanding } | undefined;
}

/** Who is not current asks for a transfer within this time of asking for the SOA. */
const SETTLE_MS = 60_000;

export class Standings {
  readonly #clock: Clock;
  readonly #standings = new Map<string, Standing>();
  readonly #served = new Map<string, { readonly serial: number; readonly since: Milliseconds }>();
  readonly #latest = new Map<string, { notify: Latest['notify']; transfer: Latest['transfer'] }>();
  #zones: Config['zones'] = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  configure(config: Pick<Config, 'secondaries' | 'zones'>): void {
    this.#zones = config.zones;
    const kept = new Set<string>();
    for (const [zone, { secondaries }] of config.zones) for (const name of secondaries) kept.add(keyOf(zone, name));
    for (const key of this.#standings.keys()) if (!kept.has(key)) this.#standings.delete(key);
    for (const name of this.#latest.keys()) if (!config.secondaries.has(name)) this.#latest.delete(name);
  }

  /** A version is served; the same serial again changes nothing. */
  served(zone: string, serial: number): void {
    const now = this.#clock.now();
    if (this.#served.get(zone)?.serial === serial) return;
    for (const name of this.#zones.get(zone)?.secondaries ?? []) {
      const standing = this.#standings.get(keyOf(zone, name));
      if (standing === undefined) continue;
      standing.has ??= this.#inferred(zone, standing);
      this.#judge(standing, serial, now);
    }
    this.#served.set(zone, { serial, since: now });
  }

  /** It is not served for now. */
  withdrawn(zone: string): void {
    this.#served.delete(zone);
  }

  transferred(deed: TransferDeed): void {
    const { zone, from, to, transport, outcome, 'sent-as': sentAs } = deed;
    const at = this.#clock.now();
    for (const name of this.#matches(deed)) {
      const standing = this.#of(zone, name);
      standing.transfer = { at, from, to, sentAs, transport, outcome };
      standing.wantedAt = at;
      this.#latestOf(name).transfer = { zone, standing: standing.transfer };
      const hasTaken = outcome === 'done' && sentAs !== 'SOA';
      const has = hasTaken ? to : (from ?? undefined);
      if (has !== undefined) this.#learn(zone, standing, has);
    }
  }

  /** It was told the SOA. */
  asked(deed: ClientDeed & { readonly serial: number }): void {
    const at = this.#clock.now();
    for (const name of this.#matches(deed)) this.#of(deed.zone, name).query = { at, serial: deed.serial };
  }

  /** It wanted a transfer, and was refused. */
  refused(deed: ClientDeed): void {
    const at = this.#clock.now();
    for (const name of this.#matches(deed)) this.#of(deed.zone, name).wantedAt = at;
  }

  notifyOf(zone: string, name: string): NotifyStanding | undefined {
    return this.#standings.get(keyOf(zone, name))?.notify;
  }

  notifySent(zone: string, name: string, serial: number, tries: number, sentAt: Milliseconds): void {
    const fields = { answeredAt: undefined, rcode: null, why: null };
    this.#setNotify(zone, name, { serial, tries, sentAt, outcome: 'pending', ...fields });
  }

  notifyDone(zone: string, name: string, outcome: 'acknowledged' | 'not-implemented', rcode: string): void {
    const sent = this.notifyOf(zone, name);
    if (sent !== undefined) this.#setNotify(zone, name, { ...sent, outcome, answeredAt: this.#clock.now(), rcode });
  }

  notifyFailed(zone: string, name: string, why: string, rcode: string | null): void {
    const sent = this.notifyOf(zone, name);
    const answeredAt = rcode === null ? undefined : this.#clock.now();
    if (sent !== undefined) this.#setNotify(zone, name, { ...sent, outcome: 'failed', answeredAt, rcode, why });
  }

  view(zone: string, name: string): StandingView {
    const standing = this.#standings.get(keyOf(zone, name));
    const serial = standing && (standing.has ?? this.#inferred(zone, standing));
    const served = this.#served.get(zone);
    const isKnown = standing !== undefined && serial !== undefined && served !== undefined;
    const state = !isKnown ? 'unknown' : serial === served.serial ? 'current' : 'behind';
    return { state, serial, behindSince: state === 'behind' ? standing?.behindSince : undefined, standing };
  }

  latest(name: string): Latest {
    return this.#latest.get(name) ?? { notify: undefined, transfer: undefined };
  }

  /** Of those that the zone has now: a front may not have heard of a reload yet. */
  #matches({ zone, secondaries }: ClientDeed): readonly string[] {
    const names = this.#zones.get(zone)?.secondaries ?? [];
    return secondaries.filter((name) => names.includes(name));
  }

  #of(zone: string, name: string): Standing {
    const key = keyOf(zone, name);
    let standing = this.#standings.get(key);
    if (standing === undefined) {
      standing = {
        notify: undefined,
        query: undefined,
        transfer: undefined,
        wantedAt: undefined,
        has: undefined,
        behindSince: undefined,
      };
      this.#standings.set(key, standing);
    }
    return standing;
  }

  #latestOf(name: string): { notify: Latest['notify']; transfer: Latest['transfer'] } {
    const latest = this.#latest.get(name) ?? { notify: undefined, transfer: undefined };
    this.#latest.set(name, latest);
    return latest;
  }

  #setNotify(zone: string, name: string, notify: NotifyStanding): void {
    this.#of(zone, name).notify = notify;
    this.#latestOf(name).notify = { zone, standing: notify };
  }

  /**
   * One that asks for the SOA, and then for nothing, has what it was told. Not where another serial of it is known: it
   * may be unable to come for the zone.
   */
  #inferred(zone: string, { query, wantedAt }: Standing): number | undefined {
    if (query === undefined || query.serial !== this.#served.get(zone)?.serial) return undefined;
    const hasSettled = this.#clock.now() - query.at >= SETTLE_MS;
    return hasSettled && (wantedAt === undefined || wantedAt < query.at) ? query.serial : undefined;
  }

  #learn(zone: string, standing: Standing, has: number): void {
    standing.has = has;
    const served = this.#served.get(zone);
    if (served !== undefined) this.#judge(standing, served.serial, served.since);
  }

  #judge(standing: Standing, served: number, since: Milliseconds): void {
    if (standing.has === undefined || standing.has === served) standing.behindSince = undefined;
    else standing.behindSince ??= since;
  }
}

/** A zone's label has no space of its own: it would be escaped. */
const keyOf = (zone: string, name: string): string => `${zone} ${name}`;
