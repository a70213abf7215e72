/**
 * Signs zones for the tests of the guards, and signs them wrong when asked to: a signer of its own, which shares nothing
 * with the code under test but the parser of zone files. For small zones: it is written to be read.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { canonicalRdata, compareOwners, compareRecords, lowerOctets } from './message-decoder.ts';
import { type RawRecord, u16, u32 } from './raw-messages.ts';
import { apexOf, recordsOf } from './version-building.ts';

const T = { NS: 2, SOA: 6, DNAME: 39, DS: 43, RRSIG: 46, NSEC: 47, DNSKEY: 48, NSEC3: 50, NSEC3PARAM: 51 };

/** The time at which the zones are signed, in the middle of what the signatures are valid for by default. */
export const NOW = 1_800_000_000;
export const DAY = 86_400;

export class SigningKey {
  readonly dnskey: Buffer;
  readonly tag: number;
  readonly algorithm: number;
  readonly #privateKey: KeyObject;

  constructor(flags = 256, algorithm = 15) {
    const { privateKey, publicKey } = generate(algorithm);
    this.#privateKey = privateKey;
    this.algorithm = algorithm;
    this.dnskey = Buffer.concat([u16(flags), Buffer.from([3, algorithm]), publicOctets(publicKey)]);
    const sum = this.dnskey.reduce((total, octet, i) => total + (i % 2 === 0 ? octet * 256 : octet), 0);
    this.tag = (sum + (sum >>> 16)) & 0xffff;
  }

  sign(data: Buffer): Buffer {
    const hash = { 8: 'sha256', 10: 'sha512', 13: 'sha256', 14: 'sha384' }[this.algorithm];
    return sign(hash, data, { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
  }

  ds(owner: Buffer, hash: 'sha256' | 'sha384' = 'sha256'): string {
    const digest = createHash(hash).update(lowerOctets(owner)).update(this.dnskey).digest('hex');
    return `DS ${this.tag} ${this.algorithm} ${hash === 'sha256' ? 2 : 4} ${digest}`;
  }
}

function generate(algorithm: number): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 8 || algorithm === 10) return generateKeyPairSync('rsa', { modulusLength: 1024 });
  if (algorithm === 15) return generateKeyPairSync('ed25519');
  return generateKeyPairSync('ec', { namedCurve: algorithm === 13 ? 'P-256' : 'P-384' });
}

function publicOctets(key: KeyObject): Buffer {
  const jwk = key.export({ format: 'jwk' });
  const [first, second] = jwk.kty === 'RSA' ? [jwk.e, jwk.n] : [jwk.x, jwk.y];
  const [a, b] = [Buffer.from(first ?? '', 'base64url'), Buffer.from(second ?? '', 'base64url')];
  return jwk.kty === 'RSA' ? Buffer.concat([Buffer.from([a.length]), a, b]) : Buffer.concat([a, b]);
}

/** What a signature says; whatever a test changes is signed as it is. */
export interface SignatureFields {
  algorithm: number;
  labels: number;
  ttl: number;
  expiration: number;
  inception: number;
  tag: number;
  signer: Buffer;
  key: SigningKey;
}

export interface SignerOptions {
  readonly denial?: 'nsec' | 'nsec3' | 'none';
  readonly salt?: string;
  readonly iterations?: number;
  readonly optOut?: boolean;
  readonly algorithm?: number;
  /** Changes the records just before they are signed. */
  readonly change?: (records: RawRecord[]) => RawRecord[];
  /** Changes what a signature says before it is made; false leaves it out. */
  readonly signature?: (owner: string, type: number, fields: SignatureFields) => boolean | undefined;
}

export interface SignedZone {
  readonly records: readonly RawRecord[];
  readonly keySigningKey: SigningKey;
  readonly zoneSigningKey: SigningKey;
  /** Of the key that signs the DNSKEY RRset. */
  readonly ds: string;
}

