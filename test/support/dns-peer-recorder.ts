/**
 * What peers really send: forwarders that stand between a secondary and its primary and note what passes. A plain one
 * for TCP and UDP, one that looks at TLS from outside (hellos are in clear), one that ends TLS and sees the queries.
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { freePort } from './dns-peer-process.ts';

export interface SeenQuery {
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Counts the connections of the forwarder; 0 over UDP. */
  readonly connection: number;
  /** TC, RD, RA, Z, AD and CD, as they lie in the header. */
  readonly flags: number;
  /** `SOA`, `AXFR`, `IXFR`, or a number. */
  readonly type: string;
  readonly hasOpt: boolean;
  readonly hasTsig: boolean;
}

export interface SeenHandshake {
  /** Protocols that the client offers by ALPN; undefined without the extension. */
  readonly alpn: readonly string[] | undefined;
  /** The client offers to resume a session, and the server takes it. */
  readonly isResumed: boolean;
  /** SNI. */
  readonly hasServerName: boolean;
}

export interface Recorder<T> {
  readonly port: number;
  readonly seen: readonly T[];
  stop(): Promise<void>;
}

/** Forwards TCP and UDP to a port of 127.0.0.1, and notes the queries. */
export async function recordPlain(to: number): Promise<Recorder<SeenQuery>> {
  const seen: SeenQuery[] = [];
  const port = await freePort();
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const connection = ++connections;
    const framer = new Framer((message) => seen.push(describeQuery(message, 'tcp', connection)));
    client.on('data', (data: Buffer) => framer.push(data));
    join(client, connect(to, '127.0.0.1'), sockets);
  });
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    seen.push(describeQuery(message, 'udp', 0));
    const out: UdpSocket = createSocket('udp4');
    out.unref();
    out.once('message', (answer) => {
      udp.send(answer, from.port, from.address);
      out.close();
    });
    out.on('error', () => undefined);
    out.connect(to, '127.0.0.1', () => out.send(message));
  });
  await Promise.all([listen(server, port), new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve))]);
  const stop = async (): Promise<void> => {
    udp.close();
    await close(server, sockets);
  };
  return { port, seen, stop };
}

/** Forwards TLS as it is, and notes the handshakes. */
export async function recordHandshakes(to: number): Promise<Recorder<SeenHandshake>> {
  const seen: SeenHandshake[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    const hello = new HelloReader(client);
    const answer = new HelloReader(upstream);
    void Promise.all([hello.extensions, answer.extensions]).then(([asked, given]) => {
      seen.push({
        alpn: readAlpn(asked.get(16)),
        isResumed: asked.has(41) && given.has(41),
        hasServerName: asked.has(0),
      });
    });
    join(client, upstream, sockets);
  });
  const port = await freePort();
  await listen(server, port);
  return { port, seen, stop: () => close(server, sockets) };
}

/** Ends XoT, forwards what was in it to a port of plain TCP, and notes the queries. */
export async function recordInsideTls(to: number, certFile: string, keyFile: string): Promise<Recorder<SeenQuery>> {
  const seen: SeenQuery[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const options = {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    minVersion: 'TLSv1.3' as const,
    ALPNProtocols: ['dot'],
  };
  const server = createTlsServer(options, (client) => {
    const connection = ++connections;
    const framer = new Framer((message) => seen.push(describeQuery(message, 'tls', connection)));
    client.on('data', (data: Buffer) => framer.push(data));
    const upstream = connect(to, '127.0.0.1');
    // A message, a write, a TLS record: NSD 4.6 does not find the second one in a record.
    Object.assign(client, { _writev: null });
    const answers = new Framer((message) => {
      const length = Buffer.from([message.length >> 8, message.length & 0xff]);
      client.write(Buffer.concat([length, message]));
    });
    upstream.on('data', (data: Buffer) => answers.push(data));
    client.pipe(upstream);
    tie(client, upstream, sockets);
  });
  const port = await freePort();
  await listen(server, port);
  return { port, seen, stop: () => close(server, sockets) };
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));

