/** The requests of one client that are relayed: how many there may be, what it is told where one fails, the log. */
import type { Clock } from '../base/clock.ts';
import type { SharedCount } from '../policy/limits/shared-count.ts';
import { EDE, RCODE } from '../wire/registry.ts';
import { buildAnswer } from './answer.ts';
import type { Counters } from './counters.ts';
import type { FrontEvent, RefusalReason, RunningTransfer } from './messages.ts';
import { detachQuery, type Refusal } from './outcome.ts';
import type { Peer } from './peer.ts';
import type { Admitted, Ticket } from './places.ts';
import { Relay, type RelayOutcome, type RelayRequest, type RelayTurns } from './relay.ts';
import type { TransferLimits } from './transfer-limits.ts';
import { clientOf, proofOf } from './transfer-report.ts';

export interface RelayHost {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly turns: RelayTurns;
  /** Requests relayed, by zone, over all fronts. */
  readonly relaying: SharedCount;
  /** Over UDP there are no transfers. */
  readonly transferLimits: Pick<TransferLimits, 'places' | 'pace' | 'quotas'> | undefined;
  report(event: FrontEvent): void;
}

/** The client's side: a connection, or one datagram. */
export interface RelayPeer {
  readonly peer: Peer;
  /** A message with its length prefix. False: no more until `resume`. */
  write(framed: Uint8Array): boolean;
  noteRefusal(refusal: Refusal): void;
  /** The rest of an answer is not to be had: the client must not take what it got for all of it. */
  breakOff(): void;
  /** One more has ended. */
  ended(): void;
}

export class Relays {
  readonly #host: RelayHost;
  readonly #client: RelayPeer;
  readonly #queued = new Map<Ticket, RelayRequest>();
  /** Those that wait for their share of a bandwidth. */
  readonly #paced = new Set<Relay>();
  readonly #running = new Set<Relay>();

  constructor(host: RelayHost, client: RelayPeer) {
    this.#host = host;
    this.#client = client;
  }

  get inFlight(): number {
    return this.#queued.size + this.#running.size;
  }

  begin(request: RelayRequest): void {
    // Views into the receive buffer, which is not ours beyond this turn.
    const mine = { ...request, bytes: new Uint8Array(request.bytes), query: detachQuery(request.query) };
    const { transferLimits, clock } = this.#host;
    if (request.type === 'SOA' || transferLimits === undefined) {
      this.#start(mine, undefined);
      return;
    }
    let ticket: Ticket | undefined;
    const entry = transferLimits.places.enter(mine, clock.now(), (admitted) => {
      if (ticket !== undefined) this.#queued.delete(ticket);
      if (admitted === undefined) this.#refuse(mine, 'queue-wait', 'no place came free in time');
      else this.#start(mine, admitted);
    });
    if (entry.kind === 'full') this.#refuse(mine, 'concurrent', 'too many transfers at a time');
    else if (entry.kind === 'admitted') this.#start(mine, entry.admitted);
    else {
      ticket = entry.ticket;
      this.#queued.set(ticket, mine);
      this.#host.counters.add('queued');
    }
  }

