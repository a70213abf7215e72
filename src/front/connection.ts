/**
 * One client's connection: frames what comes in, answers it, and sends its transfers by turns. Several requests may be
 * in flight at once; their answers are whole messages, so they may mix (RFC 9103 §6.1, RFC 7766 §6.2.1.1).
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Bytes } from '../base/bytes.ts';
import { MessageFramer } from '../wire/framing.ts';
import type { FrontContext } from './context.ts';
import { MessageSink } from './message-sink.ts';
import type { RunningTransfer, TransferEvent } from './messages.ts';
import { offenceOf } from './offences.ts';
import type { Outcome, Refusal, RequestContext, ShadowHit } from './outcome.ts';
import type { Peer } from './peer.ts';
import { handleRequest } from './pipeline.ts';
import { Relays } from './relays.ts';
import { PLAIN_QUANTUM, TLS_QUANTUM } from './stream.ts';
import type { Delay } from './tarpit.ts';
import { clientOf } from './transfer-report.ts';
import { type TransferHost, Transfers } from './transfers.ts';

/**
 * Of `memory-per-connection`, what is kept free while it is read from: what one read of the socket brings, and a
 * message that is not whole yet.
 */
const RESERVED_MEMORY = 192_000;

export class Connection implements TransferHost {
  readonly peer: Peer;
  readonly socket: Socket | TLSSocket;
  readonly context: FrontContext;
  readonly messages: MessageSink | undefined;
  readonly #framer = new MessageFramer();
  readonly transfers: Transfers;
  readonly #relays: Relays;
  /** Requests that a rule delays. */
  #delayed = 0;
  /** Octets that came while too much was in flight. */
  #held: Buffer[] = [];
  /** Octets of requests that are delayed, and of answers that a plain socket has not taken. */
  #ownOctets = 0;
  #requests = 0;
  #isClosing = false;
  /** The client has said all; what it has asked is answered, what is held of it, too. */
  #hasClientEnded = false;
  /** Set once the connection is given up; what is running then ends so. */
  #fate: TransferEvent['outcome'] | undefined;
  #hadMessage = false;
  /** Of the last whole message, or of the accept. */
  #quietSince: number;
  #messageBegan: number | undefined;