function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Both ends of a forwarded connection: what one says the other hears. */
function join(client: Socket, upstream: Socket, sockets: Set<Socket>): void {
  client.pipe(upstream);
  upstream.pipe(client);
  tie(client, upstream, sockets);
}

/** They end together. */
function tie(client: Socket, upstream: Socket, sockets: Set<Socket>): void {
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    sockets.add(one);
    one.on('error', () => other.destroy());
    one.once('close', () => {
      sockets.delete(one);
      other.destroySoon();
    });
  }
}

/** Cuts a stream into messages. */
class Framer {
  readonly #take: (message: Buffer) => void;
  #rest = Buffer.alloc(0);

  constructor(take: (message: Buffer) => void) {
    this.#take = take;
  }

  push(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= 2 && this.#rest.length >= 2 + this.#rest.readUInt16BE(0)) {
      const end = 2 + this.#rest.readUInt16BE(0);
      this.#take(this.#rest.subarray(2, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

const TYPES = new Map([
  [6, 'SOA'],
  [251, 'IXFR'],
  [252, 'AXFR'],
]);

function describeQuery(message: Buffer, transport: SeenQuery['transport'], connection: number): SeenQuery {
  let at = 12;
  const skipName = (): void => {
    while (message[at] !== 0 && (message[at] as number) < 0xc0) at += (message[at] as number) + 1;
    at += message[at] === 0 ? 1 : 2;
  };
  skipName();
  const type = message.readUInt16BE(at);
  at += 4;
  const records = [6, 8, 10].reduce((sum, offset) => sum + message.readUInt16BE(offset), 0);
  const types: number[] = [];
  for (let i = 0; i < records; i++) {
    skipName();
    types.push(message.readUInt16BE(at));
    at += 10 + message.readUInt16BE(at + 8);
  }
  return {
    transport,
    connection,
    flags: message.readUInt16BE(2) & 0x03f0,
    type: TYPES.get(type) ?? `${type}`,
    hasOpt: types.includes(41),
    hasTsig: types.includes(250),
  };
}

/** Reads the first handshake message of one side, a ClientHello or a ServerHello (RFC 8446 §4.1). */
class HelloReader {
  readonly extensions: Promise<Map<number, Buffer>>;

  constructor(socket: Socket) {
    this.extensions = new Promise((resolve) => {
      let octets = Buffer.alloc(0);
      const onData = (data: Buffer): void => {
        octets = Buffer.concat([octets, data]);
        if (octets.length < 5 || octets.length < 5 + octets.readUInt16BE(3)) return;
        socket.off('data', onData);
        resolve(readExtensions(octets.subarray(5, 5 + octets.readUInt16BE(3))));
      };
      socket.on('data', onData);
    });
  }
}

function readExtensions(hello: Buffer): Map<number, Buffer> {
  const isClient = hello[0] === 1;
  let at = 4 + 2 + 32;
  at += 1 + (hello[at] as number);
  if (isClient) {
    at += 2 + hello.readUInt16BE(at);
    at += 1 + (hello[at] as number);
  } else at += 3;
  const extensions = new Map<number, Buffer>();
  const end = at + 2 + hello.readUInt16BE(at);
  for (at += 2; at < end; at += 4 + hello.readUInt16BE(at + 2)) {
    extensions.set(hello.readUInt16BE(at), hello.subarray(at + 4, at + 4 + hello.readUInt16BE(at + 2)));
  }
  return extensions;
}

function readAlpn(extension: Buffer | undefined): string[] | undefined {
  if (extension === undefined) return undefined;
  const names: string[] = [];
  for (let at = 2; at < extension.length; at += 1 + (extension[at] as number)) {
    names.push(extension.toString('latin1', at + 1, at + 1 + (extension[at] as number)));
  }
  return names;
}
