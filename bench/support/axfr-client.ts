/**
 * The measuring client, a process of its own: takes one transfer whole and checks it, then one more for each line on
 * standard input, counting octets only, so that it is not what is measured. Prints a JSON line for each.
 *
 * node axfr-client.js HOST PORT ZONE [tls] [edns] [key=ALGORITHM:NAME:SECRET] [counted=OCTETS]
 */
import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';
import { TSIG_ALGORITHMS } from '../../src/tsig/algorithm.ts';
import type { TsigKey } from '../../src/tsig/key.ts';
import { MessageFramer } from '../../src/wire/framing.ts';
import { lowerName, nameFromText } from '../../src/wire/name.ts';
import { TransferClient } from '../../src/xfr/client.ts';

const [host, port, zoneText, ...flags] = process.argv.slice(2) as [string, string, string, ...string[]];
const zone = wire(zoneText);
const isTls = flags.includes('tls');
const key = readKey(flags.find((flag) => flag.startsWith('key='))?.slice(4));
const edns = flags.includes('edns');

// A server that replays octets answers no query's id: its octets are only counted.
const known = flags.find((flag) => flag.startsWith('counted='))?.slice(8);
const first = known === undefined ? await checked() : { octets: Number(known) };
console.log(JSON.stringify(first));
for await (const _ of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ ms: await counted(first.octets) }));
}

function newClient(): TransferClient {
  const now = Math.floor(Date.now() / 1000);
  return new TransferClient({
    zone,
    kind: 'AXFR',
    key,
    edns: edns ? { udpSize: 1232 } : undefined,
    id: randomInt(65_536),
    now,
  });
}

function open(onread: { buffer: Uint8Array; callback: (length: number) => boolean }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = isTls
      ? connectTls({ host, port: Number(port), ALPNProtocols: ['dot'], rejectUnauthorized: false, onread } as never)
      : connect({ host, port: Number(port), noDelay: true, onread });
    socket.once(isTls ? 'secureConnect' : 'connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

async function checked(): Promise<{ records: number; messages: number; octets: number; ms: number }> {
  const client = newClient();
  const framer = new MessageFramer();
  let octets = 0;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const buffer = Buffer.alloc(1 << 20);
    let socket: Socket | undefined;
    const callback = (length: number): boolean => {
      octets += length;
      framer.push(buffer.subarray(0, length), (message) => {
        const step = client.take(message, Math.floor(Date.now() / 1000));
        if (step.kind === 'failed') reject(new Error(JSON.stringify(step)));
        if (step.kind === 'done') {
          socket?.destroy();
          resolve({
            records: client.counters.records,
            messages: client.counters.messages,
            octets,
            ms: performance.now() - started,
          });
        }
        return step.kind === 'more';
      });
      return true;
    };
    open({ buffer, callback }).then((opened) => {
      socket = opened;
      socket.write(framed(client.query()));
    }, reject);
  });
}

/** Milliseconds from the query's write to the last octet; the connection is there before. */
function counted(octets: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.alloc(1 << 20);
    let left = octets;
    let started = 0;
    let socket: Socket | undefined;
    const callback = (length: number): boolean => {
      left -= length;
      if (left === 0) {
        const ms = performance.now() - started;
        socket?.destroy();
        resolve(ms);
      } else if (left < 0) reject(new Error(`${-left} octets too many`));
      return true;
    };
    open({ buffer, callback }).then((opened) => {
      socket = opened;
      started = performance.now();
      socket.write(framed(newClient().query()));
    }, reject);
  });
}

function framed(message: Uint8Array): Buffer {
  const out = Buffer.alloc(message.length + 2);
  out.writeUInt16BE(message.length);
  out.set(message, 2);
  return out;
}

function wire(text: string): Uint8Array<ArrayBuffer> {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(text);
  return name.value;
}

function readKey(text: string | undefined): TsigKey | undefined {
  if (text === undefined) return undefined;
  const [algorithm, name, secret] = text.split(':') as [keyof typeof TSIG_ALGORITHMS, string, string];
  return {
    name,
    wireName: lowerName(wire(name)),
    algorithm: TSIG_ALGORITHMS[algorithm],
    secret: new Uint8Array(Buffer.from(secret, 'base64')),
    fudge: 300,
  };
}
