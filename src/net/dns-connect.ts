/**
 * Connects to a DNS server over TCP, or over TLS 1.3 with ALPN `dot` (RFC 7766, RFC 9103 §7), and checks who it is
 * before anything is sent to it: by the name in its certificate, by the pin of its key, or both. Whoever connects to a
 * server does it here. What the environment does wrong is a `ZonegateError`; its `reason` field tells the cases apart.
 */
import type { X509Certificate } from 'node:crypto';
import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ZonegateError } from '../base/errors.ts';
import { inspectCertificate, type PemPair, spkiPin } from './certificates.ts';

export interface DnsTarget {
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls?: ClientTls | undefined;
  /** How long the server may make no progress. */
  readonly timeoutMs: number;
  readonly localAddress?: string | undefined;
}

export interface ClientTls {
  /** Name that the certificate must be for; with `ca` or this, the certificate is verified. Default: the host. */
  readonly name?: string | undefined;
  /** PEM; the system's roots without it. */
  readonly ca?: string | undefined;
  /** Base64 SHA-256 of the public key; any of them must hold, besides the name where both are set. */
  readonly pins: readonly string[];
  /** Ours, for mutual TLS. */
  readonly certificate?: PemPair | undefined;
  /** Offer `dot` (RFC 9103 §7.1). */
  readonly alpn: boolean;
  /** A server that does not choose `dot` will not do. */
  readonly isAlpnRequired?: boolean;
}

/** What the handshake came to. */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  /** Undefined: the server chose none. */
  readonly alpn: string | undefined;
  /** Names in the server's certificate, or its subject where it has none. */
  readonly peerNames: readonly string[];
  readonly pin: string;
  readonly verified: 'name' | 'pin' | 'name and pin' | 'not verified';
  readonly isResumed: boolean;
}

/** What a server is not to be trusted for: the `reason` of a ZG_CERTIFICATE_INVALID. */
export type DistrustReason = 'no-certificate' | 'unknown-authority' | 'name-mismatch' | 'pin-mismatch' | 'expired';

export interface ConnectOptions {
  /** Where octets are read to; a stream to be read otherwise without it. */
  readonly onread?: OnReadOpts;
  /** Of an earlier connection to the same server under the same `tls`. */
  readonly session?: TlsSession | undefined;
  /** Called with each session that the server offers for later connections, once it is checked. */
  readonly onSession?: (session: TlsSession) => void;
}

/** A session to resume, and the certificate it began with: Node.js shows none when it is resumed. */
export interface TlsSession {
  readonly ticket: Buffer;
  readonly certificate: X509Certificate;
}

export interface Connected {
  readonly socket: Socket;
  readonly tls: TlsFacts | undefined;
}

/** Connects and, over TLS, checks the server. */
export async function connectDns(target: DnsTarget, options: ConnectOptions = {}): Promise<Connected> {
  const { host, port, tls, localAddress } = target;
  const onread = options.onread && { onread: options.onread };
  const base = { host, port, ...(localAddress !== undefined && { localAddress }), ...onread };
  const socket: Socket = tls === undefined ? connectTcp(base) : startTls(target, tls, base, options.session);
  const tickets = new Tickets(socket);
  let isConnected = false;
  socket.once('connect', () => {
    isConnected = true;
  });
  const deadline = new Deadline(socket, target, () => (isConnected ? 'no TLS handshake' : 'no connection'));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(closed(target, 'the server closed the connection')));
    });
    socket.setNoDelay(true);
    if (tls === undefined) return { socket, tls: undefined };
    const secured = socket as TLSSocket;
    const certificate = secured.isSessionReused() ? options.session?.certificate : secured.getPeerX509Certificate();
    if (certificate === undefined) throw invalid(target, 'no-certificate', 'shows no certificate');
    const facts = checkServer(secured, certificate, target, tls);
    tickets.take((ticket) => options.onSession?.({ ticket, certificate }));
    return { socket, tls: facts };
  } catch (error) {
    socket.destroy();
    throw describe(error, target);
  } finally {
    deadline.clear();
    // From here on the reader is told of errors; an error without a reader must not end the process.
    socket.on('error', () => undefined);
  }
}

