/** Messages from octets: names of any octets, compressed on the tests' own terms, counts that need not be true. */

export interface RawRecord {
  /** Wire form. */
  readonly owner: Buffer;
  readonly type: number;
  readonly class?: number;
  readonly ttl: number;
  /** Uncompressed. */
  readonly rdata: Buffer;
}

export interface RawMessage {
  readonly id?: number;
  readonly flags?: number;
  /** Each question or record as octets. */
  readonly questions?: readonly Buffer[];
  readonly answers?: readonly Buffer[];
  readonly authorities?: readonly Buffer[];
  readonly additionals?: readonly Buffer[];
  readonly trailing?: Buffer;
  /** In place of the true counts. */
  readonly counts?: readonly [number, number, number, number];
}

export function rawMessage(message: RawMessage): Buffer {
  const sections = [message.questions, message.answers, message.authorities, message.additionals].map(
    (section) => section ?? [],
  );
  const counts = message.counts ?? sections.map((section) => section.length);
  return Buffer.concat([
    u16(message.id ?? 0x1234, message.flags ?? 0, ...counts),
    ...sections.flat(),
    message.trailing ?? Buffer.alloc(0),
  ]);
}

export const rawQuestion = (name: Buffer, type: number, klass = 1): Buffer => Buffer.concat([name, u16(type, klass)]);

export const rawRecord = ({ owner, type, class: klass = 1, ttl, rdata }: RawRecord): Buffer =>
  Buffer.concat([owner, u16(type, klass), u32(ttl), u16(rdata.length), rdata]);

/** A name from its labels' octets. */
export const labels = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  Buffer.concat([
    ...parts.map((part) => {
      const octets = Buffer.from(part as Uint8Array);
      return Buffer.concat([Buffer.of(octets.length), octets]);
    }),
    Buffer.of(0),
  ]);

/** A message with its length in front. */
export const framed = (message: Buffer): Buffer => Buffer.concat([u16(message.length), message]);

const NAMED_RDATA = new Map<number, number>([
  [2, 0],
  [5, 0],
  [12, 0],
  [15, 2],
]);

/** An answer whose owners, and the names of NS, CNAME, PTR and MX rdata, are pointers wherever one fits. */
export function compressedAnswer(id: number, records: readonly RawRecord[], question?: Buffer): Buffer {
  const known = new Map<string, number>();
  const parts: Buffer[] = [u16(id, 0x8400, question === undefined ? 0 : 1, records.length, 0, 0), question ?? EMPTY];
  let length = 12 + (question?.length ?? 0);
  const put = (octets: Buffer): void => {
    parts.push(octets);
    length += octets.length;
  };
  const compress = (name: Buffer, base: number): Buffer => {
    const out: Buffer[] = [];
    let at = 0;
    while (name.readUInt8(at) !== 0) {
      const rest = name.subarray(at).toString('latin1');
      const target = known.get(rest);
      if (target !== undefined) return Buffer.concat([...out, u16(0xc000 | target)]);
      if (base + at < 0x4000) known.set(rest, base + at);
      out.push(name.subarray(at, at + 1 + name.readUInt8(at)));
      at += 1 + name.readUInt8(at);
    }
    return Buffer.concat([...out, Buffer.of(0)]);
  };
  for (const { owner, type, class: klass = 1, ttl, rdata } of records) {
    put(compress(owner, length));
    const fixed = NAMED_RDATA.get(type);
    const nameAt = length + 10 + (fixed ?? 0);
    const data =
      fixed === undefined ? rdata : Buffer.concat([rdata.subarray(0, fixed), compress(rdata.subarray(fixed), nameAt)]);
    put(Buffer.concat([u16(type, klass), u32(ttl), u16(data.length), data]));
  }
  return Buffer.concat(parts);
}

const EMPTY = Buffer.alloc(0);

export const u16 = (...values: number[]): Buffer =>
  Buffer.from(values.flatMap((value) => [(value >>> 8) & 0xff, value & 0xff]));

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value, 4 * i);
  });
  return bytes;
}

export function u48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}
