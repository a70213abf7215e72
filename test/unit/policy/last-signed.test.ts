import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInOrder, newSignedTimes } from '../../../src/policy/limits/last-signed.ts';

test('an older time is refused, the same one is not, and keys do not mix', () => {
  const times = newSignedTimes(['a', 'b']);

  const seen = [100, 100, 101, 100, 102].map((time) => isInOrder(times, 'a', time));

  assert.deepEqual(seen, [true, true, true, false, true]);
  assert.equal(isInOrder(times, 'b', 1), true);
  assert.equal(isInOrder(times, 'unchecked', 1), true);
});

test('what was seen before a reload counts after it', () => {
  const before = newSignedTimes(['a', 'b']);
  isInOrder(before, 'b', 100);

  const after = newSignedTimes(['b', 'c'], before);

  assert.equal(isInOrder(after, 'b', 99), false);
  assert.equal(isInOrder(after, 'c', 1), true);
});