export function signZone(zone: string, text: string, options: SignerOptions = {}): SignedZone {
  const apex = apexOf(zone);
  const keySigningKey = new SigningKey(257, options.algorithm);
  const zoneSigningKey = new SigningKey(256, options.algorithm);
  const plain = recordsOf(zone, text);
  for (const { dnskey } of [keySigningKey, zoneSigningKey]) {
    plain.push({ owner: apex, type: T.DNSKEY, ttl: 3600, rdata: dnskey });
  }
  const { denial = 'nsec' } = options;
  const proofs = denial === 'nsec' ? nsecs(apex, plain) : denial === 'nsec3' ? nsec3s(apex, plain, options) : [];
  const records = (options.change ?? ((all) => all))([...plain, ...proofs]);
  const signatures = signed(apex, records, keySigningKey, zoneSigningKey, options.signature ?? (() => true));
  const ds = keySigningKey.ds(apex);
  return { records: [...records, ...signatures], keySigningKey, zoneSigningKey, ds };
}

/** Owners in canonical order with their records, and what they are to the zone. */
interface Owner {
  readonly name: Buffer;
  readonly types: readonly number[];
  readonly isCut: boolean;
}

function ownersOf(apex: Buffer, records: readonly RawRecord[]): Owner[] {
  const names = unique(records.map(({ owner }) => lowerOctets(owner))).sort(compareOwners);
  const typesAt = (name: Buffer): number[] => [
    ...new Set(records.filter(({ owner }) => lowerOctets(owner).equals(name)).map(({ type }) => type)),
  ];
  const all = names.map((name) => {
    const types = typesAt(name);
    return { name, types, isCut: types.includes(T.NS) && !name.equals(apex) };
  });
  const tops = all.filter(({ isCut, types }) => isCut || types.includes(T.DNAME));
  return all.filter(({ name }) => !tops.some((top) => !top.name.equals(name) && isBelow(name, top.name)));
}

const ownTypes = ({ types, isCut }: Owner): number[] =>
  isCut ? types.filter((type) => type === T.NS || type === T.DS) : [...types];

function nsecs(apex: Buffer, records: readonly RawRecord[]): RawRecord[] {
  const owners = ownersOf(apex, records);
  return owners.map((owner, i) => {
    const next = owners[i + 1]?.name ?? apex;
    const types = [...ownTypes(owner), T.RRSIG, T.NSEC];
    return { owner: owner.name, type: T.NSEC, ttl: 900, rdata: Buffer.concat([next, typeBitmap(types)]) };
  });
}

function nsec3s(apex: Buffer, plain: RawRecord[], options: SignerOptions): RawRecord[] {
  const { iterations = 0, optOut = false } = options;
  const salt = Buffer.from(options.salt ?? '', 'hex');
  const head = (flags: number): Buffer =>
    Buffer.concat([Buffer.from([1, flags]), u16(iterations), Buffer.from([salt.length]), salt]);
  plain.push({ owner: apex, type: T.NSEC3PARAM, ttl: 0, rdata: head(0) });
  const isInsecure = (owner: Owner): boolean => owner.isCut && !owner.types.includes(T.DS);
  const owners = ownersOf(apex, plain).filter((owner) => !(optOut && isInsecure(owner)));
  const between = unique(owners.flatMap(({ name }) => ancestors(name, apex))).filter(
    (name) => !owners.some((owner) => owner.name.equals(name)),
  );
  const entries = [
    ...owners.map((owner) => ({
      hash: nsec3Hash(owner.name, salt, iterations),
      types: [...ownTypes(owner), ...(isInsecure(owner) ? [] : [T.RRSIG])],
    })),
    ...between.map((name) => ({ hash: nsec3Hash(name, salt, iterations), types: [] })),
  ].sort((a, b) => Buffer.compare(a.hash, b.hash));
  return entries.map(({ hash, types }, i) => {
    const next = (entries[i + 1] ?? entries[0])?.hash ?? hash;
    const rdata = Buffer.concat([head(optOut ? 1 : 0), Buffer.from([20]), next, typeBitmap(types)]);
    return { owner: nsec3Owner(hash, apex), type: T.NSEC3, ttl: 900, rdata };
  });
}

export function nsec3Hash(name: Buffer, salt: Buffer, iterations: number): Buffer {
  let hash = createHash('sha1').update(name).update(salt).digest();
  for (let i = 0; i < iterations; i++) hash = createHash('sha1').update(hash).update(salt).digest();
  return hash;
}

