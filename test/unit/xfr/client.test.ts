import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TSIG_ALGORITHMS } from '../../../src/tsig/algorithm.ts';
import type { TsigKey } from '../../../src/tsig/key.ts';
import { recordToText } from '../../../src/wire/presentation/print.ts';
import { type ClientStep, TransferClient, type TransferClientOptions } from '../../../src/xfr/client.ts';
import {
  addressRecord,
  edeOption,
  encodeMessage,
  encodeRecord,
  macOf,
  optRecord,
  soaRecord,
  TEST_ID,
  type TestMessage,
  type TestRecord,
  TestSigner,
  TYPE_NUMBERS,
  wireName,
  withTsigError,
} from '../../support/transfer-messages.ts';

const ZONE = 'example.org';
const NOW = 1_700_000_000;
const soa = (serial: number): TestRecord => soaRecord(ZONE, serial);
const a = (label: string, last = 1): TestRecord => addressRecord(`${label}.${ZONE}`, last);
const EDNS = { udpSize: 1232 };
const KEY: TsigKey = {
  name: 'k1',
  wireName: wireName('k1'),
  algorithm: TSIG_ALGORITHMS['hmac-sha256'],
  secret: Buffer.alloc(32, 7),
  fudge: 300,
};
const TEST_KEY = { name: 'k1', hash: 'sha256', secret: Buffer.alloc(32, 7) };

test('the query of an AXFR is a question and an OPT record', () => {
  const { client } = axfr();

  const query = client.query();

  const expected = encodeMessage({ flags: 0, question: { name: ZONE, type: 252 }, additionals: [optRecord()] });
  assert.deepEqual(Buffer.from(query), expected);
});

test('the options of a query are empty: they ask for an expire time, and how long the connection is kept', () => {
  const { client } = axfr({ edns: { udpSize: 1232, expire: true, keepalive: true } });

  const query = client.query();

  const options = Buffer.from([0, 9, 0, 0, 0, 11, 0, 0]);
  const expected = encodeMessage({ flags: 0, question: { name: ZONE, type: 252 }, additionals: [optRecord(options)] });
  assert.deepEqual(Buffer.from(query), expected);
});

test('the query of an IXFR carries the serial in a SOA record of the authority section', () => {
  const { client } = ixfr(7, { edns: undefined });

  const query = Buffer.from(client.query());

  const question = encodeMessage({ flags: 0, question: { name: ZONE, type: 251 } });
  question.writeUInt16BE(1, 8);
  const rdata = Buffer.concat([Buffer.of(0, 0, 0, 0, 0, 7), Buffer.alloc(16)]);
  const held = encodeRecord({ owner: ZONE, type: 6, ttl: 0, rdata });
  assert.deepEqual(query, Buffer.concat([question, held]));
});

test('an AXFR of one message is done at its second SOA', () => {
  const { client, lines } = axfr();

  const step = client.take(first([soa(5), a('www'), a('mail', 2), soa(5)]), NOW);

  assert.deepEqual(step, { kind: 'done' });
  assert.equal(client.sentAs, 'AXFR');
  assert.equal(client.serial, 5);
  assert.equal(client.counters.records, 4);
  assert.deepEqual(names(lines), ['zone example.org. SOA', 'zone www.example.org. A', 'zone mail.example.org. A']);
});

test('an AXFR of one record a message is done at the last', () => {
  const { client } = axfr();

  const steps = [first([soa(5)]), more([a('www')]), more([a('mail', 2)]), more([soa(5)])].map((message) =>
    client.take(message, NOW),
  );

  assert.deepEqual(kinds(steps), ['more', 'more', 'more', 'done']);
  assert.equal(client.counters.messages, 4);
});

test('a zone of a SOA and nothing else is a whole AXFR', () => {
  const { client, lines } = axfr();

  const step = client.take(first([soa(5), soa(5)]), NOW);

  assert.deepEqual(step, { kind: 'done' });
  assert.deepEqual(names(lines), ['zone example.org. SOA']);
});

test('a message without records between others is passed over (RFC 9103 section 7.9)', () => {
  const { client } = axfr();

  const steps = [first([soa(5), a('www')]), more([], [optRecord()]), more([soa(5)])].map((m) => client.take(m, NOW));

  assert.deepEqual(kinds(steps), ['more', 'more', 'done']);
});

test('an IXFR may be answered with the whole zone', () => {
  const { client, lines } = ixfr(3);

  const step = client.take(first([soa(5), a('www'), soa(5)], TYPE_NUMBERS.IXFR), NOW);

  assert.deepEqual(step, { kind: 'done' });
  assert.equal(client.sentAs, 'AXFR');
  assert.deepEqual(names(lines), ['zone example.org. SOA', 'zone www.example.org. A']);
});

