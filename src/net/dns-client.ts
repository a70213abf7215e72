/**
 * The connection of a DNS client: TCP or TLS 1.3 with messages behind length prefixes (RFC 7766 §8, RFC 9103 §7), or
 * UDP. What the environment does wrong is thrown as a `ZonegateError`; what the messages say is the caller's business.
 */
import type { X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Bytes } from '../base/bytes.ts';
import { ZonegateError } from '../base/errors.ts';
import { MessageFramer } from '../wire/framing.ts';
import { inspectCertificate, type PemPair, spkiPin } from './certificates.ts';

export interface DnsTarget {
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls?: ClientTls | undefined;
  /** How long the server may make no progress. */
  readonly timeoutMs: number;
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

/** Connects and, over TLS, checks the server before anything is sent to it. */
export async function connectStream(target: DnsTarget): Promise<DnsStream> {
  const { host, port, tls } = target;
  const socket = tls === undefined ? connectTcp({ host, port }) : startTls(target, tls);
  const deadline = new Deadline(socket, target, 'no connection');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(closed(target, 'the server closed the connection')));
    });
    const facts = tls && checkServer(socket as TLSSocket, target, tls);
    socket.setNoDelay(true);
    return new DnsStream(socket, target, facts);
  } catch (error) {
    socket.destroy();
    throw describe(error, target);
  } finally {
    deadline.clear();
    // From here on the reader is told of errors; an error without a reader must not end the process.
    socket.on('error', () => undefined);
  }
}

export class DnsStream {
  readonly tls: TlsFacts | undefined;
  readonly #socket: Socket;
  readonly #target: DnsTarget;

  constructor(socket: Socket, target: DnsTarget, tls: TlsFacts | undefined) {
    this.#socket = socket;
    this.#target = target;
    this.tls = tls;
  }

  /** Prefix and message in one write (RFC 7766 §8). */
  send(message: Bytes): void {
    const framed = Buffer.allocUnsafe(2 + message.length);
    framed.writeUInt16BE(message.length);
    framed.set(message, 2);
    this.#socket.write(framed);
  }

