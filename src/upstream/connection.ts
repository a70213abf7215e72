/**
 * One connection to a primary, over TCP or TLS: octets in, whole messages out. They are read into one ordinary buffer
 * that is used again and again, so a message is a view of it that is valid for the length of the call.
 */
import type { Socket } from 'node:net';
import { ZonegateError } from '../base/errors.ts';
import {
  type ConnectOptions,
  connectDns,
  type DnsTarget,
  describe,
  type TlsFacts,
  targetToText,
} from '../net/dns-connect.ts';

/** Beside the begun message of up to 65,537 octets there is always room for as much again. */
const BUFFER_OCTETS = 256 * 1024;

export interface ConnectionReader {
  /** A whole message with its length prefix. Still called after a `pause` with what had come by then. */
  message(framed: Uint8Array<ArrayBuffer>): void;
  /** Once, when the connection is over and not by our `close`: with what broke it, if it was not closed in order. */
  closed(error: ZonegateError | undefined): void;
}

export class PrimaryConnection {
  readonly target: DnsTarget;
  readonly #reader: ConnectionReader;
  readonly #buffer = new Uint8Array(BUFFER_OCTETS);
  /** Octets of a begun message, at the beginning of the buffer. */
  #filled = 0;
  #socket: Socket | undefined;
  #tls: TlsFacts | undefined;
  #isPaused = false;
  #isClosed = false;

  private constructor(target: DnsTarget, reader: ConnectionReader) {
    this.target = target;
    this.#reader = reader;
  }

  /** Rejects with a ZonegateError of `connectDns`. */
  static async open(
    target: DnsTarget,
    reader: ConnectionReader,
    session: Pick<ConnectOptions, 'session' | 'onSession'> = {},
  ): Promise<PrimaryConnection> {
    const connection = new PrimaryConnection(target, reader);
    const onread = {
      buffer: () => connection.#buffer.subarray(connection.#filled),
      callback: (length: number) => connection.#read(length),
    };
    const { socket, tls } = await connectDns(target, { ...session, onread });
    connection.#attach(socket, tls);
    return connection;
  }

  /** Undefined over plain TCP. */
  get tls(): TlsFacts | undefined {
    return this.#tls;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Length prefix and message in one write (RFC 7766 §8). */
  send(message: Uint8Array): void {
    const framed = Buffer.allocUnsafe(message.length + 2);
    framed.writeUInt16BE(message.length, 0);
    framed.set(message, 2);
    this.#socket?.write(framed);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Reads no more until `resume`: TCP slows the primary down. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (!this.#isClosed) this.#socket?.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #attach(socket: Socket, tls: TlsFacts | undefined): void {
    this.#socket = socket;
    this.#tls = tls;
    // A write, a TLS record: of two queries in one record NSD 4.6 answers the first, and the second when more comes.
    if (tls !== undefined) Object.assign(socket, { _writev: null });
    let cause: Error | undefined;
    socket.on('error', (error) => {
      cause = error;
    });
    const end = (): void => this.#end(cause && describe(cause, this.target));
    socket.on('end', end).on('close', end);
    // It may have ended in the turn in which it was connected.
    if (socket.destroyed || socket.readableEnded) end();
  }

  #read(length: number): boolean {
    const buffer = this.#buffer;
    const end = this.#filled + length;
    let at = 0;
    while (end - at >= 2 && !this.#isClosed) {
      const next = at + 2 + (((buffer[at] as number) << 8) | (buffer[at + 1] as number));
      if (next > end) break;
      this.#reader.message(buffer.subarray(at, next));
      at = next;
    }
    if (at > 0 && at < end) buffer.copyWithin(0, at, end);
    this.#filled = end - at;
    return !this.#isPaused;
  }

  #cut(error: ZonegateError | undefined): ZonegateError {
    const text = error?.message ?? `${targetToText(this.target)}: the server closed the connection`;
    return new ZonegateError(
      'ZG_PRIMARY_CLOSED',
      `${text} in the middle of a message`,
      { reason: 'cut' },
      error?.cause,
    );
  }

  #end(error: ZonegateError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket?.destroy();
    this.#reader.closed(this.#filled > 0 ? this.#cut(error) : error);
  }
}
