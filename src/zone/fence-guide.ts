/**
 * Leads the packing of a zone along the fences of the version before: so frames come out the same where nothing
 * changed, and are shared with it (DESIGN.md section 1).
 */
import type { Bytes } from '../base/bytes.ts';
import { compareToKey } from './cursor.ts';
import type { FrameEntry, FrameList } from './frame-list.ts';
import type { PackedRecord } from './run-writer.ts';
import type { VersionReader } from './version.ts';

export class FenceGuide {
  readonly #version: VersionReader;
  #pageIndex = -1;
  #page: FrameList | undefined;
  #index = 0;
  /** Where the range of the frame at hand ends. */
  #end: Bytes | undefined = new Uint8Array(0);

  constructor(version: VersionReader) {
    this.#version = version;
  }

  /** Whether a frame begins with this record; records are given in order. */
  crosses(record: PackedRecord): boolean {
    if (this.#end === undefined || compareToKey(record, this.#end) < 0) return false;
    for (
      let fence = this.#fenceOfPage(this.#pageIndex + 1);
      fence !== undefined && compareToKey(record, fence) >= 0;
    ) {
      this.#page = this.#version.page(++this.#pageIndex);
      this.#index = 0;
      fence = this.#fenceOfPage(this.#pageIndex + 1);
    }
    const page = this.#page;
    if (page === undefined) {
      this.#end = undefined;
      return false;
    }
    while (this.#index + 1 < page.length && compareToKey(record, page.fence(this.#index + 1)) >= 0) this.#index++;
    this.#end = this.#index + 1 < page.length ? page.fence(this.#index + 1) : this.#fenceOfPage(this.#pageIndex + 1);
    return true;
  }

  /** The frame in whose range the last record fell. */
  get frame(): FrameEntry | undefined {
    return this.#page?.entry(this.#index);
  }

  #fenceOfPage(i: number): Bytes | undefined {
    return i < this.#version.pageCount ? this.#version.page(i).fence(0) : undefined;
  }
}
