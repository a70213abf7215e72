import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AcceptedTransfer } from '../../../src/front/outcome.ts';
import { TransferStream } from '../../../src/front/stream.ts';
import { FrontWorld, readAnswer, SECONDS } from '../../support/front-world.ts';
import { compareRecords, type DecodedMessage, decodeMessage, splitMessages } from '../../support/message-decoder.ts';
import { labels, type RawRecord, rawMessage, rawQuestion } from '../../support/raw-messages.ts';
import { rule } from '../../support/rules.ts';
import { optRecord } from '../../support/transfer-messages.ts';
import { signRequest, TestVerifier } from '../../support/tsig-messages.ts';
import { testKey, tsigKey } from '../../support/tsig-vectors.ts';
import { zoneSoa } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
/** As the client writes it. */
const ASKED = labels('eXample', 'ORG');
const KEY = tsigKey('key1.example', 'hmac-sha256', Buffer.alloc(32, 7));
const QUANTA = [1, 2, 3, 24, 63, 64];
const host = (i: number): RawRecord => ({
  owner: labels(`host${1000 + i}`, 'example', 'org'),
  type: 16,
  ttl: i,
  rdata: Buffer.concat([Buffer.of(100), Buffer.alloc(100, i & 0xff)]),
});

interface Zone {
  readonly what: string;
  readonly records: readonly RawRecord[];
  readonly frameSize: number;
}

const ZONES: readonly Zone[] = [
  { what: 'a zone of a SOA only', records: [], frameSize: 16_000 },
  { what: 'a zone of one frame', records: [host(1), host(2)], frameSize: 16_000 },
  { what: 'a zone of two frames', records: Array.from({ length: 8 }, (_, i) => host(i)), frameSize: 512 },
  {
    what: 'a zone of more frames than a page holds',
    records: Array.from({ length: 1100 }, (_, i) => host(i)),
    frameSize: 512,
  },
  {
    what: 'a zone with frames in several slabs',
    records: Array.from({ length: 160 }, (_, i) => ({ ...host(i), type: 65_280, rdata: Buffer.alloc(60_000, i) })),
    frameSize: 16_000,
  },
];

interface Answer {
  readonly transfer: AcceptedTransfer;
  readonly stream: TransferStream;
  readonly octets: Buffer;
  readonly requestMac: Buffer;
  /** Frames written by each quantum but the last. */
  readonly quanta: readonly number[];
}

function request(options: { hasOpt: boolean; isSigned: boolean; rd: boolean }): { message: Buffer; mac: Buffer } {
  const query = rawMessage({
    id: 0xa1b2,
    flags: options.rd ? 0x0130 : 0x0030,
    questions: [rawQuestion(ASKED, 252)],
    additionals: options.hasOpt ? [optRecord()] : [],
  });
  return options.isSigned
    ? signRequest(query, testKey(KEY), { time: SECONDS })
    : { message: query, mac: Buffer.alloc(0) };
}

function transfer(world: FrontWorld, asked: { message: Buffer; mac: Buffer }, quantum: number): Answer {
  const outcome = world.ask(asked.message);
  assert.ok(outcome.kind === 'transfer', outcome.kind);
  const stream = new TransferStream(outcome.transfer, quantum, SECONDS * 1000);
  const pieces: Buffer[] = [];
  const quanta: number[] = [];
  // Copied at once: a stream may use its own memory again, as a socket would have taken it.
  const sink = { write: (piece: Uint8Array) => pieces.push(Buffer.from(piece)) };
  for (let before = 0; !stream.writeQuantum(sink, SECONDS); before = stream.messages)
    quanta.push(stream.messages - before);
  return { transfer: outcome.transfer, stream, octets: Buffer.concat(pieces), requestMac: asked.mac, quanta };
}

/** Everything that a client may rely on. */
function check(
  answer: Answer,
  zone: Zone,
  { hasOpt, isSigned, rd }: { hasOpt: boolean; isSigned: boolean; rd: boolean },
): void {
  const messages = splitMessages(answer.octets);
  const verifier = isSigned ? new TestVerifier(testKey(KEY), answer.requestMac) : undefined;
  const decoded: DecodedMessage[] = messages.map((message, i) => {
    assert.ok(message.length <= 65_535);
    const one = decodeMessage(message);
    assert.equal(one.id, 0xa1b2);
    assert.equal(one.flags, rd ? 0x8500 : 0x8400);
    assert.deepEqual(one.questions, i === 0 ? [{ name: ASKED, type: 252, class: 1 }] : []);
    assert.equal(one.authorities.length, 0);
    assert.deepEqual(
      one.additionals.map(({ type }) => type),
      [...(hasOpt ? [41] : []), ...(isSigned ? [250] : [])],
    );
    if (hasOpt) assert.deepEqual(readAnswer(message).opt, { udpSize: 1232, ede: undefined });
    assert.equal(verifier?.take(message).time ?? SECONDS, SECONDS);
    return one;
  });
  const records = decoded.flatMap(({ answers }) => answers);
  const { class: _, ...soa } = { ...zoneSoa(APEX, 7), class: 1 };
  const bare = records.map(({ owner, type, ttl, rdata }) => ({ owner, type, ttl, rdata }));
  assert.deepEqual(bare, [soa, ...[...zone.records].sort(compareRecords), soa]);
  assert.equal(answer.stream.messages, messages.length);
  assert.equal(answer.stream.bytes, answer.octets.length - 2 * messages.length);
  const questionEnd = 12 + ASKED.length + 4;
  assert.ok(
    decoded[0]?.pointers.every((target) => target >= questionEnd),
    'a pointer leads into the question',
  );
}

