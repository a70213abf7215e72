import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Scheduler } from '../../../src/net/scheduler.ts';

const DAY = 86_400_000;

/** A scheduler under a clock that is moved by hand. */
function started(onWake: (key: string, scheduler: Scheduler) => void = () => {}) {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  const woken: [string, number][] = [];
  const scheduler: Scheduler = new Scheduler({ now: () => Date.now() }, (key) => {
    woken.push([key, Date.now()]);
    onWake(key, scheduler);
  });
  return { scheduler, woken, pass: (ms: number) => mock.timers.tick(ms) };
}

test('each is woken at its time, once, in the order of the times', () => {
  const { scheduler, woken, pass } = started();
  for (const [key, at] of [
    ['c', 300],
    ['a', 100],
    ['e', 500],
    ['b', 200],
    ['d', 400],
  ] as const) {
    scheduler.set(key, at);
  }

  for (let i = 0; i < 60; i++) pass(10);

  assert.deepEqual(woken, [
    ['a', 100],
    ['b', 200],
    ['c', 300],
    ['d', 400],
    ['e', 500],
  ]);
});

test('the last word on a zone counts, be it earlier or later', () => {
  const { scheduler, woken, pass } = started();
  scheduler.set('earlier', 500);
  scheduler.set('earlier', 100);
  scheduler.set('later', 100);
  scheduler.set('later', 300);
  scheduler.set('back', 200);
  scheduler.set('back', 400);
  scheduler.set('back', 200);

  for (let i = 0; i < 60; i++) pass(10);

  assert.deepEqual(woken, [
    ['earlier', 100],
    ['back', 200],
    ['later', 300],
  ]);
});

test('what is deleted or set to never is not woken', () => {
  const { scheduler, woken, pass } = started();
  scheduler.set('a', 100);
  scheduler.set('b', 100);
  scheduler.set('c', 100);
  scheduler.delete('a');
  scheduler.set('b', Number.POSITIVE_INFINITY);

  pass(1000);

  assert.deepEqual(woken, [['c', 1000]]);
});

test('a time that has passed wakes as soon as may be', () => {
  const { scheduler, woken, pass } = started();
  pass(1000);

  scheduler.set('a', 10);
  pass(1);

  assert.equal(woken.length, 1);
});

test('a zone may be set again while it is woken', () => {
  const { scheduler, woken, pass } = started((key, self) => {
    if (woken.length < 4) self.set(key, Date.now() + 100);
  });
  scheduler.set('a', 100);

  for (let i = 0; i < 60; i++) pass(10);

  assert.deepEqual(
    woken.map(([, at]) => at),
    [100, 200, 300, 400],
  );
});

test('times beyond what a timer can hold are kept', () => {
  const { scheduler, woken, pass } = started();
  scheduler.set('far', 60 * DAY);

  for (let day = 0; day < 59; day++) pass(DAY);
  assert.deepEqual(woken, []);
  pass(DAY);

  assert.deepEqual(woken, [['far', 60 * DAY]]);
});

test('nothing is woken after the end', () => {
  const { scheduler, woken, pass } = started();
  scheduler.set('a', 100);

  scheduler.stop();
  scheduler.set('b', 50);
  pass(1000);

  assert.deepEqual(woken, []);
});

test('many zones with times that change are woken as a list sorted by time would be', () => {
  const { scheduler, woken, pass } = started();
  const due = new Map<string, number>();
  let seed = 12_345;
  const next = (most: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed % most;
  };
  for (let i = 0; i < 3000; i++) {
    const key = `zone${next(400)}`;
    const at = 10 + 10 * next(500);
    scheduler.set(key, at);
    due.set(key, at);
  }

  for (let i = 0; i < 600; i++) pass(10);

  assert.equal(woken.length, due.size);
  for (const [key, at] of woken) assert.equal(at, due.get(key));
});