  /**
   * Calls `onMessage` with each message, a view valid for the call, until it gives false; then the connection is
   * closed. Gives whether more had come than was taken. `ready`, asked after each read, may give a promise to wait for
   * before the next one: the server is then slowed down by TCP.
   */
  async receive(onMessage: (message: Bytes) => boolean, ready?: () => Promise<void> | undefined): Promise<boolean> {
    const framer = new MessageFramer();
    let messages = 0;
    let isOver = false;
    const take = (message: Bytes): boolean => {
      messages++;
      isOver = !onMessage(message);
      return !isOver;
    };
    const deadline = new Deadline(this.#socket, this.#target, 'no progress');
    try {
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        const taken = framer.push(chunk, take);
        if (isOver) return taken < chunk.length;
        const wait = ready?.();
        if (wait === undefined) deadline.refresh();
        else {
          deadline.clear(); // it is we who make no progress
          await wait;
          deadline.start();
        }
      }
    } catch (error) {
      throw describe(error, this.#target, `after ${count(messages, 'message')}`);
    } finally {
      deadline.clear();
    }
    const where = framer.isInMessage
      ? `in the middle of message ${messages + 1}`
      : `after ${count(messages, 'message')}`;
    // Some servers close without an alert, and nothing tells that they had asked for a certificate.
    const mayWantOurs = messages === 0 && this.#target.tls !== undefined && this.#target.tls.certificate === undefined;
    const hint = mayWantOurs ? '; it may want a client certificate' : '';
    throw closed(this.#target, `the server closed the connection early, ${where}${hint}`);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/**
 * Sends a question as a datagram, three times at most, and calls `onMessage` with what comes from the server until it
 * gives false.
 */
export async function exchangeDatagrams(
  target: DnsTarget,
  query: Bytes,
  onMessage: (message: Bytes) => boolean,
): Promise<void> {
  const { address, family } = await lookup(target.host).catch((error: unknown) => {
    throw describe(error, target);
  });
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      let tries = 0;
      const next = (): void => {
        if (tries++ === TRIES) reject(timedOut(target, `no answer to ${TRIES} datagrams`));
        else socket.send(query);
      };
      socket.on('error', reject);
      socket.on('message', (message) => {
        if (!onMessage(message)) resolve();
      });
      // Connected, so that nobody else's datagrams are taken and a closed port is told.
      socket.connect(target.port, address, () => {
        next();
        timer = setInterval(next, target.timeoutMs / TRIES);
      });
    });
  } catch (error) {
    throw describe(error, target);
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

const TRIES = 3;

/** Ends a connection on which nothing happens. */
class Deadline {
  readonly #socket: Socket;
  readonly #target: DnsTarget;
  readonly #what: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, target: DnsTarget, what: string) {
    this.#socket = socket;
    this.#target = target;
    this.#what = what;
    this.start();
  }

  start(): void {
    this.#timer = setTimeout(() => this.#socket.destroy(timedOut(this.#target, this.#what)), this.#target.timeoutMs);
  }

  refresh(): void {
    this.#timer?.refresh();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

function startTls({ host, port }: DnsTarget, tls: ClientTls): TLSSocket {
  const name = tls.name ?? host;
  return connectTls({
    host,
    port,
    minVersion: 'TLSv1.3',
    ...(tls.alpn ? { ALPNProtocols: ['dot'] } : {}),
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate.certPem, key: tls.certificate.keyPem }),
    // `checkServer` does it, with a sentence for each thing that can be wrong.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
}

function checkServer(socket: TLSSocket, target: DnsTarget, tls: ClientTls): TlsFacts {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw invalid(target, 'shows no certificate');
  const pem = certificate.toString();
  const { names, subject } = inspectCertificate(pem, new Date());
  const peerNames = names.length > 0 ? names : [subject];
  const wantsName = tls.name !== undefined || tls.ca !== undefined;
  if (wantsName) {
    const reason = socket.authorizationError as Error | string | null | undefined;
    if (!socket.authorized) {
      throw invalid(
        target,
        `shows a certificate that is not trusted: ${reasonText(reason)} (issuer: ${certificate.issuer})`,
      );
    }
    const wanted = tls.name ?? target.host;
    if (!isFor(certificate, wanted)) {
      throw invalid(target, `shows a certificate for ${peerNames.join(', ')}; expected ${wanted}`);
    }
  }
  const pin = spkiPin(pem);
  if (tls.pins.length > 0 && !tls.pins.includes(pin)) {
    throw invalid(target, `shows a key with the pin ${pin}; expected ${tls.pins.join(' or ')}`);
  }
  const proofs = [...(wantsName ? ['name'] : []), ...(tls.pins.length > 0 ? ['pin'] : [])];
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    peerNames,
    pin,
    verified: (proofs.join(' and ') || 'not verified') as TlsFacts['verified'],
    isResumed: socket.isSessionReused(),
  };
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

function describe(error: unknown, target: DnsTarget, when = ''): ZonegateError {
  if (error instanceof ZonegateError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reason = REASONS[code] ?? (code.startsWith('ERR_SSL_') ? `TLS failed, ${message}` : message || code);
  return closed(target, when === '' ? reason : `${reason}, ${when}`, error);
}

const closed = (target: DnsTarget, text: string, cause?: unknown): ZonegateError =>
  new ZonegateError('ZG_PRIMARY_CLOSED', `${targetToText(target)}: ${text}`, {}, cause);

const timedOut = (target: DnsTarget, what: string): ZonegateError =>
  new ZonegateError('ZG_PRIMARY_TIMEOUT', `${targetToText(target)}: timeout, ${what} in ${target.timeoutMs / 1000} s`);

const invalid = (target: DnsTarget, text: string): ZonegateError =>
  new ZonegateError('ZG_CERTIFICATE_INVALID', `${targetToText(target)} ${text.replaceAll('\n', ', ')}`);

export const targetToText = ({ host, port }: { host: string; port: number }): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

const reasonText = (reason: Error | string | null | undefined): string =>
  reason instanceof Error ? reason.message : String(reason ?? 'no reason given');

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
