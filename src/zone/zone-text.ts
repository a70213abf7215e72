/** A version as a zone file, in pieces: what an external check is given to read. */
import type { Bytes } from '../base/bytes.ts';
import { recordToText } from '../wire/presentation/print.ts';
import { CLASS } from '../wire/registry.ts';
import type { RecordReader } from './record-reader.ts';
import type { VersionReader } from './version.ts';
import { readOne, VersionWalk } from './version-walk.ts';

/** Octets of a piece, about: a pipe takes as many at once. */
const PIECE = 1 << 16;

/** One record a line, the SOA first, then canonical order; names absolute, every TTL and class there. */
export function* zoneText(version: VersionReader, apex: Bytes, soaRecord: Bytes): Generator<Buffer> {
  // An octet a character: text of records has no others, as everything else is escaped.
  let piece = lineOf(readOne(soaRecord, apex));
  const walk = new VersionWalk(version, apex);
  while (walk.next()) {
    piece += lineOf(walk.reader);
    if (piece.length < PIECE) continue;
    yield Buffer.from(piece, 'latin1');
    piece = '';
  }
  if (piece !== '') yield Buffer.from(piece, 'latin1');
}

function lineOf(reader: RecordReader): string {
  const owner = reader.owner.subarray(0, reader.ownerLength);
  const rdata = reader.rdataBytes.subarray(reader.rdataStart, reader.rdataStart + reader.rdataLength);
  return `${recordToText(owner, reader.ttl, CLASS.IN, reader.type, rdata)}\n`;
}
