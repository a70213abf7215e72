/**
 * A TSIG key from a file, in any of the forms that lie around: what `keygen` prints, the `key` clause of BIND, the
 * entry of zonegate's or Knot's configuration, or one line `algorithm:name:secret` as `dig -y` takes it.
 */
import { readFileSync } from 'node:fs';
import { ZonegateError } from '../base/errors.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import { parseBase64 } from '../config/values.ts';
import { TSIG_ALGORITHMS, type TsigAlgorithm } from '../tsig/algorithm.ts';
import type { TsigKey } from '../tsig/key.ts';
import { lowerName, nameFromText, zoneLabel } from '../wire/name.ts';

/** Seconds that the clocks may differ (RFC 8945 §10). */
const FUDGE = 300;

export function readKeyFile(file: string): TsigKey {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ZonegateError('ZG_USAGE', `cannot read the key file: ${reason}`, {}, cause);
  }
  const key = parseKeyFile(text);
  if (key.ok) return key.value;
  throw new ZonegateError('ZG_USAGE', `${file}: ${key.failure}`);
}

/** The failure is a sentence, and never shows what the file holds. */
export function parseKeyFile(text: string): Result<TsigKey, string> {
  const plain = withoutComments(text);
  const found = [...oneLine(plain), ...clauses(plain), ...entries(plain).filter(isKey), ...listItems(plain)];
  const keys = new Map<string, TsigKey>();
  for (const candidate of found) {
    const key = toKey(candidate);
    if (!key.ok) return key;
    // keygen prints one key three times.
    keys.set(`${key.value.name} ${key.value.algorithm.name} ${key.value.secret.toString()}`, key.value);
  }
  const [key, another] = keys.values();
  if (key === undefined) return fail(`no TSIG key in it; expected ${EXPECTED}`);
  if (another !== undefined) return fail(`it holds ${keys.size} keys; expected one`);
  return succeed(key);
}

const EXPECTED =
  'what `zonegate keygen` prints, a BIND clause `key "name" { algorithm hmac-sha256; secret "..."; };`, ' +
  'or one line `hmac-sha256:name:secret`';

interface Candidate {
  readonly name: string;
  readonly algorithm: string | undefined;
  readonly secret: string | undefined;
}

function toKey({ name, algorithm: algorithmText, secret: secretText }: Candidate): Result<TsigKey, string> {
  const wireName = nameFromText(name);
  if (!wireName.ok) return fail('the name of the key is not a domain name');
  if (algorithmText === undefined) return fail(`the key \`${name}\` has no algorithm`);
  const algorithm = algorithmFromText(algorithmText);
  if (algorithm === undefined) {
    return fail(`the key \`${name}\` has an algorithm that is not one of ${Object.keys(TSIG_ALGORITHMS).join(', ')}`);
  }
  if (secretText === undefined) return fail(`the key \`${name}\` has no secret`);
  const secret = parseBase64(secretText);
  if (secret === undefined) return fail(`the secret of the key \`${name}\` is not base64`);
  const lower = lowerName(wireName.value);
  return succeed({ name: zoneLabel(lower), wireName: lower, algorithm, secret, fudge: FUDGE });
}

const algorithmFromText = (text: string): TsigAlgorithm | undefined =>
  (TSIG_ALGORITHMS as Readonly<Record<string, TsigAlgorithm>>)[text.toLowerCase().replace(/\.$/, '')];

/** `#` begins a comment in all of them, `//` and C comments in BIND's; base64 may hold `//`, a comment follows a space. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/(^|\s)(?:#|\/\/).*$/gm, '$1');

/** `[algorithm:]name:secret`, alone in the file; without an algorithm it is hmac-sha256, as for dig. */
function oneLine(text: string): Candidate[] {
  const match = /^(?:([A-Za-z0-9-]+\.?):)?([^\s:{}"]+):([A-Za-z0-9+/]+={0,2})$/.exec(text.trim());
  return match === null ? [] : [{ algorithm: match[1] ?? 'hmac-sha256', name: match[2] ?? '', secret: match[3] }];
}

/** `key "name" { algorithm hmac-sha256; secret "..."; };` */
const clauses = (text: string): Candidate[] =>
  Array.from(text.matchAll(/(?:^|\s)key\s+"?([^\s"{}:]+)"?\s*\{([^}]*)\}/g), ([, name = '', body = '']) => ({
    name,
    algorithm: /(?:^|[\s;])algorithm\s+"?([^\s";]+)"?\s*;/.exec(body)?.[1],
    secret: /(?:^|[\s;])secret\s+"?([^\s";]+)"?\s*;/.exec(body)?.[1],
  }));

/** zonegate's `name: { algorithm: ..., secret: ... }`, or the same over indented lines. */
const entries = (text: string): Candidate[] =>
  Array.from(
    text.matchAll(
      /^[ \t]*["']?([A-Za-z0-9_.-]+)["']?:[ \t]*(?:\{([^}]*)\}|\n((?:[ \t]+(?:algorithm|secret|fudge):.*\n?)+))/gm,
    ),
    ([, name = '', flow, block = '']) => ({ name, ...values(flow ?? block) }),
  );

/** Knot's `- id: name` with the lines after it. */
const listItems = (text: string): Candidate[] =>
  Array.from(
    text.matchAll(/^[ \t]*-[ \t]*id:[ \t]*["']?([^\s"']+)["']?[ \t]*\n((?:[ \t]+(?:algorithm|secret):.*\n?)+)/gm),
    ([, name = '', body = '']) => ({ name, ...values(body) }),
  );

/** Other parts of a configuration look the same. */
const isKey = ({ algorithm, secret }: Candidate): boolean => algorithm !== undefined || secret !== undefined;

const values = (body: string): { algorithm: string | undefined; secret: string | undefined } => ({
  algorithm: /(?:^|[\s,{])algorithm:\s*["']?([^\s"',}]+)/.exec(body)?.[1],
  secret: /(?:^|[\s,{])secret:\s*["']?([^\s"',}]+)/.exec(body)?.[1],
});
