/**
 * Whether the NSEC3 records of a zone name the hash of each of its names, its types and the next hash (RFC 5155 §7.1).
 * Names and records meet in a table by hash, as they lie in different places of the zone; opt-out is kept as the places
 * where it changes along the chain, of which a zone mostly has one.
 */
import { type Bytes, compareBytes, equalBytes, toHex } from '../../base/bytes.ts';
import { TYPE } from '../../wire/registry.ts';
import { countLabels } from '../../zone/order.ts';
import type { GuardedVersion } from '../guarded-version.ts';
import { BitmapBook } from './bitmap-book.ts';
import { HASH_OCTETS, HashTable } from './hash-table.ts';
import { HashedNames, NameHasher, type Nsec3Parameters } from './hashed-names.ts';
import { hashText, Nsec3Reader, readOwnerHash } from './nsec3-record.ts';
import { GroupWalk, type OwnerGroup } from './owner-group.ts';
import { MOST_TOLD, ownerText, type Problems } from './problem.ts';
import { type Standing, Standings } from './standing.ts';
import { ExpectedTypes, typesText } from './type-bitmap.ts';

/** In `expected`: what lies above the two bits is the number of a bitmap. */
const REQUIRED = 1;
/** Below a DNAME record: with a record or without one, whatever that says. */
const HIDDEN = 2;
const FLAG_BITS = 2;

export class Nsec3Chain {
  readonly #version: GuardedVersion;
  readonly #problems: Problems;
  readonly #apexLabels: number;
  readonly #names: HashedNames;
  readonly #hasher: NameHasher;
  readonly #record: Nsec3Reader;
  readonly #table = new HashTable();
  readonly #types = new ExpectedTypes();
  readonly #bitmaps = new BitmapBook();
  readonly #first = new Uint8Array(HASH_OCTETS);
  readonly #hash = new Uint8Array(HASH_OCTETS);
  readonly #lastHash = new Uint8Array(HASH_OCTETS);
  readonly #next = new Uint8Array(HASH_OCTETS);
  #records = 0;
  readonly #optOutChanges: { readonly from: Bytes; readonly isOptOut: boolean }[] = [];

  constructor(version: GuardedVersion, parameters: Nsec3Parameters, problems: Problems) {
    this.#version = version;
    this.#problems = problems;
    this.#apexLabels = countLabels(version.apex);
    this.#names = new HashedNames(this.#apexLabels);
    this.#hasher = new NameHasher(parameters);
    this.#record = new Nsec3Reader(parameters);
  }

