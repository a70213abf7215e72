/**
 * The connections to all primaries: whoever has a question for one asks here. Connections are shared by all zones, kept
 * while they are used, and held to what the configuration lets a primary be asked.
 *
 *     const links = new PrimaryLinks({ clock });
 *     links.configure(config);                                     // at the start, and on each reload
 *     const answer = await links.query(primary, address, (id) => soaQuery(id), { timeoutMs });
 *     const transfer = links.transfer(primary, address, asker);    // messages go to the asker, an error, too
 *
 * Nothing is sent before its turn: NOTIFY's work goes ahead of polling, and a transfer ahead of a SOA query.
 */
import { type Clock, type Milliseconds, systemClock } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { Address, Config, ServerPrimary } from '../config/config.ts';
import { targetToText } from '../net/dns-connect.ts';
import { AddressLink, type AddressOwner, type LinkCounters } from './link-address.ts';
import { Budget } from './link-budget.ts';
import { type Asker, Exchange, PRIORITIES, PRIORITY, type TransferHandle } from './link-exchange.ts';
import { isSameLink, type LinkSettings, linkSettings } from './link-settings.ts';

export interface QueryOptions {
  /** From when it is sent, however long it waits in line. */
  readonly timeoutMs: Milliseconds;
  /** On account of a NOTIFY. */
  readonly isUrgent?: boolean;
}

export interface TransferOptions {
  readonly isUrgent?: boolean;
  /** A transfer that has ended, on whose connection this one goes on, ahead of others: AXFR after a failed IXFR. */
  readonly after?: TransferHandle | undefined;
}

export class PrimaryLinks {
  readonly #clock: Clock;
  readonly #links = new Map<string, PrimaryLink>();
  readonly counters: LinkCounters = { connections: 0, resumed: 0, retries: 0, unmatched: 0 };

  constructor({ clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#clock = clock;
  }

  /** Throws where a file of `tls` cannot be read, and has changed nothing then. */
  configure({ primaries, certificates }: Pick<Config, 'primaries' | 'certificates'>): void {
    const servers = [...primaries.values()].filter((primary) => primary.kind === 'server');
    const wanted = new Map(servers.map((primary) => [primary.name, linkSettings(primary, certificates)]));
    for (const [name, link] of this.#links) {
      const settings = wanted.get(name);
      if (settings !== undefined && isSameLink(link.settings, settings)) continue;
      this.#links.delete(name);
      link.close(new ZonegateError('ZG_PRIMARY_CLOSED', `primary ${name}: its settings changed`, { reason: 'reload' }));
    }
    for (const [name, settings] of wanted) {
      const link = this.#links.get(name);
      if (link === undefined) this.#links.set(name, new PrimaryLink(this.#clock, settings, this.counters));
      else link.apply(settings);
    }
  }

  /** The one message that answers, without its length prefix. Rejects with a ZonegateError. */
  query(
    primary: ServerPrimary,
    address: Address,
    makeQuery: (id: number) => Uint8Array,
    { timeoutMs, isUrgent }: QueryOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      const asker: Asker = {
        query: makeQuery,
        message: (framed) => {
          resolve(framed.slice(2));
          return 'done';
        },
        ended: reject,
      };
      const limits = { stallMs: timeoutMs, wholeMs: timeoutMs };
      this.#ask(primary, address, new Exchange('query', asker, limits, priorityOf(isUrgent)));
    });
  }

  /** `stall-timeout` and `transfer-timeout` of the primary hold. */
  transfer(
    primary: ServerPrimary,
    address: Address,
    asker: Asker,
    { isUrgent, after }: TransferOptions = {},
  ): TransferHandle {
    const limits = { stallMs: primary.stallTimeoutMs, wholeMs: primary.transferTimeoutMs };
    const before = after instanceof Exchange ? after : undefined;
    const priority = before === undefined ? priorityOf(isUrgent) : PRIORITY.CONTINUED;
    const exchange = new Exchange('transfer', asker, limits, priority, before);
    this.#ask(primary, address, exchange);
    return exchange;
  }

  /**
   * A turn for a request that somebody else sends: it counts as all that is sent from here. Gives it back when called;
   * undefined where there is no such primary, or no more.
   */
  reserve(primary: string, kind: Exchange['kind']): Promise<(() => void) | undefined> {
    return this.#links.get(primary)?.reserve(kind) ?? Promise.resolve(undefined);
  }

  /** Ends everything; what is asked later fails. */
  close(): void {
    for (const [name, link] of this.#links) {
      link.close(new ZonegateError('ZG_PRIMARY_CLOSED', `primary ${name}: the service ends`, { reason: 'closed' }));
    }
    this.#links.clear();
  }

  #ask({ name }: ServerPrimary, address: Address, exchange: Exchange): void {
    const link = this.#links.get(name);
    if (link !== undefined) link.ask(address, exchange);
    else {
      const text = `primary ${name} is not in the configuration any more`;
      const error = new ZonegateError('ZG_PRIMARY_CLOSED', text, { reason: 'reload' });
      // Later, as all else that is told: the caller has no handle yet.
      queueMicrotask(() => exchange.fail(error));
    }
  }
}

