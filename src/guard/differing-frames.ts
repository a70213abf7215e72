/** The frames in which two versions of a zone can differ in their names. */
import type { FrameEntry } from '../zone/frame-list.ts';
import { framesOf, type ListedFrame, pagePlaces } from '../zone/unshared.ts';
import type { VersionReader } from '../zone/version.ts';

/**
 * The frames that only one of them has, and those beside: an owner whose records go on in the next frame is still there
 * when one of its frames is not. Each list is in the order of its version.
 */
export function differingFrames(a: VersionReader, b: VersionReader): [FrameEntry[], FrameEntry[]] {
  const [pagesOfA, pagesOfB] = [pagePlaces(a), pagePlaces(b)];
  const pages = touched(pagesOfA, pagesOfB);
  const [inA, inB] = [framesOf(a, indexesIn(pagesOfA, pages)), framesOf(b, indexesIn(pagesOfB, pages))];
  const frames = touched(inA.map(placeOfFrame), inB.map(placeOfFrame));
  const touchedOf = (listed: readonly ListedFrame[]): FrameEntry[] =>
    listed.flatMap(({ place, page, index }) => (frames.has(place) ? [page.entry(index)] : []));
  return [touchedOf(inA), touchedOf(inB)];
}

const placeOfFrame = ({ place }: ListedFrame): number => place;

const indexesIn = (places: readonly number[], wanted: ReadonlySet<number>): number[] =>
  places.flatMap((place, i) => (wanted.has(place) ? [i] : []));

/** The places that only one list has, and their neighbours in it. */
function touched(a: readonly number[], b: readonly number[]): Set<number> {
  const found = new Set<number>();
  const add = (places: readonly number[], other: ReadonlySet<number>): void => {
    places.forEach((place, i) => {
      if (other.has(place)) return;
      for (const near of [places[i - 1], place, places[i + 1]]) if (near !== undefined) found.add(near);
    });
  };
  add(a, new Set(b));
  add(b, new Set(a));
  return found;
}
