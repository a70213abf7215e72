/**
 * A zone of one frame at most as a whole AXFR answer in one message: header, question, SOA, records, SOA. Made once a
 * version; per client only the id, the question's octets (their number is that of the apex) and the trailer differ, and
 * nothing points into the question, whose case is the client's (RFC 5936 §3.4).
 */
import type { Bytes } from '../base/bytes.ts';
import { HEADER_LENGTH, readHeader } from '../wire/header.ts';
import { CLASS, FLAG, TYPE } from '../wire/registry.ts';
import type { FrameEntry } from './frame-list.ts';
import { FRAME_HEAD, type FramePacker, MAX_FRAME_OCTETS } from './packer.ts';
import { RecordReader } from './record-reader.ts';
import type { SlabDirectory, SlabRange, SlabWriter } from './slab.ts';

export interface SingleSoa {
  readonly owner: Bytes;
  readonly ttl: number;
  readonly rdata: Bytes;
}

/** Undefined where the zone does not fit. The range begins with the length prefix. */
export function renderSingle(
  frame: FrameEntry | undefined,
  soa: SingleSoa,
  apex: Bytes,
  packer: FramePacker,
  slabs: SlabWriter,
  directory: SlabDirectory,
): SlabRange | undefined {
  const soaLength = soa.owner.length + 10 + soa.rdata.length;
  const most = FRAME_HEAD + apex.length + 4 + 2 * soaLength + (frame?.length ?? 0) + 256;
  if (most > MAX_FRAME_OCTETS) return undefined;
  // Names that move beyond 16 KiB can be pointed at no more: room for what that may cost.
  slabs.reserve(most + 8192);
  const out = slabs.bytes;
  const start = slabs.used;
  const view = new DataView(out.buffer, start);
  const question = FRAME_HEAD;
  out.set(apex, start + question);
  view.setUint16(question + apex.length, TYPE.AXFR);
  view.setUint16(question + apex.length + 2, CLASS.IN);
  packer.beginForeign(out, start + 2, start + question + apex.length + 4);
  const putSoa = (): number => packer.addForeign(soa.owner, false, TYPE.SOA, soa.ttl, soa.rdata, 0, soa.rdata.length);
  putSoa();
  const records = frame === undefined ? 0 : copyRecords(frame, apex, packer, directory);
  const end = putSoa();
  packer.endForeign();
  view.setUint16(0, end - start - 2);
  view.setUint16(2, 0);
  view.setUint16(4, FLAG.QR | FLAG.AA);
  view.setUint16(6, 1);
  view.setUint16(8, records + 2);
  view.setUint32(10, 0);
  return slabs.commit(end - start);
}

function copyRecords(frame: FrameEntry, apex: Bytes, packer: FramePacker, directory: SlabDirectory): number {
  const reader = new RecordReader(apex);
  reader.bytes = directory.bytes(frame.slab);
  reader.message = frame.offset + 2;
  reader.at = reader.message + HEADER_LENGTH;
  reader.end = frame.offset + frame.length;
  const records = readHeader(reader.bytes, reader.message, reader.end)?.answers ?? 0;
  for (let i = 0; i < records; i++) {
    reader.releaseScratch();
    if (!reader.head() || !reader.rdata()) throw new Error(`a frame is damaged: ${reader.failure}`);
    const isSameOwner = i > 0 && reader.ownerOrder === 0;
    packer.addForeign(
      reader.owner.subarray(0, reader.ownerLength),
      isSameOwner,
      reader.type,
      reader.ttl,
      reader.rdataBytes,
      reader.rdataStart,
      reader.rdataLength,
    );
  }
  return records;
}
