/**
 * Zone files (RFC 1035 §5, with $TTL of RFC 2308 §4 and BIND's $GENERATE). No I/O: `readInclude` is the caller's.
 *
 * Limitations: a quoted string ends on its line; whether owners lie in the zone is for who receives the records.
 */
import { type Bytes, copyBytes } from '../base/bytes.ts';
import { OctetWriter } from '../wire/presentation/octets.ts';
import { readRdata } from '../wire/presentation/parse.ts';
import { EntryScanner, type Token } from '../wire/presentation/scanner.ts';
import { expected, readClass, readName, readSeconds, readType, TokenCursor } from '../wire/presentation/words.ts';
import { CLASS, classToText, TYPE, typeToText } from '../wire/registry.ts';
import { type DirectiveContext, type FileState, MAX_TTL, readDirective } from './master-file-directives.ts';

export interface MasterFileFailure {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface MasterFileOptions {
  /** The name for messages, and `from` of `readInclude`. */
  readonly file: string;
  readonly text: Bytes;
  /** Wire form of the zone's apex. */
  readonly origin: Bytes;
  /** Content of an $INCLUDE, or a sentence why not. `path` as written, `from` the including file. */
  readonly readInclude: (path: string, from: string) => { readonly file: string; readonly text: Bytes } | string;
  /** Owner absolute, case kept; rdata uncompressed. Both are views that hold only until the call returns. */
  readonly onRecord: (owner: Bytes, type: number, ttl: number, rdata: Bytes) => void;
}

/** Parses all of it: every failure is returned, up to a hundred, not the first only. */
export function parseMasterFile(options: MasterFileOptions): readonly MasterFileFailure[] {
  const parser = new MasterFileParser(options);
  parser.parse({ file: options.file, origin: options.origin, owner: undefined, parent: undefined }, options.text);
  return parser.failures;
}

const MAX_FAILURES = 100;

class MasterFileParser implements DirectiveContext {
  readonly failures: MasterFileFailure[] = [];
  defaultTtl: number | undefined;
  generatedLines = 0;
  readonly #options: MasterFileOptions;
  #lastTtl: number | undefined;
  #soaMinimum: number | undefined;
  readonly #owner = new OctetWriter();
  readonly #rdata = new OctetWriter();
  readonly #words = new TokenCursor();

  constructor(options: MasterFileOptions) {
    this.#options = options;
  }

  parse(state: FileState, text: Bytes): void {
    const scanner = new EntryScanner(text);
    while (this.failures.length < MAX_FAILURES && scanner.next()) {
      if (scanner.failure !== undefined) {
        this.#fail(state, scanner.failure.line, scanner.failure.message);
        continue;
      }
      const words = this.#startEntry(scanner);
      const first = scanner.tokens[0] as Token;
      const isDirective = !scanner.startsBlank && !first.quoted && first.octets[first.start] === DOLLAR;
      const failure = isDirective ? readDirective(this, state, words) : this.#readRecord(state, scanner, words);
      if (failure === undefined) continue;
      // The word just taken is the wrong one; a directive may have lent the cursor to other lines meanwhile.
      const wrong = isDirective ? first : (scanner.tokens[Math.max(0, words.at - 1)] as Token);
      this.#fail(state, wrong.line, failure);
    }
  }

  include(path: string, from: FileState, origin: Bytes): string | undefined {
    const content = this.#options.readInclude(path, from.file);
    if (typeof content === 'string') return content;
    for (let state: FileState | undefined = from; state !== undefined; state = state.parent) {
      if (state.file === content.file) return `${content.file} includes itself`;
    }
    const owner = from.owner === undefined ? undefined : copyBytes(from.owner);
    this.parse({ file: content.file, origin, owner, parent: from }, content.text);
    from.owner = owner;
    return undefined;
  }

  generateLine(state: FileState, line: Bytes): string | undefined {
    const scanner = new EntryScanner(line);
    if (!scanner.next()) return 'a line without words';
    return scanner.failure?.message ?? this.#readRecord(state, scanner, this.#startEntry(scanner));
  }

  #startEntry(scanner: EntryScanner): TokenCursor {
    const words = this.#words;
    words.tokens = scanner.tokens;
    words.at = 0;
    words.end = scanner.count;
    return words;
  }

  #readRecord(state: FileState, scanner: EntryScanner, words: TokenCursor): string | undefined {
    if (!scanner.startsBlank) {
      const failure = this.#readOwner(state, words);
      if (failure !== undefined) return failure;
    } else if (state.owner === undefined) {
      return 'begins with a blank, but there is no owner before it';
    }
    let explicitTtl = -1;
    let hasClass = false;
    let type = -1;
    while (type < 0) {
      const word = words.take();
      if (word === undefined) return expected('expected a record type', word);
      const octet = word.octets[word.start] as number;
      if (explicitTtl < 0 && octet >= 0x30 && octet <= 0x39) {
        explicitTtl = readSeconds(word, MAX_TTL);
        if (explicitTtl < 0) return expected(`expected a TTL from 0 to ${MAX_TTL}`, word);
        continue;
      }
      const klass = hasClass ? -1 : readClass(word);
      type = klass === CLASS.IN ? -1 : readType(word);
      if (type >= 0) break;
      if (klass < 0) return expected('expected a TTL, class or record type', word);
      if (klass !== CLASS.IN) return `class ${classToText(klass)}: only class IN is known here`;
      hasClass = true;
    }
    return this.#readData(state, type, explicitTtl, words);
  }

  #readOwner(state: FileState, words: TokenCursor): string | undefined {
    const owner = this.#owner;
    owner.reset();
    const failure = readName(words.take(), state.origin, owner);
    state.owner = failure === undefined ? owner.view() : undefined;
    return failure === undefined ? undefined : `expected ${failure}`;
  }

  #readData(state: FileState, type: number, explicitTtl: number, words: TokenCursor): string | undefined {
    if (isMeta(type)) return `${typeToText(type)} is not a type of data`;
    const rdata = this.#rdata;
    rdata.reset();
    const failure = readRdata(type, words, rdata, state.origin);
    if (failure !== undefined) return `${typeToText(type)}: expected ${failure}`;
    const view = rdata.view();
    if (type === TYPE.SOA) this.#soaMinimum ??= Math.min(minimumOf(view), MAX_TTL);
    if (explicitTtl >= 0) this.#lastTtl = explicitTtl;
    // RFC 2308 §4: $TTL decides; without it the last TTL stated (RFC 1035 §5.1), and then, as in BIND, the SOA's.
    const ttl = explicitTtl >= 0 ? explicitTtl : (this.defaultTtl ?? this.#lastTtl ?? this.#soaMinimum);
    if (ttl === undefined) return 'no TTL: the record has none, and neither $TTL nor a TTL nor a SOA is before it';
    this.#options.onRecord(state.owner as Bytes, type, ttl, view);
    return undefined;
  }

  #fail(state: FileState, line: number, message: string): void {
    if (this.failures.length < MAX_FAILURES) this.failures.push({ file: state.file, line, message });
  }
}

const DOLLAR = 0x24;

/** Types of questions and of the protocol itself (RFC 6895 §3.1): a zone cannot hold them. */
const isMeta = (type: number): boolean => type === 0 || type === TYPE.OPT || (type >= 128 && type <= 255);

const minimumOf = (soa: Bytes): number =>
  new DataView(soa.buffer, soa.byteOffset, soa.length).getUint32(soa.length - 4);
