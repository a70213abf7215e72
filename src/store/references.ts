/** How often each page and frame is referred to, so that what nothing refers to is removed with its last reference. */
import type { Bytes } from '../base/bytes.ts';

export const keyOf = (hash: Bytes): string => Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('latin1');

export class References {
  readonly #counts = new Map<string, number>();

  has(hash: Bytes): boolean {
    return this.#counts.has(keyOf(hash));
  }

  get size(): number {
    return this.#counts.size;
  }

  /** True for the first reference. */
  add(hash: Bytes): boolean {
    const key = keyOf(hash);
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    return count === 0;
  }

  /** True for the last reference. */
  remove(hash: Bytes): boolean {
    const key = keyOf(hash);
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
    return count <= 0;
  }
}
