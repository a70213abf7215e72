/**
 * A request that goes to the primary as it came, TSIG included, and whose answer comes back as it is, under
 * back-pressure: what the client does not take is not read from the primary. Nothing is kept of it.
 */
import type { Socket } from 'node:net';
import type { Bytes } from '../base/bytes.ts';
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { ZonegateError } from '../base/errors.ts';
import type { Address } from '../config/config.ts';
import { type ClientTls, connectDns } from '../net/dns-connect.ts';
import { MessageFramer } from '../wire/framing.ts';
import type { Message } from '../wire/message.ts';
import { AnswerEnd } from '../xfr/answer-end.ts';
import type { Manner, SignWith } from './answer.ts';
import type { TransferFacts } from './outcome.ts';

/** A zone that is relayed, and where to. */
export interface RelayTarget {
  /** Name of the primary: its budget counts each request. */
  readonly primary: string;
  /** Tried in this order. */
  readonly addresses: readonly Address[];
  readonly tls: ClientTls | undefined;
  readonly sourceAddress: string | undefined;
  readonly stallTimeoutMs: Milliseconds;
  readonly transferTimeoutMs: Milliseconds;
  readonly unknownKeys: 'forward' | 'refuse';
  readonly concurrent: number;
}

/** A request that may be relayed. */
export interface RelayRequest extends TransferFacts {
  readonly type: 'SOA' | 'AXFR' | 'IXFR';
  /** As it came, without length prefix; not beyond the turn of the event loop. */
  readonly bytes: Bytes;
  readonly query: Message;
  readonly target: RelayTarget;
  /** For an answer of our own, where the primary gives none: */
  readonly manner: Manner;
  readonly sign: SignWith | undefined;
}

export type RelayOutcome = 'done' | 'error' | 'stalled' | 'closed-by-client';

/** Turns at a primary, which control gives. */
export interface RelayTurns {
  /** Calls back when it is the request's turn, or with false where there is no such primary; gives the turn back when called. */
  take(primary: string, isTransfer: boolean, begin: (isGranted: boolean) => void): () => void;
}

/** Whoever asked. */
export interface RelayClient {
  /** A message with its length prefix, valid for the length of the call. False: no more until `resume`. */
  write(framed: Uint8Array): boolean;
  /** Once. `why` where the primary gave no whole answer. */
  ended(relay: Relay, outcome: RelayOutcome, why?: string): void;
}

export class Relay {
  readonly request: RelayRequest;
  readonly startedAt: Milliseconds;
  messages = 0;
  bytes = 0;
  readonly #query: Uint8Array<ArrayBuffer>;
  readonly #client: RelayClient;
  readonly #end: AnswerEnd;
  readonly #giveBack: () => void;
  readonly #framer = new MessageFramer();
  readonly #clock: Clock;
  #socket: Socket | undefined;
  #isOver = false;
  #isPaused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: RelayRequest, client: RelayClient, turns: RelayTurns, clock: Clock) {
    const { bytes, query, target, type, from } = request;
    this.request = request;
    this.startedAt = clock.now();
    this.#clock = clock;
    this.#client = client;
    this.#query = new Uint8Array(bytes.length + 2);
    this.#query.set([bytes.length >> 8, bytes.length & 0xff]);
    this.#query.set(bytes, 2);
    this.#end = new AnswerEnd(type, query.header.id, from ?? undefined);
    this.#giveBack = turns.take(target.primary, type !== 'SOA', (isGranted) => {
      if (isGranted) void this.#connect();
      else this.#finish('error', 'the primary is not in the configuration any more');
    });
  }

  get sentAs(): 'SOA' | 'AXFR' | 'IXFR' {
    return this.#end.sentAs;
  }

  get records(): number {
    return this.#end.records;
  }

  /** Serial that the primary told. */
  get serial(): number | undefined {
    return this.#end.serial;
  }

  /** The client takes more. */
  resume(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#socket?.resume();
    this.#watch();
  }

  /** The client is gone. */
  cancel(outcome: RelayOutcome): void {
    this.#finish(outcome);
  }

  async #connect(): Promise<void> {
    const { addresses, tls, sourceAddress: localAddress, stallTimeoutMs: timeoutMs } = this.request.target;
    let why = 'the primary has no address';
    for (const { host, port } of addresses) {
      if (this.#isOver) return;
      try {
        const { socket } = await connectDns({ host, port, tls, timeoutMs, localAddress });
        this.#talk(socket);
        return;
      } catch (error) {
        why = (error as ZonegateError).message;
      }
    }
    this.#finish('error', why);
  }

  #talk(socket: Socket): void {
    this.#socket = socket;
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    socket.on('data', (data: Buffer) => this.#receive(data));
    socket.on('close', () => this.#finish('error', 'the primary closed the connection'));
    socket.write(this.#query);
    this.#watch();
  }

  #receive(data: Buffer): void {
    this.#framer.push(data, (message) => {
      const state = this.#end.take(message);
      if (state === 'broken') {
        this.#finish('error', 'what the primary sends is no answer to the request');
        return false;
      }
      this.#pass(message);
      if (state === 'end') this.#finish('done');
      return !this.#isOver;
    });
    if (!this.#isOver) this.#watch();
  }

  #pass(message: Bytes): void {
    const framed = Buffer.allocUnsafe(message.length + 2);
    framed.writeUInt16BE(message.length);
    framed.set(message, 2);
    this.messages++;
    this.bytes += message.length;
    if (this.#client.write(framed) || this.#isPaused) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  /** The primary may stall no longer than this; while the client does, its own timeout looks after it. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#isPaused) return;
    const { stallTimeoutMs, transferTimeoutMs } = this.request.target;
    const left = this.startedAt + transferTimeoutMs - this.#clock.now();
    this.#timer = setTimeout(() => this.#finish('stalled', 'the primary stalls'), Math.min(stallTimeoutMs, left));
  }

  #finish(outcome: RelayOutcome, why?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
    this.#giveBack();
    this.#client.ended(this, outcome, why);
  }
}
