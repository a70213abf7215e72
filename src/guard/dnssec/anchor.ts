/** Trust anchors: DS or DNSKEY records that the operator vouches for, as text. */
import type { Bytes } from '../../base/bytes.ts';
import { fail, type Result, succeed } from '../../base/result.ts';
import { lowerName, nameFromText, ROOT_NAME } from '../../wire/name.ts';
import { rdataFromTokens, type Token } from '../../wire/presentation/parse.ts';
import { EntryScanner } from '../../wire/presentation/scanner.ts';
import { classFromText, TYPE } from '../../wire/registry.ts';

export interface TrustAnchor {
  readonly type: 'DS' | 'DNSKEY';
  /** Wire form, lower case; undefined where the text names none, as in `DS 12345 13 2 ...`. */
  readonly owner: Bytes | undefined;
  readonly rdata: Bytes;
}

export interface AnchorFailure {
  readonly line: number;
  readonly message: string;
}

/** Every anchor of a file with zone-file syntax: one record an entry, comments and parentheses as in a zone file. */
export function readTrustAnchors(text: string): Result<readonly TrustAnchor[], readonly AnchorFailure[]> {
  const scanner = new EntryScanner(Buffer.from(text, 'utf8'));
  const anchors: TrustAnchor[] = [];
  const failures: AnchorFailure[] = [];
  while (scanner.next()) {
    const tokens = scanner.tokens.slice(0, scanner.count);
    const line = tokens[0]?.line ?? 1;
    if (scanner.failure !== undefined) {
      failures.push(scanner.failure);
      continue;
    }
    const anchor = readAnchor(tokens);
    if (anchor.ok) anchors.push(anchor.value);
    else failures.push({ line, message: anchor.failure });
  }
  return failures.length > 0 ? fail(failures) : succeed(anchors);
}

/** One anchor: `[owner] [TTL] [class] DS|DNSKEY rdata`. The failure is a sentence. */
export function readTrustAnchor(text: string): Result<TrustAnchor, string> {
  const anchors = readTrustAnchors(text);
  if (!anchors.ok) return fail(anchors.failure[0]?.message ?? EXPECTED);
  const [anchor, ...more] = anchors.value;
  return anchor === undefined || more.length > 0 ? fail(EXPECTED) : succeed(anchor);
}

const EXPECTED = 'expected one DS or DNSKEY record such as `example.org. DS 12345 13 2 49FD...`';

function readAnchor(tokens: readonly Token[]): Result<TrustAnchor, string> {
  const words = tokens.map(({ octets, start, end }) => Buffer.from(octets.subarray(start, end)).toString('latin1'));
  const at = words.findIndex((word) => /^(ds|dnskey)$/i.test(word));
  if (at < 0) return fail(EXPECTED);
  // Of what stands before the type, all but the owner may come in either order (RFC 1035 §5.1).
  const before = words.slice(0, at);
  const [first] = before;
  const hasOwner = first !== undefined && !isTtlOrClass(first);
  if (!before.slice(hasOwner ? 1 : 0).every(isTtlOrClass)) return fail(EXPECTED);
  const owner = hasOwner ? nameFromText(first) : undefined;
  if (owner?.ok === false) return fail(`expected a domain name before the type, not \`${first}\``);
  const type = words[at]?.toUpperCase() === 'DS' ? 'DS' : 'DNSKEY';
  const rdata = rdataFromTokens(TYPE[type], tokens.slice(at + 1), ROOT_NAME);
  if (!rdata.ok) return fail(`${type} rdata: expected ${rdata.failure}`);
  return succeed({ type, owner: owner?.ok === true ? lowerName(owner.value) : undefined, rdata: rdata.value });
}

const isTtlOrClass = (word: string): boolean => /^\d+[smhdw]?$/i.test(word) || classFromText(word) !== undefined;
