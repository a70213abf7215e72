import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlgorithmName } from '../../../src/tsig/algorithm.ts';
import type { TsigKey } from '../../../src/tsig/key.ts';
import { type RequestVerdict, verifyRequest } from '../../../src/tsig/verifier.ts';
import { parseMessage, type TsigRecord } from '../../../src/wire/message.ts';
import { rawMessage, rawQuestion } from '../../support/raw-messages.ts';
import { optRecord, wireName } from '../../support/transfer-messages.ts';
import { type SignOptions, signRequest } from '../../support/tsig-messages.ts';
import {
  ALGORITHM_NAMES,
  fromHex,
  readAnswerVectors,
  readRequestVectors,
  testKey,
  tsigKey,
} from '../../support/tsig-vectors.ts';

const NOW = 1_700_000_000;
const SECRET = Buffer.alloc(40, 0x5c);
const REQUEST = rawMessage({ questions: [rawQuestion(wireName('example.org'), 252)], additionals: [optRecord()] });

function tsigOf(message: Buffer): TsigRecord {
  const parsed = parseMessage(message);
  assert.ok(parsed.ok && parsed.message.tsig !== undefined);
  return parsed.message.tsig;
}

const verify = (message: Buffer, key: TsigKey, now: number): RequestVerdict =>
  verifyRequest(message, tsigOf(message), new Map([[key.name, key]]), now);

function signed(algorithm: AlgorithmName, options: Partial<SignOptions> = {}): { message: Buffer; key: TsigKey } {
  const key = tsigKey('key1.example', algorithm, SECRET);
  return { message: signRequest(REQUEST, testKey(key), { time: NOW, ...options }).message, key };
}

const requests = readRequestVectors();
for (const { name, algorithm, request } of requests.vectors) {
  const message = fromHex(request);
  const key = tsigKey(requests.key.name, algorithm, fromHex(requests.key.secret));

  test(`a request signed by ${name} is valid, and any other octet in it is not`, () => {
    const { timeSigned, mac } = tsigOf(message);

    const verdict = verify(message, key, timeSigned);

    assert.deepEqual(verdict, { kind: 'valid', key, mac: new Uint8Array(mac) });
    for (let at = 0; at < message.length; at++) {
      const tampered = Buffer.from(message);
      tampered[at] = (tampered[at] as number) ^ 0x01;
      const parsed = parseMessage(tampered);
      if (!parsed.ok || parsed.message.tsig === undefined) continue;
      const keys = new Map([[key.name, key]]);
      const other = verifyRequest(tampered, parsed.message.tsig, keys, timeSigned);
      // The id may change on the way (RFC 8945 section 5.1): the MAC covers the original one in the record.
      assert.equal(other.kind === 'valid', at < 2, `octet ${at}: ${other.kind}`);
    }
  });
}

const answers = readAnswerVectors();
for (const { algorithm, request } of answers.sets) {
  test(`a request signed by dnspython with ${algorithm} is valid`, () => {
    const key = tsigKey(answers.key.name, algorithm, fromHex(answers.key.secret));

    assert.equal(verify(fromHex(request), key, answers.time).kind, 'valid');
  });
}

test('the key name and the algorithm are compared without case, and digested in lower case', () => {
  const { message, key } = signed('hmac-sha256', { writtenName: wireName('KEY1.Example') });

  assert.equal(verify(message, key, NOW).kind, 'valid');
});

test('a request forwarded under another id is valid by its original one', () => {
  const { message, key } = signed('hmac-sha256', { originalId: 0x7777 });

  assert.equal(verify(message, key, NOW).kind, 'valid');
});

test("the request's own error and other data are covered by the MAC", () => {
  const { message, key } = signed('hmac-sha256', { error: 18, otherData: Buffer.alloc(6, 1) });

  assert.equal(verify(message, key, NOW).kind, 'valid');
});

test('an unknown key is BADKEY, and so is a known one with another algorithm', () => {
  const { message, key } = signed('hmac-sha256');

  assert.deepEqual(verify(message, { ...key, name: 'key2.example' }, NOW), { kind: 'unsigned-error', error: 17 });
  const other = tsigKey('key1.example', 'hmac-sha512', SECRET);
  assert.deepEqual(verify(message, other, NOW), { kind: 'unsigned-error', error: 17 });
});

test('a wrong secret is BADSIG, whatever the time says', () => {
  const { message, key } = signed('hmac-sha256');
  const wrong = { ...key, secret: Buffer.alloc(40, 1) };

  assert.deepEqual(verify(message, wrong, NOW), { kind: 'unsigned-error', error: 16 });
  assert.deepEqual(verify(message, wrong, NOW + 9999), { kind: 'unsigned-error', error: 16 });
});

test('the time may be off by the fudge of the request exactly, on both sides', () => {
  for (const fudge of [0, 1, 300, 65_535]) {
    const { message, key } = signed('hmac-sha256', { fudge });

    assert.equal(verify(message, key, NOW + fudge).kind, 'valid');
    assert.equal(verify(message, key, NOW - fudge).kind, 'valid');
    for (const now of [NOW + fudge + 1, NOW - fudge - 1]) {
      const verdict = verify(message, key, now);

      assert.deepEqual(verdict, { kind: 'signed-error', error: 18, key, mac: new Uint8Array(tsigOf(message).mac) });
    }
  }
});

test('times beyond 32 bits are times', () => {
  const late = 0x1_2345_6789;
  const { message, key } = signed('hmac-sha256', { time: late });

  assert.equal(verify(message, key, late).kind, 'valid');
  assert.equal(verify(message, key, late % 0x1_0000_0000).kind, 'signed-error');
});

for (const algorithm of ALGORITHM_NAMES) {
  test(`a MAC of ${algorithm} is whole, or BADTRUNC down to half and ten octets, or malformed`, () => {
    const { macLength } = tsigKey('x', algorithm, SECRET).algorithm;
    const least = Math.max(10, macLength / 2);
    for (let length = 0; length <= macLength + 2; length++) {
      const { message, key } = signed(algorithm, { macLength: length });

      const verdict = verify(message, key, NOW);

      const expected =
        length === macLength ? 'valid' : length < least || length > macLength ? 'malformed' : 'signed-error';
      assert.equal(verdict.kind, expected, `${length} octets`);
      if (verdict.kind === 'signed-error') assert.equal(verdict.error, 22);
    }
  });
}

test('a truncated MAC that is wrong is BADSIG, and one out of time BADTIME', () => {
  const { message, key } = signed('hmac-sha256', { macLength: 16 });

  assert.deepEqual(verify(message, { ...key, secret: Buffer.alloc(8) }, NOW), { kind: 'unsigned-error', error: 16 });
  const late = verify(message, key, NOW + 301);
  assert.equal(late.kind === 'signed-error' ? late.error : 0, 18);
});

test('the MAC kept for the answer does not lie in the request', () => {
  const { message, key } = signed('hmac-sha256');
  const verdict = verify(message, key, NOW);
  assert.ok(verdict.kind === 'valid');
  const before = Buffer.from(verdict.mac);

  message.fill(0);

  assert.deepEqual(Buffer.from(verdict.mac), before);
});
