/**
 * Who is banned, and why: a score per source that decays, a ban of growing length at the threshold, of a whole prefix
 * when it is full of offenders. What holds an exempt source is never banned. Pure: time and offences come in.
 */
import type { Milliseconds } from '../base/clock.ts';
import {
  type AddressBytes,
  addressToText,
  isInPrefix,
  isMapped,
  maskAddress,
  type Prefix,
  parsePrefix,
} from './prefix.ts';
import { buildPrefixTable, type PrefixTable } from './prefix-table.ts';

export const OFFENCES = ['refused', 'malformed', 'handshake', 'limit'] as const;
export type OffenceKind = (typeof OFFENCES)[number];

export interface BanConfig {
  readonly enabled: boolean;
  readonly threshold: number;
  readonly halfLifeMs: Milliseconds;
  readonly firstMs: Milliseconds;
  readonly longestMs: Milliseconds;
  /** CIDR text. */
  readonly exempt: readonly string[];
  readonly weights: Readonly<Record<OffenceKind, number>>;
  /** So many offenders banned in one prefix of these lengths: all of it is. */
  readonly prefix: { readonly ipv4: number; readonly ipv6: number; readonly offenders: number };
}

export interface Ban {
  /** CIDR text. */
  readonly network: string;
  /** What weighed most, `prefix` for one full of offenders, `operator`. */
  readonly why: OffenceKind | 'prefix' | 'operator';
  readonly since: Milliseconds;
  readonly until: Milliseconds;
}

interface Score {
  points: number;
  at: Milliseconds;
  readonly byKind: Map<OffenceKind, number>;
}

/** How often a network was banned: each next ban is twice as long. */
interface Past {
  times: number;
  until: Milliseconds;
  lengthMs: Milliseconds;
}

/** Sources whose scores are remembered, and bans: what a flood of sources can fill. */
const MOST_SCORES = 50_000;
const MOST_BANS = 10_000;

export class BanBook {
  #config: BanConfig;
  #exempt: readonly Prefix[] = [];
  readonly #scores = new Map<string, Score>();
  readonly #pasts = new Map<string, Past>();
  readonly #bans = new Map<string, { readonly ban: Ban; readonly prefix: Prefix }>();
  /** By prefix, the networks in it that were banned, and until when that counts. */
  readonly #offenders = new Map<string, Map<string, Milliseconds>>();

  /** `exempt`: CIDR text, besides what the configuration says. */
  constructor(config: BanConfig, exempt: readonly string[]) {
    this.#config = config;
    this.configure(config, exempt);
  }

