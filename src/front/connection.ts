/**
 * One client's connection: frames what comes in, answers it, and sends its transfers by turns. Several requests may be
 * in flight at once; their answers are whole messages, so they may mix (RFC 9103 §6.1, RFC 7766 §6.2.1.1).
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Bytes } from '../base/bytes.ts';
import { MessageFramer } from '../wire/framing.ts';
import { buildSoaAnswer } from './answer.ts';
import type { FrontContext } from './context.ts';
import { MessageSink } from './message-sink.ts';
import type { RunningTransfer, TransferEvent } from './messages.ts';
import {
  type AcceptedTransfer,
  detachQuery,
  type Outcome,
  type Refusal,
  type RequestContext,
  type ShadowHit,
  soaOf,
} from './outcome.ts';
import type { Peer } from './peer.ts';
import { handleRequest } from './pipeline.ts';
import { PLAIN_QUANTUM, TLS_QUANTUM, TransferStream } from './stream.ts';
import type { Delay } from './tarpit.ts';
import { clientOf, runningTransfer, streamFacts, type TransferFacts, transferEvent } from './transfer-report.ts';

/**
 * Of `memory-per-connection`, what is kept free while it is read from: what one read of the socket brings, and a
 * message that is not whole yet.
 */
const RESERVED_MEMORY = 192_000;

interface Active {
  readonly stream: TransferStream;
  readonly startedAt: number;
}

export class Connection {
  readonly peer: Peer;
  readonly #socket: Socket | TLSSocket;
  readonly #context: FrontContext;
  readonly #framer = new MessageFramer();
  readonly #quantum: number;
  /** Over TLS, what transfers write to. */
  readonly #messages: MessageSink | undefined;
  /** Transfers that have more to write, whose turn is next in front. */
  readonly #active: Active[] = [];
  /** Transfers that have written all, and wait for the socket to have taken it. */
  readonly #finishing = new Set<Active>();
  /** Transfers whose answer control is asked for. */
  #waiting = 0;
  /** Octets that came while too much was in flight. */
  #held: Buffer[] = [];
  /** Octets of requests that are delayed, and of answers that a plain socket has not taken. */
  #ownOctets = 0;
  #requests = 0;
  #isScheduled = false;
  #isClosing = false;
  /** The client has said all; what it has asked is answered, what is held of it, too. */
  #hasClientEnded = false;
  /** Set once the connection is given up; what is running then ends so. */
  #fate: TransferEvent['outcome'] | undefined;
  #hadMessage = false;
  /** Of the last whole message, of the end of the last transfer, or of the accept. */
  #quietSince: number;
  #messageBegan: number | undefined;

