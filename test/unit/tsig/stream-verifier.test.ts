import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TsigStreamFailure, TsigStreamVerifier } from '../../../src/tsig/stream-verifier.ts';
import { readTsigAt, type TsigRecord } from '../../../src/wire/message.ts';
import { encodeMessage, macOf, soaRecord, TestSigner, withTsigError } from '../../support/transfer-messages.ts';
import { readTsig } from '../../support/tsig-messages.ts';
import { fromHex, readAnswerVectors, testKey, tsigKey } from '../../support/tsig-vectors.ts';

const NOW = 1_700_000_000;
const KEY = tsigKey('k1', 'hmac-sha256', Buffer.alloc(32, 7));
const REQUEST_MAC = Buffer.alloc(32, 3);
const message = (serial: number): Buffer => encodeMessage({ answers: [soaRecord('example.org', serial)] });
const signer = (): TestSigner => new TestSigner(testKey(KEY), REQUEST_MAC);

function tsigOf(bytes: Buffer): TsigRecord | undefined {
  const tsig = readTsig(bytes);
  return tsig && readTsigAt(bytes, tsig.offset);
}

/** What the verifier says of each message. */
const takeAll = (
  messages: readonly Buffer[],
  verifier = new TsigStreamVerifier(KEY, REQUEST_MAC),
  now = NOW,
): (TsigStreamFailure | undefined)[] => messages.map((one) => verifier.take(one, tsigOf(one), now));

const vectors = readAnswerVectors();
for (const { algorithm, requestMac, answer, chain } of vectors.sets) {
  const key = tsigKey(vectors.key.name, algorithm, fromHex(vectors.key.secret));

  test(`answers signed by dnspython with ${algorithm} hold, one message or five of which one is not signed`, () => {
    const single = new TsigStreamVerifier(key, fromHex(requestMac));
    const several = new TsigStreamVerifier(key, fromHex(requestMac));
    const sealed: boolean[] = [];

    const ofSingle = takeAll([fromHex(answer)], single, vectors.time);
    const ofSeveral = chain.map((hex) => {
      const [failure] = takeAll([fromHex(hex)], several, vectors.time);
      sealed.push(several.isSealed);
      return failure;
    });

    assert.deepEqual(ofSingle, [undefined]);
    assert.equal(single.isSealed, true);
    assert.deepEqual(ofSeveral, Array(5).fill(undefined));
    assert.deepEqual(sealed, [true, true, false, true, true]);
  });
}

test('every message signed is a chain, and its order matters', () => {
  const chain = signer();
  const messages = [1, 2, 3].map((serial) => chain.sign(message(serial), NOW)) as [Buffer, Buffer, Buffer];

  assert.deepEqual(takeAll(messages), [undefined, undefined, undefined]);
  assert.deepEqual(takeAll([messages[0], messages[2], messages[1]]), [undefined, 'BAD_MAC', 'BAD_MAC']);
  assert.deepEqual(takeAll([messages[0], messages[0]]), [undefined, 'BAD_MAC']);
});

test('after a failure nothing fits any more', () => {
  const chain = signer();
  const messages = [1, 2, 3].map((serial) => chain.sign(message(serial), NOW)) as [Buffer, Buffer, Buffer];
  const verifier = new TsigStreamVerifier(KEY, REQUEST_MAC);

  const results = takeAll([messages[0], messages[2], messages[1], messages[2], message(4)], verifier);

  assert.deepEqual(results, [undefined, ...Array(4).fill('BAD_MAC')]);
  assert.equal(verifier.isSealed, false);
});

test('99 messages in a row may go unsigned, one more may not', () => {
  const chain = signer();
  const first = chain.sign(message(0), NOW);
  const unsigned = Array.from({ length: 99 }, (_, i) => chain.pass(message(i)));
  const last = chain.sign(message(99), NOW);

  const results = takeAll([first, ...unsigned, last]);
  const tooMany = takeAll([first, ...unsigned, message(100)]);

  assert.deepEqual(results, Array(101).fill(undefined));
  assert.deepEqual(tooMany.slice(0, 100), Array(100).fill(undefined));
  assert.equal(tooMany[100], 'TOO_MANY_UNSIGNED');
});

test('the count of unsigned messages begins anew at each signed one', () => {
  const chain = signer();
  const messages = [chain.sign(message(0), NOW)];
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 99; i++) messages.push(chain.pass(message(i)));
    messages.push(chain.sign(message(round), NOW));
  }

  assert.ok(takeAll(messages).every((failure) => failure === undefined));
});

