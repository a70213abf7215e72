/**
 * The digest of a whole zone (RFC 8976): the SIMPLE scheme with SHA-384 and SHA-512, checked and computed in one walk
 * over a version. Whether the ZONEMD records can be trusted is DNSSEC's business (RFC 8976 §4 steps 1 to 3), see
 * `dnssec/check.ts`.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Bytes, equalBytes, toHex } from '../base/bytes.ts';
import { MAX_NAME_LENGTH } from '../wire/name.ts';
import { TYPE } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import type { RecordReader } from '../zone/record-reader.ts';
import { readOne, VersionWalk } from '../zone/version-walk.ts';
import { writeCanonicalHead, writeCanonicalRdata, writeLowerOwner } from './canonical.ts';
import type { GuardedVersion } from './guarded-version.ts';

export type ZonemdFault = 'BAD_SERIAL' | 'UNSUPPORTED' | 'BAD_DIGEST_LENGTH' | 'DOUBLED' | 'MISMATCH' | 'MALFORMED';

export type ZonemdResult =
  | { readonly kind: 'absent' }
  | { readonly kind: 'valid'; readonly hash: 'SHA-384' | 'SHA-512' }
  /** One sentence for each record that was tried. `fault` is that of the record which came furthest. */
  | { readonly kind: 'invalid'; readonly fault: ZonemdFault; readonly text: string };

const SIMPLE = 1;

interface DigestAlgorithm {
  readonly number: number;
  readonly name: 'SHA-384' | 'SHA-512';
  readonly hash: string;
  readonly length: number;
}

const ALGORITHMS: readonly DigestAlgorithm[] = [
  { number: 1, name: 'SHA-384', hash: 'sha384', length: 48 },
  { number: 2, name: 'SHA-512', hash: 'sha512', length: 64 },
];

/** Checks the digests that the apex has: one that holds is enough (RFC 8976 §4 step 5). */
export function checkZonemd(version: GuardedVersion): ZonemdResult {
  const records = readZonemds(version);
  if (records.length === 0) return { kind: 'absent' };
  const serial = serialOf(version);
  const faults: { readonly fault: ZonemdFault; readonly text: string }[] = [];
  const candidates: { readonly record: Zonemd; readonly algorithm: DigestAlgorithm }[] = [];
  for (const record of records) {
    const tried = prepare(record, records, serial);
    if ('fault' in tried) faults.push(tried);
    else candidates.push(tried);
  }
  const digests = candidates.length === 0 ? [] : digestsOf(version, [...new Set(candidates.map((c) => c.algorithm))]);
  for (const { record, algorithm } of candidates) {
    const computed = digests.find((digest) => digest.algorithm === algorithm)?.octets as Bytes;
    if (equalBytes(computed, record.digest)) return { kind: 'valid', hash: algorithm.name };
    const text = `the ${algorithm.name} digest of the zone is ${shortened(computed)}, its ZONEMD record says ${shortened(record.digest)}`;
    faults.unshift({ fault: 'MISMATCH', text });
  }
  return { kind: 'invalid', fault: faults[0]?.fault ?? 'MALFORMED', text: faults.map(({ text }) => text).join('; ') };
}

/**
 * The rdata of ZONEMD records for the version with `version.soaRecord`, whose serial may be another than that in the
 * version's own digests: for a rollback or a translated serial of an unsigned zone. One for each algorithm in
 * `algorithms` (numbers of RFC 8976 §5.3), or for each known one that the apex has: none where it has none.
 */
export function computeZonemd(version: GuardedVersion, algorithms?: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const wanted = algorithms ?? readZonemds(version).flatMap(({ scheme, hash }) => (scheme === SIMPLE ? [hash] : []));
  const known = ALGORITHMS.filter(({ number }) => wanted.includes(number));
  if (known.length === 0) return [];
  return digestsOf(version, known).map(({ algorithm, octets }) => {
    const rdata = new Uint8Array(6 + octets.length);
    new DataView(rdata.buffer).setUint32(0, serialOf(version));
    rdata[4] = SIMPLE;
    rdata[5] = algorithm.number;
    rdata.set(octets, 6);
    return rdata;
  });
}

interface Zonemd {
  readonly serial: number;
  readonly scheme: number;
  readonly hash: number;
  readonly digest: Bytes;
}

