import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type TransferFailure,
  TransferInterpreter,
  type TransferKind,
  type TransferState,
} from '../../../src/xfr/interpreter.ts';

/** A number is the SOA record with that serial, `r` another record, `|` the end of a message. */
type Input = number | 'r' | '|';

interface Case {
  readonly what: string;
  readonly kind: TransferKind;
  readonly known?: number;
  readonly input: readonly Input[];
  /** After each input. */
  readonly states: readonly TransferState[];
  readonly failure?: TransferFailure;
  readonly isCurrent?: boolean;
}

const CASES: readonly Case[] = [
  {
    what: 'a zone in one message',
    kind: 'AXFR',
    input: [5, 'r', 'r', 5, '|'],
    states: ['lead', 'zone', 'zone', 'end', 'end'],
  },
  {
    what: 'a zone of one record a message',
    kind: 'AXFR',
    input: [5, '|', 'r', '|', 'r', '|', 5, '|'],
    states: ['lead', 'lead', 'zone', 'zone', 'zone', 'zone', 'end', 'end'],
  },
  { what: 'a zone of a SOA only', kind: 'AXFR', input: [5, 5], states: ['lead', 'end'] },
  {
    what: 'messages without records',
    kind: 'AXFR',
    input: ['|', 5, '|', '|'],
    states: ['start', 'lead', 'lead', 'lead'],
  },
  { what: 'a record first', kind: 'AXFR', input: ['r'], states: ['failed'], failure: 'NO_FIRST_SOA' },
  {
    what: 'a zone that ends with another serial',
    kind: 'AXFR',
    input: [5, 'r', 6],
    states: ['lead', 'zone', 'failed'],
    failure: 'SERIAL_CHANGED',
  },
  { what: 'two different SOAs', kind: 'AXFR', input: [5, 4], states: ['lead', 'failed'], failure: 'SERIAL_CHANGED' },
  {
    what: 'a record after the end',
    kind: 'AXFR',
    input: [5, 5, 'r'],
    states: ['lead', 'end', 'failed'],
    failure: 'RECORD_AFTER_END',
  },
  {
    what: 'a SOA after the end',
    kind: 'AXFR',
    input: [5, 'r', 5, 5],
    states: ['lead', 'zone', 'end', 'failed'],
    failure: 'RECORD_AFTER_END',
  },
  {
    what: 'anything after a failure',
    kind: 'AXFR',
    input: ['r', 5, 'r', '|'],
    states: ['failed', 'failed', 'failed', 'failed'],
    failure: 'NO_FIRST_SOA',
  },
  {
    what: 'an IXFR in AXFR style',
    kind: 'IXFR',
    known: 3,
    input: [5, 'r', 'r', 5, '|'],
    states: ['lead', 'zone', 'zone', 'end', 'end'],
  },
  {
    what: 'an IXFR of one step',
    kind: 'IXFR',
    known: 3,
    input: [5, 3, 'r', 5, 'r', 'r', 5, '|'],
    states: ['lead', 'deleting', 'deleting', 'adding', 'adding', 'adding', 'end', 'end'],
  },
  {
    what: 'an IXFR of two steps',
    kind: 'IXFR',
    known: 3,
    input: [5, 3, 'r', 4, 'r', 4, 'r', 5, 'r', 5],
    states: ['lead', 'deleting', 'deleting', 'adding', 'adding', 'deleting', 'deleting', 'adding', 'adding', 'end'],
  },
  {
    what: 'an IXFR that deletes nothing and adds nothing',
    kind: 'IXFR',
    known: 3,
    input: [5, 3, 5, 5],
    states: ['lead', 'deleting', 'adding', 'end'],
  },
  {
    what: 'an IXFR of one record a message',
    kind: 'IXFR',
    known: 3,
    input: [5, '|', 3, '|', 'r', '|', 5, '|', 'r', '|', 5, '|'],
    states: [
      'lead',
      'lead',
      'deleting',
      'deleting',
      'deleting',
      'deleting',
      'adding',
      'adding',
      'adding',
      'adding',
      'end',
      'end',
    ],
  },
  {
    what: 'an IXFR that begins elsewhere',
    kind: 'IXFR',
    known: 3,
    input: [5, 2],
    states: ['lead', 'failed'],
    failure: 'SERIAL_GAP',
  },
  {
    what: 'an IXFR with a gap between two steps',
    kind: 'IXFR',
    known: 3,
    input: [6, 3, 'r', 4, 'r', 5],
    states: ['lead', 'deleting', 'deleting', 'adding', 'adding', 'failed'],
    failure: 'SERIAL_GAP',
  },
  {
    what: 'an IXFR that leads back',
    kind: 'IXFR',
    known: 6,
    input: [5, 6],
    states: ['lead', 'failed'],
    failure: 'NOT_NEWER',
  },
  { what: 'an IXFR when current', kind: 'IXFR', known: 5, input: [5, '|'], states: ['lead', 'end'], isCurrent: true },
  { what: 'an IXFR when ahead', kind: 'IXFR', known: 6, input: [5, '|'], states: ['lead', 'end'], isCurrent: true },
  {
    what: 'an IXFR at the distance without an order',
    kind: 'IXFR',
    known: 0x8000_0005,
    input: [5, '|'],
    states: ['lead', 'end'],
    isCurrent: true,
  },
  {
    what: 'an IXFR over the wrap',
    kind: 'IXFR',
    known: 0xffff_fffe,
    input: [5, '|', 0xffff_fffe],
    states: ['lead', 'lead', 'deleting'],
  },
  {
    what: 'an IXFR from nowhere',
    kind: 'IXFR',
    input: [5, '|'],
    states: ['lead', 'failed'],
    failure: 'NO_KNOWN_SERIAL',
  },
  { what: 'an IXFR of the SOA twice', kind: 'IXFR', known: 3, input: [5, 5], states: ['lead', 'end'] },
];

for (const { what, kind, known, input, states, failure, isCurrent = false } of CASES) {
  test(`${what}: ${states.join(', ')}`, () => {
    const interpreter = new TransferInterpreter(kind, known);

    const given = input.map((one) =>
      one === '|' ? interpreter.endOfMessage() : one === 'r' ? interpreter.record() : interpreter.soa(one),
    );

    assert.deepEqual(given, states);
    assert.equal(interpreter.state, states.at(-1));
    assert.equal(interpreter.failure, failure);
    assert.equal(interpreter.isCurrent, isCurrent);
  });
}

test('a part of an AXFR that is not its beginning ends with a SOA, whatever its serial', () => {
  const interpreter = TransferInterpreter.inZone();

  assert.deepEqual(
    [interpreter.record(), interpreter.endOfMessage(), interpreter.soa(77), interpreter.record()],
    ['zone', 'zone', 'end', 'failed'],
  );
});
