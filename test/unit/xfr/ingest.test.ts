import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchOptions, BatchResult } from '../../../src/xfr/ingest.ts';
import {
  compressedAnswer,
  framed,
  labels,
  type RawMessage,
  type RawRecord,
  rawMessage,
  rawQuestion,
  rawRecord,
  u16,
} from '../../support/raw-messages.ts';
import { macOf, optRecord, TestSigner } from '../../support/transfer-messages.ts';
import { testKey, tsigKey } from '../../support/tsig-vectors.ts';
import { BATCH_ID, Bench, checkFrames, streamOf, zoneSoa } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
const NOW = 1_700_000_000;
const SOA = zoneSoa(APEX);
const name = (label: string): Buffer => labels(label, 'example', 'org');
const host = (label: string, last = 1): RawRecord => ({
  owner: name(label),
  type: 1,
  ttl: 60,
  rdata: Buffer.of(192, 0, 2, last),
});
const answer = (message: RawMessage): Buffer => rawMessage({ id: BATCH_ID, flags: 0x8400, ...message });
const answers = (...records: RawRecord[]): Buffer => answer({ answers: records.map(rawRecord) });

const take = (messages: readonly Buffer[], options: Partial<BatchOptions> = {}): BatchResult =>
  new Bench().batch(Buffer.concat(messages.map(framed)), { apex: APEX, ...options });

function batchOf(result: BatchResult) {
  assert.ok(result.ok, JSON.stringify(result));
  return result.batch;
}
const codeOf = (result: BatchResult): string => (result.ok ? 'ok' : result.failure.code);

const typed = (type: number, rdata: Buffer): RawRecord => ({ owner: name('a'), type, ttl: 1, rdata });
const cutName = Buffer.concat([u16(BATCH_ID, 0x8400, 0, 1, 0, 0), Buffer.of(5, 0x61)]);
const forward = Buffer.concat([u16(BATCH_ID, 0x8400, 0, 1, 0, 0), Buffer.of(0xc0, 0x20), Buffer.alloc(40)]);
const badTsig = rawRecord({ owner: labels('k'), type: 250, class: 255, ttl: 0, rdata: Buffer.alloc(3) });

