/**
 * A decoder of DNS messages independent of `src/wire`: slow, strict, and it throws. What the code under test wrote is
 * read with it.
 */

export interface DecodedRecord {
  /** Wire form, expanded, case kept. */
  readonly owner: Buffer;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Names of compressible types expanded. */
  readonly rdata: Buffer;
  /** Offset of the record in the message. */
  readonly offset: number;
}

export interface DecodedMessage {
  readonly id: number;
  readonly flags: number;
  readonly questions: readonly { readonly name: Buffer; readonly type: number; readonly class: number }[];
  readonly answers: readonly DecodedRecord[];
  readonly authorities: readonly DecodedRecord[];
  readonly additionals: readonly DecodedRecord[];
  /** Where compression pointers lead to. */
  readonly pointers: readonly number[];
}

type Layout = readonly (number | 'name' | 'string')[];

/** Types whose rdata may be compressed: those of RFC 1035. */
const COMPRESSIBLE = new Map<number, Layout>([
  ...[2, 3, 4, 5, 7, 8, 9, 12].map((type): [number, Layout] => [type, ['name']]),
  [6, ['name', 'name']],
  [14, ['name', 'name']],
  [15, [2, 'name']],
]);

/** Others whose names are lower case in canonical form (RFC 4034 section 6.2, RFC 6840 section 5.1). */
const FOLDED = new Map<number, Layout>([
  [17, ['name', 'name']],
  [18, [2, 'name']],
  [33, [6, 'name']],
  [35, [4, 'string', 'string', 'string', 'name']],
  [36, [2, 'name']],
  [39, ['name']],
  [46, [18, 'name']],
]);

export function decodeMessage(octets: Uint8Array): DecodedMessage {
  const bytes = Buffer.from(octets);
  if (bytes.length < 12) throw new Error('no header');
  const pointers: number[] = [];
  let at = 12;
  const name = (): Buffer => {
    const { name: expanded, next } = readName(bytes, at, pointers);
    at = next;
    return expanded;
  };
  const u16 = (): number => {
    at += 2;
    return bytes.readUInt16BE(at - 2);
  };
  const record = (): DecodedRecord => {
    const offset = at;
    const owner = name();
    const type = u16();
    const klass = u16();
    const ttl = bytes.readUInt32BE(at);
    at += 4;
    const end = u16() + at;
    if (end > bytes.length) throw new Error('rdata runs past the message');
    const parts: Buffer[] = [];
    // No rdata at all is what an UPDATE may have.
    for (const element of at < end ? (COMPRESSIBLE.get(type) ?? []) : []) {
      if (element === 'name') {
        parts.push(name());
        continue;
      }
      parts.push(bytes.subarray(at, at + Number(element)));
      at += Number(element);
    }
    if (at > end) throw new Error('names run past the rdata');
    parts.push(bytes.subarray(at, end));
    at = end;
    return { owner, type, class: klass, ttl, rdata: Buffer.concat(parts), offset };
  };
  const times = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read);
  const decoded = {
    id: bytes.readUInt16BE(0),
    flags: bytes.readUInt16BE(2),
    questions: times(bytes.readUInt16BE(4), () => ({ name: name(), type: u16(), class: u16() })),
    answers: times(bytes.readUInt16BE(6), record),
    authorities: times(bytes.readUInt16BE(8), record),
    additionals: times(bytes.readUInt16BE(10), record),
    pointers,
  };
  if (at !== bytes.length) throw new Error(`${bytes.length - at} octets after the last record`);
  return decoded;
}

function readName(bytes: Buffer, start: number, pointers: number[]): { name: Buffer; next: number } {
  const labels: Buffer[] = [];
  let at = start;
  let next: number | undefined;
  let runStart = start;
  for (;;) {
    const length = bytes.readUInt8(at);
    if (length >= 0xc0) {
      const target = bytes.readUInt16BE(at) & 0x3fff;
      next ??= at + 2;
      if (target >= runStart) throw new Error(`pointer at ${at} leads forward to ${target}`);
      pointers.push(target);
      at = target;
      runStart = target;
      continue;
    }
    if (length > 63) throw new Error(`label of ${length} octets`);
    if (at + 1 + length > bytes.length) throw new Error('a name runs past the message');
    labels.push(bytes.subarray(at, at + 1 + length));
    at += 1 + length;
    if (length > 0) continue;
    const name = Buffer.concat(labels);
    if (name.length > 255) throw new Error(`name of ${name.length} octets`);
    return { name, next: next ?? at };
  }
}

/** Splits a stream of length-prefixed messages; throws where the last is not whole. */
export function splitMessages(stream: Uint8Array): Buffer[] {
  const bytes = Buffer.from(stream);
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) throw new Error('the last message is cut');
    messages.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return messages;
}

export const lowerOctets = (octets: Uint8Array): Buffer =>
  Buffer.from(octets.map((octet) => (octet >= 65 && octet <= 90 ? octet + 32 : octet)));

/** Rdata with its names in lower case where canonical form wants it. */
export function canonicalRdata(type: number, rdata: Uint8Array): Buffer {
  const out = Buffer.from(rdata);
  let at = 0;
  for (const element of COMPRESSIBLE.get(type) ?? FOLDED.get(type) ?? []) {
    if (element === 'string') at += 1 + out.readUInt8(at);
    else if (typeof element === 'number') at += element;
    else {
      const { next } = readName(out, at, []);
      lowerOctets(out.subarray(at, next)).copy(out, at);
      at = next;
    }
  }
  return out;
}

const labelsOf = (name: Uint8Array): Buffer[] => {
  const bytes = lowerOctets(name);
  const labels: Buffer[] = [];
  for (let at = 0; bytes.readUInt8(at) !== 0; at += 1 + bytes.readUInt8(at)) {
    labels.push(bytes.subarray(at + 1, at + 1 + bytes.readUInt8(at)));
  }
  return labels;
};

/** RFC 4034 section 6.1, as it is written there. */
export function compareOwners(a: Uint8Array, b: Uint8Array): number {
  const left = labelsOf(a).reverse();
  const right = labelsOf(b).reverse();
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = Buffer.compare(left[i] as Buffer, right[i] as Buffer);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

type Comparable = Pick<DecodedRecord, 'owner' | 'type' | 'rdata'>;

/** The order of a zone: owner, type, canonical rdata. 0 means the same record. */
export const compareRecords = (a: Comparable, b: Comparable): number =>
  compareOwners(a.owner, b.owner) ||
  a.type - b.type ||
  Buffer.compare(canonicalRdata(a.type, a.rdata), canonicalRdata(b.type, b.rdata));
