/**
 * Over TLS every message is a write of its own, so that it begins a TLS record of its own: NSD 4.6 reads one message
 * each time its socket has something, and then waits for ever for the next one where it came in the same record.
 */
import type { TLSSocket } from 'node:tls';
import type { Sink } from './stream.ts';

export class MessageSink implements Sink {
  readonly #socket: TLSSocket;
  #pieces: Uint8Array[] = [];

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    // What is queued then goes out write by write, as with handles that have no writev, instead of as one.
    Object.assign(socket, { _writev: null });
  }

  write(piece: Uint8Array): void {
    this.#pieces.push(piece);
  }

  /** Sends what was written, whole messages with their length prefixes. TLS copies in any case. */
  flush(): void {
    const octets = Buffer.concat(this.#pieces);
    this.#pieces = [];
    for (let at = 0; at < octets.length; ) {
      const end = at + 2 + octets.readUInt16BE(at);
      this.#socket.write(octets.subarray(at, end));
      at = end;
    }
  }
}