/** Ends a connection on which nothing happens. */
export class Deadline {
  readonly #socket: Socket;
  readonly #target: DnsTarget;
  readonly #what: () => string;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, target: DnsTarget, what: () => string) {
    this.#socket = socket;
    this.#target = target;
    this.#what = what;
    this.start();
  }

  start(): void {
    const { timeoutMs } = this.#target;
    this.#timer = setTimeout(() => this.#socket.destroy(timedOut(this.#target, this.#what())), timeoutMs);
  }

  refresh(): void {
    this.#timer?.refresh();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

function startTls(
  { host }: DnsTarget,
  tls: ClientTls,
  base: { host: string; port: number },
  session: TlsSession | undefined,
): TLSSocket {
  const name = tls.name ?? host;
  return connectTls({
    ...base,
    minVersion: 'TLSv1.3',
    ...(tls.alpn ? { ALPNProtocols: ['dot'] } : {}),
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate.certPem, key: tls.certificate.keyPem }),
    ...(session === undefined ? {} : { session: session.ticket }),
    // `checkServer` does it, with a sentence for each thing that can be wrong.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
}

/** Sessions may be offered before their server is checked: they are worth nothing until then. */
class Tickets {
  readonly #early: Buffer[] = [];
  #onTicket: ((ticket: Buffer) => void) | undefined;

  constructor(socket: Socket) {
    socket.on('session', (ticket: Buffer) => {
      if (this.#onTicket === undefined) this.#early.push(ticket);
      else this.#onTicket(ticket);
    });
  }

  take(onTicket: (ticket: Buffer) => void): void {
    this.#onTicket = onTicket;
    for (const ticket of this.#early.splice(0)) onTicket(ticket);
  }
}

/** The certificate of a resumed session is checked as if it were shown now. */
function checkServer(socket: TLSSocket, certificate: X509Certificate, target: DnsTarget, tls: ClientTls): TlsFacts {
  const pem = certificate.toString();
  const { names, subject } = inspectCertificate(pem, new Date());
  const peerNames = names.length > 0 ? names : [subject];
  const wantsName = tls.name !== undefined || tls.ca !== undefined;
  if (wantsName) checkName(socket, certificate, target, tls, peerNames);
  const pin = spkiPin(pem);
  if (tls.pins.length > 0 && !tls.pins.includes(pin)) {
    throw invalid(target, 'pin-mismatch', `shows a key with the pin ${pin}; expected ${tls.pins.join(' or ')}`);
  }
  const alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined;
  if (tls.isAlpnRequired === true && alpn !== 'dot') {
    throw closed(target, `the server chose ${alpn ?? 'no'} ALPN protocol; expected \`dot\``, 'no-alpn');
  }
  const proofs = [...(wantsName ? ['name'] : []), ...(tls.pins.length > 0 ? ['pin'] : [])];
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    alpn,
    peerNames,
    pin,
    verified: (proofs.join(' and ') || 'not verified') as TlsFacts['verified'],
    isResumed: socket.isSessionReused(),
  };
}

function checkName(
  socket: TLSSocket,
  certificate: X509Certificate,
  target: DnsTarget,
  tls: ClientTls,
  peerNames: readonly string[],
): void {
  if (!socket.authorized) {
    const reason = reasonText(socket.authorizationError as Error | string | null | undefined);
    const why = `shows a certificate that is not trusted: ${reason} (issuer: ${certificate.issuer})`;
    throw invalid(target, 'unknown-authority', why);
  }
  const wanted = tls.name ?? target.host;
  if (!isFor(certificate, wanted)) {
    throw invalid(target, 'name-mismatch', `shows a certificate for ${peerNames.join(', ')}; expected ${wanted}`);
  }
  // Of a resumed session the chain was verified when it began, and the certificate may have ended since.
  if (socket.isSessionReused() && Date.parse(certificate.validTo) < Date.now()) {
    throw invalid(target, 'expired', `shows a certificate that ended on ${certificate.validTo}`);
  }
}

/** By subjectAltName alone (RFC 8310 §8.1): a common name is a label. */
const isFor = (certificate: X509Certificate, name: string): boolean =>
  (isIP(name) === 0 ? certificate.checkHost(name, { subject: 'never' }) : certificate.checkIP(name)) !== undefined;

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the server reset the connection',
  EPIPE: 'the server closed the connection',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EADDRNOTAVAIL: 'the local address is not one of this machine',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no connection',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS there',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server does not speak TLS 1.3',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the server does not speak TLS 1.3',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the server does not accept ALPN `dot`',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server wants a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not trust our certificate',
};

/** A socket's error as a sentence; `when` says how far it had come. */
export function describe(error: unknown, target: DnsTarget, when = ''): ZonegateError {
  if (error instanceof ZonegateError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const text = REASONS[code] ?? (code.startsWith('ERR_SSL_') ? `TLS failed, ${message}` : message || code);
  return closed(target, when === '' ? text : `${text}, ${when}`, code, error);
}

export const closed = (target: DnsTarget, text: string, reason = 'closed', cause?: unknown): ZonegateError =>
  new ZonegateError('ZG_PRIMARY_CLOSED', `${targetToText(target)}: ${text}`, { reason }, cause);

export const timedOut = (target: DnsTarget, what: string): ZonegateError =>
  new ZonegateError('ZG_PRIMARY_TIMEOUT', `${targetToText(target)}: timeout, ${what} in ${target.timeoutMs / 1000} s`, {
    reason: 'timeout',
  });

const invalid = (target: DnsTarget, reason: DistrustReason, text: string): ZonegateError =>
  new ZonegateError('ZG_CERTIFICATE_INVALID', `${targetToText(target)} ${text.replaceAll('\n', ', ')}`, { reason });

export const targetToText = ({ host, port }: { host: string; port: number }): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

const reasonText = (reason: Error | string | null | undefined): string =>
  reason instanceof Error ? reason.message : String(reason ?? 'no reason given');