  constructor(socket: Socket | TLSSocket, peer: Peer, context: FrontContext) {
    this.#socket = socket;
    this.peer = peer;
    this.#context = context;
    this.#quantum = peer.transport === 'tls' ? tlsQuantum(context.policy.limits.memoryPerConnection) : PLAIN_QUANTUM;
    this.#messages = socket instanceof TLSSocket ? new MessageSink(socket) : undefined;
    this.#quietSince = context.clock.now();
    socket.on('data', (data: Buffer) => this.#receive(data));
    socket.on('drain', () => this.#schedule());
    socket.on('end', () => this.#clientEnded());
    socket.on('timeout', () => this.#destroy('stalled'));
    socket.on('error', () => this.#destroy('closed-by-client'));
    socket.on('close', () => this.#closed());
  }

  /** Ends what has lasted too long. Called every second or so, as a timer for each connection costs more. */
  sweep(now: number): void {
    // While a transfer runs, to its last octet, the socket's own timeout looks after it.
    if (this.#isTransferring || this.#fate !== undefined) return;
    const { limits } = this.#context.policy;
    const began = this.#messageBegan;
    const isOverdue =
      began !== undefined
        ? now - began > limits.messageTimeoutMs
        : now - this.#quietSince > (this.#hadMessage ? limits.idleTimeoutMs : limits.firstMessageTimeoutMs);
    if (isOverdue) this.#destroy('stalled');
  }

  /** No more requests; running transfers go on to their end. */
  closeWhenIdle(): void {
    this.#isClosing = true;
    this.#held = [];
    this.#socket.resume();
    this.#endIfIdle();
  }

  running(now: number): RunningTransfer[] {
    return this.#active.map(({ stream, startedAt }) => runningTransfer(stream, this.peer, now - startedAt));
  }

  #receive(data: Buffer): void {
    if (this.#fate !== undefined || this.#isClosing) return;
    if (this.#isSaturated) {
      this.#hold(data);
      return;
    }
    // Pipelined requests of one segment are answered in one write.
    this.#cork();
    const taken = this.#framer.push(data, (message) => {
      this.#request(message);
      return this.#fate === undefined && !this.#isClosing && !this.#isSaturated;
    });
    this.#uncork();
    if (this.#isClosing) {
      this.#endIfIdle();
      return;
    }
    if (!this.#framer.isInMessage) this.#messageBegan = undefined;
    else this.#messageBegan ??= this.#context.clock.now();
    if (taken < data.length) this.#hold(data.subarray(taken));
  }

  /** Many pieces in one system call. Over TLS the sink gathers, and what is corked could not share its memory. */
  #cork(): void {
    if (this.#messages === undefined) this.#socket.cork();
  }

  #uncork(): void {
    if (this.#messages === undefined) this.#socket.uncork();
  }

  /** Answers pile up: a client that asks and does not read is not read from either. */
  get #isSaturated(): boolean {
    const { queriesInFlight, memoryPerConnection } = this.#context.policy.limits;
    const inFlight = this.#active.length + this.#finishing.size + this.#waiting;
    return inFlight >= queriesInFlight || this.#octets > memoryPerConnection - RESERVED_MEMORY;
  }

  /** Octets that are there for this client alone. Of a plain transfer the socket holds none: it lies in shared memory. */
  get #octets(): number {
    return this.#ownOctets + (this.#messages === undefined ? 0 : this.#socket.writableLength);
  }

  get #isTransferring(): boolean {
    return this.#active.length > 0 || this.#finishing.size > 0 || this.#waiting > 0;
  }

  #hold(data: Buffer): void {
    this.#held.push(data);
    this.#socket.pause();
  }

  #resumeReceiving(): void {
    if (this.#held.length === 0 || this.#isSaturated) return;
    const held = this.#held;
    this.#held = [];
    for (const data of held) this.#receive(data);
    if (this.#held.length === 0) this.#socket.resume();
  }

  #request(message: Bytes): void {
    const context = this.#context;
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
    const context = this.#context;
    if (outcome.isLast && outcome.kind !== 'delay') this.#isClosing = true;
    switch (outcome.kind) {
      case 'silence':
        return;
      case 'close':
        context.counters.add('dropped');
        if (outcome.refusal !== undefined) this.#noteRefusal(outcome.refusal);
        this.#destroy('error');
        return;
      case 'delay':
        this.#delay(outcome, message);
        return;
      case 'answer':
        if (outcome.refusal !== undefined) this.#noteRefusal(outcome.refusal);
        if (outcome.told !== undefined) {
          const { transport } = this.peer;
          context.report({ event: 'soa-told', ...outcome.told, transport, client: clientOf(this.peer) });
        }
        this.#writeMessage(outcome.message);
        return;
      case 'notify':
        context.counters.add('notifies');
        context.notify(outcome.notify);
        this.#writeMessage(outcome.message);
        return;
      case 'transfer':
        this.#begin(outcome.transfer, now);
        return;
    }
  }

  #requestContext(now: number, isDelayed = false): RequestContext {
    const { policy: state, zones } = this.#context;
    const keepalive = this.#context.isUnderPressure
      ? 0
      : Math.min(65_535, Math.floor(state.limits.idleTimeoutMs / 100));
    return { peer: this.peer, state, zones, now, isDelayed, keepalive, onShadow: (hit) => this.#noteShadow(hit) };
  }

  #delay(delay: Delay, message: Bytes): void {
    const mine = new Uint8Array(message);
    this.#waiting++;
    this.#ownOctets += mine.length;
    this.#context.counters.add('delayed');
    this.#context.tarpit.hold(delay, (next) => {
      this.#waiting--;
      this.#ownOctets -= mine.length;
      if (this.#fate !== undefined) return;
      const now = this.#context.clock.now();
      const outcome = next === 'drop' ? DROPPED : handleRequest(mine, this.#requestContext(now, true));
      this.#act(outcome, mine, now);
      this.#schedule();
    });
  }

  #begin(transfer: AcceptedTransfer, now: number): void {
    if (transfer.isCurrent) {
      const message = buildSoaAnswer(
        transfer.query,
        { ...soaOf(transfer.version, now), manner: transfer.manner },
        transfer.sign,
      );
      this.#writeMessage(message);
      this.#report(transfer, {
        messages: 1,
        records: 1,
        bytes: message.length,
        ms: 0,
        outcome: 'done',
        'sent-as': 'SOA',
      });
      return;
    }
    // The query's question and OPT are views into the receive buffer, which is not ours beyond this turn.
    const mine = { ...transfer, query: detachQuery(transfer.query) };
    const delta = transfer.from === null ? 'AXFR' : transfer.version.answerFrom(transfer.from);
    if (delta === 'unknown') this.#wait(mine, now);
    else this.#stream(new TransferStream(mine, this.#quantum, now, delta === 'AXFR' ? undefined : delta), now);
  }

  /** Control makes the answer, or has it; meanwhile the version stays. */
  #wait(transfer: AcceptedTransfer, now: number): void {
    const { zone, version, from } = transfer;
    version.lease();
    this.#waiting++;
    this.#context.zones.want({ zone, version: version.handle.id, from: from as number }, () => {
      this.#waiting--;
      if (this.#fate === undefined) {
        const delta = version.answerFrom(from as number);
        this.#stream(
          new TransferStream(transfer, this.#quantum, now, typeof delta === 'string' ? undefined : delta),
          now,
        );
      }
      version.release();
    });
  }

  #stream(stream: TransferStream, startedAt: number): void {
    stream.lease();
    this.#active.push({ stream, startedAt });
    this.#socket.setTimeout(this.#context.policy.limits.idleTimeoutMs);
    if (stream.isShort) this.#run();
    else this.#schedule();
  }

  /** Next turn of the event loop, however willing the socket is: so that one fast reader starves nobody. */
  #schedule(): void {
    if (this.#isScheduled || this.#fate !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#run();
    });
  }

  /** One quantum of the transfer whose turn it is. */
  #run(): void {
    const socket = this.#socket;
    // 'drain' will call again: until then the socket holds all that it is meant to.
    if (this.#fate !== undefined || socket.writableNeedDrain) return;
    this.#resumeReceiving();
    const active = this.#active.shift();
    if (active === undefined) {
      this.#endIfIdle();
      return;
    }
    this.#cork();
    const isDone = active.stream.writeQuantum(this.#messages ?? socket, Math.floor(this.#context.clock.now() / 1000));
    this.#messages?.flush(isDone);
    if (isDone) this.#finishAfterLastWrite(active);
    else this.#active.push(active);
    this.#uncork();
    if (!socket.writableNeedDrain) this.#schedule();
  }

  #finishAfterLastWrite(active: Active): void {
    // Kept until the socket has taken the last octet: libuv reads the shared memory until then.
    this.#finishing.add(active);
    this.#socket.write(NOTHING, (error) => {
      // A destroyed socket calls back without an error: then `#closed` says how it ended, and gives the lease back.
      if (error || this.#fate !== undefined || this.#socket.destroyed || !this.#finishing.delete(active)) return;
      this.#finish(active, 'done');
      if (this.#active.length === 0 && this.#finishing.size === 0) this.#socket.setTimeout(0);
      this.#schedule();
    });
  }

  #finish({ stream, startedAt }: Active, outcome: TransferEvent['outcome']): void {
    const now = this.#context.clock.now();
    this.#quietSince = now;
    stream.release();
    this.#report(stream.transfer, streamFacts(stream, outcome, now - startedAt));
  }

  #report(transfer: AcceptedTransfer, facts: TransferFacts): void {
    const { counters } = this.#context;
    counters.add(`transfers-${facts.outcome}`);
    counters.add('transfer-octets', facts.bytes);
    this.#context.report(transferEvent(transfer, this.peer, facts));
  }

  #noteRefusal(refusal: Refusal): void {
    this.#context.counters.add(`refused-${refusal.why}`);
    const { transport } = this.peer;
    this.#context.report({ event: 'refused', ...refusal, transport, client: clientOf(this.peer) });
  }

  #noteShadow(hit: ShadowHit): void {
    this.#context.counters.add('shadow-hits');
    this.#context.report({ event: 'shadow', ...hit, transport: this.peer.transport, client: clientOf(this.peer) });
  }

  #writeMessage(message: Uint8Array): void {
    const framed = Buffer.allocUnsafe(message.length + 2);
    framed.writeUInt16BE(message.length, 0);
    framed.set(message, 2);
    if (this.#messages !== undefined) {
      this.#socket.write(framed);
      return;
    }
    this.#ownOctets += framed.length;
    this.#socket.write(framed, () => {
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
    this.#socket.end();
  }

  #destroy(outcome: TransferEvent['outcome']): void {
    if (this.#fate !== undefined) return;
    this.#fate = outcome;
    this.#held = [];
    this.#socket.destroy();
  }

  /** Only now are leases given back: until its close a socket may read the memory of what it was given to write. */
  #closed(): void {
    const outcome = this.#fate ?? 'closed-by-client';
    this.#fate = outcome;
    for (const active of [...this.#active.splice(0), ...this.#finishing]) this.#finish(active, outcome);
    this.#finishing.clear();
    this.#context.gone(this);
  }
}

/** A quantum is gathered in memory of the connection's own. */
const tlsQuantum = (memory: number): number =>
  Math.min(TLS_QUANTUM, Math.max(1, Math.floor((memory - RESERVED_MEMORY) / 2 / 16_384)));

const NOTHING = Buffer.alloc(0);
const DROPPED: Outcome = { kind: 'close' };
