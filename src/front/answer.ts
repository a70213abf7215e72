/** Builds small answers: refusals, SOA, NOTIFY replies. Transfers are streamed (see stream.ts). */
import type { Bytes } from '../base/bytes.ts';
import type { TsigKey } from '../tsig/key.ts';
import { TSIG_SUCCESS, type TsigOutcome, TsigSigner, tsigLength } from '../tsig/signer.ts';
import { type EdnsAnswer, writeOpt } from '../wire/edns.ts';
import { HEADER_LENGTH, opcodeFlags, writeHeader } from '../wire/header.ts';
import type { Message } from '../wire/message.ts';
import { type Padding, paddingOctets } from '../wire/padding.ts';
import { FLAG, RCODE } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';

/** UDP payload that we say we can take (RFC 6891 §6.2.3; the size that survives everywhere, DNS flag day 2020). */
export const DEFAULT_UDP_SIZE = 1232;

/** What the OPT of all answers has by the way that the query came. */
export interface Manner {
  /** Our UDP payload size; 1232 where nothing else is said. */
  readonly udpSize?: number | undefined;
  /** Units of 100 ms, told where it was asked for: over TCP and TLS only. */
  readonly keepalive?: number | undefined;
  /** Over TLS only. */
  readonly padding?: Padding | undefined;
}

export interface AnswerParts {
  readonly rcode: number;
  readonly manner?: Manner | undefined;
  readonly authoritative?: boolean;
  /** TC: ask again over TCP. */
  readonly truncated?: boolean;
  /** Whole records, uncompressed. */
  readonly answers?: readonly Bytes[];
  readonly ede?: { readonly code: number; readonly text: string };
  /** Seconds; told where it was asked for. */
  readonly expire?: number | undefined;
}

/** How an answer is signed: the key and MAC of the request, which held. */
export interface SignWith {
  readonly key: TsigKey;
  readonly mac: Bytes;
  /** Seconds. */
  readonly now: number;
  readonly outcome?: TsigOutcome;
}

/** The OPT of an answer to a query that had one; undefined where it had none (RFC 6891 §6.1.1). */
export function answerOpt(
  query: Message,
  more: Pick<EdnsAnswer, 'extendedRcode' | 'ede' | 'expire' | 'padding'>,
  { udpSize = DEFAULT_UDP_SIZE, keepalive }: Manner = {},
): Uint8Array<ArrayBuffer> | undefined {
  const { edns } = query;
  return (
    edns &&
    writeOpt({
      ...more,
      udpSize,
      keepalive: edns.keepalive ? keepalive : undefined,
      expire: edns.expire ? more.expire : undefined,
    })
  );
}

/** How an answer to the query is padded, if at all: never where it had no OPT, always where it was padded itself. */
export function paddingOf({ edns }: Message, { padding }: Manner = {}): Padding | undefined {
  if (edns === undefined || padding === undefined) return undefined;
  return padding.policy !== 'none' || edns.padding ? padding : undefined;
}

/** A whole message, without length prefix. `unsigned` is a TSIG record to append as it is (BADKEY, BADSIG). */
export function buildAnswer(
  query: Message,
  parts: AnswerParts,
  sign: SignWith | undefined,
  unsigned?: Bytes,
): Uint8Array<ArrayBuffer> {
  const more = { extendedRcode: parts.rcode >>> 4, expire: parts.expire, ...(parts.ede && { ede: parts.ede }) };
  const answers = parts.answers ?? [];
  const flags =
    FLAG.QR |
    opcodeFlags(query.header.opcode) |
    (parts.authoritative ? FLAG.AA : 0) |
    (parts.truncated ? FLAG.TC : 0) |
    (query.header.flags & FLAG.RD) |
    (parts.rcode & 0xf);
  const padding = paddingOf(query, parts.manner);
  const optWith = (octets?: number): Bytes | undefined => answerOpt(query, { ...more, padding: octets }, parts.manner);
  let opt = optWith(padding && 0);
  const writer = new Writer(512);
  writeHeader(writer, query.header.id, flags, {
    questions: query.question === undefined ? 0 : 1,
    answers: answers.length,
    additionals: opt === undefined ? 0 : 1,
  });
  if (query.question !== undefined) writer.octets(query.question.wire);
  for (const answer of answers) writer.octets(answer);
  if (padding !== undefined && opt !== undefined) {
    const signature = sign === undefined ? (unsigned?.length ?? 0) : tsigLength(sign.key, sign.outcome);
    opt = optWith(paddingOctets(writer.length + opt.length + signature, padding)) ?? opt;
  }
  if (opt !== undefined) writer.octets(opt);
  const tsig =
    sign === undefined
      ? unsigned
      : new TsigSigner(sign.key, sign.mac).sign(
          [writer.view()],
          query.header.id,
          sign.now,
          sign.outcome ?? TSIG_SUCCESS,
        );
  if (tsig !== undefined) writer.octets(tsig).patchUint16(10, (opt === undefined ? 0 : 1) + 1);
  return writer.view();
}

export interface SoaAnswer {
  readonly soaRecord: Bytes;
  readonly expire: number | undefined;
  readonly manner?: Manner | undefined;
  readonly limit?: number | undefined;
}

/**
 * The SOA alone: the answer to a SOA query, and to an IXFR of a client that is current (RFC 1995 §2). Over UDP an answer
 * that is longer than `limit` becomes one that says so, TSIG kept (RFC 8945 §5.3).
 */
export function buildSoaAnswer(
  query: Message,
  { soaRecord, expire, manner, limit = 65_535 }: SoaAnswer,
  sign: SignWith | undefined,
): Uint8Array<ArrayBuffer> {
  const parts = { rcode: RCODE.NOERROR, manner, expire };
  const whole = buildAnswer(query, { ...parts, authoritative: true, answers: [soaRecord] }, sign);
  return whole.length <= limit ? whole : buildAnswer(query, { ...parts, truncated: true }, sign);
}

/** Octets that the client takes over UDP: 512 without EDNS (RFC 1035 §2.3.4), never more than we send ourselves. */
export const udpLimit = (query: Message, udpSize = DEFAULT_UDP_SIZE): number =>
  query.edns === undefined ? 512 : Math.min(Math.max(512, query.edns.udpSize), udpSize);

/** FORMERR for what could not be read: the id is all there is to go by (RFC 1035 §4.1.1). */
export function buildFormatError(id: number, opcode: number): Uint8Array<ArrayBuffer> {
  return writeHeader(new Writer(HEADER_LENGTH), id, FLAG.QR | opcodeFlags(opcode) | 1, {}).view();
}