test('the first message must be signed', () => {
  assert.deepEqual(takeAll([message(1)]), ['NOT_SIGNED']);
});

test('a transfer is sealed by its last message only', () => {
  const verifier = new TsigStreamVerifier(KEY, REQUEST_MAC);
  const chain = signer();

  assert.equal(verifier.isSealed, false);
  takeAll([chain.sign(message(1), NOW)], verifier);
  assert.equal(verifier.isSealed, true);
  takeAll([chain.pass(message(2))], verifier);
  assert.equal(verifier.isSealed, false);
  takeAll([chain.sign(message(3), NOW)], verifier);
  assert.equal(verifier.isSealed, true);
});

test('a verifier that begins in the middle goes on from the MAC before', () => {
  const chain = signer();
  const messages = [
    chain.sign(message(1), NOW),
    chain.pass(message(2)),
    chain.sign(message(3), NOW),
    chain.pass(message(4)),
    chain.sign(message(5), NOW),
  ] as const;

  const rest = takeAll(messages.slice(3), new TsigStreamVerifier(KEY, macOf(messages[2], 32), false));
  const fromElsewhere = takeAll(messages.slice(3), new TsigStreamVerifier(KEY, macOf(messages[0], 32), false));

  assert.deepEqual(rest, [undefined, undefined]);
  assert.deepEqual(fromElsewhere, [undefined, 'BAD_MAC']);
});

test('another key or algorithm is told apart from a wrong MAC', () => {
  const otherName = new TestSigner({ ...testKey(KEY), name: 'k2' }, REQUEST_MAC).sign(message(1), NOW);
  const otherHash = new TestSigner({ ...testKey(KEY), hash: 'sha512' }, REQUEST_MAC).sign(message(1), NOW);
  const otherSecret = new TestSigner({ ...testKey(KEY), secret: Buffer.alloc(3) }, REQUEST_MAC).sign(message(1), NOW);
  const otherRequest = new TestSigner(testKey(KEY), Buffer.alloc(32)).sign(message(1), NOW);

  assert.deepEqual(takeAll([otherName]), ['OTHER_KEY']);
  assert.deepEqual(takeAll([otherHash]), ['OTHER_KEY']);
  assert.deepEqual(takeAll([otherSecret]), ['BAD_MAC']);
  assert.deepEqual(takeAll([otherRequest]), ['BAD_MAC']);
});

test('any octet changed in a message, signed or not, is found at the next MAC', () => {
  const chain = signer();
  const first = chain.sign(message(1), NOW);
  const passed = chain.pass(message(2));
  const last = chain.sign(message(3), NOW);
  for (let at = 0; at < passed.length; at++) {
    const tampered = Buffer.from(passed);
    tampered[at] = (tampered[at] as number) ^ 0x80;
    const verifier = new TsigStreamVerifier(KEY, REQUEST_MAC);
    takeAll([first], verifier);
    verifier.take(tampered, undefined, NOW);

    assert.equal(verifier.take(last, tsigOf(last), NOW), 'BAD_MAC', `octet ${at}`);
  }
  for (let at = 2; at < message(1).length; at++) {
    const tampered = Buffer.from(first);
    tampered[at] = (tampered[at] as number) ^ 0x80;

    const verifier = new TsigStreamVerifier(KEY, REQUEST_MAC);
    assert.equal(verifier.take(tampered, tsigOf(first), NOW), 'BAD_MAC', `octet ${at}`);
  }
});

test('a time may be off by the fudge, and no further', () => {
  const signed = signer().sign(message(1), NOW);

  for (const [now, expected] of [
    [NOW + 300, undefined],
    [NOW - 300, undefined],
    [NOW + 301, 'BAD_TIME'],
    [NOW - 301, 'BAD_TIME'],
  ] as const) {
    assert.deepEqual(takeAll([signed], undefined, now), [expected]);
  }
});

test('an error in the TSIG is told, with a MAC and without', () => {
  assert.deepEqual(takeAll([signer().sign(message(1), NOW, 18)]), ['TSIG_ERROR']);
  assert.deepEqual(takeAll([withTsigError(message(1), 'k1', NOW, 17)]), ['TSIG_ERROR']);
  assert.deepEqual(takeAll([withTsigError(message(1), 'k1', NOW, 0)]), ['BAD_MAC']);
});
