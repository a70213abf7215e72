/** Gives each different bitmap a number: a zone has few kinds of names, so a number stands for many bitmaps. */
import type { Bytes } from '../../base/bytes.ts';

export class BitmapBook {
  readonly #bitmaps: Bytes[] = [];
  readonly #byHash = new Map<number, number[]>();

  /** From 1; the same for the same octets. */
  number(octets: Bytes, start: number, end: number): number {
    const hash = hashOf(octets, start, end);
    const numbers = this.#byHash.get(hash);
    if (numbers !== undefined) {
      for (const number of numbers) if (isSame(this.octets(number), octets, start, end)) return number;
    }
    const number = this.#bitmaps.push(octets.slice(start, end));
    if (numbers === undefined) this.#byHash.set(hash, [number]);
    else numbers.push(number);
    return number;
  }

  octets(number: number): Bytes {
    return this.#bitmaps[number - 1] as Bytes;
  }
}

function hashOf(octets: Bytes, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (octets[i] as number), 0x01000193);
  return hash;
}

function isSame(bitmap: Bytes, octets: Bytes, start: number, end: number): boolean {
  if (bitmap.length !== end - start) return false;
  for (let i = 0; i < bitmap.length; i++) if (bitmap[i] !== octets[start + i]) return false;
  return true;
}