test('an IXFR answer of one SOA means we are current', () => {
  const { client, lines } = ixfr(5);

  const step = client.take(first([soa(5)], TYPE_NUMBERS.IXFR), NOW);

  assert.deepEqual(step, { kind: 'done' });
  assert.equal(client.sentAs, 'current');
  assert.deepEqual(lines, []);
});

test('a first message of one newer SOA is the beginning of an IXFR', () => {
  const { client } = ixfr(4);
  const rest = [soa(4), a('old'), soa(5), a('new'), soa(5)];

  const steps = [client.take(first([soa(5)], TYPE_NUMBERS.IXFR), NOW), ...rest.map((r) => client.take(more([r]), NOW))];

  assert.deepEqual(kinds(steps), ['more', 'more', 'more', 'more', 'more', 'done']);
  assert.equal(client.sentAs, 'IXFR');
});

test('a chain of differences is told apart into what is deleted and added', () => {
  const { client, lines } = ixfr(3);
  const chain = [soa(5), soa(3), a('x'), soa(4), a('y'), soa(4), soa(5), a('z'), soa(5)];

  const step = client.take(first(chain, TYPE_NUMBERS.IXFR), NOW);

  assert.deepEqual(step, { kind: 'done' });
  const { differences, deleted, added } = client.counters;
  assert.deepEqual({ differences, deleted, added }, { differences: 2, deleted: 3, added: 4 });
  assert.deepEqual(names(lines), [
    'deleted example.org. SOA',
    'deleted x.example.org. A',
    'added example.org. SOA',
    'added y.example.org. A',
    'deleted example.org. SOA',
    'added example.org. SOA',
    'added z.example.org. A',
  ]);
});

test('over UDP a newer SOA alone, or a cut answer, means to ask again over a stream', () => {
  const newer = ixfr(4, { isDatagram: true }).client.take(first([soa(5)], TYPE_NUMBERS.IXFR), NOW);
  const question = { name: ZONE, type: TYPE_NUMBERS.IXFR };
  const cut = ixfr(4, { isDatagram: true }).client.take(encodeMessage({ flags: 0x8600, question }), NOW);
  const current = ixfr(5, { isDatagram: true }).client.take(first([soa(5)], TYPE_NUMBERS.IXFR), NOW);

  assert.deepEqual(newer, { kind: 'ask-by-stream', why: 'newer' });
  assert.deepEqual(cut, { kind: 'ask-by-stream', why: 'truncated' });
  assert.deepEqual(current, { kind: 'done' });
});

test('old servers leave out the question, first message included; in a datagram it must be there', () => {
  const stream = axfr().client;
  const steps = [more([soa(5), a('www')]), more([soa(5)])].map((bytes) => stream.take(bytes, NOW));
  const datagram = ixfr(5, { isDatagram: true }).client.take(more([soa(5)]), NOW);

  assert.deepEqual(
    steps.map(({ kind }) => kind),
    ['more', 'done'],
  );
  assert.equal(codeOf(datagram), 'WRONG_QUESTION');
});

test('a SOA query is answered by the SOA of the zone', () => {
  const { client } = start({ kind: 'SOA' });

  const step = client.take(first([soa(9)], TYPE_NUMBERS.SOA), NOW);

  assert.deepEqual(step, { kind: 'done' });
  assert.equal(client.serial, 9);
  assert.equal(client.sentAs, 'SOA');
});

