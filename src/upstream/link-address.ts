/**
 * The connections to one address of a primary, and what waits for them. At most one carries queries alone, the others
 * transfers, and each is shared by many zones (RFC 9103 §6.3, §6.4): so a long transfer keeps no SOA query waiting.
 */
import type { Clock, Milliseconds } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { Address } from '../config/config.ts';
import { type DnsTarget, type TlsSession, targetToText } from '../net/dns-connect.ts';
import { PrimaryConnection } from './connection.ts';
import type { Budget } from './link-budget.ts';
import { Channel, type ChannelOwner } from './link-channel.ts';
import { type Exchange, PRIORITIES } from './link-exchange.ts';
import { WaitingLine } from './link-line.ts';
import type { LinkSettings } from './link-settings.ts';

/** How long connecting may take, handshake included. */
const CONNECT_MS: Milliseconds = 10_000;
/** A server that takes no further connection is not asked for one for so long: it may have a limit for each client. */
const LIMITED_MS: Milliseconds = 60_000;

/** What links have done since the start, all primaries together. */
export interface LinkCounters {
  connections: number;
  /** TLS sessions resumed. */
  resumed: number;
  /** Queries sent again after a closed connection. */
  retries: number;
  /** Messages that answered nothing. */
  unmatched: number;
}

export interface AddressOwner {
  readonly clock: Clock;
  readonly settings: LinkSettings;
  readonly budget: Budget;
  readonly counters: LinkCounters;
  /** There may be something to send. */
  pump(): void;
}