const FAILURES: readonly [string, string, readonly Buffer[], Partial<BatchOptions>?][] = [
  ['a message shorter than its header', 'MESSAGE_TOO_SHORT', [answers(SOA), Buffer.alloc(11)]],
  ['a message of no octets', 'MESSAGE_TOO_SHORT', [Buffer.alloc(0)]],
  ['another id', 'WRONG_ID', [answer({ id: 1, answers: [rawRecord(SOA)] })]],
  ['a query', 'NOT_A_RESPONSE', [answer({ flags: 0 })]],
  ['a NOTIFY response', 'NOT_A_RESPONSE', [answer({ flags: 0xa000 })]],
  ['an error', 'ERROR_ANSWER', [answer({ flags: 0x8405 })]],
  ['an error in the middle', 'ERROR_ANSWER', [answers(SOA), answer({ flags: 0x8402 })]],
  ['a truncated message', 'TRUNCATED_ANSWER', [answer({ flags: 0x8600, answers: [rawRecord(SOA)] })]],
  ['two questions', 'BAD_QUESTION', [answer({ questions: [rawQuestion(APEX, 252), rawQuestion(APEX, 252)] })]],
  [
    'a question for another zone',
    'BAD_QUESTION',
    [answer({ questions: [rawQuestion(labels('example', 'net'), 252)] })],
  ],
  ['a question that is cut', 'BAD_QUESTION', [answer({ questions: [APEX], counts: [1, 0, 0, 0] })]],
  ['octets after the last record', 'TRAILING_OCTETS', [answer({ answers: [rawRecord(SOA)], trailing: Buffer.of(0) })]],
  ['an answer that is not there', 'TRUNCATED', [answer({ answers: [rawRecord(SOA)], counts: [0, 2, 0, 0] })]],
  ['a name that is cut', 'BAD_NAME', [cutName]],
  ['a pointer that leads forward', 'BAD_NAME', [forward]],
  ['a record that is cut', 'TRUNCATED', [answers(SOA, host('a')).subarray(0, -1)]],
  [
    'an additional record that is cut',
    'TRUNCATED',
    [answer({ answers: [rawRecord(SOA)], additionals: [optRecord().subarray(0, 10)] })],
  ],
  [
    'an additional record that is not there',
    'TRUNCATED',
    [answer({ answers: [rawRecord(SOA)], counts: [0, 1, 0, 1] })],
  ],
  ['an address of three octets', 'BAD_RDATA', [answers(SOA, typed(1, Buffer.alloc(3)))]],
  ['an IPv6 address of four octets', 'BAD_RDATA', [answers(SOA, typed(28, Buffer.alloc(4)))]],
  ['an MX without a name', 'BAD_RDATA', [answers(SOA, typed(15, Buffer.alloc(2)))]],
  ['an NS with octets after its name', 'BAD_RDATA', [answers(SOA, typed(2, Buffer.alloc(2)))]],
  ['a NAPTR whose string is too long', 'BAD_RDATA', [answers(SOA, typed(35, Buffer.of(0, 0, 0, 0, 9, 1)))]],
  ['a SOA with too few numbers', 'BAD_RDATA', [answers({ ...SOA, rdata: SOA.rdata.subarray(0, -1) })]],
  [
    'a SOA with octets after its numbers',
    'BAD_RDATA',
    [answers({ ...SOA, rdata: Buffer.concat([SOA.rdata, Buffer.of(0)]) })],
  ],
  ['a record of another class', 'BAD_CLASS', [answers(SOA, { ...host('a'), class: 3 })]],
  ['a record of type ANY', 'BAD_TYPE', [answers(SOA, typed(255, Buffer.alloc(0)))]],
  ['a record of type OPT', 'BAD_TYPE', [answers(SOA, typed(41, Buffer.alloc(0)))]],
  ['a record of type 0', 'BAD_TYPE', [answers(SOA, typed(0, Buffer.alloc(0)))]],
  ['a record of another zone', 'OUT_OF_ZONE', [answers(SOA, { ...host('a'), owner: labels('a', 'example', 'net') })]],
  [
    'a name that only ends like the apex',
    'OUT_OF_ZONE',
    [answers(SOA, { ...host('a'), owner: labels('xexample', 'org') })],
  ],
  [
    'the apex as the end of a label',
    'OUT_OF_ZONE',
    [answers(SOA, { ...host('a'), owner: labels('a\u0007example', 'org') })],
  ],
  ['a SOA below the apex', 'SOA_NOT_AT_APEX', [answers(SOA, { ...SOA, owner: name('sub') })]],
  ['a record before the SOA', 'NO_FIRST_SOA', [answers(host('a'), SOA)]],
  ['another serial at the end', 'SERIAL_CHANGED', [answers(SOA, host('a'), zoneSoa(APEX, 2))]],
  ['a record after the end', 'RECORD_AFTER_END', [answers(SOA, SOA), answers(host('a'))]],
  ['a record that fits no message', 'RECORD_TOO_LARGE', [answers(SOA, typed(99, Buffer.alloc(65_300)))]],
  [
    'a TSIG record that is malformed',
    'BAD_TSIG_RECORD',
    [answer({ answers: [rawRecord(SOA)], additionals: [badTsig] })],
  ],
];

for (const [what, code, messages, options] of FAILURES) {
  test(`${what} is ${code}, with a sentence`, () => {
    const result = take(messages, options);

    assert.equal(codeOf(result), code);
    assert.ok(!result.ok && /^[a-z].{10,}[^.]$/.test(result.failure.text), result.ok ? '' : result.failure.text);
  });
}

test('what is wrong is found in a batch out of order, too', () => {
  const unsorted = [host('z'), host('a')];

  assert.equal(codeOf(take([answers(SOA, ...unsorted, typed(1, Buffer.alloc(3)))])), 'BAD_RDATA');
  assert.equal(codeOf(take([answers(SOA, ...unsorted, typed(99, Buffer.alloc(65_300)))])), 'RECORD_TOO_LARGE');
  assert.equal(codeOf(take([answers(SOA, ...unsorted, SOA), answers(host('b'))])), 'RECORD_AFTER_END');
});

