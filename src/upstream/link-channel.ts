/**
 * One connection with all that is under way on it. Messages find their exchange by id, so many answers may come mixed
 * (RFC 7766 §6.2.1, RFC 9103 §6.2). One timer looks after all of them: silence, stalls, and the time with nothing to do.
 *
 *     open --> idle <--> busy --> closed
 *                 \--> retired --^        nothing new is sent; closed when what is under way has ended
 */
import { randomInt } from 'node:crypto';
import type { Clock, Milliseconds } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import { targetToText } from '../net/dns-connect.ts';
import { RCODE } from '../wire/registry.ts';
import type { PrimaryConnection } from './connection.ts';
import type { Exchange, ExchangePlace } from './link-exchange.ts';
import { isAnswer, keepaliveOf, questionOf } from './link-message.ts';

/** Messages that answer nothing which a connection may bring. */
const MOST_UNMATCHED = 100;
/** Ids that are not used again, as their answers may still come: with more of them the connection is worn out. */
const MOST_LOST_IDS = 100;
/** A server that puts a transfer off more often has another reason: a zone that it cannot load. */
const MOST_REFUSALS = 20;

export interface ChannelOwner {
  readonly clock: Clock;
  /** Time that a channel with nothing under way is kept. */
  readonly idleMs: Milliseconds;
  /** It has ended: there is room for another. */
  freed(exchange: Exchange): void;
  /** It was not answered, by no fault of its own: it goes back to the head of its line. */
  again(exchange: Exchange): void;
  closed(channel: Channel): void;
  /** Whether others are open that can do the work of one that was closed without a word. */
  hasOther(channel: Channel): boolean;
  /** Whether a transfer may have been refused on account of others that run; then fewer will. */
  isAtLimit(): boolean;
  unmatched(): void;
}