  constructor(socket: Socket | TLSSocket, peer: Peer, context: FrontContext) {
    this.socket = socket;
    this.peer = peer;
    this.context = context;
    this.messages = socket instanceof TLSSocket ? new MessageSink(socket) : undefined;
    const isTls = peer.transport === 'tls';
    this.transfers = new Transfers(this, isTls ? tlsQuantum(context.policy.limits.memoryPerConnection) : PLAIN_QUANTUM);
    this.#quietSince = context.clock.now();
    socket.on('data', (data: Buffer) => this.#receive(data));
    this.#relays = new Relays(context, {
      peer,
      write: (framed) => this.#relayed(framed),
      noteRefusal: (refusal) => this.noteRefusal(refusal),
      breakOff: () => this.destroy('error'),
      ended: () => this.transfers.schedule(),
    });
    socket.on('drain', () => {
      if (this.transfers.inFlight === 0) socket.setTimeout(0);
      this.#relays.resume();
      this.transfers.schedule();
    });
    socket.on('end', () => this.#clientEnded());
    socket.on('timeout', () => this.#stalled());
    socket.on('error', () => this.destroy('closed-by-client'));
    socket.on('close', () => this.#closed());
  }

  /** Ends what has lasted too long. Called every second or so, as a timer for each connection costs more. */
  sweep(now: number): void {
    if (this.transfers.inFlight > 0) this.transfers.sweep(now);
    // While a transfer runs, to its last octet, the socket's own timeout looks after it.
    if (this.#isTransferring || this.#fate !== undefined) return;
    const { limits } = this.context.policy;
    const began = this.#messageBegan;
    const isOverdue =
      began !== undefined
        ? now - began > limits.messageTimeoutMs
        : now - Math.max(this.#quietSince, this.transfers.quietSince) >
          (this.#hadMessage ? limits.idleTimeoutMs : limits.firstMessageTimeoutMs);
    if (!isOverdue) return;
    // A message that does not come to its end.
    if (began !== undefined) this.context.offend(this.peer.address, 'limit');
    this.destroy('stalled');
  }

  /** No more requests; running transfers go on to their end. */
  closeWhenIdle(): void {
    this.#isClosing = true;
    this.#held = [];
    this.socket.resume();
    this.#endIfIdle();
  }

  running(now: number): RunningTransfer[] {
    return [...this.transfers.running(now), ...this.#relays.running(now)];
  }

  get isOver(): boolean {
    return this.#fate !== undefined;
  }

  /** While we hold everything back ourselves, the client has nothing to take. */
  #stalled(): void {
    if (this.transfers.isHeldBack) this.socket.setTimeout(this.context.policy.limits.idleTimeoutMs);
    else this.destroy('stalled');
  }

  #receive(data: Buffer): void {
    if (this.#fate !== undefined || this.#isClosing) return;
    if (this.#isSaturated) {
      this.#hold(data);
      return;
    }
    // Pipelined requests of one segment are answered in one write.
    if (this.messages === undefined) this.socket.cork();
    const taken = this.#framer.push(data, (message) => {
      this.#request(message);
      return this.#fate === undefined && !this.#isClosing && !this.#isSaturated;
    });
    if (this.messages === undefined) this.socket.uncork();
    if (this.#isClosing) {
      this.#endIfIdle();
      return;
    }
    if (!this.#framer.isInMessage) this.#messageBegan = undefined;
    else this.#messageBegan ??= this.context.clock.now();
    if (taken < data.length) this.#hold(data.subarray(taken));
  }

  /** Answers pile up: a client that asks and does not read is not read from either. */
  get #isSaturated(): boolean {
    const { queriesInFlight, memoryPerConnection } = this.context.policy.limits;
    return this.#inFlight >= queriesInFlight || this.#octets > memoryPerConnection - RESERVED_MEMORY;
  }

  /** Octets that are there for this client alone. Of a plain transfer the socket holds none: it lies in shared memory. */
  get #octets(): number {
    return this.#ownOctets + (this.messages === undefined ? 0 : this.socket.writableLength);
  }

  get #inFlight(): number {
    return this.transfers.inFlight + this.#relays.inFlight + this.#delayed;
  }

  get #isTransferring(): boolean {
    return this.#inFlight > 0;
  }