test('an error tells its response code', () => {
  const result = take([answer({ flags: 0x8409 })]);

  assert.ok(!result.ok && result.failure.rcode === 9);
  assert.match(result.failure.text, /NOTAUTH/);
});

test('a whole zone tells its SOAs and what came', () => {
  const batch = batchOf(take([answers(SOA, host('a'), host('b')), answers(host('b'), SOA)]));

  assert.deepEqual([batch.messages, batch.records, batch.duplicates, batch.ignoredOutOfZone], [2, 5, 1, 0]);
  assert.deepEqual(batch.firstSoa, batch.lastSoa);
  assert.equal(batch.firstSoa?.serial, 1);
  assert.deepEqual(Buffer.from(batch.firstSoa?.rdata ?? []), SOA.rdata);
  assert.equal(batch.isSealed, true);
  assert.equal(batch.run?.records, 2);
});

test('a middle part has neither SOA, and may be empty of records', () => {
  const middle = batchOf(take([answers(host('a'))], { isFirst: false }));
  const empty = batchOf(take([answer({})], { isFirst: false }));

  assert.deepEqual([middle.firstSoa, middle.lastSoa, middle.run?.records], [undefined, undefined, 1]);
  assert.deepEqual([empty.messages, empty.records, empty.run], [1, 0, undefined]);
});

test('questions may be there, in any case, in every message or in none; OPT and other records are passed over', () => {
  const question = rawQuestion(labels('EXAMPLE', 'Org'), 252);
  const messages = [
    answer({ questions: [question], answers: [rawRecord(SOA)], additionals: [optRecord()] }),
    answer({ questions: [question], answers: [rawRecord(host('a'))], authorities: [rawRecord(host('ns'))] }),
    answers(SOA),
  ];

  const batch = batchOf(take(messages));

  assert.deepEqual([batch.messages, batch.records, batch.run?.records], [3, 3, 1]);
});

test('names may be compressed in any way that a message allows', () => {
  const mx: RawRecord = { owner: name('a'), type: 15, ttl: 1, rdata: Buffer.concat([u16(5), name('b')]) };
  const bench = new Bench();
  const stream = framed(compressedAnswer(BATCH_ID, [SOA, mx, host('b'), SOA], rawQuestion(APEX, 252)));

  const batches = bench.batches([stream], { apex: APEX });

  const found = checkFrames(bench.frames(bench.assemble(batches, APEX, 16_000)), APEX, 16_000);
  assert.deepEqual(
    found.map(({ owner, type, rdata }) => ({ owner, type, rdata })),
    [mx, host('b')].map(({ owner, type, rdata }) => ({ owner, type, rdata })),
  );
});

test('an answer cut at any octet is refused or has no end', () => {
  const whole = answer({ questions: [rawQuestion(APEX, 252)], answers: [SOA, host('a'), SOA].map(rawRecord) });
  for (let length = 0; length < whole.length; length++) {
    const result = take([whole.subarray(0, length)]);

    assert.ok(!result.ok, `cut at ${length}`);
  }
  assert.equal(batchOf(take([whole])).lastSoa?.serial, 1);
});

const KEY = tsigKey('k1', 'hmac-sha256', Buffer.alloc(32, 7));
const REQUEST_MAC = Buffer.alloc(32, 3);

/** Seven messages, of which the third and fourth are not signed. */
function signedTransfer(): Buffer[] {
  const signer = new TestSigner(testKey(KEY), REQUEST_MAC);
  const bodies = [answers(SOA), ...['a', 'b', 'c', 'd', 'e'].map((label) => answers(host(label))), answers(SOA)];
  return bodies.map((body, i) => (i === 2 || i === 3 ? signer.pass(body) : signer.sign(body, NOW)));
}
const tsig = (priorMac: Buffer): BatchOptions['tsig'] => ({ key: KEY, priorMac });

