/**
 * The transfers of one connection, from their request to the last octet: they wait for a place, for their answer, for
 * their share of a bandwidth, and are sent by turns. Answers are whole messages, so they may mix (RFC 9103 §6.1).
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Milliseconds } from '../base/clock.ts';
import { Progress } from '../policy/limits/progress.ts';
import type { Answer } from '../policy/limits/quota.ts';
import { buildSoaAnswer } from './answer.ts';
import type { FrontContext } from './context.ts';
import type { MessageSink } from './message-sink.ts';
import type { RunningTransfer, TransferEvent } from './messages.ts';
import { type AcceptedTransfer, detachQuery, type Refusal, soaOf } from './outcome.ts';
import type { Paced } from './pacer.ts';
import type { Peer } from './peer.ts';
import type { Admitted, Ticket } from './places.ts';
import type { SlowTransfer } from './slow-transfers.ts';
import { TransferStream } from './stream.ts';
import { refuseTransfer } from './transfer-limits.ts';
import { runningTransfer, streamFacts, type TransferFacts, transferEvent } from './transfer-report.ts';
import type { ServedAnswer } from './zones.ts';

/** The connection, as its transfers see it. */
export interface TransferHost {
  readonly socket: Socket | TLSSocket;
  readonly peer: Peer;
  readonly context: FrontContext;
  /** Over TLS, what transfers write to. */
  readonly messages: MessageSink | undefined;
  /** It is given up. */
  readonly isOver: boolean;
  writeMessage(message: Uint8Array): void;
  noteRefusal(refusal: Refusal): void;
  /** It may be read from again, if it was not. */
  resumeReceiving(): void;
  /** Ends the connection, with all its transfers: none can be broken off by itself. */
  destroy(outcome: TransferEvent['outcome']): void;
  /** Nothing is left to write for now. */
  rested(): void;
}

/** Not sent from yet. */
interface Waiting {
  readonly transfer: AcceptedTransfer;
  readonly startedAt: Milliseconds;
  ticket: Ticket | undefined;
  admitted: Admitted | undefined;
}

interface Active {
  readonly stream: TransferStream;
  readonly asked: Milliseconds;
  readonly startedAt: Milliseconds;
  readonly admitted: Admitted;
  paced: Paced | undefined;
  /** Made when it has run for a while. */
  progress: Progress | undefined;
}

export class Transfers {
  readonly #host: TransferHost;
  readonly #quantum: number;
  readonly #waiting = new Set<Waiting>();
  /** Those that have more to write and may, whose turn is next in front. */
  readonly #active: Active[] = [];
  /** Those that wait for their share. */
  readonly #paced = new Set<Active>();
  /** Those that have written all, and wait for the socket to have taken it. */
  readonly #finishing = new Set<Active>();
  #isScheduled = false;
  /** When the last one ended. */
  quietSince: Milliseconds = 0;

  /** `quantum`: frames at a time. */
  constructor(host: TransferHost, quantum: number) {
    this.#host = host;
    this.#quantum = quantum;
  }

  get inFlight(): number {
    return this.#active.length + this.#paced.size + this.#finishing.size + this.#waiting.size;
  }

  /** Nothing is sent because of limits of ours. */
  get isHeldBack(): boolean {
    return this.inFlight > 0 && this.#active.length === 0 && this.#finishing.size === 0;
  }

  running(now: Milliseconds): RunningTransfer[] {
    const { peer } = this.#host;
    const waiting = Array.from(this.#waiting, ({ transfer, startedAt, admitted }) => {
      const state = admitted === undefined ? 'queued' : 'preparing';
      const totalBytes = transfer.version.handle.octets;
      return runningTransfer(transfer, peer, { bytes: 0, totalBytes, ms: now - startedAt, state });
    });
    const sent = ({ stream, asked }: Active, state: 'sending' | 'paced'): RunningTransfer => {
      const { bytes, totalBytes } = stream;
      return runningTransfer(stream.transfer, peer, { bytes, totalBytes, ms: now - asked, state });
    };
    return [
      ...waiting,
      ...this.#active.map((active) => sent(active, 'sending')),
      ...Array.from(this.#paced, (active) => sent(active, 'paced')),
    ];
  }

