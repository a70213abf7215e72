/** Random records of example.org. */
import fc from 'fast-check';
import { labels, type RawRecord, u16 } from './raw-messages.ts';

const APEX = labels('example', 'org');

export const labelOctets = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('a', 'A', 'b', 'www', 'WwW', 'mail', 'sub', '*').map((text) => Buffer.from(text)),
  },
  { weight: 2, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 4 }).map((octets) => Buffer.from(octets)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(Buffer.of(0), Buffer.of(1), Buffer.of(0, 0), Buffer.of(1, 1), Buffer.alloc(63, 0x5a)),
  },
);
const apexSpelling = fc.constantFrom(APEX, APEX, APEX, labels('Example', 'ORG'));
/** Names in example.org, of odd octets and cases. */
export const ownerName = fc
  .tuple(fc.array(labelOctets, { maxLength: 3 }), apexSpelling)
  .map(([parts, apex]) => Buffer.concat([labels(...parts).subarray(0, -1), apex]));
const anyName = fc.oneof(
  ownerName,
  fc.array(labelOctets, { maxLength: 3 }).map((parts) => labels(...parts)),
);

export const octets = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes));
const text = fc.oneof(octets(0, 3), octets(0, 200)).map((bytes) => Buffer.concat([Buffer.of(bytes.length), bytes]));
const join = (...parts: fc.Arbitrary<Buffer>[]): fc.Arbitrary<Buffer> =>
  fc.tuple(...parts).map((buffers) => Buffer.concat(buffers));

const typed = (type: number, rdata: fc.Arbitrary<Buffer>): fc.Arbitrary<{ type: number; rdata: Buffer }> =>
  rdata.map((bytes) => ({ type, rdata: bytes }));
const data = fc.oneof(
  typed(
    1,
    fc.nat(3).map((last) => Buffer.of(192, 0, 2, last)),
  ),
  typed(28, octets(16, 16)),
  typed(2, anyName),
  typed(5, anyName),
  typed(12, anyName),
  typed(
    15,
    join(
      fc.nat(2).map((preference) => u16(preference)),
      anyName,
    ),
  ),
  typed(
    16,
    fc.array(text, { minLength: 1, maxLength: 3 }).map((texts) => Buffer.concat(texts)),
  ),
  typed(17, join(anyName, anyName)),
  typed(33, join(octets(6, 6), anyName)),
  typed(35, join(octets(4, 4), text, text, text, anyName)),
  typed(46, join(octets(18, 18), anyName, octets(1, 20))),
  typed(47, join(anyName, octets(0, 6))),
  typed(65_280, octets(0, 30)),
  typed(64, join(octets(2, 2), anyName, octets(0, 5))),
);
export const record: fc.Arbitrary<RawRecord> = fc
  .tuple(ownerName, data, fc.constantFrom(0, 60, 3600, 0x7fff_ffff))
  .map(([owner, { type, rdata }, ttl]) => ({ owner, type, ttl, rdata }));
