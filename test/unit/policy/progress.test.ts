import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress } from '../../../src/policy/limits/progress.ts';
import { NOW } from '../../support/front-world.ts';

test('the rate is that of the window, and it is whole when the client has had its time', () => {
  const progress = new Progress(10_000, NOW);
  for (let s = 1; s <= 9; s++) progress.look(s * 5_000, NOW + s * 1000, true);
  assert.equal(progress.isWhole, false);
  assert.equal(progress.rate, 5_000);

  for (let s = 10; s <= 25; s++) progress.look(45_000 + (s - 9) * 1_000, NOW + s * 1000, true);

  assert.equal(progress.isWhole, true);
  assert.equal(progress.rate, 1_000, 'what was before the window is forgotten');
});

test('time that is not the client’s does not count', () => {
  const progress = new Progress(10_000, NOW);
  for (let s = 1; s <= 100; s++) progress.look(s * 10, NOW + s * 1000, false);

  assert.equal(progress.isWhole, false);
  assert.equal(progress.rate, Number.POSITIVE_INFINITY);
});

test('an hour is looked at in few parts', () => {
  const progress = new Progress(3_600_000, NOW);
  for (let s = 1; s <= 7_200; s++) progress.look(s * 100, NOW + s * 1000, true);

  assert.equal(progress.isWhole, true);
  assert.ok(Math.abs(progress.rate - 100) < 0.001);
});
