import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageFramer } from '../../../src/wire/framing.ts';
import { framed } from '../../support/raw-messages.ts';

const numbered = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => i & 0xff));

const VECTORS: readonly [string, readonly Buffer[]][] = [
  ['one message', [numbered(12)]],
  ['several messages', [numbered(12), numbered(1), numbered(300)]],
  ['an empty message', [Buffer.alloc(0)]],
  ['empty messages between others', [Buffer.alloc(0), numbered(3), Buffer.alloc(0), Buffer.alloc(0), numbered(2)]],
  ['lengths with a high octet only', [numbered(256), numbered(512)]],
];

/** Pushes pieces and gives the messages that came out. */
function feed(pieces: readonly Buffer[]): { messages: Buffer[]; framer: MessageFramer } {
  const framer = new MessageFramer();
  const messages: Buffer[] = [];
  for (const piece of pieces) {
    const taken = framer.push(piece, (message) => {
      messages.push(Buffer.from(message));
      return true;
    });
    assert.equal(taken, piece.length);
  }
  return { messages, framer };
}

for (const [name, messages] of VECTORS) {
  const stream = Buffer.concat(messages.map(framed));

  test(`${name}, whole`, () => {
    const result = feed([stream]);

    assert.deepEqual(result.messages, messages);
    assert.equal(result.framer.isInMessage, false);
  });

  test(`${name}, octet by octet`, () => {
    const result = feed(Array.from(stream, (_, i) => stream.subarray(i, i + 1)));

    assert.deepEqual(result.messages, messages);
    assert.equal(result.framer.isInMessage, false);
  });

  test(`${name}, cut at each length`, () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const result = feed([stream.subarray(0, cut), stream.subarray(cut)]);

      assert.deepEqual(result.messages, messages, `cut at ${cut}`);
    }
  });

  test(`${name}, ended at each length`, () => {
    const ends = messages.map((_, i) => messages.slice(0, i + 1).reduce((sum, message) => sum + 2 + message.length, 0));
    for (let cut = 0; cut < stream.length; cut++) {
      const result = feed([stream.subarray(0, cut)]);

      const whole = ends.filter((end) => end <= cut).length;
      assert.equal(result.messages.length, whole, `ended at ${cut}`);
      assert.equal(result.framer.isInMessage, cut !== (ends[whole - 1] ?? 0), `ended at ${cut}`);
    }
  });
}

test('the largest message fits, in one piece and in small ones', () => {
  const message = numbered(65_535);
  const stream = framed(message);
  const pieces = Array.from({ length: Math.ceil(stream.length / 1000) }, (_, i) =>
    stream.subarray(i * 1000, (i + 1) * 1000),
  );

  assert.deepEqual(feed([stream]).messages, [message]);
  assert.deepEqual(feed(pieces).messages, [message]);
});

test('a taker that wants no more stops the reading right after its message', () => {
  const [first, second] = [numbered(5), numbered(7)];
  const stream = Buffer.concat([framed(first), framed(second)]);
  for (let cut = 0; cut < 7; cut++) {
    const framer = new MessageFramer();
    framer.push(stream.subarray(0, cut), () => true);

    const taken = framer.push(stream.subarray(cut), () => false);

    assert.equal(cut + taken, 7, `cut at ${cut}`);
    const rest: Buffer[] = [];
    framer.push(stream.subarray(7), (message) => rest.push(Buffer.from(message)) > 0);
    assert.deepEqual(rest, [second]);
  }
});
