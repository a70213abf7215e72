/**
 * Slabs: pieces of shared memory of one size, in which frames, pages and received octets lie. They belong to the
 * process, not to a zone, and go back to a free list when nothing in them lives: left to the garbage collector they
 * stayed (400 MB, tried), as an idle thread never collects.
 */

export const SLAB_SIZE = 8 << 20;

export interface SlabHandle {
  readonly id: number;
  readonly buffer: SharedArrayBuffer;
}

/** A range of octets in a slab. */
export interface SlabRange {
  readonly slab: number;
  readonly offset: number;
  readonly length: number;
}

/** Where a range begins, as one number. */
export const placeOf = ({ slab, offset }: { readonly slab: number; readonly offset: number }): number =>
  slab * SLAB_SIZE + offset;

export const slabOfPlace = (place: number): number => Math.floor(place / SLAB_SIZE);

/** What a task in a pool thread says about slabs when it is done. */
export interface SlabReport {
  /** Slabs that this thread writes to, or wrote to, for the first time. */
  readonly opened: readonly SlabHandle[];
  /** Slabs that this thread will write to no more. */
  readonly closed: readonly number[];
  /** Spare slabs it was given and did not need. */
  readonly unused: readonly SlabHandle[];
}

/** Ids are drawn from shared memory, so that any thread can make a slab without asking. */
export type SlabIds = Int32Array<SharedArrayBuffer>;

export const newSlabIds = (): SlabIds => new Int32Array(new SharedArrayBuffer(4));

export const newSlab = (ids: SlabIds): SlabHandle => ({
  id: Atomics.add(ids, 0, 1),
  buffer: new SharedArrayBuffer(SLAB_SIZE),
});

interface OpenSlab {
  readonly handle: SlabHandle;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  used: number;
}

/** The one writer of a pool thread: it has one slab open and goes on in it from task to task. */
export class SlabWriter {
  #ids: SlabIds | undefined;
  #current: OpenSlab | undefined;
  #spares: SlabHandle[] = [];
  #opened: SlabHandle[] = [];
  #closed: number[] = [];
  readonly #directory: SlabDirectory;

  /** `directory`: of this thread; what is opened becomes readable in it at once. */
  constructor(directory: SlabDirectory) {
    this.#directory = directory;
  }

  /** At the start of a task: where new ids come from, and free slabs to use first. */
  begin(ids: SlabIds, spares: readonly SlabHandle[]): void {
    this.#ids = ids;
    this.#spares = [...spares];
  }

  /** At the end of a task. */
  report(): SlabReport {
    const report = { opened: this.#opened, closed: this.#closed, unused: this.#spares };
    this.#opened = [];
    this.#closed = [];
    this.#spares = [];
    return report;
  }

  /** Writes no more to the slab at hand: it may be free when nothing in it lives. */
  leave(): void {
    if (this.#current !== undefined) this.#closed.push(this.#current.handle.id);
    this.#current = undefined;
  }

  get slab(): number {
    return this.#open().handle.id;
  }

  get bytes(): Uint8Array<SharedArrayBuffer> {
    return this.#open().bytes;
  }

  get used(): number {
    return this.#open().used;
  }

  /** Makes sure that `length` octets follow `used` in the open slab, by opening another if they do not. */
  reserve(length: number): void {
    if (length > SLAB_SIZE) throw new RangeError(`no slab holds ${length} octets`);
    if (this.#current === undefined || this.#current.used + length > SLAB_SIZE) this.#openNext();
  }

  /** Takes `length` octets at `used` for good. `alignment` is for what comes next: a power of two. */
  commit(length: number, alignment = 1): SlabRange {
    const current = this.#open();
    const range = { slab: current.handle.id, offset: current.used, length };
    current.used = (current.used + length + alignment - 1) & -alignment;
    return range;
  }

  /** Copies octets in at a multiple of eight. */
  store(octets: Uint8Array): SlabRange {
    this.reserve(octets.length + 8);
    this.commit(0, 8);
    this.bytes.set(octets, this.used);
    return this.commit(octets.length);
  }

  #open(): OpenSlab {
    return this.#current ?? this.#openNext();
  }

  #openNext(): OpenSlab {
    if (this.#ids === undefined) throw new Error('a slab writer is used outside a task');
    if (this.#current !== undefined) this.#closed.push(this.#current.handle.id);
    const handle = this.#spares.pop() ?? newSlab(this.#ids);
    this.#opened.push(handle);
    this.#directory.add([handle]);
    this.#current = { handle, bytes: new Uint8Array(handle.buffer), used: 0 };
    return this.#current;
  }
}

/** The slabs that a thread has been told of, for reading. */
export class SlabDirectory {
  readonly #slabs: (Uint8Array<SharedArrayBuffer> | undefined)[] = [];

  add(handles: readonly SlabHandle[]): void {
    for (const handle of handles) this.#slabs[handle.id] ??= new Uint8Array(handle.buffer);
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) this.#slabs[id] = undefined;
  }

  bytes(slab: number): Uint8Array<SharedArrayBuffer> {
    const bytes = this.#slabs[slab];
    if (bytes === undefined) throw new Error(`slab ${slab} is not known in this thread`);
    return bytes;
  }

  view(range: SlabRange): Uint8Array<SharedArrayBuffer> {
    return this.bytes(range.slab).subarray(range.offset, range.offset + range.length);
  }
}
