/** The files that a configuration names: secrets and certificates. No error shows what a file holds. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import type { Bytes } from '../base/bytes.ts';
import type { TrustAnchor } from '../guard/dnssec/anchor.ts';
import { readPrefixList } from '../policy/prefix-list.ts';
import { readSig0Keys } from '../sig0/key.ts';
import { TSIG_ALGORITHMS } from '../tsig/algorithm.ts';
import type { Path } from './document.ts';
import { checkAnchors } from './guards.ts';
import { entriesOf, type Finding, isMapping } from './references.ts';
import { MAX_PREFIXES } from './v1-sets.ts';
import { parseBase64, parseName } from './values.ts';

export interface CheckedFiles {
  readonly secrets: ReadonlyMap<string, Bytes>;
  /** KEY records, by the key's name as it stands in the file. */
  readonly sig0Records: ReadonlyMap<string, readonly Bytes[]>;
  /** By the zone's name as it stands in the file. */
  readonly anchors: ReadonlyMap<string, readonly TrustAnchor[]>;
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

const DAY_MS = 86_400_000;
const WARN_BEFORE_DAYS = 14;

/** Works on the values as they came, so that what is right is checked even beside what is wrong. */
export function checkFiles(
  value: unknown,
  folder: string,
  readFile: (path: string) => string,
  now: number,
): CheckedFiles {
  const read = (path: string): string => readFile(resolve(folder, path));
  const keys = entriesOf(value, 'keys').map(([name, key]) => ({ name, ...checkKey(name, key, read) }));
  const certificates = entriesOf(value, 'certificates').map(([name, files]) =>
    checkCertificate(name, files, read, now),
  );
  const authorities = (['primaries', 'secondaries'] as const).flatMap((section) =>
    entriesOf(value, section).flatMap(([name, peer]) => checkAuthorities([section, name], peer, read)),
  );
  const sig0 = entriesOf(value, 'sig0-keys').map(([name, key]) => ({ name, ...checkSig0(name, key, read) }));
  const sets = entriesOf(value, 'prefix-sets').flatMap(([name, set]) => checkPrefixFile(name, set, read));
  const { anchors, problems } = checkAnchors(value, read, unreadable);
  return {
    anchors,
    secrets: new Map(keys.flatMap(({ name, secret }) => (secret === undefined ? [] : [[name, secret]]))),
    sig0Records: new Map(sig0.flatMap(({ name, records }) => (records === undefined ? [] : [[name, records]]))),
    problems: [
      ...[...keys, ...certificates, ...sig0].flatMap(({ problems }) => problems),
      ...authorities,
      ...sets,
      ...problems,
    ],
    warnings: [...keys, ...certificates].flatMap(({ warnings }) => warnings),
  };
}

interface Checked {
  readonly problems: Finding[];
  readonly warnings: Finding[];
}

function checkKey(name: string, key: unknown, read: (path: string) => string): Checked & { secret: Bytes | undefined } {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  const done = (secret?: Bytes) => ({ secret, problems, warnings });
  if (!isMapping(key)) return done();
  const { secret: text, 'secret-file': file, algorithm } = key;
  const path = ['keys', name];
  if ((text === undefined) === (file === undefined)) {
    const message =
      text === undefined
        ? 'the secret is missing; expected `secret` or `secret-file`'
        : 'expected `secret` or `secret-file`, not both';
    problems.push({ path, message, at: 'key' });
    return done();
  }
  const at = [...path, text === undefined ? 'secret-file' : 'secret'];
  let base64: string;
  try {
    if (typeof (text ?? file) !== 'string') return done();
    base64 = typeof text === 'string' ? text : read(file as string);
  } catch (error) {
    problems.push({ path: at, message: unreadable(file, error) });
    return done();
  }
  const secret = parseBase64(base64);
  if (secret === undefined) {
    const where = text === undefined ? `\`${String(file)}\` does not hold a base64 secret alone` : 'it is not base64';
    problems.push({ path: at, message: `expected base64 text of at least one octet: ${where}` });
    return done();
  }
  const { macLength, name: hash } = TSIG_ALGORITHMS[algorithm as keyof typeof TSIG_ALGORITHMS] ?? {
    macLength: TSIG_ALGORITHMS['hmac-sha256'].macLength,
    name: 'hmac-sha256',
  };
  if (secret.length < macLength) {
    const message = `the secret has ${secret.length} octets; ${hash} should have ${macLength} (RFC 8945 section 6)`;
    warnings.push({ path: at, message });
  }
  return done(secret);
}

