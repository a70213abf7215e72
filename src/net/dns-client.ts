/**
 * The connection of a DNS client: a stream with messages behind length prefixes (RFC 7766 §8), or UDP. What the
 * environment does wrong is thrown as a `ZonegateError`; what the messages say is the caller's business.
 */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import type { Bytes } from '../base/bytes.ts';
import { MessageFramer } from '../wire/framing.ts';
import { closed, connectDns, Deadline, type DnsTarget, describe, type TlsFacts, timedOut } from './dns-connect.ts';

export { type ClientTls, type DnsTarget, type TlsFacts, targetToText } from './dns-connect.ts';

/** Connects and, over TLS, checks the server before anything is sent to it. */
export async function connectStream(target: DnsTarget): Promise<DnsStream> {
  const { socket, tls } = await connectDns(target);
  return new DnsStream(socket, target, tls);
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
    const deadline = new Deadline(this.#socket, this.#target, () => 'no progress');
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

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
