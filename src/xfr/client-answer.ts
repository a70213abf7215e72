/** What stands around the records of an answer: OPT with its options, and why a server refused. */
import type { Bytes } from '../base/bytes.ts';
import { EDNS_OPTION, rcodeToText, TSIG_ERROR } from '../wire/registry.ts';

/** An OPT record as the client wants to know it. */
export interface AnswerEdns {
  readonly udpSize: number;
  readonly version: number;
  /** Upper eight bits of the response code. */
  readonly extendedRcode: number;
  readonly ede: readonly ExtendedError[];
  /** Idle timeout of the connection, milliseconds (RFC 7828). */
  readonly keepaliveMs: number | undefined;
  /** Seconds that the server would still serve its copy (RFC 7314). */
  readonly expire: number | undefined;
  /** Octets of padding (RFC 7830). */
  readonly padding: number | undefined;
}

/** RFC 8914: a code, and a text for people that the server chose. */
export interface ExtendedError {
  readonly code: number;
  readonly text: string;
}

/** Reads the OPT record whose class field is at `at`; undefined where an option runs past its end. */
export function readAnswerEdns(bytes: Bytes, at: number): AnswerEdns | undefined {
  const uint16 = (i: number): number => ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  const end = at + 8 + uint16(at + 6);
  const ede: ExtendedError[] = [];
  let keepaliveMs: number | undefined;
  let expire: number | undefined;
  let padding: number | undefined;
  for (let option = at + 8; option < end; ) {
    if (option + 4 > end) return undefined;
    const length = uint16(option + 2);
    const value = option + 4;
    option = value + length;
    if (option > end) return undefined;
    const code = uint16(value - 4);
    if (code === EDNS_OPTION.EDE && length >= 2) {
      ede.push({ code: uint16(value), text: textOf(bytes.subarray(value + 2, option)) });
    } else if (code === EDNS_OPTION.KEEPALIVE && length === 2) keepaliveMs = uint16(value) * 100;
    else if (code === EDNS_OPTION.EXPIRE && length === 4) expire = uint16(value) * 0x10000 + uint16(value + 2);
    else if (code === EDNS_OPTION.PADDING) padding = length;
  }
  const udpSize = uint16(at);
  return {
    udpSize,
    extendedRcode: bytes[at + 2] as number,
    version: bytes[at + 3] as number,
    ede,
    keepaliveMs,
    expire,
    padding,
  };
}

/** `BADKEY`, or the number of an error without a name here; errors below 16 are response codes (RFC 8945 §3). */
export const tsigErrorToText = (error: number): string => tsigErrorNames.get(error) ?? rcodeToText(error);

/** `18 (Prohibited)`, by the registry of RFC 8914 §5.2. */
export function edeToText(code: number): string {
  const name = EDE_NAMES[code];
  return name === undefined ? String(code) : `${code} (${name})`;
}

const tsigErrorNames = new Map<number, string>(Object.entries(TSIG_ERROR).map(([name, code]) => [code, name]));

/** All that the registry holds by code: other servers send more of them than zonegate does. */
const EDE_NAMES: readonly string[] = [
  'Other',
  'Unsupported DNSKEY Algorithm',
  'Unsupported DS Digest Type',
  'Stale Answer',
  'Forged Answer',
  'DNSSEC Indeterminate',
  'DNSSEC Bogus',
  'Signature Expired',
  'Signature Not Yet Valid',
  'DNSKEY Missing',
  'RRSIGs Missing',
  'No Zone Key Bit Set',
  'NSEC Missing',
  'Cached Error',
  'Not Ready',
  'Blocked',
  'Censored',
  'Filtered',
  'Prohibited',
  'Stale NXDOMAIN Answer',
  'Not Authoritative',
  'Not Supported',
  'No Reachable Authority',
  'Network Error',
  'Invalid Data',
];

/** UTF-8, with a zero at its end from some servers (RFC 8914 §2); a terminal must not obey what is in it. */
const textOf = (bytes: Bytes): string =>
  Buffer.from(bytes)
    .toString('utf8')
    .replace(/\0+$/, '')
    .replace(/\p{Cc}/gu, '?');