function checkCertificate(name: string, files: unknown, read: (path: string) => string, now: number): Checked {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  if (!isMapping(files)) return { problems, warnings };
  const load = <T>(key: string, what: string, parse: (pem: string) => T): T | undefined => {
    const file = files[key];
    if (typeof file !== 'string') return undefined;
    const path = ['certificates', name, key];
    let pem: string;
    try {
      pem = read(file);
    } catch (error) {
      problems.push({ path, message: unreadable(file, error) });
      return undefined;
    }
    try {
      return parse(pem);
    } catch {
      problems.push({ path, message: `expected ${what} in PEM form in \`${file}\`` });
      return undefined;
    }
  };
  const certificate = load('cert-file', 'a certificate', (pem) => new X509Certificate(pem));
  const privateKey = load('key-file', 'a private key without a passphrase', (pem) => createPrivateKey(pem));
  load('client-ca-file', 'a certificate', (pem) => new X509Certificate(pem));
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey)) {
    const message = `\`${String(files['key-file'])}\` is not the private key of \`${String(files['cert-file'])}\``;
    problems.push({ path: ['certificates', name, 'key-file'], message });
  }
  if (certificate !== undefined) {
    const path = ['certificates', name, 'cert-file'];
    const days = Math.floor((Date.parse(certificate.validTo) - now) / DAY_MS);
    if (days < 0) warnings.push({ path, message: `the certificate ended on ${certificate.validTo}` });
    else if (days < WARN_BEFORE_DAYS) warnings.push({ path, message: `the certificate ends in ${days} days` });
  }
  return { problems, warnings };
}

/** The authorities that a server's certificate may come from. */
function checkAuthorities(peerPath: Path, peer: unknown, read: (path: string) => string): Finding[] {
  const tls = isMapping(peer) && isMapping(peer['tls']) ? peer['tls'] : {};
  const file = tls['ca-file'];
  if (typeof file !== 'string') return [];
  const path = [...peerPath, 'tls', 'ca-file'];
  let pem: string;
  try {
    pem = read(file);
  } catch (error) {
    return [{ path, message: unreadable(file, error) }];
  }
  return isCertificate(pem) ? [] : [{ path, message: `expected a certificate in PEM form in \`${file}\`` }];
}

function checkSig0(
  name: string,
  key: unknown,
  read: (path: string) => string,
): { readonly problems: Finding[]; readonly records: readonly Bytes[] | undefined } {
  const file = isMapping(key) ? key['key-file'] : undefined;
  const owner = parseName(name);
  if (typeof file !== 'string' || !owner.ok) return { problems: [], records: undefined };
  const path = ['sig0-keys', name, 'key-file'];
  try {
    const records = readSig0Keys(read(file), owner.value.label);
    if (records.ok) return { problems: [], records: records.value };
    return { problems: [{ path, message: `\`${file}\`: ${records.failure}` }], records: undefined };
  } catch (error) {
    return { problems: [{ path, message: unreadable(file, error) }], records: undefined };
  }
}

/** A start with a list that cannot be read would let in whom it is to keep out. */
function checkPrefixFile(name: string, set: unknown, read: (path: string) => string): Finding[] {
  if (!isMapping(set) || typeof set['file'] !== 'string') return [];
  const { file, 'max-prefixes': most } = set;
  const path = ['prefix-sets', name, 'file'];
  try {
    const list = readPrefixList(read(file), typeof most === 'number' ? most : MAX_PREFIXES);
    return list.ok ? [] : [{ path, message: `\`${file}\`: ${list.failure}` }];
  } catch (error) {
    return [{ path, message: unreadable(file, error) }];
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).serialNumber !== '';
  } catch {
    return false;
  }
}

function unreadable(file: unknown, error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  const why = code === 'ENOENT' ? 'there is no such file' : typeof code === 'string' ? code : 'it failed';
  return `\`${String(file)}\` cannot be read: ${why}`;
}
