/** A TLS listener: handshakes within their limits, and who the client has proved to be. */
import { constants, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Milliseconds } from '../base/clock.ts';
import { clientCertificate, isStillGood, splitPem } from '../net/certificates.ts';
import type { ClientCertificate } from '../policy/decision.ts';
import type { HandshakeCharge } from '../policy/limits/handshakes.ts';
import type { Admission, Arrival } from './admission.ts';
import type { Counters } from './counters.ts';
import type { FrontTls } from './messages.ts';

export interface TlsListenerParts {
  readonly tls: FrontTls;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly admission: Admission;
  /** Counts a connection in, or ends it. */
  readonly admit: (socket: Socket) => Arrival | undefined;
  readonly serve: (socket: TLSSocket, arrival: Arrival, certificate: ClientCertificate | undefined) => void;
  /** A connection is gone that was not served. */
  readonly gone: (arrival: Arrival) => void;
}

interface Handshake {
  readonly arrival: Arrival;
  readonly charge: HandshakeCharge;
  readonly socket: Socket;
  readonly since: Milliseconds;
}

/** As far as a timer of Node can wait. */
const NEVER_MS = 2 ** 31 - 1;

export class TlsListener {
  /** Does not listen: it is given connections that have been let in. */
  readonly #server: TlsServer;
  readonly #parts: TlsListenerParts;
  #tls: FrontTls;
  #authorities: readonly X509Certificate[];
  /** Connections in their handshake, by both ends' addresses. */
  readonly #handshakes = new Map<string, Handshake>();

  constructor(parts: TlsListenerParts) {
    this.#parts = parts;
    const { tls } = parts;
    this.#tls = tls;
    this.#authorities = authoritiesOf(tls);
    this.#server = createServer(
      {
        ...contextOf(tls),
        ALPNProtocols: ['dot'],
        requestCert: tls.clientCertificate !== 'none',
        rejectUnauthorized: tls.clientCertificate === 'required',
        // `sweep` ends those that last too long, by the limits there are then.
        handshakeTimeout: NEVER_MS,
        noDelay: true,
      },
      (socket) => this.#done(socket),
    );
    // Failed, closed by the client, or out of time: Node tells, and leaves the connection as it is.
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      parts.counters.add('handshake-failures');
      const ends = endsOf(socket);
      const arrival = this.#handshakes.get(ends)?.arrival;
      // One that goes before its handshake is over, as a health check does, has done nothing.
      if (arrival !== undefined && error.code !== 'ECONNRESET') parts.admission.failHandshake(arrival);
      this.#forget(ends);
      socket.destroy();
    });
  }

  /**
   * Begins the handshake, unless a limit is met. Counted from the accept on, so that handshakes, too, are within the
   * limits; and before anything of TLS is made for it, which is most of what a connection that is turned away would cost.
   */
  take(socket: Socket): void {
    const { admission, admit, gone } = this.#parts;
    const arrival = admit(socket);
    if (arrival === undefined) return;
    const charge = admission.beginHandshake(arrival);
    if (charge === undefined) {
      gone(arrival);
      socket.destroy();
      return;
    }
    const ends = endsOf(socket);
    const handshake = { arrival, charge, socket, since: this.#parts.clock.now() };
    this.#handshakes.set(ends, handshake);
    socket.once('close', () => {
      if (this.#handshakes.get(ends) === handshake) this.#forget(ends);
    });
    this.#server.emit('connection', socket);
  }

  /** Ends handshakes that have lasted too long. Called every second or so. */
  sweep(now: Milliseconds, timeoutMs: Milliseconds): void {
    for (const [ends, { arrival, socket, since }] of this.#handshakes) {
      if (now - since <= timeoutMs) continue;
      this.#parts.counters.add('handshake-failures');
      this.#parts.admission.failHandshake(arrival);
      this.#forget(ends);
      socket.destroy();
    }
  }

  /** For handshakes to come; who is asked for a certificate stays as it is. */
  replace(tls: FrontTls | undefined): void {
    if (tls === undefined) return;
    const { ticketKeys: _before, ...before } = this.#tls;
    const { ticketKeys, ...after } = tls;
    this.#tls = tls;
    if (isDeepStrictEqual(before, after)) {
      this.#server.setTicketKeys(Buffer.from(ticketKeys));
      return;
    }
    this.#authorities = authoritiesOf(tls);
    this.#server.setSecureContext(contextOf(tls));
  }

  /** Connections in their handshake. */
  get size(): number {
    return this.#handshakes.size;
  }

  #done(socket: TLSSocket): void {
    const { admission, gone, serve } = this.#parts;
    const ends = endsOf(socket);
    const handshake = this.#handshakes.get(ends);
    this.#handshakes.delete(ends);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    const { arrival, charge } = handshake;
    const isInRate = admission.endHandshake(arrival, charge, socket.isSessionReused());
    // RFC 9103 §7.1: ALPN `dot`, or nothing; a client that offers none is told by the close.
    const hasAlpn = socket.alpnProtocol === 'dot' || this.#tls.alpn === 'optional';
    const isWelcome = hasAlpn && this.#isWelcome(socket);
    if (!isWelcome) admission.failHandshake(arrival);
    if (!isInRate || !isWelcome) {
      gone(arrival);
      socket.destroy();
      return;
    }
    // Not before: during the handshake the end of the client's side is the end.
    socket.allowHalfOpen = true;
    serve(socket, arrival, certificateOf(socket));
  }

  /** No certificate is well where it is optional; one of an unknown authority, or that is over by now, is not. */
  #isWelcome(socket: TLSSocket): boolean {
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) return this.#tls.clientCertificate !== 'required';
    if (!socket.authorized) return false;
    // What OpenSSL says of a resumed session is what it found when the session began.
    return !socket.isSessionReused() || isStillGood(shown, this.#authorities, this.#parts.clock.now());
  }

  #forget(ends: string): void {
    const handshake = this.#handshakes.get(ends);
    if (handshake === undefined) return;
    this.#handshakes.delete(ends);
    this.#parts.gone(handshake.arrival);
  }
}

const authoritiesOf = ({ clientCaPem = '' }: FrontTls): X509Certificate[] =>
  splitPem(clientCaPem).map((pem) => new X509Certificate(pem));

const contextOf = (
  tls: FrontTls,
): SecureContextOptions & { readonly ticketKeys: Buffer; readonly sessionTimeout: number } => ({
  cert: tls.certPem,
  key: tls.keyPem,
  minVersion: 'TLSv1.3',
  ciphers: tls.ciphers,
  honorCipherOrder: true,
  ticketKeys: Buffer.from(tls.ticketKeys),
  sessionTimeout: tls.sessionTimeoutS,
  // Tickets are then numbers of sessions, and no session is kept.
  ...(!tls.sessionTickets && { secureOptions: constants.SSL_OP_NO_TICKET }),
  ...(tls.clientCaPem !== undefined && { ca: tls.clientCaPem }),
});

/** Only of those that were verified. */
function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  const shown = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return shown && clientCertificate(shown);
}

/** What tells a TCP connection from every other: the raw socket and the one around it share nothing else in public. */
const endsOf = (socket: Socket): string =>
  `${socket.remoteAddress}#${socket.remotePort} ${socket.localAddress}#${socket.localPort}`;
