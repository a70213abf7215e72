/** The twelve octets in front of every message (RFC 1035 §4.1.1), and what they decide by themselves. */
import type { Bytes } from '../base/bytes.ts';
import { FLAG, OPCODE } from './registry.ts';
import type { Writer } from './writer.ts';

export const HEADER_LENGTH = 12;

export interface Header {
  readonly id: number;
  readonly flags: number;
  readonly opcode: number;
  readonly rcode: number;
  readonly questions: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
}

/** Undefined where fewer than twelve octets are there. */
export function readHeader(bytes: Bytes, start = 0, end: number = bytes.length): Header | undefined {
  if (end - start < HEADER_LENGTH) return undefined;
  const at = (i: number): number => ((bytes[start + i] as number) << 8) | (bytes[start + i + 1] as number);
  const flags = at(2);
  return {
    id: at(0),
    flags,
    opcode: (flags >>> 11) & 0xf,
    rcode: flags & 0xf,
    questions: at(4),
    answers: at(6),
    authorities: at(8),
    additionals: at(10),
  };
}

export interface Counts {
  readonly questions?: number;
  readonly answers?: number;
  readonly authorities?: number;
  readonly additionals?: number;
}

export function writeHeader(writer: Writer, id: number, flags: number, counts: Counts): Writer {
  return writer
    .uint16(id)
    .uint16(flags)
    .uint16(counts.questions ?? 0)
    .uint16(counts.answers ?? 0)
    .uint16(counts.authorities ?? 0)
    .uint16(counts.additionals ?? 0);
}

export const opcodeFlags = (opcode: number): number => opcode << 11;

/**
 * Gate before parse: whether a request is worth reading. A response is never answered (two servers would answer each
 * other for ever). The counts allow one question, a SOA in the answer of a NOTIFY (RFC 1996 §3.7) or the authority of
 * an IXFR (RFC 1995 §3), and OPT with TSIG or SIG(0).
 */
export function gateHeader(header: Header): 'accept' | 'malformed' | 'drop' {
  if ((header.flags & FLAG.QR) !== 0) return 'drop';
  if (header.opcode !== OPCODE.QUERY && header.opcode !== OPCODE.NOTIFY) {
    return header.questions <= 1 ? 'accept' : 'malformed'; // read for its OPT and question, then answered NOTIMP
  }
  const answersAllowed = header.opcode === OPCODE.NOTIFY ? 1 : 0;
  if (header.questions !== 1 || header.answers > answersAllowed) return 'malformed';
  if (header.authorities > 1 || header.additionals > 3) return 'malformed';
  return 'accept';
}
