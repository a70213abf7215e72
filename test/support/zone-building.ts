/** Takes records through the ways in that the service takes them: batches of messages, then a version. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Assembled, assembleVersion } from '../../src/xfr/assemble.ts';
import { type Batch, type BatchOptions, type BatchResult, ingestBatch } from '../../src/xfr/ingest.ts';
import type { IxfrOptions } from '../../src/xfr/ixfr-change.ts';
import { FrameList } from '../../src/zone/frame-list.ts';
import type { Run } from '../../src/zone/run-writer.ts';
import { newSlabIds, SlabDirectory, SlabWriter } from '../../src/zone/slab.ts';
import { VersionReader } from '../../src/zone/version.ts';
import { canonicalRdata, compareRecords, type DecodedRecord, decodeMessage, lowerOctets } from './message-decoder.ts';
import { compressedAnswer, framed, type RawRecord, rawMessage, rawRecord, u32 } from './raw-messages.ts';
import { wireName } from './transfer-messages.ts';

export const BATCH_ID = 0x2b1d;

/** A thread's slabs. */
export class Bench {
  readonly directory = new SlabDirectory();
  readonly slabs = new SlabWriter(this.directory);
  readonly ids = newSlabIds();

  constructor() {
    this.slabs.begin(this.ids, []);
  }

  batch(
    stream: Buffer,
    options: Partial<BatchOptions> & Pick<BatchOptions, 'apex'>,
    base?: VersionReader,
  ): BatchResult {
    return this.batchAt(stream, 0, stream.length, options, base);
  }

  /** The messages that lie in `bytes[start..end]`. */
  batchAt(
    bytes: Buffer,
    start: number,
    end: number,
    options: Partial<BatchOptions> & Pick<BatchOptions, 'apex'>,
    base?: VersionReader,
  ): BatchResult {
    const defaults = { frameSize: 16_000, id: BATCH_ID, query: 'AXFR', isFirst: true, outOfZone: 'reject' } as const;
    return ingestBatch(bytes, start, end, { ...defaults, tsig: undefined, now: 0, ...options }, this.slabs, base);
  }

  /** Batches that must be taken in. */
  batches(
    streams: readonly Buffer[],
    options: Partial<BatchOptions> & Pick<BatchOptions, 'apex'>,
    base?: VersionReader,
  ): Batch[] {
    return streams.map((stream, i) => {
      const result = this.batch(stream, { ...options, isFirst: i === 0 }, base);
      assert.ok(result.ok, result.ok ? '' : `${result.failure.code}: ${result.failure.text}`);
      return result.batch;
    });
  }

  assemble(batches: readonly Batch[], apex: Buffer, frameSize: number): Assembled {
    const soa = batches[0]?.firstSoa;
    assert.ok(soa !== undefined);
    const runs = batches.flatMap(({ run }) => (run === undefined ? [] : [run]));
    return assembleVersion({ id: 1, apex, frameSize, soa, runs }, this.slabs, this.directory);
  }

  frames({ version }: Pick<Assembled, 'version'>): ReadFrame[] {
    const reader = new VersionReader(version.root, this.directory);
    return Array.from({ length: reader.pageCount }, (_, p) => this.#read(reader.page(p))).flat();
  }

  runFrames(run: Run): ReadFrame[] {
    return this.#read(new FrameList(run.frames));
  }

  #read(list: FrameList): ReadFrame[] {
    return Array.from({ length: list.length }, (_, i) => {
      const { slab, offset, length, records, fence, hash } = list.entry(i);
      const octets = Buffer.from(this.directory.view({ slab, offset, length }));
      return { octets, records, fence: Buffer.from(fence), hash: Buffer.from(hash) };
    });
  }
}

export interface ReadFrame {
  /** Length prefix included. */
  readonly octets: Buffer;
  readonly records: number;
  readonly fence: Buffer;
  readonly hash: Buffer;
}

export const zoneSoa = (apex: Buffer, serial = 1): RawRecord => ({
  owner: apex,
  type: 6,
  ttl: 3600,
  rdata: Buffer.concat([wireName('ns1.example.org'), wireName('Hostmaster.example.org'), u32(serial, 1, 2, 3, 4)]),
});

/** One message a group of records, length in front, names compressed or not. */
export const streamOf = (groups: readonly (readonly RawRecord[])[], isCompressed: boolean, id = BATCH_ID): Buffer =>
  Buffer.concat(
    groups.map((records) =>
      framed(
        isCompressed
          ? compressedAnswer(id, records)
          : rawMessage({ id, flags: 0x8400, answers: records.map(rawRecord) }),
      ),
    ),
  );

/** The sort key of a record, by the words of DESIGN.md section 1 rather than by `order.ts`. */
export function sortKey(record: Pick<RawRecord, 'owner' | 'type' | 'rdata'>, apex: Buffer): Buffer {
  const labels: Buffer[] = [];
  const owner = lowerOctets(record.owner);
  for (let at = 0; at < owner.length - apex.length; at += 1 + owner.readUInt8(at)) {
    labels.unshift(owner.subarray(at + 1, at + 1 + owner.readUInt8(at)));
  }
  const escaped = labels.map((label) =>
    [...label].flatMap((octet) => (octet > 1 ? [octet] : [1, octet + 1])).concat(0),
  );
  return Buffer.concat([
    Buffer.from([...escaped.flat(), 0, record.type >>> 8, record.type & 0xff]),
    canonicalRdata(record.type, record.rdata),
  ]);
}

/** Everything that must hold of the frames of a run or version, whatever is in them. Gives the records in order. */
export function checkFrames(frames: readonly ReadFrame[], apex: Buffer, frameSize: number): DecodedRecord[] {
  const all: DecodedRecord[] = [];
  frames.forEach(({ octets, records, fence, hash }, i) => {
    const message = octets.subarray(2);
    assert.equal(octets.readUInt16BE(0), message.length, 'the length prefix is wrong');
    const decoded = decodeMessage(message);
    assert.equal(decoded.id, 0);
    assert.equal(decoded.flags, 0x8400);
    assert.deepEqual([decoded.questions.length, decoded.authorities.length, decoded.additionals.length], [0, 0, 0]);
    assert.equal(decoded.answers.length, records);
    assert.ok(records > 0, 'a frame is empty');
    assert.ok(message.length <= frameSize || records === 1, `a frame of ${message.length} holds ${records} records`);
    assert.ok(!decoded.answers.some(({ type }) => type === 6), 'a SOA is in a frame');
    assert.deepEqual(hash, createHash('sha256').update(message).digest().subarray(0, 16), 'the hash is wrong');
    const [first] = decoded.answers;
    const last = all.at(-1);
    if (first !== undefined) assert.ok(Buffer.compare(fence, sortKey(first, apex)) <= 0, 'a key lies below its fence');
    if (last !== undefined)
      assert.ok(Buffer.compare(sortKey(last, apex), fence) < 0, `fence ${i} is not above the frame before`);
    all.push(...decoded.answers);
  });
  for (let i = 1; i < all.length; i++) {
    assert.ok(compareRecords(all[i - 1] as DecodedRecord, all[i] as DecodedRecord) < 0, `record ${i} is out of order`);
  }
  return all;
}

/** To read differences that follow `known`, unsigned, with the id of `streamOf`. */
export const ixfrOptions = (apex: Uint8Array, frameSize: number, known: number): IxfrOptions => ({
  apex,
  frameSize,
  id: BATCH_ID,
  query: 'IXFR',
  isFirst: true,
  tsig: undefined,
  now: 0,
  outOfZone: 'reject',
  known,
});
