/** How often each page and frame is referred to, so that what nothing refers to is removed with its last reference. */
import type { Bytes } from '../base/bytes.ts';

export const keyOf = (hash: Bytes): string => Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('latin1');

export class References {
  readonly #counts = new Map<string, number>();
  /** What was done since `begin`, keys and signs apart, as it may have to be undone. */
  readonly #keys: string[] = [];
  readonly #signs: number[] = [];

  get size(): number {
    return this.#counts.size;
  }

  /** From here on changes can be taken back. */
  begin(): void {
    this.#keys.length = 0;
    this.#signs.length = 0;
  }

  /** As it was at `begin`. */
  undo(): void {
    for (let i = this.#keys.length - 1; i >= 0; i--) this.#change(this.#keys[i] as string, -(this.#signs[i] as number));
    this.begin();
  }

  /** True for the first reference. */
  add(hash: Bytes): boolean {
    return this.#note(keyOf(hash), 1) === 1;
  }

  /** True for the last reference, and for what was not counted. */
  remove(hash: Bytes): boolean {
    const key = keyOf(hash);
    return !this.#counts.has(key) || this.#note(key, -1) === 0;
  }

  #note(key: string, sign: number): number {
    this.#keys.push(key);
    this.#signs.push(sign);
    return this.#change(key, sign);
  }

  #change(key: string, sign: number): number {
    const count = (this.#counts.get(key) ?? 0) + sign;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
    return count;
  }
}
