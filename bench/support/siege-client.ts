/**
 * The legitimate secondary, a process of its own: for each line on standard input, a number of milliseconds, it takes
 * the zone again and again for so long, over TCP and TLS in turn, each time on a new connection, signed. Prints a JSON
 * line with the times, from connect to the last octet, and with what went wrong. TASK (JSON)
 */
import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { TSIG_ALGORITHMS } from '../../src/tsig/algorithm.ts';
import { MessageFramer } from '../../src/wire/framing.ts';
import { lowerName, nameFromText } from '../../src/wire/name.ts';
import { TransferClient } from '../../src/xfr/client.ts';

export interface SiegeClientTask {
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly source: string;
  readonly zone: string;
  /** Of the zone, the SOA once. */
  readonly records: number;
  readonly key: { readonly name: string; readonly secret: string };
}

export interface SiegeClientResult {
  readonly tcp: { readonly ms: number[]; readonly failures: string[] };
  readonly tls: { readonly ms: number[]; readonly failures: string[] };
}

/** A transfer that takes longer has failed. */
const MOST_MS = 10_000;
const PAUSE_MS = 10;

const task = JSON.parse(process.argv[2] as string) as SiegeClientTask;
const zone = wire(task.zone);
const key = {
  name: task.key.name,
  wireName: lowerName(wire(task.key.name)),
  algorithm: TSIG_ALGORITHMS['hmac-sha256'],
  secret: new Uint8Array(Buffer.from(task.key.secret, 'base64')),
  fudge: 300,
};
const transports = task.tlsPort === undefined ? (['tcp'] as const) : (['tcp', 'tls'] as const);

// What is measured is the server: after a first transfer that is checked record by record, octets are counted.
const octets = (await take('tcp', undefined)).octets;
console.log(JSON.stringify({ octets }));
for await (const line of createInterface({ input: process.stdin })) {
  const result: SiegeClientResult = { tcp: { ms: [], failures: [] }, tls: { ms: [], failures: [] } };
  const end = performance.now() + Number(line);
  while (performance.now() < end) {
    for (const transport of transports) {
      try {
        result[transport].ms.push((await take(transport, octets)).ms);
      } catch (error) {
        result[transport].failures.push((error as Error).message);
      }
      await sleep(PAUSE_MS);
    }
  }
  console.log(JSON.stringify(result));
}

/** One transfer; checked whole where it is not known how many octets there are. */
function take(transport: 'tcp' | 'tls', known: number | undefined): Promise<{ ms: number; octets: number }> {
  const client = new TransferClient({
    ...{ zone, kind: 'AXFR', key, id: randomInt(65_536), now: Math.floor(Date.now() / 1000) },
  });
  const started = performance.now();
  return new Promise((resolve, reject) => {
    let received = 0;
    let isFirst = true;
    const framer = new MessageFramer();
    const over = (why?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      if (why === undefined) resolve({ ms: performance.now() - started, octets: received });
      else reject(new Error(why));
    };
    const timer = setTimeout(() => over(`not whole in ${MOST_MS} ms`), MOST_MS);
    const check = (message: Uint8Array): void => {
      const step = client.take(message, Math.floor(Date.now() / 1000));
      if (step.kind === 'failed') over(JSON.stringify(step.failure));
      else if (step.kind === 'done') {
        const { records } = client.counters;
        over(records >= task.records ? undefined : `${records} records`);
      }
    };
    const opened = (): void => {
      const query = client.query();
      const framed = Buffer.alloc(query.length + 2);
      framed.writeUInt16BE(query.length);
      framed.set(query, 2);
      socket.write(framed);
    };
    const options = { host: '127.0.0.1', localAddress: task.source };
    const socket: Socket =
      transport === 'tcp'
        ? connect({ ...options, port: task.port, noDelay: true }, opened)
        : connectTls(
            {
              ...options,
              port: task.tlsPort as number,
              ALPNProtocols: ['dot'],
              rejectUnauthorized: false,
            },
            opened,
          );
    socket.on('data', (data: Buffer) => {
      received += data.length;
      if (known === undefined) {
        framer.push(data, (message) => {
          check(message);
          return true;
        });
        return;
      }
      // The response code of the first message.
      const rcode = isFirst && data.length >= 6 ? (data[5] as number) & 0xf : 0;
      isFirst = false;
      if (rcode !== 0) over(`response code ${rcode}`);
      else if (received === known) over();
      else if (received > known) over(`${received - known} octets too many`);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => over(error.code ?? error.message));
    socket.on('close', () => over(`closed after ${received} octets`));
  });
}

function wire(text: string): Uint8Array<ArrayBuffer> {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(text);
  return name.value;
}
