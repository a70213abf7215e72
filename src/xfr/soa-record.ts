/** The SOA record of a zone, apart from its place in a transfer. */
import { type Bytes, equalBytes } from '../base/bytes.ts';
import { lowerName } from '../wire/name.ts';
import { CLASS, TYPE } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import { Writer } from '../wire/writer.ts';

/** As it came: case kept, names in the rdata expanded. */
export interface SoaRecord {
  readonly owner: Uint8Array<ArrayBuffer>;
  readonly ttl: number;
  readonly rdata: Uint8Array<ArrayBuffer>;
  readonly serial: number;
}

/** The whole record, uncompressed. */
export function writeSoaRecord(soa: SoaRecord): Uint8Array<ArrayBuffer> {
  return new Writer(soa.owner.length + 10 + soa.rdata.length)
    .octets(soa.owner)
    .uint16(TYPE.SOA)
    .uint16(CLASS.IN)
    .uint32(soa.ttl)
    .uint16(soa.rdata.length)
    .octets(soa.rdata)
    .view();
}

/** What `writeSoaRecord` wrote. */
export function readSoaRecord(record: Bytes): SoaRecord {
  let end = 0;
  while (record[end] !== 0) end += (record[end] as number) + 1;
  const owner = new Uint8Array(record.subarray(0, end + 1));
  const ttl = new DataView(record.buffer, record.byteOffset + end + 5, 4).getUint32(0);
  const rdata = new Uint8Array(record.subarray(end + 11));
  return { owner, ttl, rdata, serial: readSoaTimers(rdata)?.serial ?? 0 };
}

export function withSerial(soa: SoaRecord, serial: number): SoaRecord {
  const rdata = new Uint8Array(soa.rdata);
  new DataView(rdata.buffer, rdata.length - 20, 4).setUint32(0, serial);
  return { ...soa, rdata, serial };
}

/** The same record, whatever the case of its names: a server may spell one as the question does, and as its zone does. */
export function isSameSoa(a: Pick<SoaRecord, 'ttl' | 'rdata'>, b: Pick<SoaRecord, 'ttl' | 'rdata'>): boolean {
  const names = a.rdata.length - NUMBERS;
  return (
    a.ttl === b.ttl &&
    equalBytes(a.rdata.subarray(names), b.rdata.subarray(-NUMBERS)) &&
    equalBytes(lowerName(a.rdata.subarray(0, names)), lowerName(b.rdata.subarray(0, -NUMBERS)))
  );
}

/** Octets of serial and timers. */
const NUMBERS = 20;
