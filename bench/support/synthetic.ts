/** Zones for benches: one owner a record, types as in a hosting zone, some 70 octets of text a record. */
import { Buffer } from 'node:buffer';

/**
 * Zone file text of `records` records, the SOA included, in no order, as a registry or a panel writes it: names are
 * words and digits that sort in another order than they stand in.
 */
export function* zoneFile(zone: string, records: number, serial = 1): Generator<string> {
  yield `$ORIGIN ${zone}.\n@ 3600 IN SOA ns1 hostmaster ${serial} 3600 600 86400 300\n@ 3600 IN NS ns1\nns1 3600 IN A 192.0.2.1\n`;
  for (let i = 3; i < records; i++) {
    const name = ownerOf(i);
    const kind = i % 10;
    if (kind < 5) yield `${name}.${zone}. 3600 IN A 198.${18 + (i & 1)}.${(i >> 8) & 255}.${i & 255}\n`;
    else if (kind < 7)
      yield `${name}.${zone}. 3600 IN AAAA 2001:db8:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}::1\n`;
    else if (kind === 7) yield `${name}.${zone}. 3600 IN TXT "v=spf1 include:_spf.mail-${i % 97}.${zone} -all"\n`;
    else if (kind === 8) yield `${name}.${zone}. 3600 IN MX 10 mail-${i % 97}.${zone}.\n`;
    else yield `${name}.${zone}. 3600 IN NS ns-${i % 13}.provider-${i % 7}.example.\n`;
  }
}

const WORDS = [
  'shop',
  'cloud',
  'mail',
  'garden',
  'studio',
  'travel',
  'north',
  'blue',
  'data',
  'works',
  'media',
  'home',
];

/** Different for each `i`: a bijection on 32 bits, spelt in letters and digits behind a word. */
function ownerOf(i: number): string {
  const mixed = Math.imul(i ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  return `${WORDS[mixed % WORDS.length]}-${WORDS[i % WORDS.length]}-${mixed.toString(36)}`;
}

/**
 * A zone of ordered names as the messages of an AXFR, length-prefixed; owners compressed as servers do. `addresses`: of
 * hosts by number, in place of their first ones.
 */
export function axfrStream(
  zone: string,
  records: number,
  serial = 1,
  addresses: ReadonlyMap<number, Buffer> = new Map(),
): Buffer {
  const apex = wireName(zone);
  const parts: Buffer[] = [];
  let body: Buffer[] = [];
  let size = 0;
  const flush = (): void => {
    const head = Buffer.alloc(14);
    const question = Buffer.concat([apex, Buffer.from([0, 252, 0, 1])]);
    head.writeUInt16BE(12 + question.length + size, 0);
    head.writeUInt16BE(7, 2);
    head.writeUInt16BE(0x8400, 4);
    head.writeUInt16BE(1, 6);
    head.writeUInt16BE(body.length, 8);
    // One buffer a message: ten million of single records do not fit in the heap.
    parts.push(Buffer.concat([head, question, ...body]));
    body = [];
    size = 0;
  };
  const add = (owner: string, type: number, rdata: Buffer): void => {
    const record = Buffer.concat([
      owner === '' ? Buffer.alloc(0) : Buffer.from([owner.length, ...Buffer.from(owner)]),
      Buffer.from([0xc0, 12, type >> 8, type & 255, 0, 1, 0, 0, 14, 16, rdata.length >> 8, rdata.length & 255]),
      rdata,
    ]);
    if (size + record.length > 16_000) flush();
    body.push(record);
    size += record.length;
  };
  const below = (label: string): Buffer => Buffer.from([label.length, ...Buffer.from(label), 0xc0, 12]);
  const numbers = Buffer.from('0000000100000e10000002580001518000000012c'.slice(0, 40), 'hex');
  numbers.writeUInt32BE(serial);
  const soa = Buffer.concat([below('ns1'), below('hostmaster'), numbers]);
  add('', 6, soa);
  add('', 2, below('ns1'));
  for (let i = 3; i < records; i++) {
    const name = `host-${String(i).padStart(8, '0')}`;
    const kind = i % 10;
    if (kind < 5) add(name, 1, addresses.get(i) ?? Buffer.from([198, 18, (i >> 8) & 255, i & 255]));
    else if (kind < 7) add(name, 28, Buffer.from(`20010db8${i.toString(16).padStart(24, '0')}`, 'hex'));
    else if (kind === 7) {
      const text = `v=spf1 include:_spf.mail-${i % 97}.${zone} -all`;
      add(name, 16, Buffer.from([text.length, ...Buffer.from(text)]));
    } else if (kind === 8) add(name, 15, Buffer.concat([Buffer.from([0, 10]), below(`mail-${i % 97}`)]));
    else add(name, 2, wireName(`ns-${i % 13}.provider-${i % 7}.example`));
  }
  add('ns1', 1, Buffer.from([192, 0, 2, 1]));
  add('', 6, soa);
  flush();
  return Buffer.concat(parts);
}

export function wireName(text: string): Buffer {
  return Buffer.concat([
    ...text.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.alloc(1),
  ]);
}
