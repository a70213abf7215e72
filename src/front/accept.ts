/** A front: its listening sockets, the connections they bring, and what control tells it. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { type Clock, systemClock } from '../base/clock.ts';
import { clientCertificate } from '../net/certificates.ts';
import type { ClientCertificate } from '../policy/decision.ts';
import { SharedCount } from '../policy/limits/shared-count.ts';
import { parseAddress } from '../policy/prefix.ts';
import { loopDelay, monitorLoop } from '../telemetry/loop-delay.ts';
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
import { makePeer } from './peer.ts';
import { PolicyState } from './policy-state.ts';
import { Tarpit } from './tarpit.ts';
import { FrontZones } from './zones.ts';

const SWEEP_MS = 1000;
/** The cheapest first: AES-128 sends half as much again as AES-256. */
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** Events wait this long at most before they are sent to control, or until there are many. */
const EVENT_DELAY_MS = 20;
const MANY_EVENTS = 256;

export class Front implements FrontContext {
  readonly clock: Clock = systemClock;
  readonly counters: Counters;
  readonly zones: FrontZones;
  readonly tarpit: Tarpit;
  policy: PolicyState;
  readonly #setup: FrontSetup;
  readonly #send: (message: FromFront) => void;
  readonly #sources: SharedCount;
  readonly #connections = new Map<Connection, number>();
  /** Connections in their TLS handshake, by both ends' addresses: their places among the sources. */
  readonly #handshakes = new Map<string, number>();
  readonly #servers: (Server | TlsServer)[] = [];
  readonly #delay = monitorLoop();
  #events: FrontEvent[] = [];
  #eventTimer: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(setup: FrontSetup, send: (message: FromFront) => void) {
    this.#setup = setup;
    this.#send = send;
    this.counters = new Counters(setup.counters);
    this.zones = new FrontZones(setup.leases, setup.expiries, (wish) => send({ kind: 'ixfr-wanted', wish }));
    this.policy = new PolicyState(setup.policy, setup.rates, setup.index);
    this.#sources = new SharedCount(setup.sources, setup.index);
    this.tarpit = new Tarpit(new SharedCount(setup.counts, setup.index));
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
      case 'zone':
        this.zones.set(message.zone, message.state, message.slabs);
        return;
      case 'ixfr':
        this.zones.take(message.wish, message.offer, message.slabs);
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
      case 'drain':
        this.#drain();
        return;
    }
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
    const slot = this.#connections.get(connection);
    if (slot === undefined) return;
    this.#connections.delete(connection);
    this.#leave(slot);
    this.#endIfDrained();
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
    return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      const slot = this.#admit(socket);
      if (slot !== undefined) this.#serve(socket, listener, slot);
    });
  }

  #tlsServer(listener: FrontListener, tls: FrontTls): TlsServer {
    const server = createTlsServer(
      {
        cert: tls.certPem,
        key: tls.keyPem,
        minVersion: 'TLSv1.3',
        ciphers: CIPHERS,
        honorCipherOrder: true,
        ALPNProtocols: ['dot'],
        ticketKeys: Buffer.from(tls.ticketKeys),
        requestCert: tls.clientCertificate !== 'none',
        rejectUnauthorized: tls.clientCertificate === 'required',
        handshakeTimeout: this.policy.limits.firstMessageTimeoutMs,
        noDelay: true,
        ...(tls.clientCaPem !== undefined && { ca: tls.clientCaPem }),
      },
      (socket: TLSSocket) => {
        const slot = this.#takeHandshake(socket);
        // RFC 9103 §7.1: ALPN `dot`, or nothing; a client that offers none is told by the close.
        const hasAlpn = socket.alpnProtocol === 'dot' || tls.alpn === 'optional';
        // No certificate is well where it is optional, one of an unknown CA is not.
        const isForeign = socket.getPeerX509Certificate() !== undefined && !socket.authorized;
        if (slot === undefined || !hasAlpn || isForeign) {
          if (slot !== undefined) this.#leave(slot);
          socket.destroy();
          return;
        }
        // Not before: during the handshake the end of the client's side is the end.
        socket.allowHalfOpen = true;
        this.#serve(socket, listener, slot, certificateOf(socket));
      },
    );
    // Counted from the accept on, so that handshakes, too, are within the limits.
    server.on('connection', (socket: Socket) => {
      const slot = this.#admit(socket);
      if (slot === undefined) return;
      const ends = endsOf(socket);
      this.#handshakes.set(ends, slot);
      socket.once('close', () => this.#forgetHandshake(ends, slot));
    });
    // Failed, closed by the client, or out of time: Node tells, and leaves the connection as it is.
    server.on('tlsClientError', (_error, socket: TLSSocket) => {
      this.counters.add('handshake-failures');
      const ends = endsOf(socket);
      const slot = this.#handshakes.get(ends);
      if (slot !== undefined) this.#forgetHandshake(ends, slot);
      socket.destroy();
    });
    return server;
  }

  #takeHandshake(socket: TLSSocket): number | undefined {
    const ends = endsOf(socket);
    const slot = this.#handshakes.get(ends);
    this.#handshakes.delete(ends);
    return slot;
  }

  #forgetHandshake(ends: string, slot: number): void {
    if (this.#handshakes.get(ends) !== slot) return;
    this.#handshakes.delete(ends);
    this.#leave(slot);
    this.#endIfDrained();
  }

  /** Counts the connection in, or ends it: over a limit, the connection just closes. */
  #admit(socket: Socket): number | undefined {
    const { limits } = this.policy;
    const total = this.#setup.connections;
    const source = socket.remoteAddress === undefined ? undefined : parseAddress(socket.remoteAddress);
    if (source !== undefined && !this.#isDraining) {
      const open = Atomics.add(total, 0, 1) + 1;
      const slot = open <= limits.connections ? this.#sources.enter(source, limits.connectionsPerSource) : undefined;
      if (slot !== undefined) {
        this.counters.add('connections-accepted');
        return slot;
      }
      Atomics.sub(total, 0, 1);
    }
    this.counters.add('connections-over-limit');
    socket.destroy();
    return undefined;
  }

  #leave(slot: number): void {
    Atomics.sub(this.#setup.connections, 0, 1);
    this.#sources.leave(slot);
  }

  #serve(socket: Socket, { transport, name }: FrontListener, slot: number, certificate?: ClientCertificate): void {
    const peer = makePeer(transport, socket.remoteAddress, { listener: name, certificate });
    if (peer === undefined) {
      this.#leave(slot);
      socket.destroy();
      return;
    }
    this.#connections.set(new Connection(socket, peer, this), slot);
  }

  #sweep(): void {
    const now = this.clock.now();
    for (const connection of this.#connections.keys()) connection.sweep(now);
    this.counters.set('connections-open', this.#connections.size + this.#handshakes.size);
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

/** Only of those that were verified. */
function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  const shown = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return shown && clientCertificate(shown);
}

/** What tells a TCP connection from every other: the raw socket and the one around it share nothing else in public. */
const endsOf = (socket: Socket): string =>
  `${socket.remoteAddress}#${socket.remotePort} ${socket.localAddress}#${socket.localPort}`;
