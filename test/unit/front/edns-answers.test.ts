/** edns-tcp-keepalive and padding: which answers have them, and what they say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handleRequest } from '../../../src/front/pipeline.ts';
import { TransferStream } from '../../../src/front/stream.ts';
import type { Transport } from '../../../src/policy/rule-config.ts';
import { DEFAULT_PADDING, type Padding } from '../../../src/wire/padding.ts';
import { FrontWorld, NOW, peer, SECONDS } from '../../support/front-world.ts';
import { decodeMessage, splitMessages } from '../../support/message-decoder.ts';
import { labels, rawMessage, rawQuestion, u16 } from '../../support/raw-messages.ts';
import { rule } from '../../support/rules.ts';
import { optRecord } from '../../support/transfer-messages.ts';
import { signRequest, TestVerifier } from '../../support/tsig-messages.ts';
import { testKey, tsigKey } from '../../support/tsig-vectors.ts';

const APEX = labels('example', 'org');
const KEY = tsigKey('key1.example', 'hmac-sha256', Buffer.alloc(32, 7));
const KEEPALIVE = u16(11, 0);
const PADDED = Buffer.concat([u16(12, 5), Buffer.alloc(5, 0xff)]);
const SOA = 6;
const AXFR = 252;

interface Case {
  readonly transport?: Transport;
  /** Of the query; undefined for none. */
  readonly opt?: Buffer | undefined;
  readonly padding?: Partial<Padding>;
  readonly keepalive?: number;
  readonly isSigned?: boolean;
  readonly type?: number;
  readonly records?: number;
}

/** Answers, each checked to be signed where the query was. */
function answers({ transport = 'tls', opt, padding, keepalive, isSigned, type = SOA, records = 2 }: Case) {
  const world = new FrontWorld({
    rules: [rule('all')],
    keys: [KEY],
    padding: new Map([['example.org', { ...DEFAULT_PADDING, ...padding }]]),
  });
  const host = (i: number) => ({ owner: labels(`h${i}`, 'example', 'org'), type: 1, ttl: 1, rdata: Buffer.alloc(4) });
  world.serve(
    'example.org',
    APEX,
    Array.from({ length: records }, (_, i) => host(i)),
    7,
    512,
  );
  const query = rawMessage({
    id: 7,
    questions: [rawQuestion(APEX, type)],
    additionals: opt === undefined ? [] : [optRecord(opt)],
  });
  const { message, mac } = isSigned
    ? signRequest(query, testKey(KEY), { time: SECONDS })
    : { message: query, mac: Buffer.alloc(0) };
  const outcome = handleRequest(message, { ...world.context(peer('192.0.2.1', transport)), keepalive });
  const messages: Buffer[] = [];
  if (outcome.kind === 'transfer') {
    const pieces: Uint8Array[] = [];
    // Kept as they are until the end, as the sink of TLS does.
    const sink = { write: (piece: Uint8Array) => pieces.push(piece) };
    const stream = new TransferStream(outcome.transfer, 24, NOW);
    while (!stream.writeQuantum(sink, SECONDS));
    messages.push(...splitMessages(Buffer.concat(pieces)));
  } else if (outcome.kind === 'answer') messages.push(Buffer.from(outcome.message));
  const verifier = isSigned ? new TestVerifier(testKey(KEY), mac) : undefined;
  for (const one of messages) assert.equal(verifier?.take(one).time ?? SECONDS, SECONDS);
  return { messages, outcome };
}

/** Option data by code. */
function optionsOf(message: Buffer): Map<number, Buffer> {
  const rdata = decodeMessage(message).additionals.find(({ type }) => type === 41)?.rdata ?? Buffer.alloc(0);
  const options = new Map<number, Buffer>();
  for (let at = 0; at < rdata.length; at += 4 + rdata.readUInt16BE(at + 2)) {
    options.set(rdata.readUInt16BE(at), rdata.subarray(at + 4, at + 4 + rdata.readUInt16BE(at + 2)));
  }
  return options;
}

