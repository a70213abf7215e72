/**
 * Packs records, already in order, into frames: finished response messages with compression of their own (DESIGN.md
 * section 1). A frame is written in memory of the packer's own and copied when it is whole (1 µs for 16 KB): so several
 * packers can share a slab, and a frame that is there already takes no room. Compression keeps case (RFC 5936 §3.4):
 * names are shared only where their octets are the same.
 */
import { createHash } from 'node:crypto';
import { type Bytes, equalBytes, putUint16 } from '../base/bytes.ts';
import { SHAPE_BY_TYPE } from '../wire/rdata.ts';
import { FLAG } from '../wire/registry.ts';
import { type FrameEntry, FrameListBuilder, HASH_LENGTH } from './frame-list.ts';
import type { SlabRange, SlabWriter } from './slab.ts';

/** Length prefix and header: what stands before the records of a frame. */
export const FRAME_HEAD = 14;
/** Octets of a message kept free for OPT, TSIG and padding. */
export const TRAILER_RESERVE = 512;
/** Of one record with its message's header: what fits no message can be served by nobody. */
export const MAX_FRAME_OCTETS = 65_535 - TRAILER_RESERVE;
const FRAME_FLAGS = FLAG.QR | FLAG.AA;
const MAX_POINTER = 0x3fff;

const TABLE_SIZE = 4096;
const OFFSET_BITS = 14;
const LAST_STAMP = 0x1ffff;
/** A frame begun and the largest record, which is tried behind it. */
const SCRATCH_SIZE = 1 << 17;

/** Memory to write a frame in. */
interface Scratch {
  readonly octets: Uint8Array;
  /** Names in the frame, by hash: stamp of the frame in the upper bits, offset in its message in the lower. */
  readonly table: Int32Array<ArrayBuffer>;
  stamp: number;
}

const NO_TABLE = new Int32Array(0);
const NOTHING = new Uint8Array(0);

/**
 * Of this thread, used again and again: a change needs several packers for a moment each, and what is left to the
 * garbage collector stays for long (950 MB after 2,000 changes, measured).
 */
const scratches: Scratch[] = [];

const takeScratch = (): Scratch =>
  scratches.pop() ?? { octets: new Uint8Array(SCRATCH_SIZE), table: new Int32Array(TABLE_SIZE), stamp: 0 };

export class FramePacker {
  /** Octets of a message, more only where one record needs them. May be set between frames. */
  frameSize: number;
  /** A frame stored already that the one at hand may turn out to equal; it is then referred to in its place. */
  expected: FrameEntry | undefined;
  /** A question for the next frame that begins: nothing ever points into it. */
  question: Bytes | undefined;
  readonly #slabs: SlabWriter;
  #frames = new FrameListBuilder();

  #scratch: Scratch | undefined;
  #table = NO_TABLE;
  #stamp = 0;
  readonly #labelStarts = new Int32Array(128);
  readonly #labelHashes = new Int32Array(128);

  #out: Uint8Array = NOTHING;
  /** Of the length prefix in the slab; -1 while no frame is open. */
  #frameStart = -1;
  #at = 0;
  #count = 0;
  #questions = 0;
  #fence: Bytes = new Uint8Array(0);
  #ownerOffset = -1;

  records = 0;
  octets = 0;

  constructor(slabs: SlabWriter, frameSize: number) {
    this.#slabs = slabs;
    this.frameSize = frameSize;
  }

