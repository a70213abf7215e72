/** Many connections from many sources, kept at a number: one that ends is opened anew, within a speed. */
import { connect, type Socket } from 'node:net';
import type { Attacker, Play } from './attackers.ts';
import { type AttackTally, sourceOf } from './attacks.ts';

export interface CrowdOptions {
  readonly port: number;
  readonly network: number;
  /** Connections at a time. */
  readonly count: number;
  /** Opened at most. */
  readonly perSecond: number;
  readonly sources: number;
  readonly play: Play;
  readonly tally: AttackTally;
}

const OPEN_MS = 10;
const TICK_MS = 100;

export class Crowd implements Attacker {
  readonly #options: CrowdOptions;
  readonly #sockets = new Map<Socket, (() => void) | undefined>();
  readonly #timers: NodeJS.Timeout[] = [];
  #opened = 0;
  #credit = 0;
  #last = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /** Resolves when the first ones have been opened. */
  async start(): Promise<void> {
    this.#last = performance.now();
    this.#timers.push(setInterval(() => this.#open(), OPEN_MS));
    this.#timers.push(
      setInterval(() => {
        for (const tick of this.#sockets.values()) tick?.();
      }, TICK_MS),
    );
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #open(): void {
    const { count, perSecond } = this.#options;
    const now = performance.now();
    this.#credit = Math.min(perSecond / 5, this.#credit + ((now - this.#last) * perSecond) / 1000);
    this.#last = now;
    for (; this.#credit >= 1 && this.#sockets.size < count; this.#credit--) this.#connect();
  }

  #connect(): void {
    const { port, network, sources, play, tally } = this.#options;
    const localAddress = sourceOf(network, this.#opened++ % sources);
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true });
    this.#sockets.set(socket, undefined);
    socket.on('connect', () => {
      tally.opened++;
      socket.on('data', (data: Buffer) => {
        tally.received += data.length;
      });
      this.#sockets.set(socket, play(socket));
    });
    socket.on('error', () => {
      tally.failed++;
    });
    socket.on('end', () => tally.closed++);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