/** What of a record can be said without the digest (RFC 8976 §4 steps 4 and 5 a to d). */
function prepare(
  record: Zonemd,
  all: readonly Zonemd[],
  serial: number,
): { record: Zonemd; algorithm: DigestAlgorithm } | { fault: ZonemdFault; text: string } {
  const { scheme, hash, digest } = record;
  const algorithm = ALGORITHMS.find(({ number }) => number === hash);
  if (digest.length === 0) return { fault: 'MALFORMED', text: 'a ZONEMD record has no digest' };
  const pair = `scheme ${scheme} and hash algorithm ${hash}`;
  if (all.filter((other) => other.scheme === scheme && other.hash === hash).length > 1) {
    return { fault: 'DOUBLED', text: `more than one ZONEMD record has ${pair}` };
  }
  if (record.serial !== serial) {
    return { fault: 'BAD_SERIAL', text: `a ZONEMD record is for serial ${record.serial}, the zone has ${serial}` };
  }
  if (scheme !== SIMPLE || algorithm === undefined) {
    return { fault: 'UNSUPPORTED', text: `a ZONEMD record has ${pair}, which is not supported` };
  }
  if (digest.length !== algorithm.length) {
    const text = `a ZONEMD record has a ${algorithm.name} digest of ${digest.length} octets, not ${algorithm.length}`;
    return { fault: 'BAD_DIGEST_LENGTH', text };
  }
  return { record, algorithm };
}

function readZonemds(version: GuardedVersion): Zonemd[] {
  const walk = new VersionWalk(version.reader, version.apex);
  const found: Zonemd[] = [];
  while (walk.next() && walk.isAtApex && walk.reader.type <= TYPE.ZONEMD) {
    const { type, rdataBytes, rdataStart, rdataLength } = walk.reader;
    if (type !== TYPE.ZONEMD) continue;
    const rdata = new Uint8Array(rdataBytes.subarray(rdataStart, rdataStart + rdataLength));
    const serial = rdata.length < 4 ? 0 : new DataView(rdata.buffer).getUint32(0);
    found.push({ serial, scheme: rdata[4] ?? 0, hash: rdata[5] ?? 0, digest: rdata.subarray(6) });
  }
  return found;
}

function serialOf({ soaRecord, apex }: GuardedVersion): number {
  const { rdataBytes, rdataStart, rdataLength } = readOne(soaRecord, apex);
  const timers = readSoaTimers(rdataBytes.subarray(rdataStart, rdataStart + rdataLength));
  if (timers === undefined) throw new Error('a SOA record of ours is damaged');
  return timers.serial;
}

/** Records wait here for the hash: it is asked once for many. */
const BATCH = 1 << 16;
/** Owner, type, class, TTL, length and rdata of one record at most. */
const MAX_RECORD = MAX_NAME_LENGTH + 10 + 0xffff;

function digestsOf(version: GuardedVersion, algorithms: readonly DigestAlgorithm[]): Digest[] {
  const hashes = algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm.hash) }));
  const writer = new CanonicalWriter(hashes.map(({ hash }) => hash));
  const walk = new VersionWalk(version.reader, version.apex, version.soaRecord);
  while (walk.next()) {
    if (walk.isNewOwner) writer.owner(walk.reader);
    if (!walk.isAtApex || !isLeftOut(walk.reader)) writer.record(walk.reader);
  }
  writer.flush();
  return hashes.map(({ algorithm, hash }) => ({ algorithm, octets: hash.digest() }));
}

interface Digest {
  readonly algorithm: DigestAlgorithm;
  readonly octets: Bytes;
}

/** At the apex: the ZONEMD records and the signatures over them (RFC 8976 §3.3.1.1). */
function isLeftOut({ type, rdataBytes, rdataStart }: RecordReader): boolean {
  if (type === TYPE.ZONEMD) return true;
  if (type !== TYPE.RRSIG) return false;
  return (((rdataBytes[rdataStart] as number) << 8) | (rdataBytes[rdataStart + 1] as number)) === TYPE.ZONEMD;
}

/** Puts records in canonical form (RFC 4034 §6.2) and passes them on to hashes. */
class CanonicalWriter {
  readonly #hashes: readonly Hash[];
  readonly #out = new Uint8Array(BATCH + MAX_RECORD);
  readonly #owner = new Uint8Array(MAX_NAME_LENGTH);
  #ownerLength = 0;
  #length = 0;

  constructor(hashes: readonly Hash[]) {
    this.#hashes = hashes;
  }

  owner(reader: RecordReader): void {
    this.#ownerLength = writeLowerOwner(reader, this.#owner);
  }

  record(reader: RecordReader): void {
    const head = writeCanonicalHead(reader, this.#owner, this.#ownerLength, this.#out, this.#length);
    const at = writeCanonicalRdata(reader, this.#out, head);
    this.#length = at;
    if (at >= BATCH) this.flush();
  }

  flush(): void {
    const octets = this.#out.subarray(0, this.#length);
    for (const hash of this.#hashes) hash.update(octets);
    this.#length = 0;
  }
}

const shortened = (digest: Bytes): string => `${toHex(digest.subarray(0, 8))}...`;
