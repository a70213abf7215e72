/** The frames in which two versions of a zone can differ in their names. */
import { type FrameEntry, listEntries } from '../zone/frame-list.ts';
import { placeOf } from '../zone/slab.ts';
import type { VersionReader } from '../zone/version.ts';

/**
 * The frames that only one of them has, and those beside: an owner whose records go on in the next frame is still there
 * when one of its frames is not. Each list is in the order of its version.
 */
export function differingFrames(a: VersionReader, b: VersionReader): [FrameEntry[], FrameEntry[]] {
  const pages = touched(pagePlaces(a), pagePlaces(b));
  const [inA, inB] = [framesOfPages(a, pages), framesOfPages(b, pages)];
  const frames = touched(inA.map(placeOf), inB.map(placeOf));
  const isTouched = (frame: FrameEntry): boolean => frames.has(placeOf(frame));
  return [inA.filter(isTouched), inB.filter(isTouched)];
}

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

const pagePlaces = (version: VersionReader): number[] =>
  Array.from({ length: version.pageCount }, (_, p) => placeOf(version.pageEntry(p)));

function framesOfPages(version: VersionReader, places: ReadonlySet<number>): FrameEntry[] {
  const frames: FrameEntry[] = [];
  for (let p = 0; p < version.pageCount; p++) {
    if (places.has(placeOf(version.pageEntry(p)))) frames.push(...listEntries(version.page(p)));
  }
  return frames;
}
