/**
 * Zones record for record: what a server sends, what a program prints and what a zone file says, brought to one
 * canonical form (RFC 4034 §6.2) and compared as sets of `owner|type|ttl|rdata`. And the zone that is worth comparing.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseKeyFile } from '../../src/cli/key-file.ts';
import { type ClientTls, connectStream } from '../../src/net/dns-client.ts';
import { lowerName, nameFromText, nameToText } from '../../src/wire/name.ts';
import { recordToText } from '../../src/wire/presentation/print.ts';
import { rdataShape } from '../../src/wire/rdata.ts';
import { typeToText } from '../../src/wire/registry.ts';
import { type ClientStep, type SentAs, TransferClient } from '../../src/xfr/client.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';
import type { PeerKey } from './dns-peer.ts';
import { repositoryRoot } from './repository.ts';

export interface ZoneRecord {
  /** Wire form. */
  readonly owner: Buffer;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Buffer;
}

/** How much of upper and lower case counts: none of it in names, that of DNSSEC's canonical form, or all. */
export type CaseRule = 'folded' | 'canonical' | 'exact';

export interface ZoneQuery {
  readonly port: number;
  readonly zone: string;
  readonly key?: PeerKey | undefined;
  readonly tls?: ClientTls;
  /** Asks by IXFR from this serial. */
  readonly serial?: number;
  readonly edns?: boolean;
}

export interface ZoneAnswer {
  readonly records: readonly ZoneRecord[];
  readonly sentAs: SentAs | undefined;
  readonly serial: number | undefined;
  readonly messages: number;
  readonly signedMessages: number;
}

/** Transfers a zone from 127.0.0.1 with the project's own client, which checks and verifies every message. */
export async function transferZone(query: ZoneQuery): Promise<ZoneAnswer> {
  const records: ZoneRecord[] = [];
  const seconds = (): number => Math.floor(Date.now() / 1000);
  const client = new TransferClient({
    zone: wireNameOf(query.zone),
    kind: query.serial === undefined ? 'AXFR' : 'IXFR',
    serial: query.serial,
    key: query.key && keyOf(query.key),
    edns: query.edns === false ? undefined : { udpSize: 1232 },
    id: randomInt(0x1_0000),
    now: seconds(),
    onRecord: (_change, { owner, type, ttl, rdata }) =>
      records.push({ owner: Buffer.from(owner), type, ttl, rdata: Buffer.from(rdata) }),
  });
  const stream = await connectStream({ host: '127.0.0.1', port: query.port, tls: query.tls, timeoutMs: 10_000 });
  stream.send(client.query());
  let step: ClientStep = { kind: 'more' };
  await stream.receive((message) => {
    step = client.take(message, seconds());
    return step.kind === 'more';
  });
  const last = step as ClientStep;
  assert.equal(last.kind, 'done', `${query.zone}: ${last.kind === 'failed' ? last.failure.text : last.kind}`);
  const { messages, signedMessages } = client.counters;
  return { records, sentAs: client.sentAs, serial: client.serial, messages, signedMessages };
}

function keyOf({ name, algorithm, secret }: PeerKey) {
  const key = parseKeyFile(`${algorithm}:${name}:${secret}`);
  if (!key.ok) throw new Error(key.failure);
  return key.value;
}

/** The records of a zone file, or of what dig, kdig or drill printed. */
export function parseZone(text: string | Buffer, zone: string): ZoneRecord[] {
  const records: ZoneRecord[] = [];
  const failures = parseMasterFile({
    file: zone,
    text: Buffer.from(text),
    origin: wireNameOf(zone),
    readInclude: (path) => `${path} is not to be read`,
    onRecord: (owner, type, ttl, rdata) =>
      records.push({ owner: Buffer.from(owner), type, ttl, rdata: Buffer.from(rdata) }),
  });
  assert.deepEqual(failures, []);
  return records;
}

/** A zone file of one line a record, without the shorthands that not every server reads alike. */
export const printZone = (records: readonly ZoneRecord[]): string =>
  records.map(({ owner, type, ttl, rdata }) => `${recordToText(owner, ttl, 1, type, rdata)}\n`).join('');

/** Sorted, and each once: the SOA that ends a transfer is left out so. */
export const zoneLines = (records: readonly ZoneRecord[], caseRule: CaseRule = 'canonical'): string[] =>
  [...new Set(records.map((record) => lineOf(record, caseRule)))].sort();

/** Fails with the records that are on one side only: a zone's whole difference is too long to read. */
export function assertSameZone(
  actual: readonly ZoneRecord[],
  expected: readonly ZoneRecord[],
  caseRule: CaseRule = 'canonical',
): void {
  const left = zoneLines(actual, caseRule);
  const right = zoneLines(expected, caseRule);
  assert.ok(right.length > 0, 'there is nothing to compare with');
  const missing = onlyIn(right, left);
  const surplus = onlyIn(left, right);
  assert.deepEqual({ missing, surplus }, { missing: [], surplus: [] });
  assert.equal(left.length, right.length);
}

