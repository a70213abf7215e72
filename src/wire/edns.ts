/** The OPT record (RFC 6891), Extended DNS Errors (RFC 8914), keepalive (RFC 7828), padding and expire (RFC 7314). */
import type { Bytes } from '../base/bytes.ts';
import { EDNS_OPTION, TYPE } from './registry.ts';
import { Writer } from './writer.ts';

export interface Edns {
  readonly version: number;
  readonly udpSize: number;
  /** Upper eight bits of the response code. */
  readonly extendedRcode: number;
  readonly keepalive: boolean;
  readonly padding: boolean;
  readonly expire: boolean;
}

/** Reads the fields of an OPT; undefined where an option runs past the end of the rdata. */
export function readEdns(klass: number, ttl: number, rdata: Bytes): Edns | undefined {
  let keepalive = false;
  let padding = false;
  let expire = false;
  let at = 0;
  while (at < rdata.length) {
    if (at + 4 > rdata.length) return undefined;
    const code = ((rdata[at] as number) << 8) | (rdata[at + 1] as number);
    const length = ((rdata[at + 2] as number) << 8) | (rdata[at + 3] as number);
    if (at + 4 + length > rdata.length) return undefined;
    if (code === EDNS_OPTION.KEEPALIVE) keepalive = true;
    else if (code === EDNS_OPTION.PADDING) padding = true;
    else if (code === EDNS_OPTION.EXPIRE) expire = true;
    at += 4 + length;
  }
  return { version: (ttl >>> 16) & 0xff, udpSize: klass, extendedRcode: ttl >>> 24, keepalive, padding, expire };
}

export interface EdnsAnswer {
  /** Our own UDP payload size, octets. */
  readonly udpSize: number;
  readonly extendedRcode?: number;
  readonly ede?: { readonly code: number; readonly text: string };
  /** Idle timeout in units of 100 ms; TCP and TLS only (RFC 7828 §3.3). */
  readonly keepalive?: number | undefined;
  /** Seconds that our copy of the zone may still be served (RFC 7314). */
  readonly expire?: number | undefined;
  /** Octets of zeros (RFC 7830), TLS only; the last option. */
  readonly padding?: number | undefined;
}

/** A whole OPT record, ready to append. */
export function writeOpt(answer: EdnsAnswer): Uint8Array<ArrayBuffer> {
  const options = new Writer(64);
  if (answer.keepalive !== undefined) options.uint16(EDNS_OPTION.KEEPALIVE).uint16(2).uint16(answer.keepalive);
  if (answer.expire !== undefined) options.uint16(EDNS_OPTION.EXPIRE).uint16(4).uint32(answer.expire);
  if (answer.ede !== undefined) {
    const text = Buffer.from(answer.ede.text, 'utf8');
    options
      .uint16(EDNS_OPTION.EDE)
      .uint16(2 + text.length)
      .uint16(answer.ede.code)
      .octets(text);
  }
  if (answer.padding !== undefined) {
    options.uint16(EDNS_OPTION.PADDING).uint16(answer.padding).octets(new Uint8Array(answer.padding));
  }
  return new Writer(11 + options.length)
    .uint8(0)
    .uint16(TYPE.OPT)
    .uint16(answer.udpSize)
    .uint32(((answer.extendedRcode ?? 0) << 24) >>> 0)
    .uint16(options.length)
    .octets(options.view())
    .view();
}
