/** Tells a secondary of a change and polls it by UDP until it has it: the same for zonegate and for every peer. */
import { createSocket } from 'node:dgram';
import { setTimeout } from 'node:timers/promises';
import { serialOf, soaQuery } from '../../test/support/dns-peer-process.ts';

export interface SoaClient {
  /** Milliseconds from a NOTIFY until the secondary answers with `serial`. */
  untilTaken(serial: number): Promise<number>;
  /** Asks for the SOA, over and over, until it has the serial. */
  until(serial: number, timeoutMs: number): Promise<void>;
  close(): void;
}

const NOTIFY_FLAGS = 0x2400;
const OPCODE_BITS = 0x78;

export async function newSoaClient(zone: string, port: number): Promise<SoaClient> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const query = soaQuery(zone);
  const notify = Buffer.from(query);
  notify.writeUInt16BE(NOTIFY_FLAGS, 2);
  let heard: ((serial: number | undefined) => void) | undefined;
  socket.on('message', (message) => {
    if (((message[2] as number) & OPCODE_BITS) === 0) heard?.(serialOf(message));
  });
  const ask = (): Promise<number | undefined> =>
    new Promise((resolve) => {
      const timer = globalThis.setTimeout(() => resolve(undefined), 100);
      heard = (serial) => {
        clearTimeout(timer);
        resolve(serial);
      };
      socket.send(query, port, '127.0.0.1');
    });
  const until = async (serial: number, timeoutMs: number): Promise<void> => {
    const deadline = performance.now() + timeoutMs;
    let last = await ask();
    while (last !== serial) {
      if (performance.now() > deadline) throw new Error(`serial ${serial} not in ${timeoutMs} ms: it has ${last}`);
      // A secondary that is asked without a pause has no time for its work.
      await setTimeout(1);
      last = await ask();
    }
  };
  return {
    untilTaken: async (serial) => {
      const started = performance.now();
      socket.send(notify, port, '127.0.0.1');
      await until(serial, 60_000);
      return performance.now() - started;
    },
    until,
    close: () => socket.close(),
  };
}