test('a signed transfer may be cut at each signed message, and goes on with its MAC', () => {
  const messages = signedTransfer();
  for (const cut of [1, 2, 5, 6]) {
    const [before, after] = [messages.slice(0, cut), messages.slice(cut)];

    const first = take(before, { now: NOW, tsig: tsig(REQUEST_MAC) });
    const priorMac = macOf(before.at(-1) as Buffer, 32);
    const second = take(after, { now: NOW, tsig: tsig(priorMac), isFirst: false });
    const wrong = take(after, { now: NOW, tsig: tsig(REQUEST_MAC), isFirst: false });

    assert.equal(batchOf(first).isSealed, true);
    assert.equal(batchOf(second).isSealed, true);
    assert.equal(codeOf(wrong), 'TSIG_BAD_MAC', `cut at ${cut}`);
  }
});

test('a batch that ends with messages not signed is not sealed', () => {
  const messages = signedTransfer().slice(0, 4);

  assert.equal(batchOf(take(messages, { now: NOW, tsig: tsig(REQUEST_MAC) })).isSealed, false);
});

test('the failures of TSIG have codes of their own', () => {
  const signer = (): TestSigner => new TestSigner(testKey(KEY), REQUEST_MAC);
  const unsigned = Array.from({ length: 100 }, () => answer({}));
  const other = new TestSigner({ ...testKey(KEY), name: 'k2' }, REQUEST_MAC);
  const cases: [string, readonly Buffer[], number][] = [
    ['TSIG_NOT_SIGNED', [answers(SOA)], NOW],
    ['TSIG_TOO_MANY_UNSIGNED', [signer().sign(answers(SOA), NOW), ...unsigned], NOW],
    ['TSIG_OTHER_KEY', [other.sign(answers(SOA), NOW)], NOW],
    ['TSIG_BAD_MAC', [withOtherTtl(signer().sign(answers(SOA), NOW))], NOW],
    ['TSIG_BAD_TIME', [signer().sign(answers(SOA), NOW)], NOW + 301],
    ['TSIG_TSIG_ERROR', [signer().sign(answers(SOA), NOW, 16)], NOW],
  ];
  for (const [code, messages, now] of cases) {
    assert.equal(codeOf(take(messages, { now, tsig: tsig(REQUEST_MAC) })), code);
  }
});

/** Changed in its first record: what a MAC is for. */
function withOtherTtl(message: Buffer): Buffer {
  const changed = Buffer.from(message);
  changed.writeUInt32BE(1, 12 + APEX.length + 4);
  return changed;
}

test('signatures are checked in a batch out of order, too', () => {
  const signer = new TestSigner(testKey(KEY), REQUEST_MAC);
  const messages = [answers(SOA), answers(host('z'), host('a')), answers(SOA)].map((body) => signer.sign(body, NOW));

  const good = take(messages, { now: NOW, tsig: tsig(REQUEST_MAC) });
  const bad = take(messages, { now: NOW, tsig: tsig(Buffer.alloc(32)) });

  assert.equal(batchOf(good).run?.records, 2);
  assert.equal(batchOf(good).isSealed, true);
  assert.equal(codeOf(bad), 'TSIG_BAD_MAC');
});

test('without a key of ours a TSIG record is read and not checked', () => {
  const [first] = signedTransfer();

  assert.equal(batchOf(take([first as Buffer])).isSealed, true);
});

test('a batch is read from where it lies, and nothing around it', () => {
  const bench = new Bench();
  const stream = streamOf([[SOA, host('a')], [SOA]], false);
  const around = Buffer.concat([Buffer.alloc(7, 0xff), stream, Buffer.alloc(9, 0xff)]);

  const alone = bench.batch(stream, { apex: APEX });
  const inside = bench.batchAt(around, 7, 7 + stream.length, { apex: APEX });

  assert.deepEqual(batchOf(inside).firstSoa, batchOf(alone).firstSoa);
  assert.equal(batchOf(inside).records, 3);
});
