/** A primary for tests of connections: it notes what comes on which of them, and answers, or misbehaves, when told. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { ZonegateError } from '../../src/base/errors.ts';
import type { ServerPrimary } from '../../src/config/config.ts';
import { PrimaryLinks } from '../../src/upstream/links.ts';
import { Deferred } from './deferred.ts';
import { newSplitter } from './message-splitter.ts';
import { framed } from './scripted-primary.ts';
import { encodeMessage, soaRecord, type TestMessage, TYPE_NUMBERS } from './transfer-messages.ts';

export interface PeerQuery {
  readonly id: number;
  readonly zone: string;
  readonly type: number;
  readonly connection: PeerConnection;
  /** Sends the answer: a SOA, unless told otherwise. */
  answer(message?: TestMessage): void;
}

export interface PeerConnection {
  /** Counts from 0. */
  readonly number: number;
  readonly queries: PeerQuery[];
  readonly socket: Socket;
  /** Sends messages, each behind its length. */
  send(...messages: Buffer[]): void;
  readonly closed: Promise<void>;
}

export interface LinkPeer {
  readonly port: number;
  readonly connections: PeerConnection[];
  /** What it does with a query; undefined: it waits for `next`. */
  onQuery: ((query: PeerQuery) => void) | undefined;
  /** The next query that `onQuery` did not take; rejects where none comes. */
  next(): Promise<PeerQuery>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 5_000;

export async function startLinkPeer(tls?: TlsOptions): Promise<LinkPeer> {
  const waiting: Deferred<PeerQuery>[] = [];
  const unread: PeerQuery[] = [];
  const connections: PeerConnection[] = [];
  const take = (query: PeerQuery): void => {
    query.connection.queries.push(query);
    if (peer.onQuery !== undefined) peer.onQuery(query);
    else if (waiting.length > 0) waiting.shift()?.resolve(query);
    else unread.push(query);
  };
  const accept = (socket: Socket): void => {
    const connection = newConnection(connections.length, socket);
    connections.push(connection);
    readQueries(connection, take);
  };
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const peer: LinkPeer = {
    port: (server.address() as { port: number }).port,
    connections,
    onQuery: undefined,
    next: () => {
      const first = unread.shift();
      if (first !== undefined) return Promise.resolve(first);
      const deferred = new Deferred<PeerQuery>();
      waiting.push(deferred);
      return deferred.within(PATIENCE_MS, 'a query');
    },
    stop: async () => {
      for (const { socket } of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return peer;
}

function newConnection(number: number, socket: Socket): PeerConnection {
  socket.on('error', () => undefined);
  return {
    number,
    queries: [],
    socket,
    send: (...messages) => socket.write(Buffer.concat(messages.map(framed))),
    closed: new Promise<void>((resolve) => socket.once('close', () => resolve())),
  };
}

function readQueries(connection: PeerConnection, take: (query: PeerQuery) => void): void {
  const split = newSplitter();
  connection.socket.on('data', (data: Buffer) => {
    for (const message of split(data)) take(readQuery(message, connection));
  });
}

function readQuery(message: Buffer, connection: PeerConnection): PeerQuery {
  const id = message.readUInt16BE(0);
  const labels: string[] = [];
  let at = 12;
  for (; message[at] !== 0; at += (message[at] as number) + 1) {
    labels.push(message.toString('latin1', at + 1, at + 1 + (message[at] as number)));
  }
  const zone = labels.join('.');
  const type = message.readUInt16BE(at + 1);
  const soa: TestMessage = { question: { name: zone, type }, answers: [soaRecord(zone, 1)] };
  return { id, zone, type, connection, answer: (answer = soa) => connection.send(encodeMessage({ ...answer, id })) };
}

/** A primary of one address with the defaults of the configuration. */
export const primaryAt = (port: number, settings: Partial<ServerPrimary> = {}): ServerPrimary => ({
  kind: 'server',
  name: 'peer',
  addresses: [{ host: '127.0.0.1', port }],
  key: undefined,
  tls: undefined,
  selection: 'ordered',
  sourceAddress: undefined,
  edns: true,
  ixfr: true,
  stallTimeoutMs: 30_000,
  transferTimeoutMs: 3_600_000,
  queriesPerSecond: 1_000_000,
  concurrentTransfers: 10,
  connections: 2,
  pipeline: 16,
  connectionIdleMs: 10_000,
  notifyFrom: [],
  notifyKey: undefined,
  ...settings,
});

export const testQuery = (zone: string, type: number = TYPE_NUMBERS.SOA): ((id: number) => Buffer) => {
  return (id) => encodeMessage({ id, flags: 0, question: { name: zone, type } });
};

export const isLinkError =
  (code: string, text: RegExp) =>
  (error: unknown): boolean =>
    error instanceof ZonegateError && error.code === code && text.test(error.message);

/** A scripted primary and our connections to it. */
export interface LinkWorld {
  readonly peer: LinkPeer;
  readonly links: PrimaryLinks;
  readonly primary: ServerPrimary;
  readonly address: { readonly host: string; readonly port: number };
  configure(settings: Partial<ServerPrimary>): void;
  stop(): Promise<unknown>;
}

export async function startLinkWorld(settings: Partial<ServerPrimary> = {}): Promise<LinkWorld> {
  const peer = await startLinkPeer();
  const links = new PrimaryLinks();
  const primary = primaryAt(peer.port, settings);
  const configure = (more: Partial<ServerPrimary>): void => {
    const changed = { ...primary, ...more };
    links.configure({ primaries: new Map([[primary.name, changed]]), certificates: new Map() });
  };
  configure({});
  const stop = (): Promise<unknown> => Promise.all([links.close(), peer.stop()]);
  return { peer, links, primary, address: { host: '127.0.0.1', port: peer.port }, configure, stop };
}