  begin(transfer: AcceptedTransfer, now: Milliseconds): void {
    if (transfer.isCurrent) {
      this.#tellCurrent(transfer, now);
      return;
    }
    // The query's question and OPT are views into the receive buffer, which is not ours beyond this turn.
    const mine = { ...transfer, query: detachQuery(transfer.query) };
    const waiting: Waiting = { transfer: mine, startedAt: now, ticket: undefined, admitted: undefined };
    const { places } = this.#host.context.transferLimits;
    const entry = places.enter(mine, now, (admitted) => {
      waiting.ticket = undefined;
      this.#waiting.delete(waiting);
      if (admitted === undefined) this.#refuse(mine, 'queue-wait', 'no place came free in time');
      else this.#prepare({ ...waiting, admitted });
      mine.version.release();
      this.schedule();
    });
    switch (entry.kind) {
      case 'full':
        this.#refuse(mine, 'concurrent', 'too many transfers at a time');
        return;
      case 'queued':
        // Control may let go of it meanwhile.
        mine.version.lease();
        waiting.ticket = entry.ticket;
        this.#waiting.add(waiting);
        this.#host.context.counters.add('queued');
        return;
      case 'admitted':
        this.#prepare({ ...waiting, admitted: entry.admitted });
    }
  }

  /** It has places: what it is sent is found out; where control has to make it, the version stays meanwhile. */
  #prepare(waiting: Waiting & { readonly admitted: Admitted }): void {
    const { transfer, admitted } = waiting;
    const { zone, version, from, format } = transfer;
    const answer = version.answerFrom(from, format);
    if (answer !== 'unknown') {
      this.#stream(waiting, answer === 'AXFR' ? undefined : answer);
      return;
    }
    version.lease();
    this.#waiting.add(waiting);
    const wish = { zone, version: version.handle, slot: version.slot, from, format };
    this.#host.context.zones.want(wish, (made) => {
      this.#waiting.delete(waiting);
      if (this.#host.isOver) admitted.leave();
      else if (made !== undefined || format === 'compressed') this.#stream(waiting, made);
      else {
        admitted.leave();
        this.#refuse(transfer, 'not-ready', 'the zone could not be put in the format that is set for this client');
        this.schedule();
      }
      version.release();
    });
  }

  #stream({ transfer, startedAt, admitted }: Waiting & { readonly admitted: Admitted }, answer?: ServedAnswer): void {
    const { context, socket } = this.#host;
    const { transferLimits, policy, clock } = context;
    const now = clock.now();
    const stream = new TransferStream(transfer, this.#quantum, now, answer);
    const refused = transferLimits.charge(transfer, answerOf(stream), now);
    if (refused !== undefined) {
      admitted.leave();
      this.#host.noteRefusal(refused.refusal);
      this.#host.writeMessage(refused.message);
      this.schedule();
      return;
    }
    stream.lease();
    const active: Active = {
      stream,
      startedAt: now,
      asked: startedAt,
      admitted,
      paced: undefined,
      progress: undefined,
    };
    active.paced = transferLimits.pace(transfer, () => {
      this.#paced.delete(active);
      this.#active.push(active);
      this.schedule();
    });
    socket.setTimeout(policy.limits.idleTimeoutMs);
    this.#active.push(active);
    if (stream.isShort) this.#run();
    else this.schedule();
  }

  /** Next turn of the event loop, however willing the socket is: so that one fast reader starves nobody. */
  schedule(): void {
    if (this.#isScheduled || this.#host.isOver) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#run();
    });
  }

  /** One quantum of the transfer whose turn it is. */
  #run(): void {
    const { socket, messages, isOver, context } = this.#host;
    // 'drain' will call again: until then the socket holds all that it is meant to.
    if (isOver || socket.writableNeedDrain) return;
    this.#host.resumeReceiving();
    const active = this.#active.shift();
    if (active === undefined) {
      this.#host.rested();
      return;
    }
    const { stream, paced } = active;
    if (paced !== undefined && paced.granted <= 0) {
      // Only now, when the client takes more: a share that nobody reads would be lost to the others.
      this.#paced.add(active);
      paced.wait();
      this.schedule();
      return;
    }
    // Many pieces in one system call. Over TLS the sink gathers, and what is corked could not share its memory.
    if (messages === undefined) socket.cork();
    const before = stream.bytes;
    const isDone = stream.writeQuantum(messages ?? socket, Math.floor(context.clock.now() / 1000), paced?.granted);
    messages?.flush(isDone);
    paced?.sent(stream.bytes - before);
    if (isDone) this.#finishAfterLastWrite(active);
    else this.#active.push(active);
    if (messages === undefined) socket.uncork();
    if (!socket.writableNeedDrain) this.schedule();
  }

  #finishAfterLastWrite(active: Active): void {
    const { socket } = this.#host;
    active.paced?.end();
    // Kept until the socket has taken the last octet: libuv reads the shared memory until then.
    this.#finishing.add(active);
    socket.write(NOTHING, (error) => {
      // A destroyed socket calls back without an error: then `closed` says how it ended, and gives the lease back.
      if (error || this.#host.isOver || socket.destroyed || !this.#finishing.delete(active)) return;
      this.#finish(active, 'done');
      if (this.#active.length + this.#paced.size + this.#finishing.size === 0) socket.setTimeout(0);
      this.schedule();
    });
  }

  /** Only now are leases given back: until its close a socket may read the memory of what it was given to write. */
  closed(outcome: TransferEvent['outcome']): void {
    for (const { ticket, transfer } of this.#waiting) {
      if (ticket === undefined) continue;
      ticket.cancel();
      transfer.version.release();
    }
    const unfinished = [...this.#active.splice(0), ...this.#paced];
    for (const active of unfinished) active.paced?.end();
    for (const active of [...unfinished, ...this.#finishing]) this.#finish(active, outcome);
    this.#paced.clear();
    this.#finishing.clear();
  }

  /** Looks at how fast the client takes what it is sent, and ends what is below the floor of its rule. */
  sweep(now: Milliseconds): void {
    const { socket } = this.#host;
    const isClients = socket.writableNeedDrain || (this.#finishing.size > 0 && socket.writableLength > 0);
    for (const active of this.#sent()) {
      const { minProgress } = active.stream.transfer.allowedBy.config.limits;
      active.progress ??= new Progress(minProgress?.overMs ?? DEFAULT_WINDOW_MS, active.startedAt);
      // One that waits for its share is held by us.
      active.progress.look(active.stream.bytes - socket.writableLength, now, isClients && !this.#paced.has(active));
      if (minProgress === undefined || !active.progress.isWhole) continue;
      if (active.progress.rate < minProgress.bytesPerSecond) this.#host.destroy('too-slow');
    }
  }

  /** Those slower than their rule wants, though their window is not over; `leastMs`: looked at for so long. */
  belowFloor(leastMs: Milliseconds): SlowTransfer[] {
    const slow: SlowTransfer[] = [];
    for (const { stream, progress } of this.#sent()) {
      const { minProgress } = stream.transfer.allowedBy.config.limits;
      if (minProgress === undefined || progress === undefined || progress.ms < leastMs) continue;
      if (progress.rate < minProgress.bytesPerSecond) slow.push(this.#slow(progress.rate));
    }
    return slow;
  }

  /** Those that read from one of these lease slots. */
  readersOf(slots: ReadonlySet<number>): SlowTransfer[] {
    const readers: SlowTransfer[] = [];
    for (const { stream, progress } of this.#sent()) {
      if (stream.reads(slots)) readers.push(this.#slow(progress?.rate ?? Number.POSITIVE_INFINITY));
    }
    return readers;
  }

  #slow(rate: number): SlowTransfer {
    return { rate, end: (outcome) => this.#host.destroy(outcome) };
  }

  *#sent(): Generator<Active> {
    yield* this.#active;
    yield* this.#paced;
    yield* this.#finishing;
  }

  #finish({ stream, asked, admitted }: Active, outcome: TransferEvent['outcome']): void {
    const { clock, transferLimits } = this.#host.context;
    const now = clock.now();
    this.quietSince = now;
    const { transfer } = stream;
    stream.release();
    admitted.leave();
    transferLimits.quotas.ended(transfer.allowedBy, transfer.facts, answerOf(stream), outcome === 'done', now);
    this.#report(transfer, streamFacts(stream, outcome, now - asked));
  }

  #tellCurrent(transfer: AcceptedTransfer, now: Milliseconds): void {
    const { query, version, manner, sign } = transfer;
    const message = buildSoaAnswer(query, { ...soaOf(version, now), manner }, sign);
    this.#host.writeMessage(message);
    const sums = { messages: 1, records: 1, bytes: message.length, ms: 0 };
    this.#report(transfer, { ...sums, outcome: 'done', 'sent-as': 'SOA' });
  }

  #refuse(transfer: AcceptedTransfer, why: 'concurrent' | 'queue-wait' | 'not-ready', text: string): void {
    const { message, refusal } = refuseTransfer(transfer, why, text);
    this.#host.noteRefusal(refusal);
    this.#host.writeMessage(message);
  }

  #report(transfer: AcceptedTransfer, facts: TransferFacts): void {
    const { context, peer } = this.#host;
    context.counters.add(`transfers-${facts.outcome}`);
    context.counters.add('transfer-octets', facts.bytes);
    context.report(transferEvent(transfer, peer, facts));
  }
}

const answerOf = ({ transfer, sentAs, totalBytes }: TransferStream): Answer => ({
  asked: transfer.type,
  sentAs,
  serial: transfer.version.handle.serial,
  octets: totalBytes,
});

/** Of those without a floor: how slow they are is asked when memory runs short. */
const DEFAULT_WINDOW_MS = 30_000;
const NOTHING = Buffer.alloc(0);
