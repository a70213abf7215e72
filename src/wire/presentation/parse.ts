/** Rdata from its text form. */
import type { Bytes } from '../../base/bytes.ts';
import { fail, type Result, succeed } from '../../base/result.ts';
import { readHex } from './encoded-fields.ts';
import { MAX_RDATA_LENGTH, OctetWriter } from './octets.ts';
import { rdataByFields } from './print.ts';
import { type Token, tokensFromText } from './scanner.ts';
import { fieldsOf } from './types.ts';
import { expected, readNumber, TokenCursor } from './words.ts';

export type { Token } from './scanner.ts';

/** The failure says what was expected: `an IPv4 address, got 'abc'`. */
export function rdataFromTokens(
  type: number,
  tokens: readonly Token[],
  origin: Bytes,
): Result<Uint8Array<ArrayBuffer>, string> {
  const out = new OctetWriter();
  const failure = readRdata(type, new TokenCursor(tokens), out, origin);
  return failure === undefined ? succeed(out.view().slice()) : fail(failure);
}

/** The same from a line of text. */
export function rdataFromText(
  type: number,
  text: string | Bytes,
  origin: Bytes,
): Result<Uint8Array<ArrayBuffer>, string> {
  const tokens = tokensFromText(text);
  return tokens.ok ? rdataFromTokens(type, tokens.value, origin) : tokens;
}

/** Takes all words that are left and appends the rdata; `words` stands behind the word that was wrong. */
export function readRdata(type: number, words: TokenCursor, out: OctetWriter, origin: Bytes): string | undefined {
  const first = words.peek();
  if (first !== undefined && isUnknownMark(first)) return readUnknown(type, words, out);
  const fields = fieldsOf(type);
  if (fields === undefined) return expected('rdata as \\# length hex (RFC 3597), the only form of this type', first);
  for (let i = 0; i < fields.length; i++) {
    const failure = fields[i]?.read(words, out, origin);
    if (failure !== undefined) return failure;
  }
  const extra = words.take();
  if (extra !== undefined) return expected('nothing more', extra);
  return out.isWhole() ? undefined : TOO_LONG;
}

/** `\# length hex` for any type (RFC 3597 §5); for a type with fields the octets must be valid by them. */
function readUnknown(type: number, words: TokenCursor, out: OctetWriter): string | undefined {
  words.take();
  const lengthWord = words.take();
  const length = lengthWord === undefined ? -1 : readNumber(lengthWord, MAX_RDATA_LENGTH);
  if (length < 0) return expected('a length from 0 to 65535 after \\#', lengthWord);
  const start = out.length;
  const failure = length === 0 && words.peek() === undefined ? undefined : readHex(words, out);
  if (failure !== undefined) return failure;
  if (!out.isWhole()) return TOO_LONG;
  const got = out.length - start;
  if (got !== length) return `${length} octets after \\#, got ${got}`;
  if (fieldsOf(type) === undefined || rdataByFields(type, out.view(start)) !== undefined) return undefined;
  return 'octets that are valid for the type after \\#, got others';
}

const TOO_LONG = 'rdata of at most 65535 octets, got more';

function isUnknownMark(token: Token): boolean {
  const { octets, start, end } = token;
  return end - start === 2 && !token.quoted && octets[start] === 0x5c && octets[start + 1] === 0x23;
}