export class Channel implements ExchangePlace {
  readonly #owner: ChannelOwner;
  readonly #connection: PrimaryConnection;
  readonly #underWay = new Map<number, Exchange>();
  /** Given up before their answer was whole. */
  readonly #lostIds = new Set<number>();
  readonly #pausing = new Set<Exchange>();
  /** Told by the primary; the least it said holds. */
  #keepaliveMs = Number.POSITIVE_INFINITY;
  #transfers = 0;
  #messages = 0;
  #unmatched = 0;
  #isRetired = false;
  #usedAt: Milliseconds;
  #readAt: Milliseconds;
  #transferAt: Milliseconds = 0;
  #resumedAt: Milliseconds = 0;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(owner: ChannelOwner, connection: PrimaryConnection) {
    this.#owner = owner;
    this.#connection = connection;
    this.#usedAt = owner.clock.now();
    this.#readAt = this.#usedAt;
    this.#wake(this.#usedAt + owner.idleMs);
  }

  /** Exchanges under way. */
  get load(): number {
    return this.#underWay.size;
  }

  get transfers(): number {
    return this.#transfers;
  }

  /** Whether something new may be sent. */
  get isUsable(): boolean {
    return !this.#isRetired && !this.#connection.isClosed;
  }

  send(exchange: Exchange): void {
    const now = this.#owner.clock.now();
    const id = this.#freeId();
    const query = exchange.asker.query(id);
    exchange.id = id;
    exchange.question = questionOf(query);
    exchange.place = this;
    exchange.sentAt = now;
    exchange.progressAt = now;
    exchange.messagesBefore = this.#messages;
    this.#underWay.set(id, exchange);
    if (exchange.kind === 'transfer') this.#transfers++;
    this.#connection.send(query);
    this.#wake(now + exchange.limits.stallMs);
  }

  /** For the connection's reader. */
  message(framed: Uint8Array<ArrayBuffer>): void {
    const now = this.#owner.clock.now();
    this.#readAt = now;
    const message = framed.subarray(2);
    const id = message.length < 2 ? -1 : ((message[0] as number) << 8) | (message[1] as number);
    const exchange = this.#underWay.get(id);
    if (exchange === undefined || !isAnswer(message, exchange.question)) {
      this.#strayed(id);
      return;
    }
    this.#messages++;
    const isFirst = exchange.begunAt === undefined;
    if (isFirst && this.#isPutOff(exchange, message)) {
      this.#remove(exchange);
      exchange.place = undefined;
      this.#owner.again(exchange);
      return;
    }
    exchange.begunAt ??= now;
    exchange.progressAt = now;
    exchange.octets += framed.length;
    if (exchange.kind === 'transfer') this.#transferAt = now;
    if (isFirst) this.#wake(this.#dueAt(exchange));
    // Of a transfer only its first message is looked into: to find OPT is to read over all records.
    const keepaliveMs = isFirst ? keepaliveOf(message) : undefined;
    this.#obey(exchange, exchange.asker.message(framed));
    if (keepaliveMs !== undefined) this.#told(keepaliveMs);
  }

  /** For the connection's reader. What was not answered is asked again elsewhere (RFC 7766 §6.2.4). */
  closed(error: ZonegateError | undefined): void {
    const why = error ?? this.#error('ZG_PRIMARY_CLOSED', 'the server closed the connection');
    this.#end((exchange) => {
      if (!this.#mayAskAgain(exchange)) return this.#fail(exchange, this.#broken(exchange, why));
      exchange.hasBeenRetried ||= this.#messages === exchange.messagesBefore;
      this.#owner.again(exchange);
    });
  }

  /** Closes it at once; what is under way ends with the error. */
  close(error: ZonegateError): void {
    this.#end((exchange) => this.#fail(exchange, error));
  }

  resume(exchange: Exchange): void {
    if (!this.#pausing.delete(exchange) || this.#pausing.size > 0) return;
    this.#resumedAt = this.#owner.clock.now();
    this.#connection.resume();
    this.#sweepSoon();
  }

  done(exchange: Exchange): void {
    this.#remove(exchange);
    this.#owner.freed(exchange);
    this.#closeIfSpent();
  }

  abort(exchange: Exchange): void {
    this.#remove(exchange);
    this.#lostIds.add(exchange.id);
    if (exchange.kind === 'transfer' || this.#lostIds.size > MOST_LOST_IDS) this.#isRetired = true;
    // What its primary has not begun to answer would wait behind the rest of this one's answer.
    if (exchange.kind === 'transfer') this.#moveUnbegun();
    this.#owner.freed(exchange);
    this.#closeIfSpent();
  }

  /**
   * SERVFAIL is what a server says at its limit of transfers (RFC 9103 §6.3.3). BIND's is ten, as ours, and it counts one
   * as running for some time after its last message: with sixty zones up to three were refused so.
   */
  #isPutOff(exchange: Exchange, message: Uint8Array): boolean {
    const isServfail = ((message[3] as number) & 0xf) === RCODE.SERVFAIL;
    if (exchange.kind === 'query' || !isServfail || exchange.refusals >= MOST_REFUSALS) return false;
    exchange.refusals++;
    return this.#owner.isAtLimit();
  }

  #obey(exchange: Exchange, verdict: 'more' | 'pause' | 'done' | 'abort'): void {
    if (exchange.isOver) return;
    if (verdict === 'done') exchange.done();
    else if (verdict === 'abort') exchange.abort();
    else if (verdict === 'pause') {
      this.#pausing.add(exchange);
      this.#connection.pause();
    }
  }

  #strayed(id: number): void {
    if (this.#lostIds.has(id)) return;
    this.#owner.unmatched();
    if (++this.#unmatched <= MOST_UNMATCHED) return;
    const text = `the server sent more than ${MOST_UNMATCHED} messages that answer no query of ours`;
    this.close(this.#error('ZG_PRIMARY_CLOSED', text));
  }

  /** RFC 7828 §3.2.2: closed before its time has run out; 0 asks for no more queries, and to close when all is answered. */
  #told(keepaliveMs: Milliseconds): void {
    if (keepaliveMs === 0) this.#isRetired = true;
    this.#keepaliveMs = Math.min(this.#keepaliveMs, keepaliveMs);
    this.#closeIfSpent();
    if (this.#underWay.size === 0) this.#wake(this.#idleUntil);
  }

  #remove(exchange: Exchange): void {
    this.#underWay.delete(exchange.id);
    if (exchange.kind === 'transfer') this.#transfers--;
    this.#usedAt = this.#owner.clock.now();
    if (this.#pausing.has(exchange)) this.resume(exchange);
    if (this.#underWay.size === 0) this.#wake(this.#idleUntil);
  }

  #closeIfSpent(): void {
    if (this.#isRetired && this.#underWay.size === 0 && !this.#connection.isClosed) this.#end(() => undefined);
  }

  #moveUnbegun(): void {
    for (const exchange of [...this.#underWay.values()].reverse()) {
      if (exchange.begunAt !== undefined) continue;
      this.#underWay.delete(exchange.id);
      if (exchange.kind === 'transfer') this.#transfers--;
      this.#lostIds.add(exchange.id);
      exchange.place = undefined;
      this.#owner.again(exchange);
    }
  }

  /**
   * Not what has begun: its beginning was passed on. A server that answers some and closes is asked for the rest as often
   * as it takes, as each time something is answered. One that closes without a word is asked once more, where the
   * connection was in use before or is one too many for it.
   */
  #mayAskAgain(exchange: Exchange): boolean {
    if (exchange.begunAt !== undefined) return false;
    if (this.#messages > exchange.messagesBefore) return true;
    return !exchange.hasBeenRetried && (exchange.messagesBefore > 0 || this.#owner.hasOther(this));
  }

  #broken({ begunAt, octets }: Exchange, error: ZonegateError): ZonegateError {
    if (begunAt === undefined) return error;
    const text = `${error.message} after ${octets} octets, before the end of the answer`;
    return new ZonegateError(error.code, text, error.fields, error.cause);
  }

  /** Its slot is free before it is told, lest it asks anew and waits for itself. */
  #fail(exchange: Exchange, error: ZonegateError): void {
    this.#owner.freed(exchange);
    exchange.fail(error);
  }

  #end(settle: (exchange: Exchange) => void): void {
    clearTimeout(this.#timer);
    this.#isRetired = true;
    this.#connection.close();
    this.#owner.closed(this);
    const left = [...this.#underWay.values()];
    this.#underWay.clear();
    this.#pausing.clear();
    this.#transfers = 0;
    for (const exchange of left) exchange.place = undefined;
    // From the last on, as each goes to the head of its line.
    for (const exchange of left.reverse()) settle(exchange);
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(0x1_0000);
      if (!this.#underWay.has(id) && !this.#lostIds.has(id)) return id;
    }
  }

  get #idleUntil(): Milliseconds {
    // Its tenth is for the way there: the server must not close first.
    return this.#usedAt + Math.min(this.#owner.idleMs, this.#keepaliveMs * 0.9);
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const now = this.#owner.clock.now();
    if (this.#underWay.size === 0 && now >= this.#idleUntil) this.#end(() => undefined);
    if (this.#connection.isClosed || this.#connection.isPaused) return; // `resume` wakes us
    for (const exchange of [...this.#underWay.values()]) this.#check(exchange, now);
    if (!this.#connection.isClosed) this.#sweepSoon();
  }

  #check(exchange: Exchange, now: Milliseconds): void {
    if (exchange.isOver || exchange.place !== this || now < this.#dueAt(exchange)) return;
    if (exchange.asker.isBusy?.() === true) {
      exchange.progressAt = now;
      return;
    }
    const error = this.#error('ZG_PRIMARY_TIMEOUT', this.#timeoutText(exchange, now));
    // Silence on a connection that was in use: it may be gone without a word, as behind a firewall that forgets.
    const isDead = exchange.begunAt === undefined && this.#readAt <= exchange.sentAt;
    if (isDead) {
      this.#connection.close();
      this.closed(error);
      return;
    }
    exchange.abort();
    exchange.asker.ended(error);
  }

  #timeoutText({ kind, limits, begunAt, octets }: Exchange, now: Milliseconds): string {
    const strays = this.#unmatched === 0 ? '' : `; messages that answer nothing: ${this.#unmatched}`;
    if (kind === 'query') return `no answer in ${limits.stallMs / 1000} s${strays}`;
    const isTooLong = begunAt !== undefined && now - begunAt >= limits.wholeMs;
    if (isTooLong) return `the transfer is not whole after ${limits.wholeMs / 1000} s, ${octets} octets in`;
    return `no progress on the transfer for ${limits.stallMs / 1000} s, ${octets} octets in${strays}`;
  }

  /** When it has failed unless something comes. What waits for a transfer in front of it is not stalled. */
  #dueAt({ limits, begunAt, progressAt }: Exchange): Milliseconds {
    const inFront = begunAt === undefined && this.#transfers > 0 ? this.#transferAt : 0;
    const stalledAt = Math.max(progressAt, this.#resumedAt, inFront) + limits.stallMs;
    return Math.min(stalledAt, begunAt === undefined ? Number.POSITIVE_INFINITY : begunAt + limits.wholeMs);
  }

  #sweepSoon(): void {
    if (this.#underWay.size === 0) this.#wake(this.#idleUntil);
    for (const exchange of this.#underWay.values()) this.#wake(this.#dueAt(exchange));
  }

  #wake(at: Milliseconds): void {
    if (at >= this.#wakeAt || this.#connection.isClosed) return;
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    const after = Math.max(1, Math.ceil(at - this.#owner.clock.now()));
    this.#timer = setTimeout(() => this.#sweep(), Math.min(after, LONGEST_TIMER_MS)).unref();
  }

  #error(code: 'ZG_PRIMARY_CLOSED' | 'ZG_PRIMARY_TIMEOUT', text: string): ZonegateError {
    const reason = code === 'ZG_PRIMARY_CLOSED' ? 'closed' : 'timeout';
    return new ZonegateError(code, `${targetToText(this.#connection.target)}: ${text}`, { reason });
  }
}

/** What `setTimeout` takes. */
const LONGEST_TIMER_MS = 0x7fff_ffff;
