/**
 * Walks the records of messages and frames, for ingest and merge: one object, reused, no allocation a record. The owner
 * is expanded and turned into its sort key only where it differs from the record before.
 */
import type { Bytes } from '../base/bytes.ts';
import { LOWER, MAX_NAME_LENGTH } from '../wire/name.ts';
import { SHAPE_BY_TYPE } from '../wire/rdata.ts';
import { CLASS, TYPE } from '../wire/registry.ts';
import { compareRanges, countLabels, MAX_OWNER_KEY, writeOwnerKey } from './order.ts';

export type RecordFailure = 'TRUNCATED' | 'BAD_NAME' | 'BAD_RDATA' | 'BAD_CLASS' | 'BAD_TYPE' | 'OUT_OF_ZONE';

/** Rdata of the group at hand lives here where its names had to be expanded; grown as needed. */
const FIRST_SCRATCH = 1 << 12;

export class RecordReader {
  /** Octets that `at` and `end` count in; pointers count from `message`. */
  bytes: Bytes = new Uint8Array(0);
  message = 0;
  at = 0;
  end = 0;

  /** Wire form, case kept. */
  owner = new Uint8Array(MAX_NAME_LENGTH + 1);
  ownerLength = 0;
  /** Sort key of the owner (see order.ts). */
  key = new Uint8Array(MAX_OWNER_KEY);
  keyLength = 0;
  /** Where the last owner stands to the one before it: below 0 out of order, 0 the same, above 0 in order. */
  ownerOrder = 0;
  /** Then owner and key are still those of the last record in the zone. */
  isOutOfZone = false;

  type = 0;
  ttl = 0;
  /** Octets of the rdata with names expanded, case kept; in `bytes`, or in `scratch` where `isExpanded`. */
  rdataStart = 0;
  rdataLength = 0;
  isExpanded = false;
  /** The same with names in lower case, in the same buffer; equal to `rdataStart` where nothing had to be folded. */
  canonicalStart = 0;
  scratch = new Uint8Array(FIRST_SCRATCH);
  #scratchUsed = 0;

  failure: RecordFailure | undefined;

  readonly apexLabels: number;
  readonly #apex: Bytes;
  #spareOwner = new Uint8Array(MAX_NAME_LENGTH + 1);
  #spareKey = new Uint8Array(MAX_OWNER_KEY);
  #hasOwner = false;

  /** `apex`: wire form, lower case. */
  constructor(apex: Bytes) {
    this.#apex = new Uint8Array(apex);
    this.apexLabels = countLabels(apex);
  }

  /** The octets that `rdataStart` counts in. */
  get rdataBytes(): Bytes {
    return this.isExpanded ? this.scratch : this.bytes;
  }

  /** Forgets expanded rdata: the caller has emitted what it held. */
  releaseScratch(): void {
    this.#scratchUsed = 0;
  }

  /** Forgets the owner, so that the next one is in order whatever it is. */
  restart(): void {
    this.#hasOwner = false;
    this.#scratchUsed = 0;
    this.failure = undefined;
  }

  /** Reads owner, type, class, TTL and rdata length at `at`. False on failure; then `rdata()` must follow. */
  head(): boolean {
    const afterName = this.#readOwner();
    if (afterName < 0) return false;
    const bytes = this.bytes;
    if (afterName + 10 > this.end) return this.#fail('TRUNCATED');
    this.type = ((bytes[afterName] as number) << 8) | (bytes[afterName + 1] as number);
    const klass = ((bytes[afterName + 2] as number) << 8) | (bytes[afterName + 3] as number);
    this.ttl =
      (((bytes[afterName + 4] as number) << 24) |
        ((bytes[afterName + 5] as number) << 16) |
        ((bytes[afterName + 6] as number) << 8) |
        (bytes[afterName + 7] as number)) >>>
      0;
    this.rdataLength = ((bytes[afterName + 8] as number) << 8) | (bytes[afterName + 9] as number);
    this.rdataStart = afterName + 10;
    this.at = this.rdataStart + this.rdataLength;
    if (this.at > this.end) return this.#fail('TRUNCATED');
    if (klass !== CLASS.IN) return this.#fail('BAD_CLASS');
    // Zero is reserved; OPT and 128 to 255 are for questions and for the message itself (RFC 6895 §3.1).
    if (this.type === 0 || this.type === TYPE.OPT || (this.type >= 128 && this.type <= 255))
      return this.#fail('BAD_TYPE');
    return true;
  }

