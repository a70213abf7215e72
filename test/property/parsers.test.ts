/**
 * Three properties of each parser: it never throws, it ends in bounded time, and what it accepts survives a round trip.
 * Inputs are octets of any kind, and messages that are right with a few octets wrong: those get further.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { handleRequest } from '../../src/front/pipeline.ts';
import { MessageFramer } from '../../src/wire/framing.ts';
import { type Message, parseMessage, type ReadRecord, readTsigAt } from '../../src/wire/message.ts';
import { Reader } from '../../src/wire/reader.ts';
import { FrontWorld, peer, SECONDS } from '../support/front-world.ts';
import { decodeMessage } from '../support/message-decoder.ts';
import { compressedAnswer, framed, labels, rawMessage, rawQuestion, rawRecord, u16 } from '../support/raw-messages.ts';
import { rule } from '../support/rules.ts';
import { optRecord } from '../support/transfer-messages.ts';
import { signRequest } from '../support/tsig-messages.ts';
import { testKey, tsigKey } from '../support/tsig-vectors.ts';
import { anyOctets, inTime, wound, wounds } from '../support/wounded-octets.ts';
import { zoneSoa } from '../support/zone-building.ts';

const APEX = labels('example', 'org');
const KEY = tsigKey('key1', 'hmac-sha256', Buffer.alloc(32, 7));
const SOA = zoneSoa(APEX);
const host = (label: string): Buffer => labels(label, 'example', 'org');

const bare = rawMessage({
  id: 1,
  questions: [rawQuestion(APEX, 251)],
  authorities: [rawRecord(SOA)],
  additionals: [optRecord(Buffer.concat([u16(11, 0, 10, 2), u16(1)]))],
});
const REQUESTS = [
  bare,
  signRequest(bare, testKey(KEY), { time: SECONDS }).message,
  rawMessage({ id: 2, questions: [rawQuestion(host('a'), 6)] }),
  rawMessage({ id: 3, flags: 0x2000, questions: [rawQuestion(APEX, 6)], answers: [rawRecord(SOA)] }),
  compressedAnswer(
    4,
    [SOA, { owner: host('a'), type: 15, ttl: 1, rdata: Buffer.concat([u16(1), host('b')]) }],
    rawQuestion(APEX, 252),
  ),
];
const request = fc.oneof(
  { weight: 1, arbitrary: anyOctets },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...REQUESTS), wounds).map(([one, all]) => wound(one, all)) },
);

const encode = ({ owner, type, class: klass, ttl, rdata }: ReadRecord): Buffer =>
  rawRecord({ owner: Buffer.from(owner), type, class: klass, ttl, rdata: Buffer.from(rdata) });

/** The parts of a message that parsing keeps, written out plainly; OPT and TSIG as they lie in the original. */
function rewrite(message: Message, original: Buffer): Buffer {
  const { header, question, answers, authorities } = message;
  const additionals = decodeMessage(original)
    .additionals.filter(({ type }) => type !== 250)
    .map(encode);
  if (message.tsig !== undefined) additionals.push(original.subarray(message.tsig.offset));
  return rawMessage({
    id: header.id,
    flags: header.flags,
    questions: question === undefined ? [] : [Buffer.from(question.wire)],
    answers: answers.map(encode),
    authorities: authorities.map(encode),
    additionals,
  });
}

test('parseMessage never throws, ends, and what it accepts says the same when written out again', () => {
  let accepted = 0;
  fc.assert(
    fc.property(request, (octets) => {
      const parsed = inTime(() => parseMessage(octets));

      if (!parsed.ok) {
        assert.ok(parsed.failure.offset >= 0 && parsed.failure.offset <= octets.length);
        return;
      }
      if (parsed.message.header.questions > 1) return;
      // A TSIG record whose owner points elsewhere cannot be moved.
      const { tsig } = parsed.message;
      if (tsig !== undefined && (octets[tsig.offset] as number) >= 0xc0) return;
      accepted++;
      const again = parseMessage(rewrite(parsed.message, octets));
      assert.ok(again.ok, JSON.stringify(again));
      const [first, second] = [parsed.message, again.message].map((one) => ({
        ...one,
        tsig: { ...one.tsig, offset: 0 },
      }));
      assert.deepEqual(second, first);
    }),
    { numRuns: 4000 },
  );
  assert.ok(accepted > 300, `${accepted} accepted`);
});