  /** Each owner in canonical order. */
  take(group: OwnerGroup, standing: Standing): void {
    const set = group.find(TYPE.NSEC3);
    if (set !== undefined) {
      for (const rdata of group.rdatas(set)) {
        if (this.#record.read(rdata, 0, rdata.length)) this.#takeRecord(group);
      }
    }
    this.#names.take(group, standing, (start, isEmpty, isRequired) => {
      this.#hasher.hash(group.owner, start, group.ownerLength);
      const entry = this.#table.entry(this.#hasher.octets, 0);
      if (isEmpty) this.#types.setEmpty();
      else this.#types.setForNsec3(group, standing);
      const bitmap = this.#bitmaps.number(this.#types.octets, 0, this.#types.length);
      const flags = (isRequired ? REQUIRED : 0) | (standing === 'hidden' ? HIDDEN : 0);
      this.#table.expected[entry] = (bitmap << FLAG_BITS) | flags;
    });
  }

  /** After the last owner. */
  finish(): void {
    const { apex } = this.#version;
    if (this.#records === 0) {
      this.#problems.add('NO_DENIAL', `${ownerText(apex)}: it has an NSEC3PARAM record, but no NSEC3 record with it`);
      return;
    }
    if (!equalBytes(this.#next, this.#first)) this.#addChain(this.#lastHash, this.#first);
    const wrong = new Map<string, number>();
    const table = this.#table;
    for (let entry = 0; entry < table.size && wrong.size + this.#problems.list.length < MOST_TOLD; entry++) {
      if (this.#isWrong(entry)) wrong.set(toHex(table.hash(entry)), entry);
    }
    if (wrong.size > 0) this.#tell(wrong);
  }

  #takeRecord(group: OwnerGroup): void {
    const record = this.#record;
    const owner = (): string => ownerText(group.owner, group.ownerLength);
    if (!readOwnerHash(group, this.#apexLabels, this.#hash)) {
      this.#problems.add('NSEC3_STRAY', `${owner()}: an NSEC3 record whose owner is no hash right below the apex`);
      return;
    }
    if (this.#records++ === 0) this.#first.set(this.#hash);
    else if (!equalBytes(this.#next, this.#hash)) this.#addChain(this.#lastHash, this.#hash);
    this.#lastHash.set(this.#hash);
    for (let i = 0; i < HASH_OCTETS; i++) this.#next[i] = record.octets[record.nextStart + i] as number;
    const entry = this.#table.entry(this.#hash, 0);
    if (this.#table.found[entry] !== 0) this.#problems.add('NSEC3_CHAIN', `${owner()}: it has two NSEC3 records`);
    this.#table.found[entry] = this.#bitmaps.number(record.octets, record.typesStart, record.end);
    if (this.#optOutChanges.at(-1)?.isOptOut === record.isOptOut) return;
    this.#optOutChanges.push({ from: new Uint8Array(this.#hash), isOptOut: record.isOptOut });
  }

  #isWrong(entry: number): boolean {
    const expected = this.#table.expected[entry] as number;
    const found = this.#table.found[entry] as number;
    if ((expected & HIDDEN) !== 0) return false;
    if (found !== 0) return expected >>> FLAG_BITS !== found;
    return (expected & REQUIRED) !== 0 || !this.#isOptedOut(this.#table.hash(entry));
  }

  /** Whether the record that covers a hash says that names may be missing (RFC 5155 §6). */
  #isOptedOut(hash: Bytes): boolean {
    const changes = this.#optOutChanges;
    let low = 0;
    let high = changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes((changes[middle] as { from: Bytes }).from, hash) <= 0) low = middle + 1;
      else high = middle;
    }
    // Before the first record: the last one covers it.
    return (changes[low - 1] ?? changes.at(-1))?.isOptOut === true;
  }

  #addChain(from: Bytes, to: Bytes): void {
    const apex = ownerText(this.#version.apex);
    const text = `its next hash is ${hashText(this.#next)}, but ${hashText(to)} comes next`;
    this.#problems.add('NSEC3_CHAIN', `NSEC3 ${hashText(from)} of ${apex}: ${text}`);
  }

  /** A second walk finds the names of hashes: none of them is kept. */
  #tell(wrong: Map<string, number>): void {
    const walk = new GroupWalk(this.#version);
    const standings = new Standings();
    const names = new HashedNames(this.#apexLabels);
    while (wrong.size > 0 && walk.next()) {
      const { group } = walk;
      names.take(group, standings.of(group), (start) => {
        this.#hasher.hash(group.owner, start, group.ownerLength);
        const key = toHex(this.#hasher.octets);
        const entry = wrong.get(key);
        if (entry === undefined) return;
        wrong.delete(key);
        this.#tellName(ownerText(group.owner.subarray(start, group.ownerLength)), entry);
      });
    }
    for (const entry of wrong.values()) {
      const text = 'no name of the zone has this hash, or it needs none';
      this.#problems.add('NSEC3_STRAY', `NSEC3 ${hashText(this.#table.hash(entry))}: ${text}`);
    }
  }

  #tellName(name: string, entry: number): void {
    const hash = hashText(this.#table.hash(entry));
    const [found, expected] = [
      this.#table.found[entry] as number,
      (this.#table.expected[entry] as number) >>> FLAG_BITS,
    ];
    if (found === 0) {
      this.#problems.add('NSEC3_MISSING', `${name}: there is no NSEC3 record for its hash ${hash}`);
      return;
    }
    const [says, has] = [typesText(this.#bitmaps.octets(found)), typesText(this.#bitmaps.octets(expected))];
    this.#problems.add('NSEC3_TYPES', `${name}: its NSEC3 record ${hash} says ${says}, it has ${has}`);
  }
}