const AXFR_FAILURES: [string, string, Buffer[]][] = [
  ['another serial at the end', 'SERIAL_CHANGED', [first([soa(5), a('www'), soa(6)])]],
  ['another TTL in the last SOA', 'SOA_DIFFERS', [first([soa(5), a('www'), soaRecord(ZONE, 5, 60)])]],
  [
    'another primary in the last SOA',
    'SOA_DIFFERS',
    [first([soa(5), a('www'), soaRecord(ZONE, 5, 3600, 'ns9.example')])],
  ],
  ['a record after the end', 'RECORD_AFTER_END', [first([soa(5), a('www'), soa(5), a('late')])]],
  ['a message after the end', 'MESSAGE_AFTER_END', [first([soa(5), a('www'), soa(5)]), more([a('late')])]],
  ['no SOA first', 'NO_FIRST_SOA', [first([a('www'), soa(5)])]],
  ['an answer without records', 'EMPTY_ANSWER', [first([])]],
  ['messages without records for ever', 'EMPTY_MESSAGES', [first([soa(5)]), ...Array(1001).fill(more([]))]],
  ['another id', 'WRONG_ID', [message({ id: TEST_ID + 1, answers: [soa(5), soa(5)] })]],
  ['another id later', 'WRONG_ID', [first([soa(5)]), encodeMessage({ id: 1, answers: [a('www')] })]],
  ['another zone in the question', 'WRONG_QUESTION', [message({ question: { name: 'example.net', type: 252 } })]],
  ['another type in the question', 'WRONG_QUESTION', [message({ question: { name: ZONE, type: 251 } })]],
  ['a query for an answer', 'NOT_A_RESPONSE', [message({ flags: 0 })]],
  ['a truncated message', 'TRUNCATED_ANSWER', [message({ flags: 0x8600, answers: [soa(5)] })]],
  ['a message shorter than a header', 'MESSAGE_TOO_SHORT', [Buffer.of(0x4a, 0x17, 0x80)]],
  ['octets after the last record', 'TRAILING_OCTETS', [message({ answers: [soa(5), soa(5)], trailing: Buffer.of(0) })]],
  ['a record outside the zone', 'OUT_OF_ZONE', [first([soa(5), addressRecord('www.example.net', 1), soa(5)])]],
  ['a record of another class', 'BAD_CLASS', [first([soa(5), { ...a('www'), class: 3 }])]],
  ['an address of three octets', 'BAD_RDATA', [first([soa(5), { ...a('www'), rdata: Buffer.alloc(3) }])]],
  ['two OPT records', 'BAD_OPT', [message({ answers: [soa(5)], additionals: [optRecord(), optRecord()] })]],
  ['an option that runs past its OPT', 'BAD_OPT', [message({ additionals: [optRecord(Buffer.of(0, 15, 0, 9))] })]],
];

for (const [what, code, messages] of AXFR_FAILURES) {
  test(`an AXFR with ${what} fails: ${code}`, () => {
    const { client } = axfr();

    const steps = messages.map((bytes) => client.take(bytes, NOW));

    assert.equal(codeOf(steps.at(-1)), code);
  });
}

test('an IXFR whose serials do not follow each other fails', () => {
  const fromElsewhere = ixfr(3).client.take(first([soa(5), soa(4), soa(5), soa(5)], TYPE_NUMBERS.IXFR), NOW);
  const withGap = [soa(6), soa(3), soa(4), soa(5), soa(6), soa(6)];
  const gap = ixfr(3).client.take(first(withGap, TYPE_NUMBERS.IXFR), NOW);

  assert.equal(codeOf(fromElsewhere), 'SERIAL_GAP');
  assert.equal(codeOf(gap), 'SERIAL_GAP');
});

test('every cut of a message is a failure, and none throws', () => {
  const whole = message({ answers: [soa(5), a('www'), soa(5)], additionals: [optRecord(edeOption(0, 'x'))] });

  const steps = Array.from({ length: whole.length }, (_, length) => axfr().client.take(whole.subarray(0, length), NOW));

  assert.deepEqual(new Set(kinds(steps)), new Set(['failed']));
});

test('a refusal gives its name, extended error and text', () => {
  const { client } = axfr();
  const additionals = [optRecord(edeOption(18, 'not you\x1b[31m'))];

  const step = client.take(message({ rcode: 5, additionals }), NOW);

  assert.equal(step.kind, 'failed');
  assert.deepEqual(step.kind === 'failed' && step.failure, {
    code: 'ERROR_ANSWER',
    text: 'the server answered REFUSED, extended error 18 (Prohibited): "not you?[31m"',
    rcode: 5,
    ede: [{ code: 18, text: 'not you?[31m' }],
  });
});

test('an error may come as a header alone, and its upper bits in OPT', () => {
  const formerr = axfr().client.take(encodeMessage({ rcode: 1 }), NOW);
  const badvers = axfr().client.take(message({ additionals: [optRecord(undefined, 1)] }), NOW);

  assert.equal(formerr.kind === 'failed' && formerr.failure.rcode, 1);
  assert.equal(badvers.kind === 'failed' && badvers.failure.rcode, 16);
});

test('an unknown key is told by its TSIG error', () => {
  const { client } = axfr({ key: KEY });

  const step = client.take(withTsigError(message({ rcode: 9 }), 'k1', NOW, 17), NOW);

  assert.equal(step.kind === 'failed' && step.failure.tsigError, 17);
  assert.equal(step.kind === 'failed' && step.failure.text, 'the server answered NOTAUTH, TSIG error BADKEY');
});

test('signatures over all messages hold, and are counted', () => {
  const { client, signer } = signedAxfr();
  const messages = [
    signer.sign(first([soa(5)]), NOW),
    signer.sign(more([a('www')]), NOW),
    signer.sign(more([soa(5)]), NOW),
  ];

  const steps = messages.map((bytes) => client.take(bytes, NOW));

  assert.deepEqual(kinds(steps), ['more', 'more', 'done']);
  assert.equal(client.counters.signedMessages, 3);
});