  /**
   * Adds a record, rdata with its names expanded. `isSameOwner`: as the last record added. Gives 'frame-begun' where it
   * is the first of a frame: then `setFence` must follow; 'too-large' where no message can hold it.
   */
  add(
    owner: Bytes,
    ownerLength: number,
    isSameOwner: boolean,
    type: number,
    ttl: number,
    rdata: Bytes,
    rdataStart: number,
    rdataLength: number,
  ): 'added' | 'frame-begun' | 'too-large' {
    const most = ownerLength + 10 + rdataLength;
    if (most > MAX_FRAME_OCTETS - 12) return 'too-large';
    if (this.#frameStart >= 0) {
      if (!isSameOwner) this.#ownerOffset = -1;
      const before = this.#at;
      const limit = this.#frameStart + 2 + this.frameSize;
      // Tried and undone at a frame's end: packed, a record takes less than `most`, and how much less shows only then.
      if (before + (most >> 2) <= limit) {
        this.#write(owner, type, ttl, rdata, rdataStart, rdataLength);
        if (this.#at <= limit) return 'added';
        this.#at = before;
        this.#count--;
        this.records--;
      }
      this.endFrame();
    }
    this.#beginFrame();
    this.#write(owner, type, ttl, rdata, rdataStart, rdataLength);
    return 'frame-begun';
  }

  /** Frames that are whole and not taken yet. */
  get frames(): number {
    return this.#frames.length;
  }

  setFence(fence: Bytes): void {
    this.#fence = fence;
  }

  /** Ends the frame at hand, if any: the next record begins another. */
  endFrame(): void {
    if (this.#frameStart < 0) return;
    const out = this.#out;
    const start = this.#frameStart;
    const length = this.#at - start;
    putUint16(out, start, length - 2);
    putUint16(out, start + 2, 0);
    putUint16(out, start + 4, FRAME_FLAGS);
    putUint16(out, start + 6, this.#questions);
    putUint16(out, start + 8, this.#count);
    putUint16(out, start + 10, 0);
    putUint16(out, start + 12, 0);
    const hash = createHash('sha256')
      .update(out.subarray(start + 2, this.#at))
      .digest();
    const entry = { records: this.#count, fence: this.#fence, hash: hash.subarray(0, HASH_LENGTH) };
    this.#frames.add({ ...this.#place(out.subarray(start, this.#at), entry.hash), ...entry });
    this.octets += length;
    this.#frameStart = -1;
  }

  #place(frame: Bytes, hash: Bytes): SlabRange {
    const { expected } = this;
    if (expected !== undefined && expected.length === frame.length && equalBytes(expected.hash, hash)) {
      return { slab: expected.slab, offset: expected.offset, length: frame.length };
    }
    this.#slabs.reserve(frame.length);
    this.#slabs.bytes.set(frame, this.#slabs.used);
    return this.#slabs.commit(frame.length);
  }

  /** Takes over a frame made before, unchanged. */
  adopt(entry: Parameters<FrameListBuilder['add']>[0]): void {
    this.endFrame();
    this.#frames.add(entry);
    this.records += entry.records;
    this.octets += entry.length;
  }

  /** The frames made since the last call, as entries. */
  take(): FrameEntry[] {
    return this.finish().take();
  }

  /** The frames made since the last call. */
  finish(): FrameListBuilder {
    this.endFrame();
    this.#giveBack();
    const frames = this.#frames;
    this.#frames = new FrameListBuilder();
    return frames;
  }

  /** For a message that is packed elsewhere: writes records at `at` of `out`, pointers counting from `message`. */
  beginForeign(out: Uint8Array, message: number, at: number): void {
    this.#newStamp();
    this.#out = out;
    this.#frameStart = message - 2;
    this.#at = at;
    this.#count = 0;
    this.#ownerOffset = -1;
  }

  /** Writes without a look at the frame's size; see `beginForeign`. Gives where the record ends. */
  addForeign(
    owner: Bytes,
    isSameOwner: boolean,
    type: number,
    ttl: number,
    rdata: Bytes,
    start: number,
    length: number,
  ): number {
    if (!isSameOwner) this.#ownerOffset = -1;
    this.#write(owner, type, ttl, rdata, start, length);
    return this.#at;
  }

  endForeign(): void {
    this.#frameStart = -1;
    this.#giveBack();
  }

  #beginFrame(): void {
    this.#newStamp();
    this.#out = (this.#scratch as Scratch).octets;
    this.#frameStart = 0;
    this.#at = FRAME_HEAD;
    this.#questions = 0;
    if (this.question !== undefined) {
      this.#out.set(this.question, FRAME_HEAD);
      this.#at += this.question.length;
      this.#questions = 1;
      this.question = undefined;
    }
    this.#count = 0;
    this.#ownerOffset = -1;
  }

  #newStamp(): void {
    this.#scratch ??= takeScratch();
    const { table } = this.#scratch;
    if (++this.#scratch.stamp > LAST_STAMP) {
      table.fill(0);
      this.#scratch.stamp = 1;
    }
    this.#table = table;
    this.#stamp = this.#scratch.stamp;
  }

  #giveBack(): void {
    if (this.#scratch !== undefined) scratches.push(this.#scratch);
    this.#scratch = undefined;
    this.#out = NOTHING;
    this.#table = NO_TABLE;
  }

  #write(owner: Bytes, type: number, ttl: number, rdata: Bytes, rdataStart: number, rdataLength: number): void {
    const out = this.#out;
    if (this.#ownerOffset >= 0) {
      putUint16(out, this.#at, 0xc000 | this.#ownerOffset);
      this.#at += 2;
    } else {
      const offset = this.#at - this.#frameStart - 2;
      this.#writeName(owner, 0);
      if (offset <= MAX_POINTER) this.#ownerOffset = offset;
    }
    let at = this.#at;
    out[at] = type >>> 8;
    out[at + 1] = type;
    out[at + 2] = 0;
    out[at + 3] = 1;
    out[at + 4] = ttl >>> 24;
    out[at + 5] = ttl >>> 16;
    out[at + 6] = ttl >>> 8;
    out[at + 7] = ttl;
    at += 10;
    const shape = type < SHAPE_BY_TYPE.length ? SHAPE_BY_TYPE[type] : undefined;
    if (shape?.compressible) {
      this.#at = at;
      this.#writeRdata(shape.elements, rdata, rdataStart, rdataLength);
      putUint16(out, at - 2, this.#at - at);
    } else {
      out[at - 2] = rdataLength >>> 8;
      out[at - 1] = rdataLength;
      // A view costs as much as copying some sixty octets one by one.
      if (rdataLength > 64) out.set(rdata.subarray(rdataStart, rdataStart + rdataLength), at);
      else for (let i = 0; i < rdataLength; i++) out[at + i] = rdata[rdataStart + i] as number;
      this.#at = at + rdataLength;
    }
    this.#count++;
    this.records++;
  }

  #writeRdata(elements: readonly (number | 'string' | 'name')[], rdata: Bytes, start: number, length: number): void {
    let from = start;
    for (const element of elements) {
      if (element === 'name') from = this.#writeName(rdata, from);
      else {
        const octets = element === 'string' ? (rdata[from] as number) + 1 : element;
        for (let i = 0; i < octets; i++) this.#out[this.#at++] = rdata[from++] as number;
      }
    }
    while (from < start + length) this.#out[this.#at++] = rdata[from++] as number;
  }

  /** Writes the name at `source[from..]`, as a pointer as early as one fits; gives where it ended in the source. */
  #writeName(source: Bytes, from: number): number {
    const starts = this.#labelStarts;
    const hashes = this.#labelHashes;
    let labels = 0;
    let at = from;
    for (let length = source[at] as number; length !== 0; length = source[at] as number) {
      starts[labels++] = at;
      at += length + 1;
    }
    const end = at + 1;
    let hash = 0;
    for (let i = labels - 1; i >= 0; i--) {
      const start = starts[i] as number;
      const stop = start + (source[start] as number);
      for (let j = start; j <= stop; j++) hash = Math.imul(hash ^ (source[j] as number), 0x0100_0193);
      hashes[i] = hash;
    }
    const out = this.#out;
    for (let i = 0; i < labels; i++) {
      const start = starts[i] as number;
      // No label has this length: what a recycled slab held here must not look like the rest of a name half written.
      out[this.#at] = 0x40;
      const found = this.#findOrAdd(hashes[i] as number, source, start);
      if (found >= 0) {
        putUint16(out, this.#at, 0xc000 | found);
        this.#at += 2;
        return end;
      }
      const stop = start + (source[start] as number);
      for (let j = start; j <= stop; j++) out[this.#at++] = source[j] as number;
    }
    out[this.#at++] = 0;
    return end;
  }

  /** The offset of a name with these octets in the message; or -1, and then it is noted as about to be written. */
  #findOrAdd(hash: number, source: Bytes, from: number): number {
    const table = this.#table;
    const stamp = this.#stamp;
    let slot = (hash ^ (hash >>> 15)) & (TABLE_SIZE - 1);
    for (let probes = 0; probes < 64; probes++) {
      const entry = table[slot] as number;
      if (entry >>> OFFSET_BITS !== stamp) {
        const offset = this.#at - this.#frameStart - 2;
        if (offset <= MAX_POINTER) table[slot] = (stamp << OFFSET_BITS) | offset;
        return -1;
      }
      const offset = entry & MAX_POINTER;
      if (this.#isNameAt(offset, source, from)) return offset;
      slot = (slot + 1) & (TABLE_SIZE - 1);
    }
    return -1;
  }

  #isNameAt(offset: number, source: Bytes, from: number): boolean {
    const out = this.#out;
    const message = this.#frameStart + 2;
    let at = message + offset;
    let other = from;
    for (;;) {
      let length = out[at] as number;
      while (length >= 0xc0) {
        at = message + (((length & 0x3f) << 8) | (out[at + 1] as number));
        length = out[at] as number;
      }
      if (length !== source[other]) return false;
      if (length === 0) return true;
      for (let i = 1; i <= length; i++) if (out[at + i] !== source[other + i]) return false;
      at += length + 1;
      other += length + 1;
    }
  }
}
