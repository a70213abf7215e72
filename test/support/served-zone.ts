/** What a server hands out of a zone, by the tests' own decoder: content, octets, and what an IXFR makes of a content. */
import assert from 'node:assert/strict';
import { askOverTcp } from './dns-clients.ts';
import { canonicalRdata, type DecodedRecord, decodeMessage, lowerOctets } from './message-decoder.ts';
import { rawMessage, rawQuestion } from './raw-messages.ts';
import { encodeRecord, soaRecord, type TestRecord, TYPE_NUMBERS, wireName } from './transfer-messages.ts';

/** TTLs by record, names in lower case; the SOA apart. */
export type Content = ReadonlyMap<string, number>;

type AnyRecord = Pick<DecodedRecord, 'owner' | 'type' | 'ttl' | 'rdata'>;

const keyOf = ({ owner, type, rdata }: AnyRecord): string =>
  `${lowerOctets(owner).toString('latin1')} ${type} ${canonicalRdata(type, rdata).toString('hex')}`;

export const contentOf = (records: readonly TestRecord[]): Content =>
  new Map(
    records.map(({ owner, type, ttl = 3600, rdata }) => [keyOf({ owner: wireName(owner), type, ttl, rdata }), ttl]),
  );

/** The messages of a transfer as they came: the same question has the same id. */
export function askServed(port: number, zone: string, serial?: number): Promise<Buffer[]> {
  const name = wireName(zone);
  if (serial === undefined) {
    return askOverTcp(port, rawMessage({ questions: [rawQuestion(name, TYPE_NUMBERS.AXFR)] }));
  }
  const authorities = [encodeRecord(soaRecord(zone, serial))];
  return askOverTcp(port, rawMessage({ questions: [rawQuestion(name, TYPE_NUMBERS.IXFR)], authorities }));
}

export interface ServedZone {
  readonly serial: number;
  readonly content: Content;
  readonly messages: readonly Buffer[];
}

/** The whole zone, each record of which must come once. */
export async function takeServed(port: number, zone: string): Promise<ServedZone> {
  const messages = await askServed(port, zone);
  const records = answersOf(messages);
  const [first, last] = [records[0], records.at(-1)];
  assert.ok(first !== undefined && last !== undefined && records.length > 1, `no zone ${zone}`);
  assert.equal(first.type, TYPE_NUMBERS.SOA);
  assert.deepEqual({ ...last, offset: 0 }, { ...first, offset: 0 });
  const inner = records.slice(1, -1);
  const content = new Map(inner.map((record) => [keyOf(record), record.ttl]));
  assert.equal(content.size, inner.length, 'a record comes twice');
  return { serial: serialOf(first), content, messages };
}

export interface ServedChange {
  readonly sentAs: 'AXFR' | 'IXFR' | 'current';
  readonly serial: number;
  /** Records removed and added, SOA records left out. */
  readonly differences: number;
  readonly content: Content;
}

/** A content after what an IXFR from `serial` gives: deleted must be what is there, and added what is not. */
export async function followServed(
  port: number,
  zone: string,
  serial: number,
  content: Content,
): Promise<ServedChange> {
  const records = answersOf(await askServed(port, zone, serial));
  const [lead, second] = records;
  assert.ok(lead?.type === TYPE_NUMBERS.SOA, `${zone}: the answer does not begin with the SOA`);
  const to = serialOf(lead);
  if (records.length === 1) return { sentAs: 'current', serial: to, differences: 0, content };
  if (second?.type !== TYPE_NUMBERS.SOA || records.length === 2) {
    const whole = new Map(records.slice(1, -1).map((record) => [keyOf(record), record.ttl]));
    return { sentAs: 'AXFR', serial: to, differences: 0, content: whole };
  }
  const next = new Map(content);
  let at = serial;
  let isAdding = true;
  for (const record of records.slice(1, -1)) {
    const key = keyOf(record);
    if (record.type === TYPE_NUMBERS.SOA) {
      isAdding = !isAdding;
      if (isAdding) at = serialOf(record);
      else assert.equal(serialOf(record), at, 'a step begins where the one before did not end');
    } else if (isAdding) {
      assert.ok(!next.has(key), `added and there: ${key}`);
      next.set(key, record.ttl);
    } else {
      assert.equal(next.get(key), record.ttl, `deleted and not there, or with another TTL: ${key}`);
      next.delete(key);
    }
  }
  assert.equal(at, to);
  const differences = records.filter(({ type }) => type !== TYPE_NUMBERS.SOA).length;
  return { sentAs: 'IXFR', serial: to, differences, content: next };
}

function answersOf(messages: readonly Buffer[]): DecodedRecord[] {
  const decoded = messages.map(decodeMessage);
  for (const { flags } of decoded) assert.equal(flags & 0xf, 0, `RCODE ${flags & 0xf}`);
  return decoded.flatMap(({ answers }) => answers);
}

const serialOf = ({ rdata }: AnyRecord): number => rdata.readUInt32BE(rdata.length - 20);
