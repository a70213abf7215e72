/** A secondary that takes NOTIFY and answers as it is told, faults included; its answers come from the tests' own encoder. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { PemPair } from '../../src/net/certificates.ts';
import { type DecodedMessage, decodeMessage } from './message-decoder.ts';
import { newSplitter } from './message-splitter.ts';
import { TYPE_NUMBERS } from './transfer-messages.ts';

export interface TakenNotify {
  readonly message: Buffer;
  readonly decoded: DecodedMessage;
  /** Text, without the final dot. */
  readonly zone: string;
  /** Serial of the SOA in the answer section. */
  readonly serial: number | undefined;
}

/** What it sends back, now; more can be sent with `reply`. */
export type Answerer = (notify: TakenNotify) => readonly Buffer[];

export interface ScriptedSecondary {
  readonly port: number;
  readonly taken: TakenNotify[];
  /** Over TCP: connections that are open, and those there were. */
  readonly connections: { open: number; all: number };
  answer: Answerer;
  /** To who sent the last message. */
  reply(message: Buffer): void;
  /** The same from another port. */
  replyFromElsewhere(message: Buffer): Promise<void>;
  closeConnections(): void;
  stop(): Promise<void>;
}

export const nothing: Answerer = () => [];

/** The answer as RFC 1996 §3.12 has it: the question, QR and AA. */
export function notifyAnswer({ decoded, message }: TakenNotify, rcode = 0, flags = 0xa400): Buffer {
  const end = 12 + (decoded.questions[0]?.name.length ?? 0) + 4;
  const answer = Buffer.from(message.subarray(0, end));
  answer.writeUInt16BE(flags | rcode, 2);
  answer.fill(0, 6, 12);
  return answer;
}

export const acknowledge: Answerer = (notify) => [notifyAnswer(notify)];

/** The header alone, as who cannot read the question answers. */
export function bareAnswer(notify: TakenNotify, rcode: number): Buffer {
  const answer = notifyAnswer(notify, rcode).subarray(0, 12);
  answer.fill(0, 4);
  return answer;
}

export async function startUdpSecondary(answer: Answerer, port = 0): Promise<ScriptedSecondary> {
  const socket: Socket = createSocket({ type: 'udp4', recvBufferSize: 8 << 20 });
  let from = { address: '', port: 0 };
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  const secondary: ScriptedSecondary = {
    port: socket.address().port,
    taken: [],
    connections: { open: 0, all: 0 },
    answer,
    reply: (message) => socket.send(message, from.port, from.address),
    replyFromElsewhere: async (message) => {
      const other = createSocket('udp4');
      await new Promise<void>((resolve) => other.send(message, from.port, from.address, () => resolve()));
      other.close();
    },
    closeConnections: () => undefined,
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  socket.on('message', (message, source) => {
    from = source;
    const notify = readNotify(message);
    secondary.taken.push(notify);
    for (const reply of secondary.answer(notify)) socket.send(reply, source.port, source.address);
  });
  return secondary;
}

/** `tls`: over TLS 1.3, without ALPN. */
export async function startTcpSecondary(answer: Answerer, tls?: PemPair): Promise<ScriptedSecondary> {
  const sockets = new Set<TcpSocket>();
  let last: TcpSocket | undefined;
  const serve = (socket: TcpSocket): void => {
    sockets.add(socket);
    secondary.connections.all++;
    secondary.connections.open++;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      secondary.connections.open--;
    });
    const split = newSplitter();
    socket.on('data', (data) => {
      last = socket;
      for (const message of split(data)) {
        const notify = readNotify(Buffer.from(message));
        secondary.taken.push(notify);
        for (const reply of secondary.answer(notify)) socket.write(withLength(reply));
      }
    });
  };
  const server: Server =
    tls === undefined
      ? createServer(serve)
      : createTlsServer({ cert: tls.certPem, key: tls.keyPem, minVersion: 'TLSv1.3' }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const secondary: ScriptedSecondary = {
    port: (server.address() as { port: number }).port,
    taken: [],
    connections: { open: 0, all: 0 },
    answer,
    reply: (message) => last?.write(withLength(message)),
    replyFromElsewhere: async () => undefined,
    closeConnections: () => {
      for (const socket of sockets) socket.end();
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return secondary;
}

function readNotify(message: Buffer): TakenNotify {
  const decoded = decodeMessage(message);
  const soa = decoded.answers.find(({ type }) => type === TYPE_NUMBERS.SOA);
  const zone = nameText(decoded.questions[0]?.name ?? Buffer.of(0));
  return { message, decoded, zone, serial: soa?.rdata.readUInt32BE(soa.rdata.length - 20) };
}

function nameText(name: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; name[at] !== 0; at += 1 + (name[at] as number)) {
    labels.push(name.toString('latin1', at + 1, at + 1 + (name[at] as number)));
  }
  return labels.join('.');
}

function withLength(message: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(message.length);
  return Buffer.concat([prefix, message]);
}
