/** NOTIFY by UDP, each with another serial: from sources that nobody knows, and from the primary's address, forged. */
import { createSocket, type Socket } from 'node:dgram';
import { rawMessage, rawQuestion } from '../../test/support/raw-messages.ts';
import { encodeRecord, soaRecord, wireName } from '../../test/support/transfer-messages.ts';
import type { Attacker } from './attackers.ts';
import { type AttackTally, sourceOf } from './attacks.ts';

export interface NotifyStormOptions {
  readonly port: number;
  readonly zone: string;
  readonly network: number;
  readonly perSecond: number;
  readonly tally: AttackTally;
}

const SOURCES = 100;
const NOTIFY = 0x2400;
const SOA = 6;
const TICK_MS = 10;

export class NotifyStorm implements Attacker {
  readonly #options: NotifyStormOptions;
  #sockets: readonly Socket[] = [];
  #timer: NodeJS.Timeout | undefined;
  #serial = 2;

  constructor(options: NotifyStormOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { network, perSecond, tally } = this.#options;
    // Every other one is the primary's.
    const sources = Array.from({ length: SOURCES }, (_, i) => (i % 2 === 0 ? '127.0.0.1' : sourceOf(network, i)));
    this.#sockets = await Promise.all(sources.map(bound));
    for (const socket of this.#sockets) {
      socket.on('message', (message) => {
        tally.received += message.length;
      });
    }
    let last = performance.now();
    let credit = 0;
    this.#timer = setInterval(() => {
      const now = performance.now();
      credit = Math.min(perSecond / 5, credit + ((now - last) * perSecond) / 1000);
      last = now;
      for (; credit >= 1; credit--) this.#send();
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.close();
  }

  #send(): void {
    const { zone, port, tally } = this.#options;
    const serial = this.#serial++;
    const message = rawMessage({
      id: serial & 0xffff,
      flags: NOTIFY,
      questions: [rawQuestion(wireName(zone), SOA)],
      answers: [encodeRecord(soaRecord(zone, serial))],
    });
    tally.sent++;
    this.#sockets[serial % this.#sockets.length]?.send(message, port, '127.0.0.1');
  }
}

function bound(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject).bind(0, address, () => resolve(socket));
  });
}