  /** Expands the rdata that `head` found, if it holds names. */
  rdata(): boolean {
    this.isExpanded = false;
    this.canonicalStart = this.rdataStart;
    const shape = this.type < SHAPE_BY_TYPE.length ? SHAPE_BY_TYPE[this.type] : undefined;
    if (shape === undefined) {
      if (this.type === TYPE.A ? this.rdataLength !== 4 : this.type === TYPE.AAAA && this.rdataLength !== 16) {
        return this.#fail('BAD_RDATA');
      }
      return true;
    }
    const end = this.rdataStart + this.rdataLength;
    // Twice: as received and in lower case; a name can grow to 255 octets, and there are two at most.
    this.#growScratch(2 * (this.rdataLength + 2 * MAX_NAME_LENGTH));
    const { bytes, scratch } = this;
    const start = this.#scratchUsed;
    let out = start;
    let at = this.rdataStart;
    let hasUpperCase = false;
    for (const element of shape.elements) {
      if (element === 'name') {
        const length = this.#expandName(at, end, scratch, out);
        if (length < 0) return this.#fail('BAD_RDATA');
        for (let i = out; i < out + length; i++) {
          if (scratch[i] !== LOWER[scratch[i] as number]) hasUpperCase = true;
        }
        out += length;
        at = this.#afterName;
      } else {
        const length = element === 'string' ? (at < end ? (bytes[at] as number) + 1 : 1) : element;
        if (at + length > end) return this.#fail('BAD_RDATA');
        for (let i = 0; i < length; i++) scratch[out++] = bytes[at++] as number;
      }
      if (at > end) return this.#fail('BAD_RDATA');
    }
    const opaque = end - at;
    if (this.type === TYPE.SOA ? opaque !== 20 : shape.compressible && opaque !== 0) return this.#fail('BAD_RDATA');
    const names = out;
    while (at < end) scratch[out++] = bytes[at++] as number;
    this.rdataStart = start;
    this.rdataLength = out - start;
    this.canonicalStart = start;
    this.isExpanded = true;
    if (hasUpperCase && shape.lowerCase) {
      this.canonicalStart = out;
      this.#foldNames(start, names, out, shape.elements);
      out += this.rdataLength;
    }
    this.#scratchUsed = out;
    return true;
  }

  /** Skips a record without making sense of it. False on failure. */
  skip(): boolean {
    const at = this.#skipName();
    if (at < 0 || at + 10 > this.end) return this.#fail('TRUNCATED');
    this.type = ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
    this.at = at + 10 + (((this.bytes[at + 8] as number) << 8) | (this.bytes[at + 9] as number));
    return this.at <= this.end || this.#fail('TRUNCATED');
  }

  skipQuestion(): boolean {
    const at = this.#skipName();
    if (at < 0 || at + 4 > this.end) return this.#fail('TRUNCATED');
    this.at = at + 4;
    return true;
  }

