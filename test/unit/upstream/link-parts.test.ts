/** The parts of links that need no connection: budget, waiting line, and what is read of messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Budget } from '../../../src/upstream/link-budget.ts';
import { WaitingLine } from '../../../src/upstream/link-line.ts';
import { isAnswer, keepaliveOf, questionOf } from '../../../src/upstream/link-message.ts';
import { addressRecord, edeOption, encodeMessage, optRecord, soaRecord } from '../../support/transfer-messages.ts';

const budgetOf = (queriesPerSecond: number, concurrentTransfers = 10): Budget =>
  new Budget({ queriesPerSecond, concurrentTransfers });

const takeAll = (budget: Budget, now: number): number => {
  let taken = 0;
  while (budget.take(now)) taken++;
  return taken;
};

test('a budget lets through a second’s worth at once, and fills evenly', () => {
  const budget = budgetOf(100);

  assert.equal(takeAll(budget, 5_000), 100);
  assert.equal(takeAll(budget, 5_009), 0);
  assert.equal(takeAll(budget, 5_010), 1);
  assert.equal(takeAll(budget, 5_100), 9);
  assert.equal(takeAll(budget, 5_600), 50);
  assert.equal(takeAll(budget, 99_000), 100);
});

test('what a budget says to wait for is what is needed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.array(fc.nat(400), { maxLength: 50 }), (rate, steps) => {
      const budget = budgetOf(rate);
      let now = 1_000;
      let taken = 0;
      for (const step of steps) {
        now += step;
        taken += takeAll(budget, now);
        const wait = budget.waitMs(now);
        assert.ok(wait > 0 && wait <= 1_000 / rate + 1e-6);
        assert.ok(budget.waitMs(now + wait + 1e-6) === 0);
      }
      assert.ok(taken <= rate + (rate * (now - 1_000)) / 1_000 + 1);
    }),
  );
});

test('a clock that is set back does not stop a budget', () => {
  const budget = budgetOf(10);
  takeAll(budget, 1e12);

  assert.equal(takeAll(budget, 5_000), 0);
  assert.ok(budget.waitMs(5_000) <= 1_000);
  assert.equal(takeAll(budget, 6_000), 10);
});

test('another rate holds from when it is set', () => {
  const budget = budgetOf(10);
  takeAll(budget, 0);

  budget.settings = { queriesPerSecond: 1_000, concurrentTransfers: 1 };

  assert.equal(takeAll(budget, 500), 500);
  budget.takeTransferSlot();
  assert.equal(budget.transferWaitMs(500), Number.POSITIVE_INFINITY);
  budget.freeTransferSlot(500);
  assert.equal(budget.transferWaitMs(500), 0);
});

test('a primary that has too many transfers gets fewer for some seconds', () => {
  const budget = budgetOf(10, 4);
  for (let i = 0; i < 3; i++) budget.takeTransferSlot();

  assert.equal(budget.lowerTransfers(10_000), true);
  budget.returnTransferSlot();
  assert.equal(budget.transferWaitMs(10_000), 5_000);
  assert.equal(budget.transferWaitMs(15_000), 0);
  budget.freeTransferSlot(10_100);
  assert.equal(budget.transferWaitMs(10_100), 0);
});

test('a transfer that is refused alone is tried again soon after another has ended, and not for long', () => {
  const budget = budgetOf(10, 4);
  budget.takeTransferSlot();
  budget.freeTransferSlot(10_000);
  budget.takeTransferSlot();

  assert.equal(budget.lowerTransfers(10_500), true);
  budget.returnTransferSlot();
  assert.equal(budget.transferWaitMs(10_500), 100);
  assert.equal(budget.transferWaitMs(10_600), 0);
  budget.takeTransferSlot();
  assert.equal(budget.lowerTransfers(11_001), false);
});

test('a waiting line gives what a list would, whatever is done to it', () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constantFrom('push', 'pushFirst'), priority: fc.nat(2) }),
    fc.record({ kind: fc.constant('shift'), priority: fc.nat(2) }),
    fc.record({ kind: fc.constant('takeAll'), priority: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
      const line = new WaitingLine<number>(3);
      let model: number[][] = [[], [], []];
      commands.forEach(({ kind, priority }, i) => {
        const list = model[priority] as number[];
        if (kind === 'push') {
          line.push(i, priority);
          list.push(i);
        } else if (kind === 'pushFirst') {
          line.pushFirst(i, priority);
          list.unshift(i);
        } else if (kind === 'shift') {
          line.shift(priority);
          list.shift();
        } else {
          assert.deepEqual(line.takeAll(), model.flat());
          model = [[], [], []];
        }
        for (const each of [0, 1, 2]) assert.equal(line.first(each), model[each]?.[0]);
      });
    }),
  );
});

test('taking 200,000 from a line takes no longer than it should', () => {
  const line = new WaitingLine<number>(1);
  for (let i = 0; i < 200_000; i++) line.push(i, 0);
  const startedAt = performance.now();

  let sum = 0;
  for (let i = line.first(0); i !== undefined; i = line.first(0)) {
    sum += i;
    line.shift(0);
  }

  assert.equal(sum, (200_000 * 199_999) / 2);
  assert.ok(performance.now() - startedAt < 1_000);
});

const QUESTION = { name: 'Example.ORG', type: 6 };
const question = questionOf(encodeMessage({ flags: 0, question: QUESTION, additionals: [optRecord()] }));

test('an answer has the question or none, in any case', () => {
  const cases: [Buffer, boolean][] = [
    [encodeMessage({ question: QUESTION }), true],
    [encodeMessage({ question: { name: 'eXample.org', type: 6 } }), true],
    [encodeMessage({}), true],
    [encodeMessage({ flags: 0, question: QUESTION }), false],
    [encodeMessage({ question: { name: 'example.org', type: 252 } }), false],
    [encodeMessage({ question: { name: 'example.com', type: 6 } }), false],
    [encodeMessage({ question: { name: 'org', type: 6 } }), false],
    [encodeMessage({ question: QUESTION }).subarray(0, 20), false],
    [Buffer.alloc(11, 0xff), false],
  ];
  for (const [message, expected] of cases) assert.equal(isAnswer(message, question), expected, message.toString('hex'));
  const two = encodeMessage({ question: QUESTION });
  two.writeUInt16BE(2, 4);
  assert.equal(isAnswer(two, question), false);
});

test('a keepalive is found behind names of every form and other options, and nowhere else', () => {
  const option = Buffer.from([0, 11, 0, 2, 0x01, 0x2c]);
  const soa = soaRecord('example.org', 1);
  const with0 = (additionals: Buffer[]): Buffer =>
    encodeMessage({ question: QUESTION, answers: [soa, addressRecord('www.example.org', 1)], additionals });
  const compressed = Buffer.concat([with0([]), Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4])]);
  compressed.writeUInt16BE(2, 10);
  const rows: [Buffer, number | undefined][] = [
    [with0([optRecord(option)]), 30_000],
    [with0([optRecord(Buffer.concat([edeOption(0, 'text'), option]))]), 30_000],
    [Buffer.concat([compressed, optRecord(option)]), 30_000],
    [with0([optRecord()]), undefined],
    [with0([]), undefined],
    [with0([optRecord(Buffer.from([0, 11, 0, 0]))]), undefined],
    [with0([optRecord(Buffer.from([0, 11, 0, 9, 1]))]), undefined],
  ];
  for (const [message, expected] of rows) assert.equal(keepaliveOf(message), expected, message.toString('hex'));
  const cut = with0([optRecord(option)]);
  for (let length = 0; length < cut.length; length++) assert.equal(keepaliveOf(cut.subarray(0, length)), undefined);
});

test('no octets make it fail', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
      const told = keepaliveOf(octets);
      assert.ok(told === undefined || (told >= 0 && told <= 6_553_500));
      assert.equal(typeof isAnswer(octets, question), 'boolean');
    }),
  );
});