const NO_OPTIONS = Buffer.alloc(0);
const rows: readonly (readonly [string, Case, 'none' | 'empty' | number])[] = [
  ['with OPT over TLS: to 468', { opt: NO_OPTIONS }, 468],
  ['a padded query, as well', { opt: PADDED }, 468],
  ['signed, TSIG included', { opt: NO_OPTIONS, isSigned: true }, 468],
  ['another block', { opt: NO_OPTIONS, padding: { block: 128 } }, 128],
  ['max', { opt: NO_OPTIONS, padding: { policy: 'max' } }, 65_535],
  ['without OPT: never', { opt: undefined }, 'none'],
  ['policy none', { opt: NO_OPTIONS, padding: { policy: 'none' } }, 'none'],
  [
    'policy none, and a padded query: the option, with nothing in it',
    { opt: PADDED, padding: { policy: 'none' } },
    'empty',
  ],
  ['over TCP: never', { opt: PADDED, transport: 'tcp' }, 'none'],
  ['over UDP: never', { opt: PADDED, transport: 'udp' }, 'none'],
];

for (const [what, given, expected] of rows) {
  for (const type of given.transport === 'udp' ? [SOA] : [SOA, AXFR]) {
    test(`padding of ${type === SOA ? 'a SOA' : 'each message of a transfer'}: ${what}`, () => {
      const { messages } = answers({ ...given, type, records: 60 });
      assert.ok(messages.length >= (type === SOA ? 1 : 4), `${messages.length} messages`);
      for (const message of messages) {
        const padding = optionsOf(message).get(12);
        if (expected === 'none') assert.equal(padding, undefined);
        else if (expected === 'empty') assert.equal(padding?.length, 0);
        else {
          assert.equal(message.length % expected, 0);
          assert.ok(padding?.every((octet) => octet === 0));
        }
      }
    });
  }
}

for (const isSigned of [false, true]) {
  test(`zone-size-step${isSigned ? ', signed' : ''}: transfers of zones of any size up to it are as long as each other`, () => {
    const padding = { zoneSizeStep: 100_000 };
    const octets = [0, 1, 2, 60, 300, 1000].map((records) => {
      const { messages } = answers({ opt: NO_OPTIONS, padding, isSigned, type: AXFR, records });
      assert.ok(messages.every(({ length }) => length <= 65_535));
      return messages.reduce((sum, { length }) => sum + 2 + length, 0);
    });
    // One message cannot be padded beyond what a message can hold.
    assert.deepEqual(octets, [65_537, 65_537, 65_537, 100_000, 100_000, 100_000]);
  });
}

for (const [transport, told] of [
  ['tcp', true],
  ['tls', true],
  ['udp', false],
] as const) {
  test(`edns-tcp-keepalive over ${transport}: ${told ? 'in every message, where it was asked for' : 'never'}`, () => {
    // A front gives no time to UDP; here it is the option that is looked at.
    const keepalive = told ? 300 : undefined;
    const more = keepalive === undefined ? {} : { keepalive };
    for (const type of transport === 'udp' ? [SOA] : [SOA, AXFR]) {
      const { messages, outcome } = answers({ transport, opt: KEEPALIVE, type, records: 60, ...more });
      for (const message of messages) {
        assert.deepEqual(optionsOf(message).get(11), told ? u16(300) : undefined);
      }
      assert.equal(outcome.isLast, undefined);
      const unasked = answers({ transport, opt: NO_OPTIONS, type, ...more });
      assert.ok(unasked.messages.every((message) => !optionsOf(message).has(11)));
    }
  });
}

test('under pressure the keepalive is 0, and the connection ends with the answer for those who are told', () => {
  const { messages, outcome } = answers({ opt: KEEPALIVE, keepalive: 0 });
  assert.deepEqual(optionsOf(messages[0] as Buffer).get(11), u16(0));
  assert.equal(outcome.isLast, true);
  assert.equal(answers({ opt: NO_OPTIONS, keepalive: 0 }).outcome.isLast, undefined);
});