const MOST_SHOWN = 10;
const onlyIn = (these: readonly string[], those: readonly string[]): string[] => {
  const known = new Set(those);
  return these
    .filter((line) => !known.has(line))
    .slice(0, MOST_SHOWN)
    .map((line) => line.slice(0, 200));
};

function lineOf({ owner, type, ttl, rdata }: ZoneRecord, caseRule: CaseRule): string {
  const name = nameToText(caseRule === 'exact' ? owner : lowerName(owner));
  return `${name}|${typeToText(type)}|${ttl}|${canonicalRdata(type, rdata, caseRule).toString('hex')}`;
}

function canonicalRdata(type: number, rdata: Buffer, caseRule: CaseRule): Buffer {
  const shape = rdataShape(type);
  if (shape === undefined || caseRule === 'exact' || (caseRule === 'canonical' && !shape.lowerCase)) return rdata;
  const out = Buffer.from(rdata);
  let at = 0;
  for (const element of shape.elements) {
    if (typeof element === 'number') at += element;
    else if (element === 'string') at += (out[at] as number) + 1;
    else {
      const start = at;
      while (out[at] !== 0) at += (out[at] as number) + 1;
      at++;
      out.set(lowerName(out.subarray(start, at)), start);
    }
  }
  return out;
}

function wireNameOf(zone: string): Uint8Array {
  const name = nameFromText(`${zone}.`);
  if (!name.ok) throw new Error(`${zone}: ${name.failure}`);
  return name.value;
}

export interface RichZoneOptions {
  /** Of the SOA record, in seconds; default: two hours, fifteen minutes. */
  readonly refresh?: number;
  readonly retry?: number;
  /** Leaves out records of 60 KB. */
  readonly isSmall?: boolean;
}

/** Octets of the longest records: three to a message of 64 KiB would not go. */
export const LONG_RDATA = 235 * 256;

/**
 * `test/vectors/zones/every-type.zone` with another serial, and what it lacks: many owners with escapes and in mixed
 * case, RRsets of many records, names of the longest kind, records of 60 KB. Relative to whatever zone it is loaded as.
 */
export function richZone(serial: number, options: RichZoneOptions = {}): string {
  const { refresh = 7200, retry = 900, isSmall = false } = options;
  const vector = readFileSync(join(repositoryRoot(), 'test/vectors/zones/every-type.zone'), 'utf8')
    .replace(/2024010101\t; serial/, `${serial}`)
    .replace(/1d\t\t; refresh/, `${refresh}`)
    .replace(/2h\t\t; retry/, `${retry}`)
    // An owner that is no hash of NSEC3 (RFC 5155 §3): BIND takes no message that has one.
    .replace(/^[ab]1rt98/gm, (owner) => owner.padEnd(32, '0'));
  assert.match(vector, new RegExp(`\\t${serial}\\n\\t\\t\\t${refresh}\\n\\t\\t\\t${retry}\\n`));
  return [vector, ...generatedLines(isSmall), ''].join('\n');
}

function generatedLines(isSmall: boolean): string[] {
  const lines: string[] = [];
  for (let i = 0; i < 150; i++) {
    const owner = `GeN\\.${i}\\${String(i + 100).padStart(3, '0')}\\000\\"x`;
    lines.push(`${owner} ${i % 3 === 0 ? 0 : 2_147_483_647} A 192.0.2.${i}`);
    lines.push(`${owner} 7 TXT "text of ${owner.toUpperCase()}" "\\${String(i).padStart(3, '0')}"`);
    lines.push(`CASE-${i}.MiXeD MX ${i} Mail-${i}.Example.NET.`);
    lines.push(`${i}.below.child A 203.0.113.${i}`); // occluded by the delegation of `child`
  }
  // BIND takes a hundred records of one owner and type; these texts are longer than a message of zonegate.
  for (let i = 0; i < 100; i++) {
    lines.push(`many A 198.51.100.${i}`);
    lines.push(`many TXT "${'number '.repeat(30)}${i}"`);
    lines.push(`many TYPE65300 \\# 4 ${i.toString(16).padStart(8, '0')}`);
  }
  const label = (letter: string): string => letter.repeat(63);
  lines.push(`${label('a')}.${label('B')}.${label('c')} AAAA 2001:db8::1`);
  lines.push('*.Wild.card TXT "expanded by nobody"');
  if (isSmall) return lines;
  for (const letter of ['L', 'M', 'N']) {
    const strings = Array.from({ length: LONG_RDATA / 256 }, (_, i) => `"${letter}${`${i}`.padStart(254, '.')}"`);
    lines.push(`long.${letter} 3600 TXT ( ${strings.join('\n  ')} )`);
  }
  return lines;
}
