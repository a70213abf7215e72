import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Message, type ParsedMessage, parseMessage, readTsigAt } from '../../../src/wire/message.ts';
import { labels, type RawMessage, rawMessage, rawQuestion, rawRecord, u16, u32 } from '../../support/raw-messages.ts';
import { edeOption, optRecord, wireName } from '../../support/transfer-messages.ts';
import { signRequest } from '../../support/tsig-messages.ts';

const APEX = wireName('Example.org');
const QUESTION = rawQuestion(APEX, 251);
const KEY = { name: 'k1', hash: 'sha256', secret: Buffer.alloc(32, 7) };
const SOA_RDATA = Buffer.concat([labels('ns1'), labels('host', 'example'), u32(77, 1, 2, 3, 4)]);
const SOA = rawRecord({ owner: APEX, type: 6, ttl: 60, rdata: SOA_RDATA });
const OPT = optRecord();
const TSIG = signRequest(rawMessage({ questions: [QUESTION] }), KEY, { time: 5 }).message.subarray(
  12 + QUESTION.length,
);

/** An IXFR with everything a request can have. */
const whole = (): Buffer =>
  signRequest(
    rawMessage({ questions: [QUESTION], authorities: [SOA], additionals: [optRecord(edeOption(0, 'x'))] }),
    KEY,
    { time: 1_700_000_000, fudge: 7, error: 18, otherData: Buffer.of(1, 2, 3, 4, 5, 6), originalId: 0x4321 },
  ).message;

function accepted(bytes: Buffer): Message {
  const parsed = parseMessage(bytes);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.message;
}

function failed(message: RawMessage): ParsedMessage & { ok: false } {
  const parsed = parseMessage(rawMessage(message));
  assert.ok(!parsed.ok);
  return parsed;
}

test('a request is read with question, SOA, OPT and TSIG', () => {
  const bytes = whole();

  const { question, authorities, edns, tsig, header } = accepted(bytes);

  assert.equal(header.id, 0x1234);
  assert.deepEqual(Buffer.from(question?.wire ?? []), QUESTION);
  assert.deepEqual([question?.type, question?.class], [251, 1]);
  assert.deepEqual(Buffer.from(question?.name ?? []), APEX);
  assert.equal(authorities.length, 1);
  assert.deepEqual(Buffer.from(authorities[0]?.rdata ?? []), SOA_RDATA);
  assert.equal(edns?.udpSize, 1232);
  assert.equal(tsig?.offset, bytes.indexOf(wireName('k1'), 40));
  assert.deepEqual(Buffer.from(tsig?.keyName ?? []), wireName('k1'));
  assert.deepEqual(Buffer.from(tsig?.algorithm ?? []), wireName('hmac-sha256'));
  assert.deepEqual([tsig?.timeSigned, tsig?.fudge, tsig?.originalId, tsig?.error], [1_700_000_000, 7, 0x4321, 18]);
  assert.equal(tsig?.mac.length, 32);
  assert.deepEqual(Buffer.from(tsig?.otherData ?? []), Buffer.of(1, 2, 3, 4, 5, 6));
});

test('a request cut at any length is refused, and says where', () => {
  const bytes = whole();
  for (let length = 0; length < bytes.length; length++) {
    const parsed = parseMessage(bytes.subarray(0, length));

    assert.ok(!parsed.ok, `cut at ${length}`);
    assert.ok(parsed.failure.offset <= length);
    assert.equal(parsed.question === undefined, length < 12 + QUESTION.length, `cut at ${length}`);
  }
});

test('what follows the last record is refused', () => {
  const { failure, question } = failed({ questions: [QUESTION], additionals: [OPT], trailing: Buffer.of(0) });

  assert.equal(failure.code, 'TRAILING_OCTETS');
  assert.ok(question !== undefined);
});

test('OPT stands once, in the additional section, at the root, with options that end where it ends', () => {
  const questions = [QUESTION];
  const cutOption = optRecord(Buffer.of(0, 10, 0, 9, 1));
  const halfOption = optRecord(Buffer.of(0, 10, 0));
  const named = rawRecord({ owner: labels('a'), type: 41, class: 1232, ttl: 0, rdata: Buffer.alloc(0) });
  for (const additionals of [[OPT, OPT], [cutOption], [halfOption], [named], [TSIG, OPT, OPT]]) {
    const { failure } = failed({ questions, additionals });

    assert.ok(failure.code === 'BAD_OPT' || failure.code === 'BAD_TSIG', failure.code);
  }
  assert.equal(failed({ questions, additionals: [OPT, OPT] }).failure.code, 'BAD_OPT');
  assert.ok(!failed({ questions, authorities: [OPT] }).ok);
  assert.ok(!failed({ questions, answers: [OPT] }).ok);
});

