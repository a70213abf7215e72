/** What a transfer client asks (RFC 5936 §2.1, RFC 1995 §3): a question, the serial held, OPT, TSIG. */
import type { Bytes } from '../base/bytes.ts';
import type { TsigKey } from '../tsig/key.ts';
import { TsigSigner } from '../tsig/signer.ts';
import { writeHeader } from '../wire/header.ts';
import { CLASS, EDNS_OPTION, TYPE } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';

export type QueryKind = 'AXFR' | 'IXFR' | 'SOA';

export interface ClientQuery {
  /** Wire form. */
  readonly zone: Bytes;
  readonly kind: QueryKind;
  /** What we hold: needed by an IXFR, ignored otherwise. */
  readonly serial?: number | undefined;
  readonly key?: TsigKey | undefined;
  /** Undefined: no OPT record. */
  readonly edns?: EdnsQuery | undefined;
  readonly id: number;
}

export interface EdnsQuery {
  /** UDP payload size, octets. */
  readonly udpSize: number;
  /** Asks how long the zone may still be served (RFC 7314 §2). */
  readonly expire?: boolean;
  /** Asks how long the connection is kept (RFC 7828 §3.2.1); not for UDP. */
  readonly keepalive?: boolean;
}

export interface BuiltQuery {
  /** Without a length prefix. */
  readonly message: Uint8Array<ArrayBuffer>;
  /** The MAC that the answer's first MAC covers; empty without a key. */
  readonly mac: Bytes;
}

/** `now`: seconds since the epoch. */
export function buildQuery(query: ClientQuery, now: number): BuiltQuery {
  const { zone, kind, serial, edns, key, id } = query;
  const hasSerial = kind === 'IXFR' && serial !== undefined;
  const additionals = edns === undefined ? 0 : 1;
  const writer = writeHeader(new Writer(512), id, 0, { questions: 1, authorities: hasSerial ? 1 : 0, additionals })
    .octets(zone)
    .uint16(TYPE[kind])
    .uint16(CLASS.IN);
  if (hasSerial) writeSerial(writer, zone, serial);
  if (edns !== undefined) writeEdns(writer, edns);
  if (key === undefined) return { message: writer.view(), mac: new Uint8Array(0) };
  const signer = new TsigSigner(key);
  writer.octets(signer.sign([writer.view()], id, now)).patchUint16(10, additionals + 1);
  return { message: writer.view(), mac: signer.mac };
}

/** Only the serial of this SOA means something (RFC 1995 §3), so its names are the shortest there are. */
function writeSerial(writer: Writer, zone: Bytes, serial: number): void {
  writer.octets(zone).uint16(TYPE.SOA).uint16(CLASS.IN).uint32(0).uint16(22).uint8(0).uint8(0).uint32(serial);
  for (let i = 0; i < 4; i++) writer.uint32(0);
}

function writeEdns(writer: Writer, { udpSize, expire, keepalive }: EdnsQuery): void {
  const options = [
    ...(expire === true ? [EDNS_OPTION.EXPIRE] : []),
    ...(keepalive === true ? [EDNS_OPTION.KEEPALIVE] : []),
  ];
  writer
    .uint8(0)
    .uint16(TYPE.OPT)
    .uint16(udpSize)
    .uint32(0)
    .uint16(4 * options.length);
  for (const option of options) writer.uint16(option).uint16(0);
}