  #hold(data: Buffer): void {
    this.#held.push(data);
    this.socket.pause();
  }

  resumeReceiving(): void {
    if (this.#held.length === 0 || this.#isSaturated) return;
    const held = this.#held;
    this.#held = [];
    for (const data of held) this.#receive(data);
    if (this.#held.length === 0) this.socket.resume();
  }

  #request(message: Bytes): void {
    const context = this.context;
    const now = context.clock.now();
    this.#hadMessage = true;
    this.#quietSince = now;
    this.#messageBegan = undefined;
    // The last one is answered: what comes after it is read, so that no reset overtakes the answers, and dropped.
    if (++this.#requests >= context.policy.limits.queriesPerConnection) this.#isClosing = true;
    context.counters.add('requests');
    this.#act(handleRequest(message, this.#requestContext(now)), message, now);
  }

  #act(outcome: Outcome, message: Bytes, now: number): void {
    const context = this.context;
    if (outcome.isLast && outcome.kind !== 'delay') this.#isClosing = true;
    switch (outcome.kind) {
      case 'silence':
        return;
      case 'close':
        context.counters.add('dropped');
        if (outcome.refusal !== undefined) this.noteRefusal(outcome.refusal);
        else context.offend(this.peer.address, 'malformed');
        this.destroy('error');
        return;
      case 'delay':
        this.#delay(outcome, outcome.refusal, message);
        return;
      case 'answer':
        if (outcome.refusal !== undefined) this.noteRefusal(outcome.refusal);
        if (outcome.told !== undefined) {
          const { transport } = this.peer;
          context.report({ event: 'soa-told', ...outcome.told, transport, client: clientOf(this.peer) });
        }
        this.writeMessage(outcome.message);
        return;
      case 'notify':
        context.counters.add('notifies');
        context.notify(outcome.notify);
        this.writeMessage(outcome.message);
        return;
      case 'relay':
        this.#relays.begin(outcome.request);
        return;
      case 'transfer':
        this.transfers.begin(outcome.transfer, now);
        return;
    }
  }

  /** Who does not take what a primary sends has as long as with a transfer of ours. */
  #relayed(framed: Uint8Array): boolean {
    this.#quietSince = this.context.clock.now();
    const takesMore = this.socket.write(framed);
    if (!takesMore) this.socket.setTimeout(this.context.policy.limits.idleTimeoutMs);
    return takesMore;
  }

  #requestContext(now: number, isDelayed = false): RequestContext {
    const { policy: state, zones } = this.context;
    const keepalive = this.context.isUnderPressure ? 0 : Math.min(65_535, Math.floor(state.limits.idleTimeoutMs / 100));
    return { peer: this.peer, state, zones, now, isDelayed, keepalive, onShadow: (hit) => this.#noteShadow(hit) };
  }

  /** `refusal`: what is told where too many are held already. */
  #delay(delay: Delay, refusal: Refusal, message: Bytes): void {
    const mine = new Uint8Array(message);
    this.#delayed++;
    this.#ownOctets += mine.length;
    this.context.counters.add('delayed');
    this.context.tarpit.hold(delay, (next) => {
      this.#delayed--;
      this.#ownOctets -= mine.length;
      if (this.#fate !== undefined) return;
      const now = this.context.clock.now();
      const outcome: Outcome =
        next === 'drop' ? { kind: 'close', refusal } : handleRequest(mine, this.#requestContext(now, true));
      this.#act(outcome, mine, now);
      this.transfers.schedule();
    });
  }

  rested(): void {
    this.#endIfIdle();
  }

  noteRefusal(refusal: Refusal): void {
    this.context.counters.add(`refused-${refusal.why}`);
    const offence = offenceOf(refusal.why);
    if (offence !== undefined) this.context.offend(this.peer.address, offence);
    const { transport } = this.peer;
    this.context.report({ event: 'refused', ...refusal, transport, client: clientOf(this.peer) });
  }

  #noteShadow(hit: ShadowHit): void {
    this.context.counters.add('shadow-hits');
    this.context.report({ event: 'shadow', ...hit, transport: this.peer.transport, client: clientOf(this.peer) });
  }

  writeMessage(message: Uint8Array): void {
    const framed = Buffer.allocUnsafe(message.length + 2);
    framed.writeUInt16BE(message.length, 0);
    framed.set(message, 2);
    if (this.messages !== undefined) {
      this.socket.write(framed);
      return;
    }
    this.#ownOctets += framed.length;
    this.socket.write(framed, () => {
      this.#ownOctets -= framed.length;
    });
  }

  #clientEnded(): void {
    this.#hasClientEnded = true;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    const isLast = this.#isClosing || (this.#hasClientEnded && this.#held.length === 0);
    if (!isLast || this.#fate !== undefined || this.#isTransferring) return;
    this.socket.end();
  }

  destroy(outcome: TransferEvent['outcome']): void {
    if (this.#fate !== undefined) return;
    this.#fate = outcome;
    this.#held = [];
    this.socket.destroy();
  }

  #closed(): void {
    const outcome = this.#fate ?? 'closed-by-client';
    this.#fate = outcome;
    this.transfers.closed(outcome);
    this.#relays.close();
    this.context.gone(this);
  }
}

/** A quantum is gathered in memory of the connection's own. */
const tlsQuantum = (memory: number): number =>
  Math.min(TLS_QUANTUM, Math.max(1, Math.floor((memory - RESERVED_MEMORY) / 2 / 16_384)));
