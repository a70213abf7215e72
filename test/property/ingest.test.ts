/** Ingest of any octets: it never throws, it ends in bounded time, and what it takes in survives a round trip. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compressedAnswer, framed, labels, type RawRecord, u16, u32 } from '../support/raw-messages.ts';
import { TestSigner } from '../support/transfer-messages.ts';
import { testKey, tsigKey } from '../support/tsig-vectors.ts';
import { anyOctets, inTime, wound, wounds } from '../support/wounded-octets.ts';
import { BATCH_ID, Bench, checkFrames, streamOf, zoneSoa } from '../support/zone-building.ts';

const APEX = labels('example', 'org');
const KEY = tsigKey('key1', 'hmac-sha256', Buffer.alloc(32, 7));
const SECONDS = 1_700_000_000;
const SOA = zoneSoa(APEX);
const host = (label: string): Buffer => labels(label, 'example', 'org');

/** A transfer of a few messages, signed or not, in or out of order. */
const RECORDS: RawRecord[] = [
  { owner: host('a'), type: 1, ttl: 1, rdata: Buffer.of(1, 2, 3, 4) },
  { owner: host('b'), type: 2, ttl: 1, rdata: host('a') },
  { owner: host('b'), type: 15, ttl: 1, rdata: Buffer.concat([u16(1), host('Mail')]) },
  { owner: host('c'), type: 33, ttl: 1, rdata: Buffer.concat([u16(1, 2, 3), host('b')]) },
  { owner: host('d'), type: 35, ttl: 1, rdata: Buffer.concat([u32(0), Buffer.of(1, 0x55, 0, 0), host('b')]) },
];
const MESSAGES = [[SOA, ...RECORDS.slice(0, 2)], RECORDS.slice(2), [SOA]].map((records) =>
  compressedAnswer(BATCH_ID, records),
);
const UNSORTED = [[SOA, ...RECORDS.slice(3)], RECORDS.slice(0, 3), [SOA]].map((records) =>
  compressedAnswer(BATCH_ID, records),
);
const REQUEST_MAC = Buffer.alloc(32, 1);
const signer = new TestSigner(testKey(KEY), REQUEST_MAC);
const SIGNED = MESSAGES.map((message) => signer.sign(message, SECONDS));

const transfer = fc.record({
  messages: fc.constantFrom(MESSAGES, UNSORTED, SIGNED),
  wounds,
  which: fc.nat(2),
  more: fc.oneof(fc.constant([]), fc.constant([]), fc.array(anyOctets, { maxLength: 1 })),
  outOfZone: fc.constantFrom('reject' as const, 'ignore' as const),
  isFirst: fc.constantFrom(true, true, false),
  isVerified: fc.boolean(),
});

test('a batch of any messages is taken in or refused with a code, and what is taken in comes out again', () => {
  let accepted = 0;
  const bench = new Bench();
  fc.assert(
    fc.property(transfer, ({ messages, wounds: all, which, more, outOfZone, isFirst, isVerified }) => {
      const stream = Buffer.concat(
        [...messages.map((one, i) => (i === which ? wound(one, all) : one)), ...more].map(framed),
      );
      const tsig = isVerified ? { key: KEY, priorMac: REQUEST_MAC } : undefined;

      const result = inTime(() =>
        bench.batch(stream, { apex: APEX, frameSize: 512, outOfZone, isFirst, tsig, now: SECONDS }),
      );

      if (!result.ok) {
        assert.match(result.failure.code, /^[A-Z_]+$/);
        return;
      }
      const { batch } = result;
      if (batch.run === undefined) return;
      accepted++;
      const found = checkFrames(bench.runFrames(batch.run), APEX, 512);
      const again = bench.batch(streamOf([found], false), { apex: APEX, frameSize: 512, isFirst: false });
      assert.ok(again.ok && again.batch.run !== undefined);
      assert.deepEqual(bench.runFrames(again.batch.run), bench.runFrames(batch.run));
    }),
    { numRuns: 2500 },
  );
  assert.ok(accepted > 100, `${accepted} accepted`);
});
