/** A front: its listening sockets, the connections they bring, and what control tells it. */
import { createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '../base/clock.ts';
import type { OffenceKind } from '../policy/bans.ts';
import type { ClientCertificate } from '../policy/decision.ts';
import { SharedCount } from '../policy/limits/shared-count.ts';
import type { AddressBytes } from '../policy/prefix.ts';
import { containsAddress, type PrefixTable } from '../policy/prefix-table.ts';
import { loopDelay, monitorLoop } from '../telemetry/loop-delay.ts';
import { Admission, type Arrival } from './admission.ts';
import { Connection } from './connection.ts';
import type { FrontContext } from './context.ts';
import { Counters } from './counters.ts';
import type {
  FromFront,
  FrontEvent,
  FrontListener,
  FrontSetup,
  FrontTls,
  ReceivedNotify,
  ToFront,
} from './messages.ts';
import { Offences } from './offences.ts';
import { makePeer } from './peer.ts';
import { PolicyState } from './policy-state.ts';
import { ProxyAllowlist, takeProxyHeader } from './proxied.ts';
import { FrontRelayTurns } from './relay-turns.ts';
import { endSlowest, relieve } from './slow-transfers.ts';
import { Tarpit } from './tarpit.ts';
import { TlsListener } from './tls-listener.ts';
import { TransferLimits } from './transfer-limits.ts';
import { FrontZones } from './zones.ts';

const SWEEP_MS = 1000;
/** Events wait this long at most before they are sent to control, or until there are many. */
const EVENT_DELAY_MS = 20;
const MANY_EVENTS = 256;

export class Front implements FrontContext {
  readonly clock: Clock = systemClock;
  readonly counters: Counters;
  readonly zones: FrontZones;
  readonly tarpit: Tarpit;
  readonly transferLimits: TransferLimits;
  readonly relaying: SharedCount;
  readonly turns: FrontRelayTurns;
  policy: PolicyState;
  readonly #setup: FrontSetup;
  readonly #send: (message: FromFront) => void;
  readonly #admission: Admission;
  readonly #offences: Offences;
  #bans: PrefixTable;
  readonly #connections = new Map<Connection, Arrival>();
  /** Connections of balancers, counted in as their clients'. */
  readonly #proxied = new WeakMap<Socket, Arrival>();
  readonly #servers: Server[] = [];
  /** By their place in the setup. */
  readonly #tlsListeners = new Map<number, TlsListener>();
  readonly #delay = monitorLoop();
  #events: FrontEvent[] = [];
  #eventTimer: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(setup: FrontSetup, send: (message: FromFront) => void) {
    this.#setup = setup;
    this.#send = send;
    this.counters = new Counters(setup.counters);
    this.zones = new FrontZones(setup.leases, setup.expiries, (wish) => send({ kind: 'answer-wanted', wish }));
    this.policy = new PolicyState(setup.policy, setup.rates, setup.index);
    this.transferLimits = new TransferLimits({
      ...setup,
      row: setup.index,
      clock: this.clock,
      counters: this.counters,
      policy: () => this.policy,
    });
    this.#bans = setup.bans;
    this.#offences = new Offences((offences) => send({ kind: 'offences', offences }));
    this.#admission = new Admission({
      clock: this.clock,
      counters: this.counters,
      connections: setup.connections,
      sources: new SharedCount(setup.sources, setup.index),
      rates: setup.rates,
      isBanned: (address) => containsAddress(this.#bans, address),
      offend: (address, kind) => this.offend(address, kind),
      policy: () => this.policy,
    });
    const counts = new SharedCount(setup.counts, setup.index);
    this.tarpit = new Tarpit(counts);
    this.relaying = counts;
    this.turns = new FrontRelayTurns(send);
  }

  async listen(): Promise<void> {
    await Promise.all(this.#setup.listeners.map((listener) => this.#listen(listener)));
    this.#delay.enable();
    setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#send({ kind: 'listening' });
  }

  take(message: ToFront): void {
    switch (message.kind) {
      case 'policy':
        this.policy = new PolicyState(message.policy, this.#setup.rates, this.#setup.index);
        return;
      case 'bans':
        this.#ban(message.table);
        return;
      case 'tls':
        for (const [i, listener] of this.#tlsListeners) listener.replace(message.listeners[i]);
        return;
      case 'zone':
        this.zones.set(message.zone, message.state, message.slabs);
        return;
      case 'answer':
        this.zones.take(message.wish, message.offer, message.slabs);
        return;
      case 'end-slowest':
        endSlowest(this.#connections.keys(), new Set(message.slots));
        return;
      case 'zone-removed':
        this.zones.remove(message.zone);
        return;
      case 'snapshot': {
        const now = this.clock.now();
        const transfers = [...this.#connections.keys()].flatMap((connection) => connection.running(now));
        this.#send({ kind: 'snapshot', request: message.request, transfers });
        return;
      }
      case 'relay-turn':
        this.turns.given(message.turn, message.isGranted);
        return;
      case 'drain':
        this.#drain();
        return;
    }
  }

  get isUnderPressure(): boolean {
    return this.#isDraining || this.#admission.isUnderPressure;
  }

  offend(source: AddressBytes, kind: OffenceKind): void {
    this.#offences.note(source, kind);
  }

  notify(notify: ReceivedNotify): void {
    this.#send({ kind: 'notify', notify });
  }

  /** Gathered, as a message between threads costs some 10 µs. */
  report(event: FrontEvent): void {
    this.#events.push(event);
    if (this.#events.length >= MANY_EVENTS) this.#sendEvents();
    else this.#eventTimer ??= setTimeout(() => this.#sendEvents(), EVENT_DELAY_MS);
  }

  gone(connection: Connection): void {
    const arrival = this.#connections.get(connection);
    if (arrival === undefined) return;
    this.#connections.delete(connection);
    this.#leave(arrival);
  }

  /** Who is banned while connected is not listened to any more; what runs goes on. */
  #ban(table: PrefixTable): void {
    this.#bans = table;
    for (const connection of this.#connections.keys()) {
      if (containsAddress(table, connection.peer.address)) connection.closeWhenIdle();
    }
  }

  #sendEvents(): void {
    clearTimeout(this.#eventTimer);
    this.#eventTimer = undefined;
    const events = this.#events;
    this.#events = [];
    if (events.length > 0) this.#send({ kind: 'events', events });
  }

  #listen(listener: FrontListener): Promise<void> {
    const server = listener.tls === undefined ? this.#tcpServer(listener) : this.#tlsServer(listener, listener.tls);
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ fd: listener.fd }, () => {
        server.off('error', reject);
        // A passing shortage of descriptors, say: the listener goes on.
        server.on('error', () => this.counters.add('connections-over-limit'));
        resolve();
      });
    });
  }

  /** Half-open is allowed: a client may send its query, end its side, and read on. */
  #tcpServer(listener: FrontListener): Server {
    const serve = (socket: Socket): void => {
      const arrival = this.#admit(socket);
      if (arrival !== undefined) this.#serve(socket, listener, arrival);
    };
    return createServer({ noDelay: true, allowHalfOpen: true }, this.#behindBalancer(listener, serve));
  }

  #tlsServer(listener: FrontListener, tls: FrontTls): Server {
    const { clock, counters } = this;
    const tlsListener = new TlsListener({
      tls,
      clock,
      counters,
      admission: this.#admission,
      admit: (socket) => this.#admit(socket),
      serve: (socket, arrival, certificate) => this.#serve(socket, listener, arrival, certificate),
      gone: (arrival) => this.#leave(arrival),
    });
    this.#tlsListeners.set(this.#setup.listeners.indexOf(listener), tlsListener);
    const serve = (socket: Socket): void => tlsListener.take(socket);
    return createServer({ noDelay: true }, this.#behindBalancer(listener, serve));
  }

  /** `serve`, at once, or for a connection of a balancer when it has said who the client is. */
  #behindBalancer({ proxyAllowlist }: FrontListener, serve: (socket: Socket) => unknown): (socket: Socket) => void {
    if (proxyAllowlist.length === 0) return serve;
    const balancers = new ProxyAllowlist(proxyAllowlist);
    return (socket) => {
      if (!balancers.has(socket.remoteAddress)) {
        serve(socket);
        return;
      }
      const balancer = this.#admission.enterBalancer(socket.remoteAddress, socket.remotePort);
      if (balancer === undefined || this.#isDraining) {
        if (balancer !== undefined) this.#leave(balancer);
        socket.destroy();
        return;
      }
      takeProxyHeader(socket, this.policy.limits.firstMessageTimeoutMs, (header) => {
        if (header?.kind !== 'local') this.#leave(balancer);
        const client = header?.kind === 'proxy' ? this.#admission.enter(header.address, header.port) : undefined;
        const arrival = header?.kind === 'local' ? balancer : client;
        if (header === undefined) this.counters.add('proxy-failures');
        if (arrival === undefined) {
          socket.destroy();
          return;
        }
        this.#proxied.set(socket, arrival);
        serve(socket);
      });
    };
  }

  /** Counts the connection in, or ends it: over a limit, the connection just closes. */
  #admit(socket: Socket): Arrival | undefined {
    const proxied = this.#proxied.get(socket);
    if (proxied !== undefined) return proxied;
    const arrival = this.#isDraining ? undefined : this.#admission.enter(socket.remoteAddress, socket.remotePort);
    if (arrival === undefined) socket.destroy();
    return arrival;
  }

  #leave(arrival: Arrival): void {
    this.#admission.leave(arrival);
    this.#endIfDrained();
  }

  #serve(socket: Socket, listener: FrontListener, arrival: Arrival, certificate?: ClientCertificate): void {
    const { transport, name } = listener;
    const { addressText, port } = arrival;
    const peer = makePeer(transport, addressText, { listener: name, certificate, port });
    if (peer === undefined) {
      this.#leave(arrival);
      socket.destroy();
      return;
    }
    this.#connections.set(new Connection(socket, peer, this), arrival);
  }

  #sweep(): void {
    const now = this.clock.now();
    for (const connection of this.#connections.keys()) connection.sweep(now);
    for (const tls of this.#tlsListeners.values()) tls.sweep(now, this.policy.limits.firstMessageTimeoutMs);
    relieve(this.#connections.keys(), this.transferLimits, this.#setup.counts.rows - 1);
    let inHandshake = 0;
    for (const { size } of this.#tlsListeners.values()) inHandshake += size;
    this.counters.set('connections-open', this.#connections.size + inHandshake);
    const delay = loopDelay(this.#delay);
    this.counters.set('loop-delay-mean-ms', delay.meanMs);
    this.counters.set('loop-delay-p99-ms', delay.p99Ms);
    this.#delay.reset();
  }

  #drain(): void {
    this.#isDraining = true;
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections.keys()) connection.closeWhenIdle();
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (!this.#isDraining || this.#connections.size > 0) return;
    this.#sendEvents();
    this.#send({ kind: 'drained' });
  }
}
