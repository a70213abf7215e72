/** A notifier with its standings under a clock that is moved by hand; sockets and secondaries are real. */
import { mock } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { Notifier } from '../../src/notify/notifier.ts';
import type { NotifyConfig } from '../../src/notify/peer.ts';
import { Standings } from '../../src/notify/standings.ts';
import { encodeRecord, soaRecord } from './transfer-messages.ts';

/** Before the mocks. */
const realNow = performance.now.bind(performance);

export class NotifyWorld {
  readonly events: Record<string, unknown>[] = [];
  readonly standings: Standings;
  readonly notifier: Notifier;

  /** `secondaries` and, for each zone, its secondaries, as the configuration has them. */
  constructor(secondaries: Record<string, unknown>, zones: Record<string, readonly string[]>) {
    mock.timers.reset();
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
    guardClears();
    const clock = { now: () => Date.now() };
    this.standings = new Standings(clock);
    this.notifier = new Notifier({
      clock,
      standings: this.standings,
      report: (event, fields) => this.events.push({ event, ...fields }),
    });
    this.configure(secondaries, zones);
  }

  configure(secondaries: Record<string, unknown>, zones: Record<string, readonly string[]>): void {
    const config = notifyConfig(secondaries, zones);
    this.standings.configure(config);
    this.notifier.configure(config);
  }

  serve(zone: string, serial: number): void {
    this.standings.served(zone, serial);
    this.notifier.served(zone, serial, encodeRecord(soaRecord(zone, serial)));
  }

  pass(ms: number): void {
    mock.timers.tick(ms);
  }

  stop(): void {
    this.notifier.stop();
    mock.timers.reset();
  }
}

/** To clear a timer that has fired is nothing; the mocks of Node 20 take another one away in its place. */
function guardClears(): void {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const pending = new Set<unknown>();
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    const timer = set(() => {
      pending.delete(timer);
      run();
    }, ms);
    pending.add(timer);
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = (timer) => {
    if (pending.delete(timer)) clear(timer);
  };
}

export const NOTIFY_SECRET = Buffer.alloc(32, 'n');

export function notifyConfig(
  secondaries: Record<string, unknown>,
  zones: Record<string, readonly string[]>,
): NotifyConfig {
  const text = JSON.stringify({
    version: 1,
    listen: [{ address: '127.0.0.1' }],
    keys: { 'sec-key': { secret: NOTIFY_SECRET.toString('base64') } },
    primaries: { p: { addresses: ['192.0.2.1'] } },
    secondaries,
    zones: Object.fromEntries(Object.entries(zones).map(([name, list]) => [name, { primary: 'p', secondaries: list }])),
  });
  const loaded = parseConfig(text, 'notify.json', () => '', 0);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

/** Waits, while sockets do their work, until it holds; throws after so much real time. */
export async function untilHolds(what: string, test: () => boolean, timeoutMs = 5_000): Promise<void> {
  const deadline = realNow() + timeoutMs;
  while (!test()) {
    if (realNow() > deadline) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Gives what is on its way the time to come, where the test is that nothing does: a few turns of the event loop. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}
