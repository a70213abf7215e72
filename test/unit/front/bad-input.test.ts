/** INTERFACE.md, "What bad input gets": each row, and that the first row that fits wins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AXFR,
  answerOf,
  ask,
  expired,
  IXFR,
  KEY,
  loading,
  macOf,
  messageOf,
  NOTIFY,
  optOfVersion1,
  SOA,
  STRANGER,
  sign,
  soaOf,
  UNKNOWN_KEY,
  unheld,
  withOpt,
  world,
  ZONE,
} from '../../support/bad-input.ts';
import { peer, SECONDS } from '../../support/front-world.ts';
import { labels, rawMessage, rawQuestion } from '../../support/raw-messages.ts';
import { optRecord } from '../../support/transfer-messages.ts';
import { TestVerifier } from '../../support/tsig-messages.ts';
import { testKey } from '../../support/tsig-vectors.ts';

interface Row {
  readonly rcode: number;
  readonly ede?: number;
  /** Error of a TSIG record without a MAC. */
  readonly unsigned?: number;
  /** Error of a TSIG record whose MAC holds. */
  readonly signed?: number;
  readonly why: string;
}

/** Where a row says nothing else. */
const EDE_OF: Readonly<Record<string, number>> = {
  malformed: 0,
  'bad-version': 0,
  'not-implemented': 21,
  'bad-key': 0,
  'bad-signature': 0,
  'bad-time': 0,
  'bad-truncation': 0,
};

const TABLE: readonly [string, Buffer, Row, ReturnType<typeof peer>?][] = [
  // Malformed.
  [
    'two questions',
    ask(AXFR, ZONE, { questions: [1, 2].map(() => rawQuestion(ZONE, AXFR)) }),
    { rcode: 1, why: 'malformed' },
  ],
  ['no question', rawMessage({ id: 0xbeef }), { rcode: 1, why: 'malformed' }],
  ['two OPTs', ask(AXFR, ZONE, { additionals: [optRecord(), optRecord()] }), { rcode: 1, why: 'malformed' }],
  ['a message that is cut', ask(AXFR, ZONE, withOpt).subarray(0, -1), { rcode: 1, why: 'malformed' }],
  ['octets behind it', ask(AXFR, ZONE, { trailing: Buffer.of(0) }), { rcode: 1, why: 'malformed' }],
  ['TSIG twice', sign(sign(ask(AXFR))), { rcode: 1, why: 'malformed' }],
  ['a MAC of nine octets', sign(ask(AXFR), { macLength: 9 }), { rcode: 1, why: 'malformed' }],
  ['a MAC of 33 octets', sign(ask(AXFR, ZONE, withOpt), { macLength: 33 }), { rcode: 1, why: 'malformed' }],
  ['AXFR over UDP', ask(AXFR, ZONE, withOpt), { rcode: 1, why: 'malformed' }, peer('192.0.2.1', 'udp')],
  ['IXFR without its SOA', ask(IXFR, ZONE, withOpt), { rcode: 1, why: 'malformed' }],
  [
    'a MAC of nine octets, from a stranger',
    sign(ask(AXFR), { macLength: 9 }),
    { rcode: 1, why: 'malformed' },
    STRANGER,
  ],
  [
    'a MAC of nine octets, of an unknown key',
    sign(ask(AXFR), { macLength: 9 }, UNKNOWN_KEY),
    { rcode: 1, why: 'malformed' },
  ],
  [
    'AXFR over UDP in EDNS version 1',
    ask(AXFR, ZONE, { additionals: [optOfVersion1()] }),
    { rcode: 1, why: 'malformed' },
    peer('192.0.2.1', 'udp'),
  ],
  [
    'IXFR without its SOA in EDNS version 1',
    ask(IXFR, ZONE, { additionals: [optOfVersion1()] }),
    { rcode: 1, why: 'malformed' },
  ],
  [
    'IXFR without its SOA, of another class',
    ask(IXFR, ZONE, { questions: [rawQuestion(ZONE, IXFR, 3)] }),
    { rcode: 1, why: 'malformed' },
  ],
  // EDNS version.
  ['EDNS version 1', ask(AXFR, ZONE, { additionals: [optOfVersion1()] }), { rcode: 16, why: 'bad-version' }],
  [
    'EDNS version 1 with another opcode',
    ask(SOA, ZONE, { flags: 0x2800, additionals: [optOfVersion1()] }),
    { rcode: 16, why: 'bad-version' },
  ],
  [
    'EDNS version 1 from a stranger',
    ask(SOA, ZONE, { additionals: [optOfVersion1()] }),
    { rcode: 16, why: 'bad-version' },
    STRANGER,
  ],
  // Opcode, type, class.
  ['UPDATE', ask(SOA, ZONE, { flags: 0x2800, ...withOpt }), { rcode: 4, why: 'not-implemented' }],
  [
    'an opcode without a question, from a stranger',
    rawMessage({ id: 0xbeef, flags: 0x3000 }),
    { rcode: 4, why: 'not-implemented' },
    STRANGER,
  ],
  ['type A', ask(1, ZONE, withOpt), { rcode: 5, ede: 21, why: 'not-supported' }],
  ['type ANY from a stranger', ask(255, ZONE, withOpt), { rcode: 5, ede: 21, why: 'not-supported' }, STRANGER],
  [
    'class CH',
    ask(SOA, ZONE, { questions: [rawQuestion(ZONE, SOA, 3)], ...withOpt }),
    { rcode: 5, ede: 21, why: 'not-supported' },
  ],
  ['NOTIFY of another type', ask(1, ZONE, { flags: NOTIFY, ...withOpt }), { rcode: 5, ede: 21, why: 'not-supported' }],
  // Source and transport.
  ['a stranger', ask(AXFR, ZONE, withOpt), { rcode: 5, ede: 18, why: 'no-rule' }, STRANGER],
  ['a stranger, without OPT', ask(AXFR), { rcode: 5, why: 'no-rule' }, STRANGER],
  ['a stranger, for a zone not held', ask(AXFR, unheld, withOpt), { rcode: 5, ede: 18, why: 'no-rule' }, STRANGER],
  [
    'a stranger with a wrong MAC',
    sign(ask(AXFR, ZONE, withOpt), {}, { ...KEY, secret: Buffer.alloc(1) }),
    { rcode: 5, ede: 18, why: 'no-rule' },
    STRANGER,
  ],
  [
    'NOTIFY from elsewhere',
    ask(SOA, ZONE, { flags: NOTIFY, ...withOpt }),
    { rcode: 5, ede: 18, why: 'no-rule' },
    STRANGER,
  ],
  // TSIG.
  ['an unknown key', sign(ask(AXFR), {}, UNKNOWN_KEY), { rcode: 9, unsigned: 17, why: 'bad-key' }],
  [
    'a wrong MAC',
    sign(ask(AXFR, ZONE, withOpt), {}, { ...KEY, secret: Buffer.alloc(1) }),
    { rcode: 9, unsigned: 16, why: 'bad-signature' },
  ],
  ['a time too late', sign(ask(AXFR), { time: SECONDS - 301 }), { rcode: 9, signed: 18, why: 'bad-time' }],
  [
    'a time too early',
    sign(ask(AXFR, ZONE, withOpt), { time: SECONDS + 301 }),
    { rcode: 9, signed: 18, why: 'bad-time' },
  ],
  ['a truncated MAC', sign(ask(AXFR), { macLength: 16 }), { rcode: 9, signed: 22, why: 'bad-truncation' }],
  [
    'a wrong MAC for a zone not held',
    sign(ask(AXFR, unheld), {}, UNKNOWN_KEY),
    { rcode: 9, unsigned: 17, why: 'bad-key' },
  ],
  [
    'a wrong MAC from a banned source',
    sign(ask(AXFR), {}, UNKNOWN_KEY),
    { rcode: 9, unsigned: 17, why: 'bad-key' },
    peer('192.0.2.66'),
  ],
  // Rules.
  ['a banned source', ask(AXFR, ZONE, withOpt), { rcode: 5, ede: 18, why: 'rule' }, peer('192.0.2.66')],
  [
    'a banned source, signed',
    sign(ask(AXFR, ZONE, withOpt)),
    { rcode: 5, ede: 18, signed: 0, why: 'rule' },
    peer('192.0.2.66'),
  ],
  ['a zone not allowed', ask(AXFR, labels('example', 'net'), withOpt), { rcode: 5, ede: 18, why: 'no-rule' }],
  ['a zone not allowed, signed', sign(ask(AXFR, labels('example', 'net'))), { rcode: 5, signed: 0, why: 'no-rule' }],
  ['the right source for a zone not held', ask(AXFR, unheld, withOpt), { rcode: 9, ede: 20, why: 'unknown-zone' }],
  ['the same, signed', sign(ask(SOA, unheld, withOpt)), { rcode: 9, ede: 20, signed: 0, why: 'unknown-zone' }],
  [
    'NOTIFY for a zone not held',
    ask(SOA, unheld, { flags: NOTIFY, ...withOpt }),
    { rcode: 9, ede: 20, why: 'unknown-zone' },
  ],
  // State.
  ['a zone not loaded yet', ask(AXFR, loading, withOpt), { rcode: 2, ede: 14, why: 'not-ready' }],
  [
    'a zone not loaded yet, signed',
    sign(ask(SOA, loading, withOpt)),
    { rcode: 2, ede: 14, signed: 0, why: 'not-ready' },
  ],
  ['an expired zone', ask(SOA, expired, withOpt), { rcode: 2, ede: 24, why: 'expired' }],
  ['an expired zone, without OPT', ask(IXFR, expired, { authorities: [soaOf(1)] }), { rcode: 2, why: 'expired' }],
];

