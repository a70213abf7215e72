/**
 * The UDP sockets that NOTIFY leaves from: one for each source address and family, shared by all secondaries, on a port
 * that the system chose at random.
 *
 * Limitation: a socket that is connected to nobody is not told of ICMP, so a closed port is silence (RFC 1996 §3.6 would
 * stop there). A secondary that is being restarted gets its NOTIFY for it.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Bytes } from '../base/bytes.ts';
import type { Address } from '../config/config.ts';

interface SharedSocket {
  readonly socket: Socket;
  /** Called with the reason where the address cannot be bound; undefined once it is. */
  waiting: ((why: string) => void)[] | undefined;
}

export class Datagrams {
  readonly #onMessage: (message: Bytes, from: Address) => void;
  readonly #sockets = new Map<string, SharedSocket>();

  constructor(onMessage: (message: Bytes, from: Address) => void) {
    this.#onMessage = onMessage;
  }

  /** `onError` is called where it could not be sent. */
  send(message: Bytes, to: Address, source: string | undefined, onError: (why: string) => void): void {
    const { socket, waiting } = this.#socketFor(to, source);
    // Datagrams of a socket that is not bound in the end are forgotten without a word.
    waiting?.push(onError);
    socket.send(message, to.port, to.host, (error) => {
      if (error !== null) onError(error.message);
    });
  }

  /** The next datagram leaves from other ports. */
  close(): void {
    for (const { socket } of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #socketFor(to: Address, source: string | undefined): SharedSocket {
    const type = to.host.includes(':') ? 'udp6' : 'udp4';
    const key = `${type} ${source ?? ''}`;
    const existing = this.#sockets.get(key);
    if (existing !== undefined) return existing;
    const socket = createSocket(type);
    const shared: SharedSocket = { socket, waiting: [] };
    this.#sockets.set(key, shared);
    socket.on('message', (message, from) => this.#onMessage(message, { host: from.address, port: from.port }));
    socket.once('listening', () => {
      shared.waiting = undefined;
    });
    socket.on('error', (error) => {
      const { waiting } = shared;
      if (waiting === undefined) return;
      shared.waiting = undefined;
      this.#sockets.delete(key);
      socket.close();
      for (const failed of waiting) failed(error.message);
    });
    socket.bind({ port: 0, ...(source !== undefined && { address: source }) });
    return shared;
  }
}
