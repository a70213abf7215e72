/**
 * Who still reads shared memory that control has let go of: every front counts its readers of a piece (a version, an
 * answer) in its row of one shared table, by the piece's slot. What nobody reads any more is given back.
 */

/**
 * One counter a slot a front. Each version and each step has one: 100,000 zones with twenty older versions have 4.1
 * million. 32 MiB of address space a front, touched as used.
 */
export const LEASE_SLOTS = 1 << 23;
const LOOK_MS = 100;

interface Retired {
  readonly slot: number;
  readonly free: () => void;
}

export class Leases {
  /** By front; an entry is replaced when a front is. */
  readonly #rows: Int32Array<SharedArrayBuffer>[] = [];
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;
  readonly #held = new Map<number, number>();
  readonly #retired = new Set<Retired>();
  #timer: NodeJS.Timeout | undefined;

  /** The row of a front, made at first use; cleared, as its front is new. */
  row(front: number): Int32Array<SharedArrayBuffer> {
    const row = this.#rows[front] ?? new Int32Array(new SharedArrayBuffer(LEASE_SLOTS * 4));
    this.#rows[front] = row;
    row.fill(0, 0, this.#nextSlot);
    return row;
  }

  /** Until when versions may be served, milliseconds since the epoch, by slot; Infinity where that has no end. */
  readonly expiries = new Float64Array(new SharedArrayBuffer(LEASE_SLOTS * 8));

  /** A slot for a new piece; `retire` gives it back. */
  take(): number {
    const slot = this.#freeSlots.pop() ?? this.#nextSlot++;
    if (slot >= LEASE_SLOTS) throw new Error('more versions are alive than there are lease slots');
    return slot;
  }

  /** A lease on behalf of a front that is about to be told of the piece: it will give it back itself. */
  leaseFor(front: number, slot: number): void {
    const row = this.#rows[front];
    if (row !== undefined) Atomics.add(row, slot, 1);
  }

  /** A lease of control's own; what comes back gives it up. */
  hold(slot: number): () => void {
    this.#held.set(slot, (this.#held.get(slot) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(slot) as number) - 1;
      if (left > 0) this.#held.set(slot, left);
      else this.#held.delete(slot);
    };
  }

  /** Control needs the piece no more: `free` is called when no front reads it either, at once or later. */
  retire(slot: number, free: () => void): void {
    this.#retired.add({ slot, free });
    this.#look();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  get retiredCount(): number {
    return this.#retired.size;
  }

  #look(): void {
    for (const piece of this.#retired) {
      if (this.#held.has(piece.slot) || this.#rows.some((row) => Atomics.load(row, piece.slot) > 0)) continue;
      this.#retired.delete(piece);
      this.#freeSlots.push(piece.slot);
      piece.free();
    }
    clearTimeout(this.#timer);
    if (this.#retired.size > 0) this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
  }
}
