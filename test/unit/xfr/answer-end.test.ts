import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerEnd } from '../../../src/xfr/answer-end.ts';
import { labels, type RawRecord, rawMessage, rawQuestion, rawRecord } from '../../support/raw-messages.ts';
import { zoneSoa } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
const soa = (serial: number): RawRecord => zoneSoa(APEX, serial);
const host = (name: string): RawRecord => ({
  owner: labels(name, 'example', 'org'),
  type: 1,
  ttl: 60,
  rdata: Buffer.from([192, 0, 2, 1]),
});
const message = (...records: RawRecord[]): Buffer =>
  rawMessage({ id: 7, flags: 0x8400, questions: [rawQuestion(APEX, 252)], answers: records.map(rawRecord) });

type Case = readonly [
  what: string,
  type: 'SOA' | 'AXFR' | 'IXFR',
  known: number | undefined,
  messages: readonly Buffer[],
  states: string,
  sentAs: string,
];
const CASES: readonly Case[] = [
  ['a SOA query', 'SOA', undefined, [message(soa(3))], 'end', 'SOA'],
  ['an AXFR of one message', 'AXFR', undefined, [message(soa(3), host('a'), soa(3))], 'end', 'AXFR'],
  [
    'an AXFR of three',
    'AXFR',
    undefined,
    [message(soa(3)), message(host('a')), message(soa(3))],
    'more more end',
    'AXFR',
  ],
  ['a zone of a SOA alone', 'AXFR', undefined, [message(soa(3)), message(soa(3))], 'more end', 'AXFR'],
  ['an IXFR of a client that is current', 'IXFR', 3, [message(soa(3))], 'end', 'SOA'],
  [
    'an IXFR to whom a SOA alone begins',
    'IXFR',
    2,
    [message(soa(3)), message(soa(2), host('a'), soa(3), soa(3))],
    'more end',
    'IXFR',
  ],
  [
    'an IXFR of two steps',
    'IXFR',
    1,
    [message(soa(3), soa(1), soa(2), soa(2), host('b'), soa(3), soa(3))],
    'end',
    'IXFR',
  ],
  ['an IXFR answered by the zone', 'IXFR', 1, [message(soa(3), host('a')), message(soa(3))], 'more end', 'AXFR'],
  ['no SOA in front', 'AXFR', undefined, [message(host('a'))], 'broken', 'SOA'],
  ['another serial at the end', 'AXFR', undefined, [message(soa(3), host('a'), soa(4))], 'broken', 'AXFR'],
  ['another id', 'AXFR', undefined, [rawMessage({ id: 8, flags: 0x8400 })], 'broken', 'SOA'],
  ['a query', 'AXFR', undefined, [rawMessage({ id: 7 })], 'broken', 'SOA'],
  ['what is cut short', 'AXFR', undefined, [message(soa(3), host('a')).subarray(0, -2)], 'broken', 'SOA'],
  ['a refusal', 'AXFR', undefined, [rawMessage({ id: 7, flags: 0x8005 })], 'end', 'SOA'],
];

for (const [what, type, known, messages, states, sentAs] of CASES) {
  test(`${what}: ${states}`, () => {
    const end = new AnswerEnd(type, 7, known);

    const seen = messages.map((one) => end.take(one));

    assert.equal(seen.join(' '), states);
    if (!states.endsWith('broken')) assert.equal(end.sentAs, sentAs);
  });
}

test('serial, records and response code are known at the end', () => {
  const whole = new AnswerEnd('AXFR', 7);
  whole.take(message(soa(3), host('a'), host('b'), soa(3)));
  const refused = new AnswerEnd('AXFR', 7);
  refused.take(rawMessage({ id: 7, flags: 0x8005 }));

  assert.deepEqual([whole.serial, whole.records, whole.rcode], [3, 4, 0]);
  assert.deepEqual([refused.serial, refused.rcode], [undefined, 5]);
});
