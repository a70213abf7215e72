/**
 * The records of one owner at a time, in canonical form and RRset by RRset: signatures stand in the middle of what they
 * cover, so an owner must be read whole before any can be checked. All memory is reused from owner to owner.
 */
import { MAX_NAME_LENGTH } from '../../wire/name.ts';
import { TYPE } from '../../wire/registry.ts';
import type { RecordReader } from '../../zone/record-reader.ts';
import { VersionWalk } from '../../zone/version-walk.ts';
import { FIXED_LENGTH, writeCanonicalHead, writeCanonicalRdata, writeLowerOwner } from '../canonical.ts';
import type { GuardedVersion } from '../guarded-version.ts';

/** RRSIG records are no RRset of their own (RFC 4035 §2.2): they are in `signatures`. */
export interface Rrset {
  type: number;
  /** Of its canonical records in the group's `octets`. */
  start: number;
  end: number;
  records: number;
  ttl: number;
  hasMixedTtls: boolean;
}

export interface SignatureAt {
  /** The type covered. */
  type: number;
  /** Of its rdata in the group's `octets`; the signer's name is in lower case. */
  start: number;
  end: number;
}

export class OwnerGroup {
  /** Wire form, lower case. */
  readonly owner = new Uint8Array(MAX_NAME_LENGTH);
  ownerLength = 0;
  /** Where each label starts in `owner`; the root is not counted. */
  readonly labelStarts = new Uint8Array(128);
  labels = 0;
  isApex = false;

  /** Records as they are signed (RFC 4034 §3.1.8.1), with the TTLs that they have. */
  octets = new Uint8Array(1 << 14);
  #used = 0;

  setCount = 0;
  signatureCount = 0;
  readonly #sets: Rrset[] = [];
  readonly #signatures: SignatureAt[] = [];

  /** In ascending order of types. */
  set(i: number): Rrset {
    return this.#sets[i] as Rrset;
  }

  find(type: number): Rrset | undefined {
    for (let i = 0; i < this.setCount; i++) if (this.set(i).type === type) return this.set(i);
    return undefined;
  }

  signature(i: number): SignatureAt {
    return this.#signatures[i] as SignatureAt;
  }

  /** Where the rdata of the first record of a set begins, and where it ends. */
  rdataStart(set: Rrset): number {
    return set.start + this.ownerLength + FIXED_LENGTH;
  }

  rdataEnd(set: Rrset): number {
    const start = this.rdataStart(set);
    return start + (((this.octets[start - 2] as number) << 8) | (this.octets[start - 1] as number));
  }

  /** Rdata of every record of a set, as views that hold until the next owner. */
  *rdatas(set: Rrset): Generator<Uint8Array<ArrayBuffer>> {
    for (let at = set.start; at < set.end; ) {
      const start = at + this.ownerLength + FIXED_LENGTH;
      at = start + (((this.octets[start - 2] as number) << 8) | (this.octets[start - 1] as number));
      yield this.octets.subarray(start, at);
    }
  }

  begin(reader: RecordReader, isApex: boolean): void {
    this.setCount = 0;
    this.signatureCount = 0;
    this.#used = 0;
    this.isApex = isApex;
    this.ownerLength = writeLowerOwner(reader, this.owner);
    this.labels = 0;
    for (let at = 0; this.owner[at] !== 0; at += (this.owner[at] as number) + 1) this.labelStarts[this.labels++] = at;
  }

  add(reader: RecordReader): void {
    const { type, ttl, rdataLength } = reader;
    this.#reserve(this.ownerLength + FIXED_LENGTH + rdataLength);
    const out = this.octets;
    const start = this.#used;
    const head = type === TYPE.RRSIG ? start : writeCanonicalHead(reader, this.owner, this.ownerLength, out, start);
    const at = writeCanonicalRdata(reader, out, head);
    this.#used = at;
    if (type === TYPE.RRSIG) this.#addSignature(start, at);
    else this.#addToSet(type, ttl, start, at);
  }

  #addToSet(type: number, ttl: number, start: number, end: number): void {
    const last = this.setCount === 0 ? undefined : this.set(this.setCount - 1);
    if (last?.type === type) {
      last.end = end;
      last.records++;
      if (last.ttl !== ttl) last.hasMixedTtls = true;
      return;
    }
    const set = this.#sets[this.setCount];
    if (set === undefined) this.#sets.push({ type, start, end, records: 1, ttl, hasMixedTtls: false });
    else {
      set.type = type;
      set.start = start;
      set.end = end;
      set.records = 1;
      set.ttl = ttl;
      set.hasMixedTtls = false;
    }
    this.setCount++;
  }

  #addSignature(start: number, end: number): void {
    const type = ((this.octets[start] as number) << 8) | (this.octets[start + 1] as number);
    const signature = this.#signatures[this.signatureCount];
    if (signature === undefined) this.#signatures.push({ type, start, end });
    else {
      signature.type = type;
      signature.start = start;
      signature.end = end;
    }
    this.signatureCount++;
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.octets.length) return;
    const larger = new Uint8Array(Math.max(this.octets.length * 2, this.#used + more));
    larger.set(this.octets.subarray(0, this.#used));
    this.octets = larger;
  }
}

/** Goes through a version owner by owner, the apex first, its SOA included. */
export class GroupWalk {
  readonly group = new OwnerGroup();
  readonly #walk: VersionWalk;
  #hasRecord: boolean;

  constructor(version: GuardedVersion) {
    this.#walk = new VersionWalk(version.reader, version.apex, version.soaRecord);
    this.#hasRecord = this.#walk.next();
  }

  /** False at the end. */
  next(): boolean {
    if (!this.#hasRecord) return false;
    const walk = this.#walk;
    const { group } = this;
    group.begin(walk.reader, walk.isAtApex);
    do {
      group.add(walk.reader);
      this.#hasRecord = walk.next();
    } while (this.#hasRecord && !walk.isNewOwner);
    return true;
  }
}
