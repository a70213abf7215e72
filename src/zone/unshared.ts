/** What lies between two versions that share most of what they are made of: only pages that one of them has are read. */
import type { FrameList } from './frame-list.ts';
import { placeOf } from './slab.ts';
import type { VersionReader } from './version.ts';

/** A frame where its page lists it: most who ask need no more of it than its place or length. */
export interface ListedFrame {
  readonly place: number;
  readonly page: FrameList;
  readonly index: number;
}

/** What one of two versions has and the other does not. */
export interface Unshared {
  /** By number, in order. */
  readonly pages: readonly number[];
  /** In the order of the version. */
  readonly frames: readonly ListedFrame[];
}

export function unsharedBetween(a: VersionReader, b: VersionReader): [Unshared, Unshared] {
  const [placesOfA, placesOfB] = [pagePlaces(a), pagePlaces(b)];
  const [pagesOfA, pagesOfB] = [indexesNotIn(placesOfA, placesOfB), indexesNotIn(placesOfB, placesOfA)];
  const [inA, inB] = [framesOf(a, pagesOfA), framesOf(b, pagesOfB)];
  return [
    { pages: pagesOfA, frames: framesNotIn(inA, inB) },
    { pages: pagesOfB, frames: framesNotIn(inB, inA) },
  ];
}

export const pagePlaces = (version: VersionReader): number[] =>
  Array.from({ length: version.pageCount }, (_, p) => placeOf(version.pageEntry(p)));

function indexesNotIn(places: readonly number[], others: readonly number[]): number[] {
  const known = new Set(others);
  return places.flatMap((place, i) => (known.has(place) ? [] : [i]));
}

export function framesOf(version: VersionReader, pages: readonly number[]): ListedFrame[] {
  const frames: ListedFrame[] = [];
  for (const p of pages) {
    const page = version.page(p);
    for (let index = 0; index < page.length; index++) {
      frames.push({ place: placeOf({ slab: page.slab(index), offset: page.offset(index) }), page, index });
    }
  }
  return frames;
}

function framesNotIn(frames: readonly ListedFrame[], others: readonly ListedFrame[]): ListedFrame[] {
  const known = new Set(others.map(({ place }) => place));
  return frames.filter(({ place }) => !known.has(place));
}
