import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { paddingOctets, TransferPadding } from '../../src/wire/padding.ts';

test('whatever the messages, a transfer comes to a multiple of its step as soon as they have room for it', () => {
  const lengths = fc.array(fc.integer({ min: 12, max: 65_535 }), { minLength: 1, maxLength: 50 });
  const padding = fc.record({
    policy: fc.constantFrom('block' as const, 'none' as const),
    block: fc.integer({ min: 16, max: 16_384 }),
    zoneSizeStep: fc.integer({ min: 1, max: 1_000_000 }),
  });
  fc.assert(
    fc.property(lengths, padding, (messages, wanted) => {
      const transfer = new TransferPadding(wanted, () => messages);
      const padded = messages.map((length) => length + transfer.next(length));

      assert.ok(padded.every((length, i) => length <= 65_535 && length >= (messages[i] as number)));
      const sum = padded.reduce((total, length) => total + 2 + length, 0);
      const alone = messages.reduce((total, length) => total + 2 + length + paddingOctets(length, wanted), 0);
      const target = Math.ceil(alone / wanted.zoneSizeStep) * wanted.zoneSizeStep;
      assert.ok(sum <= target);
      // The last message is the largest that may be, or the sum is what it should be.
      if (sum < target) assert.equal(padded.at(-1), 65_535);
    }),
    { numRuns: 500 },
  );
});
