import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareBytes, concatBytes, copyBytes, equalBytes, toHex } from '../../../src/base/bytes.ts';
import { ERROR_CODES, ZonegateError } from '../../../src/base/errors.ts';

test('octets compare as memcmp does, the shorter first', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
    }),
  );
});

test('parts are put together in order', () => {
  assert.deepEqual(concatBytes([]), new Uint8Array(0));
  assert.deepEqual(concatBytes([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]), Uint8Array.of(1, 2, 3));
});

test('a copy has memory of its own, also of shared octets', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(8)).subarray(2, 5);
  shared.set([1, 2, 3]);

  const copy = copyBytes(shared);
  shared.fill(9);

  assert.deepEqual(copy, Uint8Array.of(1, 2, 3));
  assert.equal(copy.buffer.byteLength, 3);
  assert.equal(toHex(shared), '090909');
});

test('an error has a code that stands in the table, its fields and its cause', () => {
  const cause = new Error('below');

  const error = new ZonegateError('ZG_LISTEN_FAILED', 'no', { port: 53 }, cause);

  assert.ok(error.code in ERROR_CODES);
  assert.deepEqual([error.message, error.fields, error.cause], ['no', { port: 53 }, cause]);
  assert.equal('cause' in new ZonegateError('ZG_USAGE', 'no'), false);
});