  #start(request: RelayRequest, admitted: Admitted | undefined): void {
    const { relaying, turns, clock } = this.#host;
    const place = relaying.enter(Buffer.from(`relay\0${request.zone}`), request.target.concurrent);
    if (place === undefined) {
      admitted?.leave();
      this.#refuse(request, 'relays', 'too many requests are relayed');
      return;
    }
    const quotas = request.type === 'SOA' ? undefined : this.#host.transferLimits?.quotas;
    if (quotas?.takeOctets(request.allowedBy, request.facts, 0, clock.now()) === false) {
      relaying.leave(place);
      admitted?.leave();
      this.#refuse(request, 'bytes', 'transfer volume limit reached');
      return;
    }
    const paced = request.type === 'SOA' ? undefined : this.#host.transferLimits?.pace(request, () => this.#go(relay));
    const ended = (_: Relay, outcome: RelayOutcome, why?: string): void => {
      paced?.end();
      this.#paced.delete(relay);
      // Only now is it known how many they are.
      quotas?.takeOctets(request.allowedBy, request.facts, relay.bytes, clock.now());
      relaying.leave(place);
      admitted?.leave();
      this.#running.delete(relay);
      this.#report(relay, outcome, why);
      if (outcome !== 'closed-by-client' && outcome !== 'done') {
        if (relay.messages === 0) this.#fail(request, EDE.NO_REACHABLE_AUTHORITY, 'the primary gives no answer');
        else this.#client.breakOff();
      }
      this.#client.ended();
    };
    const write = (framed: Uint8Array): boolean => {
      const takesMore = this.#client.write(framed);
      paced?.sent(framed.length);
      if (paced === undefined || paced.granted > 0) return takesMore;
      this.#paced.add(relay);
      paced.wait();
      return false;
    };
    const relay = new Relay(request, { write, ended }, turns, clock);
    this.#running.add(relay);
  }

  /** Its share has come. */
  #go(relay: Relay): void {
    this.#paced.delete(relay);
    relay.resume();
  }

  /** The client takes more. */
  resume(): void {
    for (const relay of this.#running) if (!this.#paced.has(relay)) relay.resume();
  }

  /** The client is gone. */
  close(): void {
    for (const ticket of this.#queued.keys()) ticket.cancel();
    for (const relay of [...this.#running]) relay.cancel('closed-by-client');
  }

  running(now: number): RunningTransfer[] {
    const queued = Array.from(this.#queued.values(), (request) =>
      this.#runningTransfer(request, { serial: 0, bytes: 0, ms: 0, state: 'queued' }),
    );
    const running = Array.from(this.#running, (relay) => {
      const { bytes, startedAt, serial = 0 } = relay;
      const state = bytes === 0 ? 'preparing' : this.#paced.has(relay) ? 'paced' : 'sending';
      return this.#runningTransfer(relay.request, { serial, bytes, ms: now - startedAt, state });
    });
    return [...queued, ...running].flat();
  }

  /** None for a SOA query. How much there is to come is not known. */
  #runningTransfer(
    { type, zone, identity }: RelayRequest,
    sent: Pick<RunningTransfer, 'serial' | 'bytes' | 'ms' | 'state'>,
  ): RunningTransfer[] {
    if (type === 'SOA') return [];
    const { peer } = this.#client;
    return [{ type, zone, identity, transport: peer.transport, client: clientOf(peer), totalBytes: 0, ...sent }];
  }

  #refuse(request: RelayRequest, why: RefusalReason, text: string): void {
    const { zone, type, identity, rule, secondaries } = request;
    this.#client.noteRefusal({ why, zone, type, identity, rule, secondaries });
    this.#fail(request, EDE.OTHER, text);
    this.#client.ended();
  }

  #fail({ query, manner, sign }: RelayRequest, code: number, text: string): void {
    const message = buildAnswer(query, { rcode: RCODE.SERVFAIL, ede: { code, text }, manner }, sign);
    const framed = Buffer.allocUnsafe(message.length + 2);
    framed.writeUInt16BE(message.length);
    framed.set(message, 2);
    this.#client.write(framed);
  }

  #who({ zone, identity, secondaries }: RelayRequest) {
    const { peer } = this.#client;
    return { zone, transport: peer.transport, client: clientOf(peer), identity, secondaries };
  }

  /** SOA queries are counted only, as those that are answered here. */
  #report(relay: Relay, outcome: RelayOutcome, why: string | undefined): void {
    const { request, sentAs, serial = 0, messages, records, bytes, startedAt } = relay;
    const { counters, clock } = this.#host;
    counters.add('relayed');
    if (request.type === 'SOA') return;
    counters.add(`transfers-${outcome}`);
    counters.add('transfer-octets', bytes);
    this.#host.report({
      event: 'transfer',
      ...this.#who(request),
      type: request.type,
      'sent-as': sentAs,
      rule: request.rule,
      from: request.from,
      to: serial,
      messages,
      records,
      bytes,
      ms: clock.now() - startedAt,
      outcome,
      proof: proofOf(request.facts),
      relayed: { primary: request.target.primary, ...(why !== undefined && { why }) },
    });
  }
}
