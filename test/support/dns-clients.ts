/** dig, kdig, drill and ldns' tools as clients of a server on 127.0.0.1: run without stopping the event loop. */
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { PeerKey } from './dns-peer.ts';
import { SEARCH_ENV } from './dns-peer-process.ts';
import { wireName } from './transfer-messages.ts';

export interface ProgramResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 20_000;

/** Runs a program to its end, with nothing to read. */
export function runProgram(program: string, words: readonly string[]): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const env = { ...SEARCH_ENV, LC_ALL: 'C' };
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, words, { env, stdio, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (data: Buffer) => output[name].push(data));
    }
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (signal !== null) reject(new Error(`${program} ${words.join(' ')}: ended by ${signal}`));
      else {
        const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('latin1');
        resolve({ status: code ?? 1, stdout: text(output.stdout), stderr: text(output.stderr) });
      }
    });
  });
}

/** `words`: type, name and options, in dig's own syntax. One try, so that a lost answer shows. */
export const dig = (port: number, ...words: string[]): Promise<ProgramResult> =>
  runProgram('dig', ['@127.0.0.1', '-p', `${port}`, '+tries=1', '+time=8', '-r', ...words]);

export const kdig = (port: number, ...words: string[]): Promise<ProgramResult> =>
  runProgram('kdig', ['@127.0.0.1', '-p', `${port}`, '+retry=0', '+time=8', ...words]);

export const drill = (port: number, ...words: string[]): Promise<ProgramResult> =>
  runProgram('drill', ['-p', `${port}`, '@127.0.0.1', ...words]);

/** The words that make dig and kdig sign with a key. */
export const digKey = ({ name, algorithm, secret }: PeerKey): string[] => ['-y', `${algorithm}:${name}:${secret}`];

/** ldns names the algorithm last and, but for the first, by its name as a domain. */
export const ldnsKey = ({ name, algorithm, secret }: PeerKey): string[] => ['-y', `${name}:${secret}:${algorithm}`];

/** Sends a NOTIFY for a zone, once; ldns-notify has it unsigned or signed, and from an address of choice. */
export const sendNotify = (
  port: number,
  zone: string,
  options: { readonly key?: PeerKey; readonly source?: string; readonly serial?: number } = {},
): Promise<ProgramResult> =>
  runProgram('ldns-notify', [
    ...['-z', zone, '-p', `${port}`, '-r', '1'],
    ...(options.serial === undefined ? [] : ['-s', `${options.serial}`]),
    ...(options.source === undefined ? [] : ['-I', options.source]),
    ...(options.key === undefined ? [] : ldnsKey(options.key)),
    '127.0.0.1',
  ]);

/** Sends queries in one write, and gives all that the server sent until it closed, cut into messages. */
export const askOverTcp = (port: number, ...queries: readonly Buffer[]): Promise<Buffer[]> =>
  converse(connect({ port, host: '127.0.0.1' }), queries);

/** The same from an address of choice. */
export const askFrom = (localAddress: string, port: number, ...queries: readonly Buffer[]): Promise<Buffer[]> =>
  converse(connect({ port, host: '127.0.0.1', localAddress }), queries);

/** The same over XoT. */
export const askOverTls = (port: number, ca: string, ...queries: readonly Buffer[]): Promise<Buffer[]> =>
  converse(connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['dot'] }), queries);

function converse(socket: Socket, queries: readonly Buffer[]): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('the server did not close the connection')));
    socket.on('data', (data: Buffer) => chunks.push(data));
    socket.once('error', reject);
    socket.once('close', (hadError) => hadError || resolve(cutMessages(Buffer.concat(chunks))));
    // Our side ends with the queries: the server answers them whole, and closes then (RFC 7766 §6.2.4).
    socket.end(Buffer.concat(queries.flatMap((query) => [uint16(query.length), query])));
  });
}

/** One datagram there, one back. */
export async function askOverUdp(port: number, query: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no answer over UDP')), 5000);
      socket.once('error', reject).once('message', resolve);
      socket.connect(port, '127.0.0.1', () => socket.send(query));
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

export interface TsigOptions {
  /** Seconds; default: now. */
  readonly time?: number;
  /** Of an answer: the MAC of its request comes first. */
  readonly requestMac?: Buffer;
  readonly error?: number;
  readonly otherData?: Buffer;
}

/** Appends a TSIG record (RFC 8945 §4.2, §4.3), by a reading of the RFC that is not the service's own. */
export function signMessage(key: PeerKey, message: Buffer, options: TsigOptions = {}): Buffer {
  const { time = Math.floor(Date.now() / 1000), requestMac, error = 0, otherData = Buffer.alloc(0) } = options;
  const algorithm = wireName(key.algorithm);
  const timers = Buffer.concat([Buffer.alloc(2), uint32(time), uint16(300)]);
  const errors = Buffer.concat([uint16(error), uint16(otherData.length), otherData]);
  const hmac = createHmac(key.algorithm.replace('hmac-', ''), Buffer.from(key.secret, 'base64'));
  if (requestMac !== undefined) hmac.update(uint16(requestMac.length)).update(requestMac);
  const anyClass = Buffer.from([0, 255, 0, 0, 0, 0]);
  hmac.update(Buffer.concat([message, wireName(key.name), anyClass, algorithm, timers, errors]));
  const mac = hmac.digest();
  const rdata = Buffer.concat([algorithm, timers, uint16(mac.length), mac, message.subarray(0, 2), errors]);
  const record = [wireName(key.name), uint16(250), anyClass, uint16(rdata.length), rdata];
  const whole = Buffer.concat([message, ...record]);
  whole.writeUInt16BE(whole.readUInt16BE(10) + 1, 10);
  return whole;
}

/** Octets of the TSIG record of a message that succeeded. */
export const tsigLength = (key: PeerKey): number => signMessage(key, Buffer.alloc(12)).length - 12;

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const uint32 = (value: number): Buffer => Buffer.concat([uint16(value >>> 16), uint16(value & 0xffff)]);

/** Messages behind their lengths (RFC 1035 §4.2.2). */
export function cutMessages(octets: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  let at = 0;
  while (at < octets.length) {
    const end = at + 2 + octets.readUInt16BE(at);
    if (end > octets.length) throw new Error(`the last message lacks ${end - octets.length} octets`);
    messages.push(octets.subarray(at + 2, end));
    at = end;
  }
  return messages;
}