  /** Gives the bans that are lifted, as they hold somebody who is exempt now. */
  configure(config: BanConfig, exempt: readonly string[]): readonly Ban[] {
    this.#config = config;
    this.#exempt = [...config.exempt, ...exempt].flatMap((text) => toPrefix(text));
    const lifted = Array.from(this.#bans.values()).filter(({ prefix }) => this.#isExempt(prefix));
    for (const { ban } of lifted) this.#bans.delete(ban.network);
    return lifted.map(({ ban }) => ban);
  }

  /** Running bans, the newest last. */
  get bans(): readonly Ban[] {
    return Array.from(this.#bans.values(), ({ ban }) => ban);
  }

  /** For who turns connections away. */
  table(): PrefixTable {
    return buildPrefixTable(this.#config.enabled ? Array.from(this.#bans.values(), ({ prefix }) => prefix) : []);
  }

  /** Gives the bans that come of it. */
  offend(source: AddressBytes, kind: OffenceKind, count: number, now: Milliseconds): readonly Ban[] {
    const { enabled, threshold, weights, halfLifeMs } = this.#config;
    const unit = unitOf(source);
    if (!enabled || this.#isExempt(unit) || this.#isBanned(source)) return [];
    const id = textOf(unit);
    const score = this.#scores.get(id) ?? { points: 0, at: now, byKind: new Map() };
    const share = 2 ** -(Math.max(0, now - score.at) / halfLifeMs);
    for (const [other, points] of score.byKind) score.byKind.set(other, points * share);
    const points = weights[kind] * count;
    score.points = score.points * share + points;
    score.byKind.set(kind, (score.byKind.get(kind) ?? 0) + points);
    score.at = now;
    // Behind all others: those that have been still for the longest are forgotten first.
    this.#scores.delete(id);
    if (score.points < threshold) {
      this.#scores.set(id, score);
      forgetOldest(this.#scores, MOST_SCORES);
      return [];
    }
    const why = [...score.byKind].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
    const ban = this.#grow(unit, why, now);
    if (ban === undefined) return [];
    const wide = this.#noteOffender(source, ban, now);
    return wide === undefined ? [ban] : [ban, wide];
  }

  /** Undefined where somebody who is exempt is in it. */
  ban(network: string, forMs: Milliseconds, now: Milliseconds): Ban | undefined {
    const [prefix] = toPrefix(network);
    if (prefix === undefined || this.#isExempt(prefix)) return undefined;
    return this.#add(prefix, 'operator', forMs, now);
  }

  /** Lifts the bans of a network and of what is in it; their past and their scores are forgotten. */
  unban(network: string): readonly Ban[] {
    const [wanted] = toPrefix(network);
    if (wanted === undefined) return [];
    const lifted = Array.from(this.#bans.values()).filter(({ prefix }) => isWithin(prefix, wanted));
    for (const { ban, prefix } of lifted) {
      this.#bans.delete(ban.network);
      this.#pasts.delete(ban.network);
      this.#offenders.delete(ban.network);
      this.#offenders.get(textOf(this.#wide(prefix.address)))?.delete(ban.network);
    }
    for (const id of this.#scores.keys())
      if (toPrefix(id).some((one) => isWithin(one, wanted))) this.#scores.delete(id);
    return lifted.map(({ ban }) => ban);
  }

  /** Gives the bans that are over. */
  expire(now: Milliseconds): readonly Ban[] {
    const over = this.bans.filter(({ until }) => until <= now);
    for (const { network } of over) this.#bans.delete(network);
    for (const [wide, networks] of this.#offenders) {
      for (const [network, until] of networks) if (until <= now) networks.delete(network);
      if (networks.size === 0) this.#offenders.delete(wide);
    }
    return over;
  }

  /** Takes bans of before a restart. */
  restore(bans: readonly Ban[], now: Milliseconds): void {
    for (const ban of bans) {
      const [prefix] = toPrefix(ban.network);
      if (prefix === undefined || ban.until <= now || this.#isExempt(prefix) || this.#bans.size >= MOST_BANS) continue;
      this.#bans.set(ban.network, { ban, prefix });
      if (ban.why === 'operator') continue;
      this.#pasts.set(ban.network, { times: 1, until: ban.until, lengthMs: ban.until - ban.since });
    }
  }

  /** Each ban is twice as long as the one before; a quiet time as long as the last one takes one of them back. */
  #grow(prefix: Prefix, why: Ban['why'], now: Milliseconds): Ban | undefined {
    const { firstMs, longestMs, halfLifeMs } = this.#config;
    const network = textOf(prefix);
    const past = this.#pasts.get(network);
    const quiet = past === undefined ? 0 : Math.floor((now - past.until) / Math.max(past.lengthMs, halfLifeMs));
    const times = Math.max(0, (past?.times ?? 0) - Math.max(0, quiet));
    const lengthMs = Math.min(longestMs, firstMs * 2 ** Math.min(times, 40));
    const ban = this.#add(prefix, why, lengthMs, now);
    if (ban === undefined) return undefined;
    this.#pasts.delete(network);
    this.#pasts.set(network, { times: times + 1, until: ban.until, lengthMs });
    forgetOldest(this.#pasts, MOST_SCORES);
    return ban;
  }

  #add(prefix: Prefix, why: Ban['why'], forMs: Milliseconds, now: Milliseconds): Ban | undefined {
    const network = textOf(prefix);
    if (this.#bans.size >= MOST_BANS && !this.#bans.has(network)) return undefined;
    const ban = { network, why, since: now, until: now + forMs };
    this.#bans.set(network, { ban, prefix });
    return ban;
  }

  #noteOffender(source: AddressBytes, ban: Ban, now: Milliseconds): Ban | undefined {
    const wide = this.#wide(source);
    const id = textOf(wide);
    if (id === ban.network) return undefined;
    const networks = this.#offenders.get(id) ?? new Map<string, Milliseconds>();
    this.#offenders.set(id, networks);
    networks.set(ban.network, ban.until + this.#config.halfLifeMs);
    for (const [network, until] of networks) if (until <= now) networks.delete(network);
    if (networks.size < this.#config.prefix.offenders || this.#isExempt(wide)) return undefined;
    return this.#grow(wide, 'prefix', now);
  }

  #wide(source: AddressBytes): Prefix {
    const { ipv4, ipv6 } = this.#config.prefix;
    return around(source, isMapped(source) ? 96 + ipv4 : ipv6);
  }

  #isBanned(source: AddressBytes): boolean {
    if (this.#bans.has(textOf(unitOf(source))) || this.#bans.has(textOf(this.#wide(source)))) return true;
    // Those that an operator made may have any length.
    for (const { ban, prefix } of this.#bans.values())
      if (ban.why === 'operator' && isInPrefix(source, prefix)) return true;
    return false;
  }

  #isExempt(prefix: Prefix): boolean {
    return this.#exempt.some((one) => isWithin(one, prefix) || isWithin(prefix, one));
  }
}

/** IPv4 addresses by themselves, IPv6 ones by /64: who has one address of it has all. */
const unitOf = (source: AddressBytes): Prefix => around(source, isMapped(source) ? 128 : 64);

const around = (address: AddressBytes, bits: number): Prefix => ({ address: maskAddress(address, bits), bits });

const isWithin = (inner: Prefix, outer: Prefix): boolean =>
  inner.bits >= outer.bits && isInPrefix(inner.address, outer);

const textOf = ({ address, bits }: Prefix): string =>
  `${addressToText(address)}/${isMapped(address) && bits >= 96 ? bits - 96 : bits}`;

function toPrefix(text: string): Prefix[] {
  const parsed = parsePrefix(text);
  return parsed.ok ? [parsed.value] : [];
}

function forgetOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