  /** Where the name at `at` ends, or -1. */
  #skipName(): number {
    let at = this.at;
    for (;;) {
      const octet = this.bytes[at];
      if (octet === undefined || at >= this.end) return -1;
      if (octet >= 0xc0) return at + 2;
      at += octet + 1;
      if (octet === 0) return at;
    }
  }

  #afterName = 0;

  /** Gives where the name ends in the message, or -1. */
  #readOwner(): number {
    const length = this.#expandName(this.at, this.end, this.#spareOwner, 0);
    if (length < 0) {
      this.#fail(this.at >= this.end ? 'TRUNCATED' : 'BAD_NAME');
      return -1;
    }
    const next = this.#spareOwner;
    if (this.#hasOwner && length === this.ownerLength) {
      const owner = this.owner;
      let i = 0;
      while (i < length && next[i] === owner[i]) i++;
      if (i === length) {
        this.ownerOrder = 0;
        return this.#afterName;
      }
    }
    this.isOutOfZone = !this.#isInZone(next, length);
    if (this.isOutOfZone) {
      // No part of the order: its key could be that of a name in the zone, as the apex is left out of those.
      this.#hasOwner = false;
      this.ownerOrder = 1;
      return this.#afterName;
    }
    const nextKey = this.#spareKey;
    const keyLength = writeOwnerKey(next, 0, this.apexLabels, nextKey);
    this.ownerOrder = this.#hasOwner ? compareRanges(nextKey, 0, keyLength, this.key, 0, this.keyLength) : 1;
    this.#hasOwner = true;
    // The same name in another case: the first spelling stands for all of them.
    if (this.ownerOrder === 0) return this.#afterName;
    this.#spareOwner = this.owner;
    this.owner = next;
    this.ownerLength = length;
    this.#spareKey = this.key;
    this.key = nextKey;
    this.keyLength = keyLength;
    return this.#afterName;
  }

  #isInZone(name: Uint8Array, length: number): boolean {
    const apex = this.#apex;
    const start = length - apex.length;
    if (start < 0) return false;
    for (let i = 0; i < apex.length; i++) if (LOWER[name[start + i] as number] !== apex[i]) return false;
    let at = 0;
    while (at < start) at += (name[at] as number) + 1;
    return at === start;
  }

  /** Writes the name at `at` to `out[to..]`; its length, or -1. Leaves where it ended in `#afterName`. */
  #expandName(from: number, end: number, out: Uint8Array, to: number): number {
    const bytes = this.bytes;
    let at = from;
    let before = from;
    let limit = end;
    let length = 0;
    let after = -1;
    for (;;) {
      if (at >= limit) return -1;
      const octet = bytes[at] as number;
      if (octet >= 0xc0) {
        if (at + 1 >= limit) return -1;
        if (after < 0) after = at + 2;
        const target = this.message + (((octet & 0x3f) << 8) | (bytes[at + 1] as number));
        if (target >= before) return -1; // only strictly backwards: no loop is possible (RFC 1035 §4.1.4)
        before = target;
        at = target;
        limit = this.end;
        continue;
      }
      if (octet > 63 || length + octet + 1 > MAX_NAME_LENGTH || at + octet >= limit) return -1;
      const stop = at + octet;
      while (at <= stop) out[to + length++] = bytes[at++] as number;
      if (octet === 0) break;
    }
    this.#afterName = after < 0 ? at : after;
    return length;
  }

  /** Copies the expanded rdata to `out`, names in lower case. */
  #foldNames(start: number, namesEnd: number, out: number, elements: readonly (number | 'string' | 'name')[]): void {
    const scratch = this.scratch;
    let at = start;
    let to = out;
    for (const element of elements) {
      if (element === 'name') {
        for (;;) {
          const label = scratch[at] as number;
          for (let i = 0; i <= label; i++) scratch[to++] = LOWER[scratch[at++] as number] as number;
          if (label === 0) break;
        }
      } else {
        const length = element === 'string' ? (scratch[at] as number) + 1 : element;
        for (let i = 0; i < length; i++) scratch[to++] = scratch[at++] as number;
      }
    }
    const end = start + this.rdataLength;
    for (at = namesEnd; at < end; at++) scratch[to++] = scratch[at] as number;
  }

  #growScratch(more: number): void {
    if (this.#scratchUsed + more <= this.scratch.length) return;
    const larger = new Uint8Array(Math.max(this.scratch.length * 2, this.#scratchUsed + more));
    larger.set(this.scratch.subarray(0, this.#scratchUsed));
    this.scratch = larger;
  }

  #fail(failure: RecordFailure): false {
    this.failure ??= failure;
    return false;
  }
}
