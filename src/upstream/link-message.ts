/** The little that a link reads of messages itself: which query one answers, and what its server says of the connection. */
import type { Bytes } from '../base/bytes.ts';
import { HEADER_LENGTH } from '../wire/header.ts';
import { TYPE } from '../wire/registry.ts';
import { readAnswerEdns } from '../xfr/client-answer.ts';

/** The octets of a query's question, in lower case. */
export function questionOf(query: Bytes): Uint8Array<ArrayBuffer> {
  const end = skipName(query, HEADER_LENGTH, query.length) + 4;
  return new Uint8Array(query.subarray(HEADER_LENGTH, end)).map(lower);
}

/**
 * Whether a message with the right id answers that question: it may leave it out, as the later messages of a transfer
 * do, but not have another one (RFC 7766 §7). Cheap, as every message of a transfer is asked.
 */
export function isAnswer(message: Bytes, question: Bytes): boolean {
  if (message.length < HEADER_LENGTH || ((message[2] as number) & 0x80) === 0) return false;
  const questions = uint16(message, 4);
  if (questions === 0) return true;
  if (questions !== 1 || message.length < HEADER_LENGTH + question.length) return false;
  for (let i = 0; i < question.length; i++) {
    if (lower(message[HEADER_LENGTH + i] as number) !== question[i]) return false;
  }
  return true;
}

/** The edns-tcp-keepalive of a message, in milliseconds (RFC 7828); undefined where it has none, or is malformed. */
export function keepaliveOf(message: Bytes): number | undefined {
  if (message.length < HEADER_LENGTH) return undefined;
  const additionals = uint16(message, 10);
  if (additionals === 0) return undefined;
  const end = message.length;
  let at = HEADER_LENGTH;
  for (let i = uint16(message, 4); i > 0; i--) at = skipName(message, at, end) + 4;
  const others = uint16(message, 6) + uint16(message, 8);
  for (let i = 0; i < others + additionals; i++) {
    const fixed = skipName(message, at, end);
    if (fixed + 10 > end) return undefined;
    at = fixed + 10 + uint16(message, fixed + 8);
    if (at > end) return undefined;
    if (i >= others && uint16(message, fixed) === TYPE.OPT) return readAnswerEdns(message, fixed + 2)?.keepaliveMs;
  }
  return undefined;
}

/** Where the name that begins at `at` ends, unread; `end` or more where it runs past it. */
function skipName(bytes: Bytes, at: number, end: number): number {
  while (at < end) {
    const octet = bytes[at] as number;
    if (octet === 0) return at + 1;
    if (octet >= 0xc0) return at + 2;
    at += octet + 1;
  }
  return end;
}

/** Octets of labels only: lengths end below `A`. */
const lower = (octet: number): number => (octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet);

const uint16 = (bytes: Bytes, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
