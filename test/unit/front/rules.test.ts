/** What a rule's action, answer and shadow do to a request, and how they are counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RuleTallies, TallyBook } from '../../../src/front/rule-tallies.ts';
import { Tarpit } from '../../../src/front/tarpit.ts';
import { newSignedTimes } from '../../../src/policy/limits/last-signed.ts';
import { newCountTable, SharedCount } from '../../../src/policy/limits/shared-count.ts';
import type { RuleConfig } from '../../../src/policy/rule-config.ts';
import { AXFR, answerOf, ask, KEY, SOA, sign, UNKNOWN_KEY, withOpt, ZONE } from '../../support/bad-input.ts';
import { FrontWorld, peer, SECONDS } from '../../support/front-world.ts';
import { rule } from '../../support/rules.ts';

function worldOf(rules: readonly RuleConfig[]): FrontWorld {
  const made = new FrontWorld({ rules, keys: [KEY] });
  made.serve('example.org', ZONE, []);
  return made;
}

test('a refusal says what its rule has it say', () => {
  const world = worldOf([rule('no', {}, 'refuse', { answer: { rcode: 9, ede: 15, text: 'ask the hostmaster' } })]);

  const { rcode, opt } = answerOf(world.ask(ask(AXFR, ZONE, withOpt)));

  assert.equal(rcode, 9);
  assert.deepEqual(opt?.ede, { code: 15, text: 'ask the hostmaster' });
});

test('a request that is dropped closes the connection, and is known by its rule', () => {
  const outcome = worldOf([rule('d', {}, 'drop')]).ask(ask(AXFR));

  assert.equal(outcome.kind, 'close');
  assert.equal(outcome.kind === 'close' && outcome.refusal?.rule, 'd');
});

for (const [next, kind] of [
  ['allow', 'transfer'],
  ['refuse', 'answer'],
  ['drop', 'close'],
] as const) {
  test(`a request that is delayed comes to ${kind} after its time`, () => {
    const world = worldOf([rule('slow', {}, 'delay', { delay: { byMs: 5000, atMost: 7, next } })]);

    const first = world.ask(ask(AXFR));
    const after = world.again(ask(AXFR));

    assert.ok(first.kind === 'delay');
    assert.deepEqual([first.byMs, first.atMost, first.next, first.rule], [5000, 7, next, 'slow']);
    assert.deepEqual([first.refusal.why, first.refusal.rule], ['dropped', 'slow']);
    assert.equal(after.kind, kind);
  });
}

test('a rule in shadow is told of, and changes nothing', () => {
  const world = worldOf([
    rule('strict', { transport: ['tcp'] }, 'refuse', { shadow: true }),
    rule('all', { source: ['192.0.2.0/24'] }),
  ]);

  assert.equal(world.ask(ask(AXFR)).kind, 'transfer');
  assert.deepEqual(world.shadows, [
    { action: 'refuse', zone: 'example.org', type: 'AXFR', identity: null, rule: 'strict' },
  ]);
});

test('one whom only a rule in shadow could let in is refused as a stranger, whatever he signs with', () => {
  const world = worldOf([rule('maybe', { key: ['key1.example'] }, 'allow', { shadow: true })]);

  const answers = [sign(ask(AXFR)), sign(ask(AXFR), {}, UNKNOWN_KEY), ask(AXFR)].map((request) =>
    answerOf(world.ask(request)),
  );

  for (const { rcode, tsig } of answers) assert.deepEqual([rcode, tsig], [5, undefined]);
  assert.deepEqual(
    world.shadows.map(({ rule: name, identity }) => [name, identity]),
    [['maybe', 'key1.example']],
  );
});

test('a certificate is an identity, over TLS alone', () => {
  const world = worldOf([rule('c', { certificate: { names: ['sec.example'], pins: [] } })]);
  const shown = { names: ['sec.example'], pin: 'p' };

  const taken = world.ask(ask(AXFR), peer('192.0.2.1', 'tls', shown));

  assert.ok(taken.kind === 'transfer');
  assert.equal(taken.transfer.identity, 'sec.example');
  assert.equal(answerOf(world.ask(ask(AXFR))).rcode, 5);
  assert.equal(answerOf(world.ask(ask(AXFR), peer('192.0.2.1', 'tls'))).rcode, 5);
});

test('hits are counted by rule, and outlive a reload that puts the rules in another order', () => {
  const book = new TallyBook(2);
  const first = book.open(['a', 'b']);
  new RuleTallies(first, 0).hit(0, 1000);
  new RuleTallies(first, 1).hit(0, 3000);
  new RuleTallies(first, 1).shadowHit(1, 2000);
  const second = book.open(['b', 'a']);
  new RuleTallies(second, 0).hit(0, 4000);
  // A thread that has not heard of the reload yet.
  new RuleTallies(first, 1).hit(0, 5000);
  book.open(['a']);
  book.open([]);

  assert.deepEqual(Object.fromEntries(book.sums()), {
    a: { hits: 3, shadowHits: 0, lastMatch: 5000 },
    b: { hits: 1, shadowHits: 1, lastMatch: 4000 },
  });
});

test('a tarpit holds so many, over all threads; what comes on top is refused at once, never allowed', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const table = newCountTable(2);
  const pits = [new Tarpit(new SharedCount(table, 0)), new Tarpit(new SharedCount(table, 1))];
  const ends: string[] = [];
  const hold = (pit: number, name: string, next: 'allow' | 'refuse'): void =>
    pits[pit]?.hold({ byMs: 1000, atMost: 2, next, rule: 'r' }, (how) => ends.push(`${name} ${how}`));

  hold(0, 'a', 'refuse');
  hold(1, 'b', 'allow');
  hold(0, 'c', 'refuse');
  hold(1, 'd', 'allow');
  assert.deepEqual(ends, ['c go-on', 'd drop']);
  t.mock.timers.tick(1000);
  hold(0, 'e', 'refuse');

  assert.deepEqual(ends, ['c go-on', 'd drop', 'a go-on', 'b go-on']);
});

test('SOA queries fall under the rules as transfers do', () => {
  const world = worldOf([rule('x', { type: ['AXFR'] })]);

  assert.equal(answerOf(world.ask(ask(SOA))).rcode, 5);
});

test('an older time signed is BADTIME where the key is checked for replay', () => {
  const key = { ...KEY, isReplayChecked: true };
  const world = new FrontWorld({
    rules: [rule('k', { key: [KEY.name] })],
    keys: [key],
    signedTimes: newSignedTimes([KEY.name]),
  });
  world.serve('example.org', ZONE, []);

  const errors = [SECONDS, SECONDS - 1, SECONDS].map(
    (time) => answerOf(world.ask(sign(ask(SOA), { time }))).tsig?.error,
  );

  assert.deepEqual(errors, [0, 18, 0]);
});

test('a delayed request is counted, checked for replay and told of once', () => {
  const key = { ...KEY, isReplayChecked: true };
  const world = new FrontWorld({
    rules: [
      rule('maybe', {}, 'refuse', { shadow: true }),
      rule('slow', { key: [KEY.name] }, 'delay', { delay: { byMs: 5000, atMost: 7, next: 'allow' } }),
    ],
    keys: [key],
    signedTimes: newSignedTimes([KEY.name]),
  });
  world.serve('example.org', ZONE, []);
  const first = sign(ask(AXFR), { time: SECONDS - 1 });

  assert.equal(world.ask(first).kind, 'delay');
  world.ask(sign(ask(AXFR), { time: SECONDS }));
  assert.equal(world.again(first).kind, 'transfer');

  assert.equal(world.shadows.length, 2);
});
