/**
 * Places of transfers, over two fronts of which either may die: never more are in than there are places, who waits gets
 * in when one comes free, and when all have gone nothing is left behind.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import type { TransferFacts } from '../../src/front/outcome.ts';
import { type Admitted, Places, type Ticket } from '../../src/front/places.ts';
import { PolicyState } from '../../src/front/policy-state.ts';
import { BY_SOURCE } from '../../src/policy/limits/limit-key.ts';
import { newRateTable } from '../../src/policy/limits/rate.ts';
import { clearRow, newCountTable, SharedCount } from '../../src/policy/limits/shared-count.ts';
import type { Rule } from '../../src/policy/rule.ts';
import { NOW, peer } from '../support/front-world.ts';
import { policyUpdate, rule } from '../support/rules.ts';

const CONCURRENT = 2;
const QUEUE = 2;
const WAIT_MS = 300;
const ALL = 4;
const RESERVED = 1;
const SECONDARY = 'sec1';

/** What a client is to the limits: the rule that lets it in, its source, whether it is a secondary with a place of its own. */
interface Client {
  readonly rule: 'limited' | 'free';
  readonly source: number;
  readonly isSecondary: boolean;
}

interface Held extends Client {
  readonly front: number;
  admitted: Admitted | undefined;
  ticket: Ticket | undefined;
  isOver: boolean;
}

class World {
  readonly #table = newCountTable(2);
  readonly #policy: PolicyState;
  readonly #fronts: Places[] = [];
  readonly #clock = { now: () => this.now };
  readonly held: Held[] = [];
  now = NOW;

  constructor() {
    const limits = { concurrent: { count: CONCURRENT, per: BY_SOURCE }, queue: { length: QUEUE, waitMs: WAIT_MS } };
    const update = policyUpdate([rule('limited', {}, 'allow', { limits }), rule('free')], {
      secondaries: [{ name: SECONDARY, sources: [], keys: [], certificate: undefined, reservedTransfers: RESERVED }],
    });
    this.#policy = new PolicyState({ ...update, limits: { ...update.limits, concurrent: ALL } }, newRateTable(), 0);
    for (const row of [0, 1]) this.#start(row);
  }

  #start(row: number): void {
    this.#fronts[row] = new Places(new SharedCount(this.#table, row), this.#clock, () => this.#policy);
  }

  begin(front: number, client: Client): void {
    const held: Held = { ...client, front, admitted: undefined, ticket: undefined, isOver: false };
    const entry = (this.#fronts[front] as Places).enter(this.#facts(client), this.now, (admitted) => {
      assert.ok(!held.isOver, 'who has gone is let in');
      held.ticket = undefined;
      held.admitted = admitted;
      if (admitted === undefined) this.#remove(held);
    });
    if (entry.kind === 'full') return;
    if (entry.kind === 'admitted') held.admitted = entry.admitted;
    else held.ticket = entry.ticket;
    this.held.push(held);
  }

  end(which: number): void {
    const inside = this.held.filter(({ admitted }) => admitted !== undefined);
    const held = inside[which % Math.max(1, inside.length)];
    if (held === undefined) return;
    held.admitted?.leave();
    // Twice is once.
    held.admitted?.leave();
    this.#remove(held);
  }

  cancel(which: number): void {
    const waiting = this.held.filter(({ ticket }) => ticket !== undefined);
    const held = waiting[which % Math.max(1, waiting.length)];
    if (held === undefined) return;
    held.ticket?.cancel();
    held.ticket?.cancel();
    this.#remove(held);
  }

  /** Its transfers end with it, and give nothing back; who waits there is heard of no more. */
  die(front: number): void {
    for (const held of this.held.filter((one) => one.front === front)) {
      held.ticket?.cancel();
      this.#remove(held);
    }
    clearRow(this.#table, front);
    this.#start(front);
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.now += 50;
      mock.timers.tick(50);
    }
  }

  check(): void {
    const inside = this.held.filter(({ admitted }) => admitted !== undefined);
    for (const source of [0, 1]) {
      const own = this.held.filter((one) => one.rule === 'limited' && one.source === source);
      assert.ok(own.filter(({ admitted }) => admitted !== undefined).length <= CONCURRENT);
      assert.ok(own.filter(({ ticket }) => ticket !== undefined).length <= QUEUE);
    }
    const reserved = Math.min(RESERVED, inside.filter(({ isSecondary }) => isSecondary).length);
    const [one, other] = this.#fronts.map(({ running }) => running);
    assert.equal(one, other);
    assert.ok((one as number) <= ALL);
    const strangers = inside.length - (one as number);
    assert.ok(strangers >= 0 && strangers <= reserved, `${inside.length} are in, ${one} of them on places of all`);
  }

  /** When the fronts have looked: nobody waits for a place that is free. */
  checkSettled(): void {
    const shared = (this.#fronts[0] as Places).running;
    for (const { ticket, source } of this.held) {
      if (ticket === undefined) continue;
      const own = this.held.filter((one) => one.rule === 'limited' && one.source === source && one.admitted);
      assert.ok(own.length >= CONCURRENT || shared >= ALL, 'one waits beside a free place');
    }
  }

  /** All that is left goes. */
  empty(): void {
    while (this.held.length > 0) {
      this.cancel(0);
      this.end(0);
    }
    this.pass(100);
    assert.ok(
      this.#table.words.every((word) => word === 0),
      'something is still counted',
    );
  }

  #remove(held: Held): void {
    held.isOver = true;
    const at = this.held.indexOf(held);
    if (at >= 0) this.held.splice(at, 1);
  }

  #facts({ rule: name, source, isSecondary }: Client): TransferFacts {
    const allowedBy = this.#policy.policy.rules.find((one) => one.name === name) as Rule;
    const from = peer(`192.0.2.${source}`);
    return {
      zone: 'example.org',
      rule: name,
      allowedBy,
      secondaries: isSecondary ? [SECONDARY] : [],
      facts: {
        source: from.address,
        transport: 'tcp',
        listener: '',
        certificate: undefined,
        key: undefined,
        sig0: undefined,
        zone: 'example.org',
        type: 'AXFR',
        now: NOW,
      },
    } as unknown as TransferFacts;
  }
}

const op = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      front: fc.nat(1),
      client: fc.record({
        rule: fc.constantFrom('limited' as const, 'limited' as const, 'free' as const),
        source: fc.nat(1),
        isSecondary: fc.boolean(),
      }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'cancel' as const), which: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(50, 100, 400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), front: fc.nat(1) }) },
);

test('whatever comes and goes at two fronts, no place is lost and none is given twice', (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
  t.after(() => mock.timers.reset());
  fc.assert(
    fc.property(fc.array(op, { maxLength: 50 }), (ops) => {
      const world = new World();
      for (const one of ops) {
        switch (one.kind) {
          case 'begin':
            world.begin(one.front, one.client);
            break;
          case 'pass':
            world.pass(one.ms);
            world.checkSettled();
            break;
          case 'die':
            world.die(one.front);
            break;
          default:
            world[one.kind](one.which);
        }
        world.check();
      }
      world.empty();
    }),
    { numRuns: 120 },
  );
});
