/** Clients that ask for a zone and take it as slowly as they are told to, or count what comes. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { framed } from './raw-messages.ts';
import { encodeMessage } from './transfer-messages.ts';

export interface Reader {
  readonly socket: Socket;
  /** Octets that came. */
  octets: number;
  readonly closed: Promise<void>;
  /** Begins to take what comes. */
  read(): void;
  end(): void;
}

/** Asks for AXFR and takes nothing until told. */
export function askSlowly(port: number, zone: string, localAddress = '127.0.0.1', isTls = false): Promise<Reader> {
  const query = framed(encodeMessage({ flags: 0, question: { name: zone, type: 252 } }));
  return new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', localAddress };
    const asked = (): void => {
      socket.pause();
      socket.write(query);
      const closed = new Promise<void>((over) => socket.once('close', () => over()));
      const reader: Reader = {
        socket,
        octets: 0,
        closed,
        read: () => {
          socket.on('data', (data: Buffer) => {
            reader.octets += data.length;
          });
          socket.resume();
        },
        end: () => socket.destroy(),
      };
      resolve(reader);
    };
    const socket = isTls
      ? connectTls({ ...options, ALPNProtocols: ['dot'], rejectUnauthorized: false }, asked)
      : connect(options, asked);
    socket.on('error', () => undefined);
  });
}
