/** Records as text, the way a zone file has them. */
import type { Bytes } from '../../base/bytes.ts';
import { toHex } from '../../base/bytes.ts';
import { nameToText } from '../name.ts';
import { classToText, typeToText } from '../registry.ts';
import { OctetReader } from './octets.ts';
import { fieldsOf } from './types.ts';

/** The record on one line, all names absolute, without a line end. */
export function recordToText(owner: Bytes, ttl: number, klass: number, type: number, rdata: Bytes): string {
  return `${nameToText(owner)}\t${ttl}\t${classToText(klass)}\t${typeToText(type)}\t${rdataToText(type, rdata)}`;
}

/** Uncompressed rdata as text; `\# n hex` (RFC 3597 §5) where the type is unknown or the octets are not valid for it. */
export function rdataToText(type: number, rdata: Bytes): string {
  return rdataByFields(type, rdata) ?? `\\# ${rdata.length} ${toHex(rdata)}`.trimEnd();
}

/** The text by the type's own fields; undefined where it has none or the octets do not follow them. */
export function rdataByFields(type: number, rdata: Bytes): string | undefined {
  const fields = fieldsOf(type);
  if (fields === undefined) return undefined;
  const reader = new OctetReader(rdata);
  const texts: string[] = [];
  for (const field of fields) {
    const text = field.print(reader);
    if (reader.failed) return undefined;
    if (text !== '') texts.push(text);
  }
  return reader.left === 0 ? texts.join(' ') : undefined;
}
