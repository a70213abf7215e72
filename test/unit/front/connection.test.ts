/** One connection over a socket whose kernel takes octets when the test lets it. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Connection } from '../../../src/front/connection.ts';
import type { FrontContext } from '../../../src/front/context.ts';
import { Counters, newCounterRow } from '../../../src/front/counters.ts';
import type { FrontEvent } from '../../../src/front/messages.ts';
import type { PolicyState } from '../../../src/front/policy-state.ts';
import { Tarpit } from '../../../src/front/tarpit.ts';
import { TransferLimits } from '../../../src/front/transfer-limits.ts';
import { newQuotaTables } from '../../../src/policy/limits/quota.ts';
import { newCountTable, SharedCount } from '../../../src/policy/limits/shared-count.ts';
import { FrontWorld, NOW, peer } from '../../support/front-world.ts';
import { rule } from '../../support/rules.ts';
import { framed } from '../../support/scripted-primary.ts';
import { encodeMessage, wireName } from '../../support/transfer-messages.ts';

const AXFR = framed(encodeMessage({ flags: 0, question: { name: 'example.org', type: 252 } }));

class SlowSocket extends Duplex {
  readonly remotePort = 5353;
  readonly taken: (() => void)[] = [];
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: unknown, callback: () => void): void {
    this.taken.push(callback);
  }
  override _writev(_chunks: unknown, callback: () => void): void {
    this.taken.push(callback);
  }
  setTimeout(): this {
    return this;
  }
}

function begin(): {
  socket: SlowSocket;
  connection: Connection;
  events: FrontEvent[];
  world: FrontWorld;
  at: { now: number };
} {
  const world = new FrontWorld({ rules: [rule('all')] });
  world.serve('example.org', wireName('example.org'), []);
  Atomics.store(world.leases, 0, 1);
  const at = { now: NOW };
  const events: FrontEvent[] = [];
  const clock = { now: (): number => at.now };
  const counters = new Counters(newCounterRow());
  const policy = (): PolicyState => world.state;
  const tables = { counts: newCountTable(1), rates: world.rates, quotas: newQuotaTables() };
  const context: FrontContext = {
    clock,
    counters,
    transferLimits: new TransferLimits({ clock, counters, row: 0, policy, ...tables }),
    zones: world.zones,
    policy: world.state,
    tarpit: new Tarpit(new SharedCount(newCountTable(1), 0)),
    relaying: new SharedCount(newCountTable(1), 0),
    turns: { take: () => () => undefined },
    isUnderPressure: false,
    offend: () => undefined,
    notify: () => undefined,
    report: (event) => events.push(event),
    gone: () => undefined,
  };
  const socket = new SlowSocket();
  const connection = new Connection(socket as unknown as Socket, peer('127.0.0.1'), context);
  return { socket, connection, events, world, at };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function ask(socket: SlowSocket): Promise<void> {
  socket.push(AXFR);
  while (socket.taken.length === 0) await turn();
}

test('a transfer whose last octets the client takes slowly is not idle: no sweep ends it', async () => {
  const { socket, connection, events, world, at } = begin();
  await ask(socket);

  at.now += 60_000;
  connection.sweep(at.now);
  await turn();

  assert.equal(socket.destroyed, false);
  assert.equal(Atomics.load(world.leases, 0), 2, 'its version is leased');
  while (events.length === 0) {
    socket.taken.shift()?.();
    await turn();
  }
  assert.deepEqual(
    events.map((event) => event.event === 'transfer' && event.outcome),
    ['done'],
  );
  assert.equal(Atomics.load(world.leases, 0), 1);
  connection.sweep(at.now + 60_000);
  assert.equal(socket.destroyed, true, 'now it is idle');
});

test('a transfer that is cut while its last octets are queued is not reported as done', async () => {
  const { socket, events, world } = begin();
  await ask(socket);

  socket.destroy();
  for (const taken of socket.taken) taken();
  while (events.length === 0) await turn();

  assert.deepEqual(
    events.map((event) => event.event === 'transfer' && event.outcome),
    ['closed-by-client'],
  );
  assert.equal(Atomics.load(world.leases, 0), 1);
});
