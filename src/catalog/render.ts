/** A catalog zone of ours as records (RFC 9432 §4), in the form of an AXFR: what a version is made from. */
import { createHash } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { lowerName, nameFromText } from '../wire/name.ts';
import { TYPE } from '../wire/registry.ts';
import { FileStream } from '../zone/file-stream.ts';

export interface ListedZone {
  /** `zoneLabel`. */
  readonly zone: string;
  readonly group: string | undefined;
}

/** Nobody asks it for addresses: TTLs are of no use, and the timers are those of a zone that is told of by NOTIFY. */
const TTL = 0;
const TIMERS = [3600, 600, 2_419_200, 0] as const;
const INVALID = wireName('invalid.');
const LABEL_DIGITS = 32;

/** The same for a zone for ever, so that no consumer begins it anew (§5.4). */
export function uniqueLabel(zone: string): string {
  return createHash('sha256')
    .update(lowerName(wireName(zone)))
    .digest('hex')
    .slice(0, LABEL_DIGITS);
}

/** `apex`: wire form. Length-prefixed messages. */
export function renderCatalog(apex: Bytes, serial: number, zones: Iterable<ListedZone>): Uint8Array<ArrayBuffer> {
  const stream = new FileStream(apex);
  stream.add(apex, TYPE.SOA, TTL, soaRdata(serial));
  stream.add(apex, TYPE.NS, TTL, INVALID);
  stream.add(wireName('version', apex), TYPE.TXT, TTL, txtRdata('2'));
  for (const { zone, group } of zones) {
    const member = `${uniqueLabel(zone)}.zones`;
    stream.add(wireName(member, apex), TYPE.PTR, TTL, wireName(zone));
    if (group !== undefined) stream.add(wireName(`group.${member}`, apex), TYPE.TXT, TTL, txtRdata(group));
  }
  return stream.finish() as Uint8Array<ArrayBuffer>;
}

function soaRdata(serial: number): Uint8Array {
  const rdata = new Uint8Array(INVALID.length * 2 + 20);
  rdata.set(INVALID);
  rdata.set(INVALID, INVALID.length);
  const view = new DataView(rdata.buffer, INVALID.length * 2);
  for (const [i, value] of [serial, ...TIMERS].entries()) view.setUint32(i * 4, value);
  return rdata;
}

function txtRdata(text: string): Uint8Array {
  const octets = Buffer.from(text, 'latin1');
  return Uint8Array.of(octets.length, ...octets);
}

/** Names here were checked when they came. */
function wireName(text: string, origin?: Bytes): Uint8Array<ArrayBuffer> {
  const name = nameFromText(text, origin);
  if (!name.ok) throw new Error(`${text} was checked to be a name`);
  return name.value;
}