for (const zone of ZONES) {
  const world = new FrontWorld({ rules: [rule('all')], keys: [KEY] });
  const handle = world.serve('example.org', APEX, zone.records, 7, zone.frameSize);
  for (const hasOpt of [false, true]) {
    for (const isSigned of [false, true]) {
      const how = `${hasOpt ? 'with' : 'without'} OPT, ${isSigned ? 'signed' : 'not signed'}`;

      test(`${zone.what}, ${how}: a whole answer, with RD and without, in quanta of any size`, () => {
        // Slabs are many megabytes: once through is enough.
        const quanta = zone.what.includes('slabs') ? [24] : QUANTA;
        for (const quantum of quanta) {
          for (const rd of [false, true]) {
            const asked = { hasOpt, isSigned, rd };

            const answer = transfer(world, request(asked), quantum);

            check(answer, zone, asked);
            assert.ok(
              answer.quanta.every((written) => written <= quantum + 1),
              'a quantum is exceeded',
            );
            const messages = handle.single === undefined ? handle.frames + 2 : 1;
            assert.equal(answer.stream.messages, messages);
          }
        }
      });
    }
  }
}

test('frames are written from where they lie: no copy without OPT and TSIG', () => {
  const world = new FrontWorld({ rules: [rule('all')] });
  world.serve('example.org', APEX, ZONES[3]?.records ?? [], 7, 512);
  const outcome = world.ask(request({ hasOpt: false, isSigned: false, rd: false }).message);
  assert.ok(outcome.kind === 'transfer');
  const pieces: Uint8Array[] = [];

  const stream = new TransferStream(outcome.transfer, 64, SECONDS * 1000);
  const sink = { write: (piece: Uint8Array) => pieces.push(piece) };
  while (!stream.writeQuantum(sink, SECONDS));

  const shared = pieces.filter(({ buffer }) => buffer instanceof SharedArrayBuffer);
  const octets = shared.reduce((sum, piece) => sum + piece.length, 0);
  assert.ok(octets > 0.97 * stream.bytes, `${octets} of ${stream.bytes} octets`);
  assert.ok(pieces.length < 2.3 * stream.messages, `${pieces.length} pieces for ${stream.messages} messages`);
});

test('two clients of one version do not touch each other', () => {
  const world = new FrontWorld({ rules: [rule('all')], keys: [KEY] });
  const zone = ZONES[3] as Zone;
  world.serve('example.org', APEX, zone.records, 7, zone.frameSize);
  const askedBy = [
    { hasOpt: true, isSigned: true, rd: false },
    { hasOpt: false, isSigned: false, rd: true },
  ] as const;
  const running = askedBy.map((asked) => {
    const { message, mac } = request(asked);
    const outcome = world.ask(message);
    assert.ok(outcome.kind === 'transfer');
    const pieces: Buffer[] = [];
    const sink = { write: (piece: Uint8Array) => pieces.push(Buffer.from(piece)) };
    return {
      asked,
      mac,
      pieces,
      sink,
      transfer: outcome.transfer,
      stream: new TransferStream(outcome.transfer, 5, SECONDS * 1000),
      isDone: false,
    };
  });

  while (running.some(({ isDone }) => !isDone)) {
    for (const one of running) if (!one.isDone) one.isDone = one.stream.writeQuantum(one.sink, SECONDS);
  }

  for (const { asked, mac, pieces, stream, transfer: accepted } of running) {
    const octets = Buffer.concat(pieces);
    check({ transfer: accepted, stream, octets, requestMac: mac, quanta: [] }, zone, asked);
  }
});

test('a transfer keeps the version it began with', () => {
  const world = new FrontWorld({ rules: [rule('all')] });
  const zone = ZONES[2] as Zone;
  world.serve('example.org', APEX, zone.records, 7, zone.frameSize);
  const outcome = world.ask(request({ hasOpt: false, isSigned: false, rd: false }).message);
  assert.ok(outcome.kind === 'transfer');
  const stream = new TransferStream(outcome.transfer, 1, SECONDS * 1000);
  const pieces: Buffer[] = [];
  const sink = { write: (piece: Uint8Array) => pieces.push(Buffer.from(piece)) };
  stream.writeQuantum(sink, SECONDS);

  world.zones.set('example.org', { kind: 'expired' }, []);

  while (!stream.writeQuantum(sink, SECONDS));
  const records = splitMessages(Buffer.concat(pieces)).flatMap((message) => decodeMessage(message).answers);
  assert.equal(records.length, zone.records.length + 2);
});
