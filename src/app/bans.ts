/** Bans of the running service: the book, what tells the fronts, and the file that outlives a restart. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BanList, CommandReport } from '../admin/api.ts';
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import type { Offence } from '../front/messages.ts';
import { type Ban, BanBook } from '../policy/bans.ts';
import type { PrefixTable } from '../policy/prefix-table.ts';
import type { EventName } from '../telemetry/events.ts';

/** Fronts are told of bans so soon, of many at once. */
const TELL_MS = 20;

type BansConfig = Pick<Config, 'bans' | 'primaries' | 'secondaries'>;

export interface BansParts {
  readonly clock: Clock;
  /** Undefined: a restart forgets all bans. */
  readonly folder: string | undefined;
  readonly report: (event: EventName, fields: Record<string, unknown>) => void;
  /** The bans are others now. */
  readonly changed: (table: PrefixTable) => void;
  readonly failed: (message: string) => void;
}

export class Bans {
  readonly #parts: BansParts;
  readonly #book: BanBook;
  #config: BansConfig;
  #timer: NodeJS.Timeout | undefined;
  #isUnsaved = false;

  constructor(config: BansConfig, parts: BansParts) {
    this.#parts = parts;
    this.#config = config;
    this.#book = new BanBook(config.bans, exemptOf(config));
    this.#book.restore(this.#load(), parts.clock.now());
  }

  get table(): PrefixTable {
    return this.#book.table();
  }

  configure(config: BansConfig): void {
    this.#config = config;
    this.#lift(this.#book.configure(config.bans, exemptOf(config)), 'exempt');
    this.#tell();
  }

  offend(offences: readonly Offence[]): void {
    const now = this.#parts.clock.now();
    for (const { source, kind, count } of offences) {
      for (const ban of this.#book.offend(source, kind, count, now)) this.#announce(ban);
    }
  }

  /** About once a second. */
  tick(now: Milliseconds): void {
    this.#lift(this.#book.expire(now), 'over');
    this.#save();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#save();
  }

  list(): BanList {
    const now = this.#parts.clock.now();
    const bans = this.#book.bans.map(({ network, why, since, until }) => ({
      network,
      why,
      since: new Date(since).toISOString(),
      until: new Date(until).toISOString(),
      'left-s': Math.max(0, Math.ceil((until - now) / 1000)),
    }));
    return { enabled: this.#config.bans.enabled, bans };
  }

  /** `forMs` undefined: as long as the longest. */
  ban(network: string, forMs: Milliseconds | undefined): CommandReport {
    const { enabled, longestMs } = this.#config.bans;
    if (!enabled) return { ok: false, why: 'bans-disabled', text: '`bans.enabled` is false in the configuration' };
    const ban = this.#book.ban(network, forMs ?? longestMs, this.#parts.clock.now());
    if (ban === undefined) {
      return { ok: false, why: 'exempt', text: `${network} holds a source that is exempt, or there are too many bans` };
    }
    this.#announce(ban);
    return { ok: true, text: `${ban.network} is banned until ${new Date(ban.until).toISOString()}` };
  }

  unban(network: string): CommandReport {
    const lifted = this.#book.unban(network);
    this.#lift(lifted, 'operator');
    const networks = lifted.map((ban) => ban.network).join(', ');
    return lifted.length > 0
      ? { ok: true, text: `no longer banned: ${networks}` }
      : { ok: false, why: 'not-banned', text: `nothing in ${network} is banned` };
  }

  #announce({ network, why, since, until }: Ban): void {
    const seconds = Math.round((until - since) / 1000);
    this.#parts.report('banned', { network, why, seconds, until: new Date(until).toISOString() });
    this.#tell();
  }

  #lift(bans: readonly Ban[], why: string): void {
    for (const { network } of bans) this.#parts.report('unbanned', { network, why });
    if (bans.length > 0) this.#tell();
  }

  #tell(): void {
    this.#isUnsaved = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#parts.changed(this.#book.table());
    }, TELL_MS);
  }

  #load(): readonly Ban[] {
    const { folder, failed } = this.#parts;
    if (folder === undefined) return [];
    try {
      const bans: unknown = JSON.parse(readFileSync(join(folder, FILE), 'utf8'));
      return Array.isArray(bans) ? bans.filter(isBan) : [];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') failed(`bans of before are lost: ${error}`);
      return [];
    }
  }

  /** Whole or not at all. */
  #save(): void {
    const { folder, failed } = this.#parts;
    if (!this.#isUnsaved || folder === undefined) return;
    this.#isUnsaved = false;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const file = join(folder, FILE);
      writeFileSync(`${file}.new`, JSON.stringify(this.#book.bans), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      failed(`bans cannot be kept: ${error}`);
    }
  }
}

const FILE = 'bans.json';

const isBan = (value: unknown): value is Ban => {
  const { network, why, since, until } = (value ?? {}) as Partial<Ban>;
  return typeof network === 'string' && typeof why === 'string' && Number.isFinite(since) && Number.isFinite(until);
};

/** Whom we need is never banned: primaries, and who may take zones. */
const exemptOf = ({ primaries, secondaries }: BansConfig): string[] => [
  ...Array.from(primaries.values()).flatMap((primary) =>
    primary.kind === 'server' ? [...primary.addresses.map(({ host }) => host), ...primary.notifyFrom] : [],
  ),
  ...Array.from(secondaries.values()).flatMap(({ sources }) => sources),
];