test('what parseMessage accepts is what the decoder of the tests reads', () => {
  fc.assert(
    fc.property(request, (octets) => {
      const parsed = parseMessage(octets);
      if (!parsed.ok) return;

      const decoded = decodeMessage(octets);

      const { question, answers, authorities } = parsed.message;
      assert.deepEqual(question && Buffer.from(question.name), decoded.questions.at(-1)?.name);
      for (const [ours, theirs] of [
        [answers, decoded.answers],
        [authorities, decoded.authorities],
      ] as const) {
        assert.deepEqual(
          ours.map(({ owner, ttl }) => [Buffer.from(owner), ttl]),
          theirs.map(({ owner, ttl }) => [owner, ttl]),
        );
      }
    }),
    { numRuns: 2000 },
  );
});

test('a TSIG record may be looked for at any offset of any octets', () => {
  fc.assert(
    fc.property(request, fc.nat(300), (octets, offset) => {
      const tsig = inTime(() => readTsigAt(octets, offset));

      if (tsig !== undefined) assert.ok(octets.length - offset > tsig.mac.length);
    }),
    { numRuns: 2000 },
  );
});

test('any request gets an outcome, and an answer is a message that can be read', () => {
  const world = new FrontWorld({ rules: [rule('all', { type: ['AXFR', 'IXFR', 'SOA', 'NOTIFY'] })], keys: [KEY] });
  world.serve('example.org', APEX, []);
  fc.assert(
    fc.property(request, fc.constantFrom('tcp' as const, 'udp' as const), (octets, transport) => {
      const outcome = inTime(() => handleRequest(octets, world.context(peer('192.0.2.1', transport))));

      if (outcome.kind !== 'answer' && outcome.kind !== 'notify') return;
      const decoded = decodeMessage(outcome.message);
      assert.equal(decoded.id, octets.readUInt16BE(0));
      assert.ok(decoded.flags >= 0x8000);
      // Names in the question may be 255 octets, and the answer holds no other names but the key's and the SOA's.
      assert.ok(outcome.message.length < octets.length + 600);
    }),
    { numRuns: 3000 },
  );
});

test('a reader gives a name or a failure, wherever it is set', () => {
  const pointed = fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 0xc0, 0xc1, 63), fc.nat(255)), { maxLength: 400 });
  fc.assert(
    fc.property(pointed, fc.nat(400), (octets, at) => {
      const reader = new Reader(Buffer.from(octets));
      reader.skip(at);

      const name = inTime(() => reader.name());

      assert.ok(name.length >= 1 && name.length <= 255);
      assert.equal(name.at(-1), 0);
      if (reader.failure === undefined) assert.deepEqual(new Reader(name).name(), name);
    }),
    { numRuns: 3000 },
  );
});

test('a framer gives back every message of a stream, however it is cut, and takes any octets', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  fc.assert(
    fc.property(
      pieces,
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
      (messages, cuts) => {
        const stream = Buffer.concat(messages.map((message) => framed(Buffer.from(message))));
        const framer = new MessageFramer();
        const found: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const end = Math.min(stream.length, at + (cuts[i % cuts.length] as number));
          framer.push(stream.subarray(at, end), (message) => found.push(Buffer.from(message)) > 0);
          at = end;
        }

        assert.deepEqual(
          found,
          messages.map((message) => Buffer.from(message)),
        );
        assert.equal(framer.isInMessage, false);
      },
    ),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 30 }), fc.nat(5), (all, stopEvery) => {
      const framer = new MessageFramer();
      let taken = 0;
      let given = 0;
      for (const piece of all) {
        for (let at = 0; at < piece.length; ) {
          const count = framer.push(piece.subarray(at), (message) => {
            taken += 2 + message.length;
            return ++given % (stopEvery + 1) !== 0;
          });
          assert.ok(count > 0);
          at += count;
        }
      }
      const total = all.reduce((sum, piece) => sum + piece.length, 0);
      assert.ok(taken <= total);
      assert.equal(framer.isInMessage, taken < total);
    }),
    { numRuns: 500 },
  );
});
