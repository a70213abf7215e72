/** A primary that does as it is told, faults included: its messages come from the tests' own encoder. */
import { createServer, type Server, type Socket } from 'node:net';
import { newSplitter } from './message-splitter.ts';
import {
  encodeMessage,
  macOf,
  soaRecord,
  type TestKey,
  type TestRecord,
  TestSigner,
  TYPE_NUMBERS,
} from './transfer-messages.ts';

/** What the primary does in answer to a question, step by step. */
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

export type Script = (request: AxfrRequest) => Iterable<Step>;

/** A question as it came; `connection` counts them from 1. */
export interface SeenQuestion {
  readonly type: number;
  readonly connection: number;
  readonly hasOpt: boolean;
}

export interface ScriptedPrimary {
  readonly port: number;
  /** Types of the queries that came, in order. */
  readonly queries: number[];
  readonly seen: SeenQuestion[];
  /** Serial in answers to SOA queries. */
  serial: number;
  /** Signs the answers to SOA queries. */
  key: TestKey | undefined;
  /** Answers an AXFR. */
  script: Script;
  /** Answers an IXFR; as an AXFR where absent. */
  ixfr: Script | undefined;
  /** Answers a SOA query. */
  soa: Script;
  stop(): Promise<void>;
}

/** `port`: 0 for any. */
export async function startScriptedPrimary(zone: string, serial: number, port = 0): Promise<ScriptedPrimary> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    const split = newSplitter();
    socket.on('data', (data) => {
      for (const message of split(data)) void answer(socket, connection, Buffer.from(message));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const primary: ScriptedPrimary = {
    port: (server.address() as { port: number }).port,
    queries: [],
    seen: [],
    serial,
    key: undefined,
    script: ({ id }) => wholeZone(id, zone, primary.serial, []),
    ixfr: undefined,
    soa: (request) => inMessages(request, [soaRecord(zone, primary.serial)], { key: primary.key }),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(socket: Socket, connection: number, message: Buffer): Promise<void> {
    const id = message.readUInt16BE(0);
    const type = questionType(message);
    primary.queries.push(type);
    primary.seen.push({ type, connection, hasOpt: message.includes(OPT_HEAD) });
    const { soa, script, ixfr = script } = primary;
    const answerWith = type === TYPE_NUMBERS.SOA ? soa : type === TYPE_NUMBERS.IXFR ? ixfr : script;
    for (const step of answerWith({ id, zone, message })) {
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

/** What IXFR tells of one step. */
export interface Difference {
  readonly from: number;
  readonly to: number;
  readonly removed?: readonly TestRecord[];
  readonly added?: readonly TestRecord[];
}

/** The records of an answer to IXFR (RFC 1995 §4). */
export const differences = (zone: string, steps: readonly Difference[]): TestRecord[] => {
  const last = soaRecord(zone, steps.at(-1)?.to ?? 0);
  const told = steps.flatMap(({ from, to, removed = [], added = [] }) => [
    ...[soaRecord(zone, from), ...removed],
    ...[soaRecord(zone, to), ...added],
  ]);
  return [last, ...told, last];
};

export interface MessageOptions {
  readonly perMessage?: number;
  readonly key?: TestKey | undefined;
  /** What becomes of the TSIG of a message; signed by default. */
  readonly seal?: (index: number, count: number) => 'sign' | 'pass' | 'break';
}

/** Records in messages that answer a request, its question in the first. */
export function* inMessages(
  { id, zone, message }: AxfrRequest,
  records: readonly TestRecord[],
  { perMessage = 100, key, seal = () => 'sign' }: MessageOptions = {},
): Generator<Step> {
  const signer = key && new TestSigner(key, macOf(message, MAC_OCTETS));
  const count = Math.ceil(records.length / perMessage);
  for (let i = 0; i < count; i++) {
    const answers = records.slice(i * perMessage, (i + 1) * perMessage);
    const question = i === 0 ? { name: zone, type: questionType(message) } : undefined;
    const plain = encodeMessage({ id, question, answers });
    if (signer === undefined) {
      yield { send: framed(plain) };
      continue;
    }
    const how = seal(i, count);
    const sent = how === 'pass' ? signer.pass(plain) : signer.sign(plain, Math.floor(Date.now() / 1000));
    if (how === 'break') sent.writeUInt8(sent.readUInt8(sent.length - 10) ^ 1, sent.length - 10);
    yield { send: framed(sent) };
  }
}

/** Of hmac-sha256. */
const MAC_OCTETS = 32;
/** Root, type OPT, and the size that zonegate tells. */
const OPT_HEAD = Buffer.of(0, 0, 41, 1232 >> 8, 1232 & 0xff);

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
