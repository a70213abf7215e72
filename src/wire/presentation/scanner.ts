/**
 * Cuts a zone file into entries and words (RFC 1035 §5.1): parentheses, comments, quotes and escapes end here.
 * Words stay views of the file's octets with their escapes in them, so that no string is made on the way.
 */
import type { Bytes } from '../../base/bytes.ts';
import { fail, type Result, succeed } from '../../base/result.ts';

/** A word as written: `octets` from `start` to `end`, inside the quotes if it has them. */
export interface Token {
  readonly octets: Bytes;
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
  /** Holds a backslash somewhere, so its octets are not yet what they mean. */
  readonly escaped: boolean;
  /** A quoted part after unquoted octets, as in `alpn="h2,h3"` (RFC 9460 §2.1); nothing else may have one. */
  readonly quoteInside: boolean;
  readonly line: number;
}

/**
 * One entry (a line, or more within parentheses) at each `next`. Tokens are reused: those of an entry hold until the
 * following one. A failure does not end the scan, so that a file's errors can be told together.
 */
export class EntryScanner {
  readonly tokens: { -readonly [K in keyof Token]: Token[K] }[] = [];
  /** How many of `tokens` belong to this entry. */
  count = 0;
  /** The entry begins with a blank: its owner is the one before. */
  startsBlank = false;
  failure: { readonly line: number; readonly message: string } | undefined;
  readonly #octets: Bytes;
  #at: number;
  #line = 1;

  constructor(octets: Bytes) {
    this.#octets = octets;
    this.#at = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0;
  }

  /** Goes to the next entry that has words or a failure; false at the end. */
  next(): boolean {
    const octets = this.#octets;
    const end = octets.length;
    let at = this.#at;
    let depth = 0;
    let openedOn = 0;
    this.count = 0;
    this.failure = undefined;
    this.startsBlank = isBlank(octets[at]);
    while (at < end) {
      switch (KIND[octets[at] as number]) {
        case Kind.blank:
          at++;
          break;
        case Kind.newline:
          at++;
          this.#line++;
          if (depth > 0) break;
          if (this.count > 0 || this.failure !== undefined) {
            this.#at = at;
            return true;
          }
          this.startsBlank = isBlank(octets[at]);
          break;
        case Kind.open:
          at++;
          if (depth++ === 0) openedOn = this.#line;
          break;
        case Kind.close:
          at++;
          if (depth === 0) this.#note('a closing parenthesis without an opening one');
          else depth--;
          break;
        case Kind.comment: {
          const newline = octets.indexOf(NEWLINE, at);
          at = newline < 0 ? end : newline;
          break;
        }
        case Kind.quote: {
          const start = at + 1;
          const close = this.#closingQuote(start);
          this.#push(start, close, true, this.#sawEscape, false);
          at = close < end && octets[close] === QUOTE ? close + 1 : close;
          break;
        }
        default:
          at = this.#word(at);
      }
    }
    this.#at = at;
    if (depth > 0) this.#note('a parenthesis is opened and never closed', openedOn);
    return this.count > 0 || this.failure !== undefined;
  }

  #word(start: number): number {
    const octets = this.#octets;
    const end = octets.length;
    let escaped = false;
    let quoteInside = false;
    let at = start;
    while (at < end) {
      const kind = KIND[octets[at] as number];
      if (kind === Kind.ordinary) at++;
      else if (kind === Kind.escape) {
        escaped = true;
        at = this.#skipEscape(at);
      } else if (kind === Kind.quote) {
        quoteInside = true;
        at = this.#closingQuote(at + 1);
        escaped ||= this.#sawEscape;
        if (octets[at] === QUOTE) at++;
      } else break;
    }
    this.#push(start, at, false, escaped, quoteInside);
    return at;
  }

  #sawEscape = false;

  /** The index of the quote that closes; where there is none on the line, that of the line's end. */
  #closingQuote(start: number): number {
    const octets = this.#octets;
    const end = octets.length;
    let at = start;
    this.#sawEscape = false;
    while (at < end) {
      const octet = octets[at];
      if (octet === QUOTE) return at;
      if (octet === NEWLINE) break;
      if (octet === BACKSLASH) {
        this.#sawEscape = true;
        at = this.#skipEscape(at);
      } else at++;
    }
    this.#note('a quoted string is not closed on its line');
    return at;
  }

  /** Past a backslash and the octet it protects: never past the line, where the next record begins. */
  #skipEscape(at: number): number {
    const next = this.#octets[at + 1];
    const lineEnds = next === NEWLINE || (next === RETURN && this.#octets[at + 2] === NEWLINE);
    if (next !== undefined && !lineEnds) return at + 2;
    this.#note('a backslash with nothing after it');
    return at + 1;
  }

  #push(start: number, end: number, quoted: boolean, escaped: boolean, quoteInside: boolean): void {
    const token = this.tokens[this.count++];
    if (token === undefined) {
      this.tokens.push({ octets: this.#octets, start, end, quoted, escaped, quoteInside, line: this.#line });
      return;
    }
    token.start = start;
    token.end = end;
    token.quoted = quoted;
    token.escaped = escaped;
    token.quoteInside = quoteInside;
    token.line = this.#line;
  }

  #note(message: string, line = this.#line): void {
    this.failure ??= { line, message };
  }
}

/** The words of one entry, such as the rdata of a record on its own. */
export function tokensFromText(text: string | Bytes): Result<readonly Token[], string> {
  const scanner = new EntryScanner(typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
  if (!scanner.next()) return succeed([]);
  if (scanner.failure !== undefined) return fail(scanner.failure.message);
  const tokens = scanner.tokens.slice(0, scanner.count).map((token) => ({ ...token }));
  return scanner.next() ? fail('more than one entry') : succeed(tokens);
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const Kind = { ordinary: 0, blank: 1, newline: 2, open: 3, close: 4, comment: 5, quote: 6, escape: 7 } as const;

const KIND = new Uint8Array(256);
KIND[0x20] = Kind.blank;
KIND[0x09] = Kind.blank;
KIND[RETURN] = Kind.blank; // so CRLF ends a line as LF does
KIND[NEWLINE] = Kind.newline;
KIND[0x28] = Kind.open;
KIND[0x29] = Kind.close;
KIND[0x3b] = Kind.comment;
KIND[QUOTE] = Kind.quote;
KIND[BACKSLASH] = Kind.escape;

const isBlank = (octet: number | undefined): boolean => octet === 0x20 || octet === 0x09;