for (const [what, request, expected, from = peer()] of TABLE) {
  test(`${what}: response code ${expected.rcode}, ${expected.why}`, () => {
    const outcome = world().ask(request, from);

    const { rcode, opt, tsig, decoded } = answerOf(outcome);
    assert.equal(rcode, expected.rcode);
    // In every refusal whose query had OPT.
    assert.equal(opt?.ede?.code, opt && (expected.ede ?? EDE_OF[expected.why]));
    assert.equal(decoded.id, 0xbeef);
    assert.equal(
      decoded.flags & 0x7ff0,
      request.readUInt16BE(2) & 0x7800,
      'the opcode comes back, AA and the rest do not',
    );
    assert.ok(decoded.flags >>> 15 === 1);
    assert.equal(outcome.kind === 'answer' ? outcome.refusal?.why : undefined, expected.why);
    assert.deepEqual([decoded.answers.length, decoded.authorities.length], [0, 0]);
    if (expected.signed !== undefined) {
      assert.equal(
        new TestVerifier(testKey(KEY), macOf(request)).take(Buffer.from(messageOf(outcome))).error,
        expected.signed,
      );
    } else if (expected.unsigned !== undefined) {
      assert.deepEqual([tsig?.error, tsig?.mac.length], [expected.unsigned, 0]);
    } else assert.equal(tsig, undefined);
    if (opt !== undefined) assert.ok(request.includes(Buffer.from('000029', 'hex')), 'the query had no OPT');
  });
}
