/** Public keys of clients that sign requests with SIG(0) (RFC 2931), as `dnssec-keygen -T KEY` writes them. */
import type { Bytes } from '../base/bytes.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import { algorithmText, importKey } from '../guard/dnssec/algorithm.ts';
import { keyTag } from '../guard/dnssec/key.ts';
import { nameFromText, ROOT_NAME, zoneLabel } from '../wire/name.ts';
import { rdataFromTokens } from '../wire/presentation/parse.ts';
import { EntryScanner } from '../wire/presentation/scanner.ts';
import { TYPE } from '../wire/registry.ts';

export interface Sig0Key {
  /** Canonical: lower case, without the final dot. */
  readonly name: string;
  /** Of KEY records; several while one takes the place of another. */
  readonly records: readonly Bytes[];
  /** Seconds that the clocks may differ. */
  readonly fudge: number;
}

/** Flags, protocol and algorithm stand before the key itself. */
export const KEY_HEAD = 4;
const DNSSEC_PROTOCOL = 3;
const ANY_PROTOCOL = 255;
/** A key that may not authenticate (RFC 2535 §3.1.2). */
const NO_AUTHENTICATION = 0x8000;

/** The rdata of the KEY records in a file, all of which must be of `name`. The failure is a sentence. */
export function readSig0Keys(text: string, name: string): Result<readonly Bytes[], string> {
  const scanner = new EntryScanner(Buffer.from(text, 'utf8'));
  const records: Bytes[] = [];
  while (scanner.next()) {
    if (scanner.failure !== undefined) return fail(`line ${scanner.failure.line}: ${scanner.failure.message}`);
    const tokens = scanner.tokens.slice(0, scanner.count);
    const words = tokens.map(({ octets, start, end }) => Buffer.from(octets.subarray(start, end)).toString('latin1'));
    const at = words.findIndex((word) => word.toUpperCase() === 'KEY');
    const owner = nameFromText(words[0] ?? '');
    if (at < 1 || !owner.ok) return fail('expected KEY records such as `dnssec-keygen -T KEY` writes');
    if (zoneLabel(owner.value) !== name) return fail(`the KEY record is of \`${words[0]}\`, not of \`${name}\``);
    const rdata = rdataFromTokens(TYPE.KEY, tokens.slice(at + 1), ROOT_NAME);
    if (!rdata.ok) return fail(`KEY rdata: expected ${rdata.failure}`);
    const problem = whyUnusable(rdata.value);
    if (problem !== undefined) return fail(problem);
    records.push(rdata.value);
  }
  return records.length === 0 ? fail('it holds no KEY record') : succeed(records);
}

function whyUnusable(rdata: Bytes): string | undefined {
  const [flags = 0, , protocol, algorithm = 0] = rdata;
  if (((flags << 8) & NO_AUTHENTICATION) !== 0) return 'its flags say that it does not authenticate';
  if (protocol !== DNSSEC_PROTOCOL && protocol !== ANY_PROTOCOL) return `its protocol is ${protocol}; expected 3`;
  return importKey(algorithm, rdata.subarray(KEY_HEAD)) === undefined
    ? `its algorithm ${algorithmText(algorithm)} is not supported, or the key is none of it`
    : undefined;
}

export const tagOf = (record: Bytes): number => keyTag(record);
