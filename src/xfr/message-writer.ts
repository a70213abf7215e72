/** Writes the messages of an answer that is rendered whole, in any format; their table by pages, as a version's is. */
import type { Bytes } from '../base/bytes.ts';
import { CLASS, TYPE } from '../wire/registry.ts';
import type { TransferFormat } from '../wire/transfer-format.ts';
import { Writer } from '../wire/writer.ts';
import { RecordCursor } from '../zone/cursor.ts';
import { type FrameEntry, PAGE_FRAMES } from '../zone/frame-list.ts';
import { compareRanges } from '../zone/order.ts';
import { FramePacker } from '../zone/packer.ts';
import { PlainPacker } from '../zone/plain-packer.ts';
import type { SlabDirectory, SlabWriter } from '../zone/slab.ts';
import { usageOfVersion } from '../zone/usage.ts';
import { type PageEntry, storePage, storeRoot, VersionReader } from '../zone/version.ts';
import type { SoaRecord } from './soa-record.ts';
import type { TransferAnswer } from './transfer-answer.ts';

export interface RenderOptions {
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
  /** compressed unless given. */
  readonly format?: TransferFormat;
}

/**
 * Messages are put into pages so many at a time: ten million that hold a record each are not to be objects at once. A
 * multiple of what a page holds, as what is at hand ends there.
 */
const FLUSH_FRAMES = 64 * PAGE_FRAMES;

export class MessageWriter {
  readonly #packer: FramePacker | PlainPacker;
  readonly #apex: Bytes;
  readonly #slabs: SlabWriter;
  readonly #directory: SlabDirectory;
  readonly #pages: PageEntry[] = [];
  #count = 0;
  #octets = 0;
  #owner: Bytes = new Uint8Array(0);

  constructor(question: number, options: RenderOptions, slabs: SlabWriter, directory: SlabDirectory) {
    const { apex, frameSize, format } = options;
    // No frame is so short that a second record fits it.
    const frameOctets = format === 'one-answer' ? 0 : frameSize;
    this.#packer =
      format === 'uncompressed' ? new PlainPacker(slabs, frameOctets) : new FramePacker(slabs, frameOctets);
    this.#packer.question = new Writer(apex.length + 4).octets(apex).uint16(question).uint16(CLASS.IN).view();
    this.#apex = apex;
    this.#slabs = slabs;
    this.#directory = directory;
  }

  soa({ owner, ttl, rdata }: SoaRecord): void {
    this.#add(owner, owner.length, TYPE.SOA, ttl, rdata, 0, rdata.length);
  }

  records(frames: Iterator<FrameEntry>): void {
    const cursor = new RecordCursor(frames, this.#apex, this.#directory);
    for (; !cursor.isAtEnd; cursor.next()) {
      const { owner, ownerLength, type, ttl, rdata, rdataStart, rdataLength } = cursor.record;
      this.#add(owner, ownerLength, type, ttl, rdata, rdataStart, rdataLength);
    }
  }

  finish(form: TransferAnswer['form']): TransferAnswer {
    const { records } = this.#packer;
    this.#flush();
    const root = storeRoot(this.#pages, this.#slabs);
    const usage = usageOfVersion({ reader: new VersionReader(root, this.#directory), single: undefined });
    return { root, count: this.#count, octets: this.#octets, records, form, usage };
  }

  #add(
    owner: Bytes,
    ownerLength: number,
    type: number,
    ttl: number,
    rdata: Bytes,
    rdataStart: number,
    rdataLength: number,
  ): void {
    const isSameOwner = compareRanges(this.#owner, 0, this.#owner.length, owner, 0, ownerLength) === 0;
    if (!isSameOwner) this.#owner = owner.slice(0, ownerLength);
    this.#packer.add(owner, ownerLength, isSameOwner, type, ttl, rdata, rdataStart, rdataLength);
    if (this.#packer.frames >= FLUSH_FRAMES) this.#flush();
  }

  #flush(): void {
    const frames = this.#packer.take();
    for (let i = 0; i < frames.length; i += PAGE_FRAMES) {
      this.#pages.push(storePage(frames.slice(i, i + PAGE_FRAMES), this.#slabs));
    }
    this.#count += frames.length;
    for (const { length } of frames) this.#octets += length;
  }
}
