/** Decode, order check and re-encode of 1,000,000 records in one thread: DESIGN.md asks for 4.5 million a second. */
import { assembleVersion } from '../../src/xfr/assemble.ts';
import { ingestBatch } from '../../src/xfr/ingest.ts';
import { newSlabIds, SlabDirectory, SlabWriter } from '../../src/zone/slab.ts';
import { axfrStream } from '../support/synthetic.ts';

const RECORDS = 1_000_000;
const stream = axfrStream('example.org', RECORDS);
const apex = Buffer.from('\x07example\x03org\x00', 'latin1');
for (let round = 0; round < 7; round++) {
  const directory = new SlabDirectory();
  const slabs = new SlabWriter(directory);
  slabs.begin(newSlabIds(), []);
  const started = performance.now();
  const result = ingestBatch(
    stream,
    0,
    stream.length,
    { apex, frameSize: 16_000, query: 'AXFR', id: 7, isFirst: true, outOfZone: 'reject', tsig: undefined, now: 0 },
    slabs,
  );
  const parsed = performance.now();
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  const { run, firstSoa, lastSoa } = result.batch;
  if (run === undefined || firstSoa === undefined || lastSoa === undefined) throw new Error('no zone');
  const { version } = assembleVersion({ id: 1, apex, frameSize: 16_000, soa: firstSoa, runs: [run] }, slabs, directory);
  const done = performance.now();
  const rate = RECORDS / (parsed - started) / 1000;
  console.log(
    `${rate.toFixed(2)} M records/s, assemble ${(done - parsed).toFixed(1)} ms, ${version.records} records, ` +
      `${version.frames} frames, ${version.octets} octets from ${stream.length}`,
  );
}