test('TSIG stands once, last in the additional section', () => {
  const questions = [QUESTION];
  for (const sections of [
    { additionals: [TSIG, OPT] },
    { additionals: [TSIG, TSIG] },
    { answers: [TSIG] },
    { authorities: [TSIG] },
  ]) {
    const { failure } = failed({ questions, ...sections });

    assert.equal(failure.code, 'BAD_TSIG');
  }
});

test('a TSIG record of another class, with a TTL, or with rdata that does not add up is refused', () => {
  const rdata = TSIG.subarray(wireName('k1').length + 10);
  const record = (klass: number, ttl: number, octets: Buffer): Buffer =>
    rawRecord({ owner: wireName('k1'), type: 250, class: klass, ttl, rdata: octets });
  const longMac = Buffer.from(rdata);
  longMac.writeUInt16BE(33, wireName('hmac-sha256').length + 8);
  for (const tsig of [
    record(1, 0, rdata),
    record(255, 1, rdata),
    record(255, 0, rdata.subarray(0, -1)),
    record(255, 0, Buffer.concat([rdata, Buffer.of(0)])),
    record(255, 0, longMac),
  ]) {
    assert.equal(failed({ questions: [QUESTION], additionals: [tsig] }).failure.code, 'BAD_TSIG');
  }
});

test('counts beyond what is there are refused', () => {
  for (const counts of [
    [2, 0, 0, 0],
    [1, 1, 0, 0],
    [1, 0, 1, 0],
    [1, 0, 0, 1],
    [65_535, 65_535, 65_535, 65_535],
  ] as const) {
    assert.equal(failed({ questions: [QUESTION], counts }).failure.code, 'TRUNCATED');
  }
});

test('counts below what is there leave octets over', () => {
  const { failure } = failed({ questions: [QUESTION], authorities: [SOA], counts: [1, 0, 0, 0] });

  assert.equal(failure.code, 'TRAILING_OCTETS');
});

test('names in rdata are expanded, also where they point into the question', () => {
  const rdata = Buffer.from([3, ...Buffer.from('ns1'), 0xc0, 12, 0xc0, 12, ...u32(9, 1, 2, 3, 4)]);
  const soa = Buffer.concat([Buffer.of(0xc0, 12), u16(6, 1), u32(0), u16(rdata.length), rdata]);

  const { authorities } = accepted(rawMessage({ questions: [QUESTION], authorities: [soa] }));

  const expanded = Buffer.concat([Buffer.from([3, ...Buffer.from('ns1')]), APEX, APEX, u32(9, 1, 2, 3, 4)]);
  assert.deepEqual(Buffer.from(authorities[0]?.rdata ?? []), expanded);
  assert.deepEqual(Buffer.from(authorities[0]?.owner ?? []), APEX);
});

test('a name that runs past its rdata is refused, also where the message goes on', () => {
  const rdata = Buffer.concat([labels('ns1'), labels('host'), u32(1, 2, 3, 4, 5)]);
  const soa = rawRecord({ owner: APEX, type: 6, ttl: 0, rdata });
  soa.writeUInt16BE(7, APEX.length + 8);

  const { failure } = failed({ questions: [QUESTION], authorities: [soa], additionals: [OPT] });

  assert.equal(failure.code, 'BAD_RDATA');
});

test('a SOA whose numbers are not twenty octets is refused: its serial would be read elsewhere', () => {
  for (const rdata of [SOA_RDATA.subarray(0, -1), Buffer.concat([SOA_RDATA, Buffer.of(0)])]) {
    const soa = rawRecord({ owner: APEX, type: 6, ttl: 0, rdata });

    assert.equal(failed({ questions: [QUESTION], authorities: [soa] }).failure.code, 'BAD_RDATA');
  }
});

test('rdata that ends before its names is refused; none at all is what an UPDATE has', () => {
  const record = (type: number, rdata: Buffer): Buffer => rawRecord({ owner: APEX, type, ttl: 0, rdata });
  for (const short of [record(15, u16(1)), record(6, labels('ns1')), record(33, Buffer.alloc(6))]) {
    const { failure } = failed({ questions: [QUESTION], authorities: [short], additionals: [OPT] });

    assert.equal(failure.code, 'BAD_RDATA');
  }
  const { authorities } = accepted(rawMessage({ questions: [QUESTION], authorities: [record(6, Buffer.alloc(0))] }));
  assert.equal(authorities[0]?.rdata.length, 0);
});

test('a TSIG record is found by its offset only where it ends the message', () => {
  const bytes = whole();
  const { tsig } = accepted(bytes);

  assert.deepEqual(readTsigAt(bytes, tsig?.offset ?? 0), tsig);
  assert.equal(readTsigAt(Buffer.concat([bytes, Buffer.of(0)]), tsig?.offset ?? 0), undefined);
  assert.equal(readTsigAt(bytes.subarray(0, -1), tsig?.offset ?? 0), undefined);
  assert.equal(readTsigAt(rawMessage({ additionals: [OPT] }), 12), undefined);
});
