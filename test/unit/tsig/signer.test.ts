import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsigSigner, unsignedTsig } from '../../../src/tsig/signer.ts';
import { u16, u48 } from '../../support/raw-messages.ts';
import { addressRecord, encodeMessage, macOf, soaRecord, TEST_ID, wireName } from '../../support/transfer-messages.ts';
import { readTsig, signRequest, TestVerifier } from '../../support/tsig-messages.ts';
import { ALGORITHM_NAMES, fromHex, readAnswerVectors, testKey, tsigKey } from '../../support/tsig-vectors.ts';

const NOW = 1_700_000_000;
const vectors = readAnswerVectors();

/** The message with a record appended that `TsigSigner` made, and counted. */
function appended(message: Buffer, record: Uint8Array): Buffer {
  const whole = Buffer.concat([message, record]);
  whole.writeUInt16BE(whole.readUInt16BE(10) + 1, 10);
  return whole;
}

/** A message without its TSIG record. */
function stripped(message: Buffer): Buffer {
  const tsig = readTsig(message);
  if (tsig === undefined) return message;
  const bare = Buffer.from(message.subarray(0, tsig.offset));
  bare.writeUInt16BE(bare.readUInt16BE(10) - 1, 10);
  return bare;
}

for (const { algorithm, request, requestMac, answer, badTime, chain } of vectors.sets) {
  const key = tsigKey(vectors.key.name, algorithm, fromHex(vectors.key.secret));

  test(`requests and answers are signed with ${algorithm} as dnspython signs them`, () => {
    const query = stripped(fromHex(request));
    const reply = stripped(fromHex(answer));

    const ofQuery = new TsigSigner(key).sign([query], TEST_ID, vectors.time);
    const ofReply = new TsigSigner(key, fromHex(requestMac)).sign([reply], TEST_ID, vectors.time);

    assert.deepEqual(appended(query, ofQuery), fromHex(request));
    assert.deepEqual(appended(reply, ofReply), fromHex(answer));
  });

  test(`BADTIME is signed with ${algorithm} as dnspython signs it, our time in the other data`, () => {
    const reply = stripped(fromHex(badTime));
    const outcome = { error: 18, otherData: u48(vectors.time + 1000) };

    const record = new TsigSigner(key, fromHex(requestMac)).sign([reply], TEST_ID, vectors.time, outcome);

    assert.deepEqual(appended(reply, record), fromHex(badTime));
  });

  test(`the first messages of a transfer are signed with ${algorithm} as dnspython signs them`, () => {
    const signer = new TsigSigner(key, fromHex(requestMac));
    chain.slice(0, 2).forEach((hex, i) => {
      const message = stripped(fromHex(hex));

      const record = signer.sign([message], TEST_ID, vectors.time + i);

      assert.deepEqual(appended(message, record), fromHex(hex));
      assert.deepEqual(Buffer.from(signer.mac), macOf(fromHex(hex), key.algorithm.macLength));
    });
  });
}

for (const algorithm of ALGORITHM_NAMES) {
  test(`a chain of messages signed with ${algorithm} holds for the tests' own verifier, however it is cut into parts`, () => {
    const key = tsigKey('k1', algorithm, Buffer.alloc(50, 9));
    const { mac } = signRequest(encodeMessage({ flags: 0 }), testKey(key), { time: NOW });
    const signer = new TsigSigner(key, mac);
    const verifier = new TestVerifier(testKey(key), mac);
    for (let i = 0; i < 5; i++) {
      const message = encodeMessage({ answers: [soaRecord('example.org', i), addressRecord('a.example.org', i)] });

      const record = signer.sign(
        [message.subarray(0, 12), message.subarray(12, 12 + i), message.subarray(12 + i)],
        TEST_ID,
        NOW + i,
      );

      const tsig = verifier.take(appended(message, record));
      assert.deepEqual([tsig.time, tsig.fudge, tsig.error, tsig.originalId], [NOW + i, 300, 0, TEST_ID]);
    }
  });
}

test('the fudge is that of the key', () => {
  const key = tsigKey('k1', 'hmac-sha256', Buffer.alloc(8), 17);
  const message = encodeMessage({});

  const record = new TsigSigner(key, Buffer.alloc(32)).sign([message], TEST_ID, NOW);

  assert.equal(new TestVerifier(testKey(key), Buffer.alloc(32)).take(appended(message, record)).fudge, 17);
});

test('an unsigned TSIG repeats the names, time and fudge of the request, with an error and no MAC', () => {
  const message = encodeMessage({});

  const record = unsignedTsig(
    wireName('Key9'),
    wireName('hmac-md5.sig-alg.reg.int'),
    { timeSigned: NOW, fudge: 5 },
    7,
    17,
  );

  const tsig = readTsig(appended(message, record));
  assert.deepEqual(
    { ...tsig, offset: 0 },
    {
      owner: wireName('Key9'),
      algorithm: wireName('hmac-md5.sig-alg.reg.int'),
      time: NOW,
      fudge: 5,
      mac: Buffer.alloc(0),
      originalId: 7,
      error: 17,
      otherData: Buffer.alloc(0),
      offset: 0,
    },
  );
  assert.deepEqual(Buffer.from(record.subarray(-6)), u16(7, 17, 0));
});
