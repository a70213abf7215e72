/**
 * SHA-1 hashes of owners, each with two numbers: flat memory, some 40 octets an entry. A Map would need a string of its
 * own for each and several times as much.
 */
import type { Bytes } from '../../base/bytes.ts';

export const HASH_OCTETS = 20;

export class HashTable {
  /** The hash of entry i begins at i * HASH_OCTETS. */
  hashes = new Uint8Array(HASH_OCTETS * 256);
  /** What the zone has under the name that was hashed, and what the NSEC3 record says; 0 = nothing yet. */
  expected = new Uint32Array(256);
  found = new Uint32Array(256);
  size = 0;
  #slots = new Int32Array(512);

  /** The entry of the hash at `octets[start..]`, made if there is none. */
  entry(octets: Bytes, start: number): number {
    if (this.size * 2 >= this.#slots.length) this.#growSlots();
    const mask = this.#slots.length - 1;
    // The hash is as good as random: its first octets are the place.
    let slot = firstOctets(octets, start) & mask;
    for (;;) {
      const entry = (this.#slots[slot] as number) - 1;
      if (entry < 0) break;
      if (this.#isAt(entry, octets, start)) return entry;
      slot = (slot + 1) & mask;
    }
    if (this.size === this.expected.length) this.#growEntries();
    this.#slots[slot] = this.size + 1;
    for (let i = 0; i < HASH_OCTETS; i++) this.hashes[this.size * HASH_OCTETS + i] = octets[start + i] as number;
    return this.size++;
  }

  hash(entry: number): Uint8Array<ArrayBuffer> {
    return this.hashes.subarray(entry * HASH_OCTETS, (entry + 1) * HASH_OCTETS);
  }

  #isAt(entry: number, octets: Bytes, start: number): boolean {
    const at = entry * HASH_OCTETS;
    for (let i = 0; i < HASH_OCTETS; i++) if (this.hashes[at + i] !== octets[start + i]) return false;
    return true;
  }

  #growEntries(): void {
    const { hashes, expected, found } = this;
    this.hashes = new Uint8Array(hashes.length * 2);
    this.hashes.set(hashes);
    this.expected = new Uint32Array(expected.length * 2);
    this.expected.set(expected);
    this.found = new Uint32Array(found.length * 2);
    this.found.set(found);
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let entry = 0; entry < this.size; entry++) {
      let slot = firstOctets(this.hashes, entry * HASH_OCTETS) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = entry + 1;
    }
  }
}

const firstOctets = (octets: Bytes, start: number): number =>
  ((octets[start] as number) << 24) |
  ((octets[start + 1] as number) << 16) |
  ((octets[start + 2] as number) << 8) |
  (octets[start + 3] as number);
