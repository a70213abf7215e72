/** A question on its way to a primary and the messages that answer it: what callers bring, and what they hold. */
import type { Milliseconds } from '../base/clock.ts';
import type { ZonegateError } from '../base/errors.ts';

/** What becomes of an exchange after one of its messages. */
export type Verdict =
  /** More is expected. */
  | 'more'
  /** More is expected, but not before `resume`: the connection is not read until then. */
  | 'pause'
  /** The answer is whole; the connection goes on being used. */
  | 'done'
  /** The answer is no good, and more of it may come. */
  | 'abort';

/** Whoever asks: it makes the query, and takes in the answer. */
export interface Asker {
  /** The query with that id, without a length prefix. Called each time it is sent: again after a closed connection. */
  query(id: number): Uint8Array;
  /** A message with its length prefix, valid for the length of the call. After a `pause` those come that had come by then. */
  message(framed: Uint8Array<ArrayBuffer>): Verdict;
  /** Once, and only before it is done or aborted: no answer, or no more of it. */
  ended(error: ZonegateError): void;
  /** Whether it works on what has come: then the primary is not thought to stall. */
  isBusy?(): boolean;
}

/** How its owner sees a transfer, from the time it waits in line. */
export interface TransferHandle {
  /** Goes on after a `pause`. */
  resume(): void;
  /** The answer is whole, as was found out after its last message. The connection goes on being used. */
  done(): void;
  /** Gives up. The connection is closed if more may come on it, as soon as nothing else is under way there. */
  abort(): void;
}

/** The smaller, the sooner. */
export const PRIORITY = { CONTINUED: 0, URGENT: 1, POLLING: 2 } as const;
export const PRIORITIES = 3;

export interface ExchangeLimits {
  /** Without progress for so long it has failed. */
  readonly stallMs: Milliseconds;
  /** From its first message on. */
  readonly wholeMs: Milliseconds;
}

/** Where an exchange is: in line, under way on a connection, or over. */
export interface ExchangePlace {
  resume(exchange: Exchange): void;
  done(exchange: Exchange): void;
  abort(exchange: Exchange): void;
}

export class Exchange implements TransferHandle {
  readonly kind: 'query' | 'transfer';
  readonly asker: Asker;
  readonly limits: ExchangeLimits;
  readonly priority: number;
  /** Whose connection is the right one if it can be had (RFC 9103 §7.10.2). */
  readonly after: Exchange | undefined;
  /** While it is under way. */
  place: ExchangePlace | undefined;
  /** Of the last place, kept when it is over. */
  lastPlace: ExchangePlace | undefined;
  isOver = false;
  id = 0;
  question: Uint8Array = new Uint8Array(0);
  sentAt: Milliseconds = 0;
  /** When its first message came. */
  begunAt: Milliseconds | undefined;
  progressAt: Milliseconds = 0;
  octets = 0;
  /** Messages that the connection had brought when it was sent: a connection that was in use may be closing. */
  messagesBefore = 0;
  /** Whether a connection in use was closed before anything came on it. */
  hasBeenRetried = false;
  /** How often the primary said that it has too much to do. */
  refusals = 0;

  constructor(
    kind: 'query' | 'transfer',
    asker: Asker,
    limits: ExchangeLimits,
    priority: number,
    after?: Exchange | undefined,
  ) {
    this.kind = kind;
    this.asker = asker;
    this.limits = limits;
    this.priority = priority;
    this.after = after;
  }

  resume(): void {
    this.place?.resume(this);
  }

  done(): void {
    if (!this.#end()) return;
    this.lastPlace?.done(this);
  }

  abort(): void {
    if (!this.#end()) return;
    this.lastPlace?.abort(this);
  }

  /** Ends it with an error, which its owner is told. */
  fail(error: ZonegateError): void {
    if (this.#end()) this.asker.ended(error);
  }

  #end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.lastPlace = this.place;
    this.place = undefined;
    return true;
  }
}
