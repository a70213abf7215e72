/** The requests of one client that are relayed: how many there may be, what it is told where one fails, the log. */
import type { Clock } from '../base/clock.ts';
import type { SharedCount } from '../policy/limits/shared-count.ts';
import { EDE, RCODE } from '../wire/registry.ts';
import { buildAnswer } from './answer.ts';
import type { Counters } from './counters.ts';
import type { FrontEvent, RefusalReason, RunningTransfer } from './messages.ts';
import { detachQuery, type Refusal } from './outcome.ts';
import type { Peer } from './peer.ts';
import type { Admitted, Places, Ticket } from './places.ts';
import { Relay, type RelayOutcome, type RelayRequest, type RelayTurns } from './relay.ts';
import { clientOf, proofOf } from './transfer-report.ts';

export interface RelayHost {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly turns: RelayTurns;
  /** Requests relayed, by zone, over all fronts. */
  readonly relaying: SharedCount;
  /** Over UDP there are no transfers. */
  readonly transferLimits: { readonly places: Pick<Places, 'enter'> } | undefined;
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
  readonly #queued = new Set<Ticket>();
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
      this.#queued.add(ticket);
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
    const ended = (relay: Relay, outcome: RelayOutcome, why?: string): void => {
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
    const write = (framed: Uint8Array): boolean => this.#client.write(framed);
    this.#running.add(new Relay(request, { write, ended }, turns, clock));
  }

  /** The client takes more. */
  resume(): void {
    for (const relay of this.#running) relay.resume();
  }

  /** The client is gone. */
  close(): void {
    for (const ticket of this.#queued) ticket.cancel();
    for (const relay of [...this.#running]) relay.cancel('closed-by-client');
  }

  running(now: number): RunningTransfer[] {
    return [...this.#running].flatMap((relay) => {
      const { type, zone, identity } = relay.request;
      if (type === 'SOA') return [];
      const { peer } = this.#client;
      const { bytes, startedAt, serial = 0 } = relay;
      const state = bytes === 0 ? 'preparing' : 'sending';
      const who = { zone, type, transport: peer.transport, client: clientOf(peer), identity };
      // How much there is to come is not known.
      return [{ ...who, serial, bytes, totalBytes: 0, ms: now - startedAt, state }];
    });
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