export function nsec3Owner(hash: Buffer, apex: Buffer): Buffer {
  const bits = [...hash].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const digits = (bits.match(/.{5}/g) ?? []).map((five) => Number.parseInt(five, 2).toString(32));
  return Buffer.concat([Buffer.from([digits.length]), Buffer.from(digits.join(''), 'latin1'), apex]);
}

export function typeBitmap(types: readonly number[]): Buffer {
  const windows = [...new Set(types.map((type) => type >>> 8))].sort((a, b) => a - b);
  return Buffer.concat(
    windows.map((window) => {
      const inside = types.filter((type) => type >>> 8 === window).map((type) => type & 255);
      const octets = Buffer.alloc(Math.floor(Math.max(...inside) / 8) + 1);
      for (const bit of inside) octets.writeUInt8(octets.readUInt8(bit >> 3) | (128 >> (bit & 7)), bit >> 3);
      return Buffer.concat([Buffer.from([window, octets.length]), octets]);
    }),
  );
}

function signed(
  apex: Buffer,
  records: readonly RawRecord[],
  keySigningKey: SigningKey,
  zoneSigningKey: SigningKey,
  hook: NonNullable<SignerOptions['signature']>,
): RawRecord[] {
  return ownersOf(apex, records).flatMap((owner) =>
    owner.types
      .filter((type) => !owner.isCut || type === T.DS || type === T.NSEC)
      .flatMap((type) => {
        const set = records.filter((record) => record.type === type && lowerOctets(record.owner).equals(owner.name));
        const key = type === T.DNSKEY ? keySigningKey : zoneSigningKey;
        const fields: SignatureFields = {
          algorithm: key.algorithm,
          labels: labelCount(owner.name) - (owner.name.subarray(0, 2).equals(Buffer.from('\x01*')) ? 1 : 0),
          ttl: set[0]?.ttl ?? 0,
          expiration: NOW + 10 * DAY,
          inception: NOW - 10 * DAY,
          tag: key.tag,
          signer: apex,
          key,
        };
        if (hook(nameText(owner.name), type, fields) === false) return [];
        return [{ owner: owner.name, type: T.RRSIG, ttl: set[0]?.ttl ?? 0, rdata: signature(type, set, fields) }];
      }),
  );
}

/** RRSIG rdata (RFC 4034 §3.1.8.1). */
export function signature(type: number, set: readonly RawRecord[], fields: SignatureFields): Buffer {
  const head = Buffer.concat([
    u16(type),
    Buffer.from([fields.algorithm, fields.labels]),
    u32(fields.ttl, fields.expiration, fields.inception),
    u16(fields.tag),
    fields.signer,
  ]);
  const body = set
    .map((record) => ({ ...record, owner: Buffer.from(record.owner), rdata: Buffer.from(record.rdata) }))
    .sort(compareRecords)
    .map(({ owner, rdata }) => {
      const canonical = canonicalRdata(type, rdata);
      return Buffer.concat([lowerOctets(owner), u16(type, 1), u32(fields.ttl), u16(canonical.length), canonical]);
    });
  return Buffer.concat([head, fields.key.sign(Buffer.concat([head, ...body]))]);
}

const unique = (names: readonly Buffer[]): Buffer[] =>
  [...new Set(names.map((name) => name.toString('latin1')))].map((name) => Buffer.from(name, 'latin1'));

const labelCount = (name: Buffer): number => (name.length <= 1 ? 0 : 1 + labelCount(parent(name)));
const parent = (name: Buffer): Buffer => name.subarray(1 + name.readUInt8(0));

/** Strictly between a name and the apex. */
function ancestors(name: Buffer, apex: Buffer): Buffer[] {
  if (name.equals(apex) || parent(name).equals(apex)) return [];
  return [parent(name), ...ancestors(parent(name), apex)];
}

const isBelow = (name: Buffer, top: Buffer): boolean =>
  name.equals(top) || (name.length > top.length && isBelow(parent(name), top));

/** Without the final dot. */
export function nameText(name: Buffer): string {
  const labels: string[] = [];
  for (let rest = name; rest.length > 1; rest = parent(rest)) {
    labels.push(rest.subarray(1, 1 + rest.readUInt8(0)).toString('latin1'));
  }
  return labels.join('.');
}