test('99 unsigned messages between signed ones are accepted, 100 are not', () => {
  for (const [unsigned, expected] of [
    [99, 'done'],
    [100, 'TSIG_TOO_MANY_UNSIGNED'],
  ] as const) {
    const { client, signer } = signedAxfr();
    const opening = signer.sign(first([soa(5)]), NOW);
    const between = Array.from({ length: unsigned }, (_, i) => signer.pass(more([a(`host${i}`)])));
    const messages = [opening, ...between, signer.sign(more([soa(5)]), NOW)];

    const steps = messages.map((bytes) => client.take(bytes, NOW));

    const last = steps.at(-1);
    assert.equal(last?.kind === 'failed' ? last.failure.code : last?.kind, expected);
  }
});

test('a last message without signature is not believed', () => {
  const { client, signer } = signedAxfr();
  const messages = [signer.sign(first([soa(5), a('www')]), NOW), signer.pass(more([soa(5)]))];

  const steps = messages.map((bytes) => client.take(bytes, NOW));

  assert.equal(codeOf(steps.at(-1)), 'LAST_NOT_SIGNED');
});

test('a first message without signature, a changed one and an old one are not believed', () => {
  const unsigned = axfr({ key: KEY }).client.take(first([soa(5), soa(5)]), NOW);
  const changed = signedAxfr();
  const bytes = changed.signer.sign(first([soa(5), a('www', 1), soa(5)]), NOW);
  bytes[bytes.indexOf(Buffer.of(192, 0, 2, 1)) + 3] = 2;
  const old = signedAxfr();
  const oldStep = old.client.take(old.signer.sign(first([soa(5), soa(5)]), NOW - 301), NOW);

  assert.equal(codeOf(unsigned), 'TSIG_NOT_SIGNED');
  assert.equal(codeOf(changed.client.take(bytes, NOW)), 'TSIG_BAD_MAC');
  assert.equal(codeOf(oldStep), 'TSIG_BAD_TIME');
});

test('a signature of another key is not believed', () => {
  const { client } = axfr({ key: KEY });
  const signer = new TestSigner({ ...TEST_KEY, name: 'k2' }, macOf(client.query(), 32));

  const step = client.take(signer.sign(first([soa(5), soa(5)]), NOW), NOW);

  assert.equal(codeOf(step), 'TSIG_OTHER_KEY');
});

test('a TSIG record that is not the last of its message is a failure', () => {
  const { client, signer } = signedAxfr();
  const signed = signer.sign(first([soa(5), soa(5)]), NOW);
  const bytes = Buffer.concat([signed, optRecord()]);
  bytes.writeUInt16BE(2, 10);

  assert.equal(codeOf(client.take(bytes, NOW)), 'BAD_TSIG');
});

interface Started {
  readonly client: TransferClient;
  readonly lines: string[];
}

function start(options: Partial<TransferClientOptions>): Started {
  const lines: string[] = [];
  const client = new TransferClient({
    zone: wireName(ZONE),
    kind: 'AXFR',
    id: TEST_ID,
    edns: EDNS,
    now: NOW,
    onRecord: (change, { owner, ttl, type, rdata }) => {
      lines.push(`${change} ${recordToText(owner, ttl, 1, type, rdata)}`);
    },
    ...options,
  });
  return { client, lines };
}

const axfr = (options: Partial<TransferClientOptions> = {}): Started => start({ kind: 'AXFR', ...options });
const ixfr = (serial: number, options: Partial<TransferClientOptions> = {}): Started =>
  start({ kind: 'IXFR', serial, ...options });

function signedAxfr(): Started & { readonly signer: TestSigner } {
  const started = axfr({ key: KEY });
  return { ...started, signer: new TestSigner(TEST_KEY, macOf(started.client.query(), 32)) };
}

function message(options: TestMessage): Buffer {
  return encodeMessage({ question: { name: ZONE, type: TYPE_NUMBERS.AXFR }, ...options });
}

function first(answers: readonly TestRecord[], type: number = TYPE_NUMBERS.AXFR): Buffer {
  return encodeMessage({ question: { name: ZONE, type }, answers });
}

function more(answers: readonly TestRecord[], additionals: readonly Buffer[] = []): Buffer {
  return encodeMessage({ answers, additionals });
}

const kinds = (steps: readonly ClientStep[]): string[] => steps.map(({ kind }) => kind);

const codeOf = (step: ClientStep | undefined): string | undefined =>
  step?.kind === 'failed' ? step.failure.code : undefined;

/** Without TTL, class and rdata. */
const names = (lines: readonly string[]): string[] =>
  lines.map((line) => {
    const [head = '', , , type = ''] = line.split('\t');
    return `${head} ${type}`;
  });