export class AddressLink implements ChannelOwner {
  readonly #owner: AddressOwner;
  readonly #address: Address;
  readonly #waiting = {
    query: new WaitingLine<Exchange>(PRIORITIES),
    transfer: new WaitingLine<Exchange>(PRIORITIES),
  };
  /** With those that are retired. */
  readonly #channels: Channel[] = [];
  /**
   * The newest. Used again and again, as OpenSSL gives no new one on a resumed connection; that onlookers can tell such
   * connections apart (RFC 8446 §C.4) gives nothing away between two addresses that stay.
   */
  #session: TlsSession | undefined;
  #isOpening = false;
  #limitedUntil: Milliseconds = 0;
  #closedBy: ZonegateError | undefined;

  constructor(owner: AddressOwner, address: Address) {
    this.#owner = owner;
    this.#address = address;
  }

  get clock(): Clock {
    return this.#owner.clock;
  }

  get idleMs(): Milliseconds {
    return this.#owner.settings.primary.connectionIdleMs;
  }

  wait(exchange: Exchange): void {
    this.#waiting[exchange.kind].push(exchange, exchange.priority);
  }

  /** The next of its kind and priority. */
  next(kind: Exchange['kind'], priority: number): Exchange | undefined {
    const line = this.#waiting[kind];
    let exchange = line.first(priority);
    for (; exchange?.isOver === true; exchange = line.first(priority)) line.shift(priority);
    return this.#closedBy === undefined ? exchange : undefined;
  }

  /** A connection with room for it; may begin to open one. */
  channelFor(exchange: Exchange): Channel | undefined {
    return exchange.kind === 'query' ? this.#forQuery() : this.#forTransfer(exchange);
  }

  /** Takes what `next` gave out of its line. */
  shift({ kind, priority }: Exchange): void {
    this.#waiting[kind].shift(priority);
  }

  close(error: ZonegateError): void {
    this.#closedBy = error;
    for (const channel of [...this.#channels]) channel.close(error);
    this.#failWaiting(error);
  }

  freed(exchange: Exchange): void {
    if (exchange.kind === 'transfer') this.#owner.budget.freeTransferSlot(this.clock.now());
    this.#owner.pump();
  }

  again(exchange: Exchange): void {
    if (exchange.kind === 'transfer') this.#owner.budget.returnTransferSlot();
    if (this.#closedBy !== undefined) {
      exchange.fail(this.#closedBy);
      return;
    }
    this.#owner.counters.retries++;
    this.#waiting[exchange.kind].pushFirst(exchange, exchange.priority);
    this.#owner.pump();
  }

  closed(channel: Channel): void {
    const index = this.#channels.indexOf(channel);
    if (index >= 0) this.#channels.splice(index, 1);
    this.#owner.pump();
  }

  hasOther(channel: Channel): boolean {
    const isOther = this.#usable.some((other) => other !== channel);
    if (isOther) this.#limitedUntil = this.clock.now() + LIMITED_MS;
    return isOther;
  }

  isAtLimit(): boolean {
    return this.#owner.budget.lowerTransfers(this.clock.now());
  }

  unmatched(): void {
    this.#owner.counters.unmatched++;
  }

  /** The first connection without transfers; where all have some and no more may be opened, the least busy one. */
  #forQuery(): Channel | undefined {
    const own = this.#usable.find(({ transfers }) => transfers === 0);
    if (own !== undefined) return this.#hasRoom(own) ? own : undefined;
    return this.#mayOpen ? this.#open() : leastBusy(this.#usable.filter(this.#hasRoom));
  }

  #forTransfer({ after }: Exchange): Channel | undefined {
    const usable = this.#usable;
    const same = usable.find((channel) => channel === after?.lastPlace);
    if (same !== undefined && this.#hasRoom(same)) return same;
    const used = usable.filter(({ transfers }) => transfers > 0);
    if (used.length >= Math.max(1, this.#most - 1)) return leastBusy(used.filter(this.#hasRoom));
    const idle = usable.find(({ load }) => load === 0);
    if (idle !== undefined) return idle;
    return this.#mayOpen ? this.#open() : leastBusy(usable.filter(this.#hasRoom));
  }

  get #usable(): Channel[] {
    return this.#channels.filter(({ isUsable }) => isUsable);
  }

  readonly #hasRoom = ({ load }: Channel): boolean => load < this.#owner.settings.primary.pipeline;

  get #most(): number {
    const { connections } = this.#owner.settings.primary;
    const isLimited = this.clock.now() < this.#limitedUntil;
    return isLimited ? Math.min(connections, Math.max(1, this.#channels.length)) : connections;
  }

  /** While one is being opened, who needs another waits for it. */
  get #mayOpen(): boolean {
    return this.#isOpening || this.#channels.length < this.#most;
  }

  #open(): undefined {
    if (this.#isOpening) return;
    this.#isOpening = true;
    void this.#connect().then((error) => {
      this.#isOpening = false;
      if (error !== undefined) this.#failed(error);
      this.#owner.pump();
    });
  }

  async #connect(): Promise<ZonegateError | undefined> {
    const { primary, tls } = this.#owner.settings;
    const target: DnsTarget = {
      ...this.#address,
      tls,
      timeoutMs: CONNECT_MS,
      localAddress: primary.sourceAddress,
    };
    const session = primary.tls?.resumption === true ? this.#session : undefined;
    // Back again where the connection is good: a server that cannot stand its session gets a full handshake next time.
    this.#session = undefined;
    let channel: Channel | undefined;
    try {
      const connection = await PrimaryConnection.open(
        target,
        { message: (framed) => channel?.message(framed), closed: (error) => channel?.closed(error) },
        { session, onSession: (offered) => (this.#session = offered) },
      );
      if (connection.tls?.isResumed === true) this.#session ??= session;
      if (this.#closedBy !== undefined || connection.isClosed) {
        connection.close();
        const text = `${targetToText(target)}: the server closed the connection`;
        return this.#closedBy ?? new ZonegateError('ZG_PRIMARY_CLOSED', text, { reason: 'closed' });
      }
      channel = new Channel(this, connection);
      this.#channels.push(channel);
      this.#owner.counters.connections++;
      if (connection.tls?.isResumed === true) this.#owner.counters.resumed++;
      return undefined;
    } catch (error) {
      if (error instanceof ZonegateError) return error;
      throw error;
    }
  }

  /** Of a server that cannot be reached nobody needs to ask again before its turn; others make do with what is open. */
  #failed(error: ZonegateError): void {
    if (this.#usable.length > 0) this.#limitedUntil = this.clock.now() + LIMITED_MS;
    else this.#failWaiting(error);
  }

  #failWaiting(error: ZonegateError): void {
    for (const exchange of [...this.#waiting.transfer.takeAll(), ...this.#waiting.query.takeAll()])
      exchange.fail(error);
  }
}

function leastBusy(channels: readonly Channel[]): Channel | undefined {
  let best: Channel | undefined;
  for (const channel of channels) {
    const isBetter =
      best === undefined ||
      channel.transfers < best.transfers ||
      (channel.transfers === best.transfers && channel.load < best.load);
    if (isBetter) best = channel;
  }
  return best;
}
