/** Whatever records a zone has, and whatever changed in it: every format says the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TransferFormat } from '../../src/wire/transfer-format.ts';
import type { TransferAnswer } from '../../src/xfr/transfer-answer.ts';
import { renderZone } from '../../src/xfr/zone-render.ts';
import { usageOfVersion } from '../../src/zone/usage.ts';
import { VersionReader } from '../../src/zone/version.ts';
import { compareRecords, type DecodedMessage, type DecodedRecord, decodeMessage } from '../support/message-decoder.ts';
import { labels, type RawRecord } from '../support/raw-messages.ts';
import { record } from '../support/zone-arbitraries.ts';
import { Bench, checkFrames, streamOf, zoneSoa } from '../support/zone-building.ts';

const APEX = labels('example', 'org');
const FRAME_SIZE = 600;

const plain = ({ owner, type, ttl, rdata }: DecodedRecord) => ({ owner, type, ttl, rdata });

/** The messages of an answer, with what is told of it checked. */
function messagesOf(bench: Bench, answer: TransferAnswer): { octets: number; decoded: DecodedMessage }[] {
  const reader = new VersionReader(answer.root, bench.directory);
  const messages = [...reader.messages()].map((octets) => ({ octets: octets.length, decoded: decodeMessage(octets) }));
  assert.equal(answer.count, messages.length);
  assert.equal(
    answer.octets,
    messages.reduce((sum, { octets }) => sum + octets + 2, 0),
  );
  assert.equal(
    answer.records,
    messages.reduce((sum, { decoded }) => sum + decoded.answers.length, 0),
  );
  assert.deepEqual(answer.usage, usageOfVersion({ reader, single: undefined }));
  messages.forEach(({ decoded }, i) => {
    assert.deepEqual(decoded.questions, i === 0 ? [{ name: APEX, type: 252, class: 1 }] : []);
    assert.equal(decoded.flags, 0x8400);
  });
  return messages;
}

/** A zone in a format, and its records as it is kept. */
function render(records: readonly RawRecord[], format: TransferFormat) {
  const bench = new Bench();
  const stream = streamOf([[zoneSoa(APEX)], ...records.map((one) => [one]), [zoneSoa(APEX)]], false);
  const made = bench.assemble(bench.batches([stream], { apex: APEX, frameSize: FRAME_SIZE }), APEX, FRAME_SIZE);
  const kept = checkFrames(bench.frames(made), APEX, FRAME_SIZE);
  const options = { apex: APEX, frameSize: FRAME_SIZE, format };
  return { kept, messages: messagesOf(bench, renderZone(made.version, options, bench.slabs, bench.directory)) };
}

for (const format of ['uncompressed', 'one-answer'] as const) {
  test(`a zone that is ${format} has the records of the zone in its order, between two SOA`, () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40 }), (records) => {
        const { kept, messages } = render([...records].sort(compareRecords), format);
        const all = messages.flatMap(({ decoded }) => decoded.answers);

        assert.deepEqual(all.slice(1, -1).map(plain), kept.map(plain));
        const { owner, type, ttl, rdata } = zoneSoa(APEX);
        for (const soa of [all[0], all.at(-1)]) assert.deepEqual(soa && plain(soa), { owner, type, ttl, rdata });
        for (const { octets, decoded } of messages) {
          const { length } = decoded.answers;
          if (format === 'one-answer') assert.equal(length, 1);
          else {
            assert.deepEqual(decoded.pointers, []);
            assert.ok(octets <= FRAME_SIZE || length === 1, `${octets} octets hold ${length} records`);
          }
          const questionEnd = decoded.questions.length === 0 ? 0 : 12 + APEX.length + 4;
          assert.ok(
            decoded.pointers.every((target) => target >= questionEnd),
            'a pointer leads into the question',
          );
        }
      }),
      { numRuns: 150 },
    );
  });
}

test('more messages than are put into pages at once are all there, in order', () => {
  const records = Array.from({ length: 9_000 }, (_, i) => ({
    owner: labels(`h${100_000 + i}`, 'example', 'org'),
    type: 1,
    ttl: 60,
    rdata: Buffer.of(10, i >> 16, i >> 8, i),
  }));
  const { kept, messages } = render(records, 'one-answer');

  assert.equal(messages.length, 9_002);
  assert.deepEqual(
    messages.slice(1, -1).map(({ decoded }) => plain(decoded.answers[0] as DecodedRecord)),
    kept.map(plain),
  );
});
