/** A primary that does as it is told, faults included: its messages come from the tests' own encoder. */
import { createServer, type Server, type Socket } from 'node:net';
import { encodeMessage, soaRecord, type TestRecord, TYPE_NUMBERS } from './transfer-messages.ts';

/** What the primary does in answer to an AXFR, step by step. */
export type Step =
  | { readonly send: Buffer }
  | { readonly close: true }
  /** Says nothing more, and keeps the connection. */
  | { readonly stall: true };

export interface AxfrRequest {
  readonly id: number;
  readonly zone: string;
  readonly message: Buffer;
}

export interface ScriptedPrimary {
  readonly port: number;
  /** Types of the queries that came, in order. */
  readonly queries: number[];
  /** Serial in answers to SOA queries. */
  serial: number;
  /** Answers an AXFR. */
  script: (request: AxfrRequest) => Iterable<Step>;
  stop(): Promise<void>;
}

/** `port`: 0 for any. */
export async function startScriptedPrimary(zone: string, serial: number, port = 0): Promise<ScriptedPrimary> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let held = Buffer.alloc(0);
    socket.on('data', (data) => {
      held = Buffer.concat([held, data]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const message = held.subarray(2, 2 + held.readUInt16BE(0));
        held = held.subarray(2 + message.length);
        void answer(socket, Buffer.from(message));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const primary: ScriptedPrimary = {
    port: (server.address() as { port: number }).port,
    queries: [],
    serial,
    script: ({ id }) => wholeZone(id, zone, primary.serial, []),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(socket: Socket, message: Buffer): Promise<void> {
    const id = message.readUInt16BE(0);
    const type = questionType(message);
    primary.queries.push(type);
    if (type === TYPE_NUMBERS.SOA) {
      socket.write(
        framed(encodeMessage({ id, question: { name: zone, type }, answers: [soaRecord(zone, primary.serial)] })),
      );
      return;
    }
    for (const step of primary.script({ id, zone, message })) {
      if ('send' in step) {
        if (!socket.write(step.send))
          await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
      } else if ('close' in step) socket.end();
      if (!('send' in step) || socket.destroyed) return;
    }
  }
  return primary;
}

/** SOA, records, SOA: so many records a message. */
export function* wholeZone(
  id: number,
  zone: string,
  serial: number,
  records: readonly TestRecord[],
  perMessage = 100,
): Generator<Step> {
  const all = [soaRecord(zone, serial), ...records, soaRecord(zone, serial)];
  for (let i = 0; i < all.length; i += perMessage) {
    yield { send: framed(encodeMessage({ id, answers: all.slice(i, i + perMessage) })) };
  }
}

export function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(message.length);
  return Buffer.concat([prefix, message]);
}

function questionType(message: Buffer): number {
  let at = 12;
  while (message[at] !== 0) at += (message[at] as number) + 1;
  return message.readUInt16BE(at + 1);
}
