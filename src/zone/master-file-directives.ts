/** Lines that begin with a dollar: $ORIGIN and $INCLUDE (RFC 1035 §5.1), $TTL (RFC 2308 §4), BIND's $GENERATE. */
import type { Bytes } from '../base/bytes.ts';
import { OctetWriter } from '../wire/presentation/octets.ts';
import type { Token } from '../wire/presentation/scanner.ts';
import {
  expected,
  readName,
  readOctets,
  readSeconds,
  type TokenCursor,
  tokenText,
} from '../wire/presentation/words.ts';
import { compileTemplate, expandTemplate, type Template } from './master-file-template.ts';

export const MAX_TTL = 0x7fff_ffff; // RFC 2181 §8

/** What is true at a place in a file. An $INCLUDE gets its own and cannot change its parent's (RFC 1035 §5.1). */
export interface FileState {
  readonly file: string;
  origin: Bytes;
  owner: Bytes | undefined;
  readonly parent: FileState | undefined;
}

/** What directives change, or ask the parser to do. */
export interface DirectiveContext {
  defaultTtl: number | undefined;
  generatedLines: number;
  include(path: string, from: FileState, origin: Bytes): string | undefined;
  generateLine(state: FileState, line: Bytes): string | undefined;
}

/** Carries out one directive; a failure is a sentence about its line. */
export function readDirective(context: DirectiveContext, state: FileState, words: TokenCursor): string | undefined {
  const name = tokenText(words.take() as Token).toUpperCase();
  switch (name) {
    case '$ORIGIN':
      return setOrigin(state, words);
    case '$TTL':
      return setTtl(context, words);
    case '$INCLUDE':
      return include(context, state, words);
    case '$GENERATE':
      return generate(context, state, words);
    default:
      return `${name.slice(0, 40)} is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE`;
  }
}

const MAX_NESTING = 20;
const MAX_GENERATED_LINES = 1 << 20;

function setOrigin(state: FileState, words: TokenCursor): string | undefined {
  const origin = new OctetWriter();
  const failure = readName(words.take(), state.origin, origin);
  if (failure !== undefined) return `$ORIGIN: expected ${failure}`;
  if (words.peek() !== undefined) return expected('$ORIGIN: expected one name', words.peek());
  state.origin = origin.view();
  return undefined;
}

function setTtl(context: DirectiveContext, words: TokenCursor): string | undefined {
  const word = words.take();
  const ttl = word === undefined ? -1 : readSeconds(word, MAX_TTL);
  if (ttl < 0) return expected(`$TTL: expected a TTL from 0 to ${MAX_TTL}`, word);
  if (words.peek() !== undefined) return expected('$TTL: expected one TTL', words.peek());
  context.defaultTtl = ttl;
  return undefined;
}

function include(context: DirectiveContext, state: FileState, words: TokenCursor): string | undefined {
  const path = new OctetWriter();
  const failure = readOctets(words.take(), 4096, path);
  if (failure !== undefined) return `$INCLUDE: expected a file name: ${failure}`;
  let origin = state.origin;
  if (words.peek() !== undefined) {
    const named = new OctetWriter();
    const nameFailure = readName(words.take(), state.origin, named);
    if (nameFailure !== undefined) return `$INCLUDE: expected ${nameFailure}`;
    origin = named.view();
  }
  if (words.peek() !== undefined) return expected('$INCLUDE: expected a file name and an origin', words.peek());
  if (depthOf(state) >= MAX_NESTING) return `$INCLUDE: more than ${MAX_NESTING} files within each other`;
  const included = context.include(Buffer.from(path.view()).toString('utf8'), state, origin);
  return included === undefined ? undefined : `$INCLUDE: ${included}`;
}

function depthOf(state: FileState): number {
  let depth = 0;
  for (let at = state.parent; at !== undefined; at = at.parent) depth++;
  return depth;
}

/** `$GENERATE start-stop[/step] owner [ttl] [class] type rdata`, with `$` for the number. */
function generate(context: DirectiveContext, state: FileState, words: TokenCursor): string | undefined {
  const rangeWord = words.take();
  const range = rangeWord === undefined ? undefined : readRange(tokenText(rangeWord));
  if (range === undefined) return expected('$GENERATE: expected start-stop or start-stop/step', rangeWord);
  const owner = words.take();
  const first = words.peek();
  const last = words.tokens[words.end - 1];
  if (owner === undefined || first === undefined || last === undefined) {
    return expected('$GENERATE: expected an owner, a type and rdata', undefined);
  }
  const template = compileTemplate(`${textBetween(owner, owner)} ${textBetween(first, last)}`);
  if (typeof template === 'string') return `$GENERATE: ${template}`;
  return generateLines(context, state, range, template);
}

interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

function readRange(text: string): Range | undefined {
  const parts = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(text);
  if (parts === null) return undefined;
  const [start, stop, step] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 1)];
  return start <= stop && stop <= MAX_TTL && step > 0 ? { start, stop, step } : undefined;
}

function generateLines(
  context: DirectiveContext,
  state: FileState,
  range: Range,
  template: Template,
): string | undefined {
  for (let number = range.start; number <= range.stop; number += range.step) {
    // A bound over the whole parse: a few octets of text could otherwise ask for billions of records.
    if (++context.generatedLines > MAX_GENERATED_LINES) return `$GENERATE: more than ${MAX_GENERATED_LINES} lines`;
    const line = expandTemplate(template, number);
    if (line === undefined) return `$GENERATE: a number below zero in the line for ${number}`;
    const failure = context.generateLine(state, Buffer.from(line, 'latin1'));
    if (failure !== undefined) return `$GENERATE: in the line for ${number}: ${failure}`;
  }
  return undefined;
}

/** The text as written from one word to another, quotes included. */
function textBetween(first: Token, last: Token): string {
  const start = first.quoted ? first.start - 1 : first.start;
  const end = last.quoted ? last.end + 1 : last.end;
  return Buffer.from(first.octets.subarray(start, end)).toString('latin1');
}