/** All that goes to one primary: its addresses share a budget. */
class PrimaryLink implements AddressOwner {
  readonly clock: Clock;
  readonly counters: LinkCounters;
  readonly budget: Budget;
  settings: LinkSettings;
  readonly #addresses = new Map<string, AddressLink>();
  /** Requests sent by others that wait for their turn. */
  #reservations: Reservation[] = [];
  #timer: NodeJS.Timeout | undefined;
  #pumpAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, settings: LinkSettings, counters: LinkCounters) {
    this.clock = clock;
    this.settings = settings;
    this.counters = counters;
    this.budget = new Budget(settings.primary);
  }

  /** Other limits, or other addresses: connections stay. */
  apply(settings: LinkSettings): void {
    this.settings = settings;
    this.budget.settings = settings.primary;
    const known = new Set(settings.primary.addresses.map(targetToText));
    for (const [place, link] of this.#addresses) {
      if (known.has(place)) continue;
      this.#addresses.delete(place);
      const text = `${place} is no address of the primary any more`;
      link.close(new ZonegateError('ZG_PRIMARY_CLOSED', text, { reason: 'reload' }));
    }
    this.pump();
  }

  ask(address: Address, exchange: Exchange): void {
    const place = targetToText(address);
    let link = this.#addresses.get(place);
    if (link === undefined) {
      link = new AddressLink(this, address);
      this.#addresses.set(place, link);
    }
    link.wait(exchange);
    this.pump();
  }

  reserve(kind: Exchange['kind']): Promise<(() => void) | undefined> {
    return new Promise((resolve) => {
      this.#reservations.push({ kind, resolve });
      this.pump();
    });
  }

  close(error: ZonegateError): void {
    clearTimeout(this.#timer);
    for (const { resolve } of this.#reservations.splice(0)) resolve(undefined);
    for (const link of this.#addresses.values()) link.close(error);
    this.#addresses.clear();
  }

  /** Sends what may be sent. Transfers go first: SOA queries would never let them, and their number is bounded. */
  pump(): void {
    for (let priority = 0; priority < PRIORITIES; priority++) {
      // Somebody waits for these, who asked himself.
      if (priority === PRIORITY.POLLING && !this.#pumpReservations()) return;
      for (const kind of ['transfer', 'query'] as const) {
        for (const link of this.#addresses.values()) if (!this.#pumpOne(link, kind, priority)) return;
      }
    }
  }

  /** False: there is no token left. */
  #pumpReservations(): boolean {
    for (;;) {
      const now = this.clock.now();
      const forTransfer = this.budget.transferWaitMs(now);
      const next = this.#reservations.findIndex(({ kind }) => kind === 'query' || forTransfer === 0);
      if (next < 0) {
        if (this.#reservations.length > 0 && forTransfer < Number.POSITIVE_INFINITY) this.#pumpLater(forTransfer);
        return true;
      }
      if (!this.budget.take(now)) {
        this.#pumpLater(this.budget.waitMs(now));
        return false;
      }
      const [reservation] = this.#reservations.splice(next, 1) as [Reservation];
      reservation.resolve(this.#turnOf(reservation.kind));
    }
  }

  #turnOf(kind: Exchange['kind']): () => void {
    if (kind === 'query') return () => undefined;
    this.budget.takeTransferSlot();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.budget.freeTransferSlot(this.clock.now());
      this.pump();
    };
  }

  /** False: there is no token left. */
  #pumpOne(link: AddressLink, kind: Exchange['kind'], priority: number): boolean {
    for (;;) {
      const exchange = link.next(kind, priority);
      if (exchange === undefined) return true;
      const now = this.clock.now();
      const forTransfer = kind === 'transfer' ? this.budget.transferWaitMs(now) : 0;
      if (forTransfer > 0) {
        if (forTransfer < Number.POSITIVE_INFINITY) this.#pumpLater(forTransfer);
        return true;
      }
      const channel = link.channelFor(exchange);
      if (channel === undefined) return true;
      if (!this.budget.take(now)) {
        this.#pumpLater(this.budget.waitMs(now));
        return false;
      }
      link.shift(exchange);
      if (kind === 'transfer') this.budget.takeTransferSlot();
      channel.send(exchange);
    }
  }

  #pumpLater(afterMs: Milliseconds): void {
    // Tokens are collected for some milliseconds: thousands a second need no timer each.
    const after = Math.max(LEAST_WAIT_MS, Math.ceil(afterMs));
    const at = this.clock.now() + after;
    if (at >= this.#pumpAt) return;
    clearTimeout(this.#timer);
    this.#pumpAt = at;
    this.#timer = setTimeout(() => {
      this.#pumpAt = Number.POSITIVE_INFINITY;
      this.pump();
    }, after).unref();
  }
}

interface Reservation {
  readonly kind: Exchange['kind'];
  readonly resolve: (release: (() => void) | undefined) => void;
}

const LEAST_WAIT_MS: Milliseconds = 5;

const priorityOf = (isUrgent = false): number => (isUrgent ? PRIORITY.URGENT : PRIORITY.POLLING);
