import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairQueue, type Member } from '../../../src/policy/limits/fair-queue.ts';

/** So many turns of members that come back at once, and that send whole messages of a size: octets by identity. */
function share(members: readonly Member[], turns: number, message = 1): Map<string, number> {
  const queue = new FairQueue<Member>();
  const sums = new Map<string, number>();
  for (const member of members) queue.add(member);
  for (let i = 0; i < turns; i++) {
    const turn = queue.take(1000);
    if (turn === undefined) break;
    const { member, octets } = turn;
    const sent = Math.ceil(octets / message) * message;
    queue.overdraw(member, sent - octets);
    sums.set(member.identity, (sums.get(member.identity) ?? 0) + sent);
    queue.add(member);
  }
  return sums;
}

test('identities share by weight, however many transfers each has', () => {
  const light = { identity: 'light', weight: 1 };
  const heavy = { identity: 'heavy', weight: 3 };

  const sums = share([light, { ...light }, { ...light }, heavy], 1000);

  assert.equal((sums.get('heavy') ?? 0) / (sums.get('light') ?? 1), 3);
});

test('whole messages that are larger than a share even out', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9000 }),
      (a, b, message) => {
        const sums = share(
          [
            { identity: 'a', weight: a },
            { identity: 'b', weight: b },
          ],
          2000,
          message,
        );
        const ratio = (sums.get('a') ?? 0) / (sums.get('b') ?? 1);
        assert.ok(Math.abs(ratio / (a / b) - 1) < 0.06, `${ratio} for ${a}:${b}`);
      },
    ),
    { numRuns: 50 },
  );
});

test('who is taken out or forgotten leaves nothing behind', () => {
  const queue = new FairQueue<Member>();
  const one = { identity: 'one', weight: 1 };
  queue.add(one);
  queue.remove(one);
  queue.remove(one);
  queue.forget('one');

  assert.equal(queue.isEmpty, true);
  assert.equal(queue.take(1), undefined);
});
