/** What the admin server is told of the secondaries. */
import type {
  BehindReport,
  NotifyReport,
  SecondaryReport,
  TakenReport,
  ZoneSecondaryReport,
} from '../admin/api-secondaries.ts';
import type { Milliseconds } from '../base/clock.ts';
import type { Config, Secondary } from '../config/config.ts';
import { targetToText } from '../net/dns-client.ts';
import type { NotifyStanding, Standings, TransferStanding } from '../notify/standings.ts';

/** What an answer names of the zones that a secondary is behind with. */
const MOST_BEHIND = 20;

export function zoneSecondaries(standings: Standings, zone: string, names: readonly string[]): ZoneSecondaryReport[] {
  return names.map((secondary) => {
    const { state, serial, behindSince, standing } = standings.view(zone, secondary);
    const { notify, query, transfer } = standing ?? {};
    return {
      secondary,
      state,
      serial: serial ?? null,
      'behind-since': timeText(behindSince),
      'last-notify': notify === undefined ? null : notifyReport(notify),
      'last-query': query === undefined ? null : { at: isoText(query.at), serial: query.serial },
      'last-transfer': transfer === undefined ? null : takenReport(transfer),
    };
  });
}

interface Sums {
  readonly zones: { current: number; behind: number; unknown: number };
  readonly behind: { readonly zone: string; readonly serial: number | undefined; readonly since: Milliseconds }[];
}

export function secondaryReports(
  { secondaries, zones }: Pick<Config, 'secondaries' | 'zones'>,
  standings: Standings,
  pending: ReadonlyMap<string, number>,
): SecondaryReport[] {
  const sums = new Map<string, Sums>();
  for (const name of secondaries.keys()) sums.set(name, { zones: { current: 0, behind: 0, unknown: 0 }, behind: [] });
  for (const zone of zones.values()) {
    for (const name of zone.secondaries) {
      const sum = sums.get(name);
      const { state, serial, behindSince } = standings.view(zone.name, name);
      if (sum === undefined) continue;
      sum.zones[state]++;
      if (state === 'behind') sum.behind.push({ zone: zone.name, serial, since: behindSince ?? 0 });
    }
  }
  return Array.from(secondaries.values(), (secondary) =>
    secondaryReport(secondary, sums.get(secondary.name) as Sums, standings, pending.get(secondary.name) ?? 0),
  );
}

function secondaryReport(secondary: Secondary, sums: Sums, standings: Standings, pending: number): SecondaryReport {
  const { name, address, transport, notify, keys } = secondary;
  const latest = standings.latest(name);
  const behind = sums.behind
    .sort((a, b) => a.since - b.since)
    .slice(0, MOST_BEHIND)
    .map(({ zone, serial, since }): BehindReport => ({ zone, serial: serial ?? null, since: isoText(since) }));
  return {
    secondary: name,
    address: address === undefined ? null : targetToText(address),
    transport,
    notify,
    keys,
    zones: sums.zones,
    'notify-pending': pending,
    'last-notify': latest.notify ? { zone: latest.notify.zone, ...notifyReport(latest.notify.standing) } : null,
    'last-transfer': latest.transfer ? { zone: latest.transfer.zone, ...takenReport(latest.transfer.standing) } : null,
    behind,
  };
}

const notifyReport = ({ serial, tries, sentAt, outcome, answeredAt, rcode, why }: NotifyStanding): NotifyReport => ({
  serial,
  tries,
  'sent-at': isoText(sentAt),
  outcome,
  'answered-at': timeText(answeredAt),
  rcode,
  why,
});

const takenReport = ({ at, from, to, sentAs, transport, outcome }: TransferStanding): TakenReport => ({
  at: isoText(at),
  from,
  to,
  'sent-as': sentAs,
  transport,
  outcome,
});

const isoText = (time: Milliseconds): string => new Date(time).toISOString();
const timeText = (time: Milliseconds | undefined): string | null => (time === undefined ? null : isoText(time));
