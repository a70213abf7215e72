/**
 * Moves what lives in some slabs elsewhere, so that the slabs can be used again: the versions of a zone and their steps
 * under new tables, their contents as they are (DESIGN.md section 1).
 */
import type { Bytes } from '../base/bytes.ts';
import { FrameList, FrameListBuilder, listEntries } from '../zone/frame-list.ts';
import type { Run } from '../zone/run-writer.ts';
import { placeOf, type SlabDirectory, type SlabRange, type SlabWriter } from '../zone/slab.ts';
import { type Footprint, usageBetween, usageOfVersion } from '../zone/usage.ts';
import { type PageEntry, storePage, storeRoot, type VersionHandle, VersionReader } from '../zone/version.ts';
import type { TransferAnswer } from './transfer-answer.ts';
import { type MadeStep, makeStep } from './update.ts';
import type { MadeVersion } from './version-maker.ts';

export interface RelocateOptions {
  /** In the order of the chain they are in (see memory-chain.ts). */
  readonly versions: readonly VersionHandle[];
  readonly steps: readonly MadeStep[];
  /** Slabs to leave. */
  readonly victims: readonly number[];
}

export interface Relocated {
  /** For each version: what it adds to, and drops from, the one before; the first, compared with the last given. */
  readonly versions: readonly MadeVersion[];
  readonly steps: readonly MadeStep[];
}

export function relocate(options: RelocateOptions, slabs: SlabWriter, directory: SlabDirectory): Relocated {
  return new Mover(new Set(options.victims), slabs, directory).move(options);
}

class Mover {
  readonly #victims: ReadonlySet<number>;
  readonly #slabs: SlabWriter;
  readonly #directory: SlabDirectory;
  readonly #moved = new Map<number, SlabRange>();
  readonly #pages = new Map<number, PageEntry>();

  constructor(victims: ReadonlySet<number>, slabs: SlabWriter, directory: SlabDirectory) {
    this.#victims = victims;
    this.#slabs = slabs;
    this.#directory = directory;
  }

  move({ versions, steps }: RelocateOptions): Relocated {
    let before = versions.at(-1);
    const moved = versions.map((version): MadeVersion => {
      const { made, footprint } = this.#version(version);
      const base = before as VersionHandle;
      before = made;
      return { version: made, base: base.id, ...usageBetween(this.#footprint(base), footprint) };
    });
    return { versions: moved, steps: steps.map((step) => this.#step(step)) };
  }

  #version(version: VersionHandle): { readonly made: VersionHandle; readonly footprint: Footprint } {
    const root = storeRoot(this.#pagesOf(version), this.#slabs);
    const single = version.single && this.#range(version.single);
    const footprint = { reader: new VersionReader(root, this.#directory), single };
    return { made: { ...version, root, single, usage: usageOfVersion(footprint) }, footprint };
  }

  #pagesOf({ root }: { readonly root: SlabRange }): PageEntry[] {
    const reader = new VersionReader(root, this.#directory);
    return Array.from({ length: reader.pageCount }, (_, p) => this.#page(reader, p));
  }

  #page(reader: VersionReader, p: number): PageEntry {
    const entry = reader.pageEntry(p);
    const known = this.#pages.get(placeOf(entry));
    if (known !== undefined) return known;
    const list = reader.page(p);
    let stays = !this.#victims.has(entry.slab);
    for (let i = 0; stays && i < list.length; i++) stays = !this.#victims.has(list.slab(i));
    const page = stays ? entry : storePage(this.#entries(list), this.#slabs);
    this.#pages.set(placeOf(entry), page);
    return page;
  }

  #entries(list: FrameList) {
    return listEntries(list).map((frame) => ({ ...frame, ...this.#range(frame) }));
  }

  #step({ step, answer }: MadeStep): MadeStep {
    const [removed, added] = [this.#run(step.removed), this.#run(step.added)];
    return makeStep({ ...step, removed, added }, this.#answer(answer));
  }

  #run(run: Run | undefined): Run | undefined {
    return run && { ...run, frames: this.#table(new FrameList(run.frames)) };
  }

  #answer(answer: TransferAnswer): TransferAnswer {
    const root = storeRoot(this.#pagesOf(answer), this.#slabs);
    const usage = usageOfVersion({ reader: new VersionReader(root, this.#directory), single: undefined });
    return { ...answer, root, usage };
  }

  #table(list: FrameList): Uint8Array<ArrayBuffer> {
    const builder = new FrameListBuilder();
    for (const frame of this.#entries(list)) builder.add(frame);
    return builder.finish();
  }

  /** Where a range lies now. */
  #range(range: SlabRange): SlabRange {
    const { slab, offset, length } = range;
    if (!this.#victims.has(slab)) return { slab, offset, length };
    const place = placeOf(range);
    const moved = this.#moved.get(place) ?? this.#copy(this.#directory.view({ slab, offset, length }));
    this.#moved.set(place, moved);
    return moved;
  }

  #copy(octets: Bytes): SlabRange {
    this.#slabs.reserve(octets.length);
    this.#slabs.bytes.set(octets, this.#slabs.used);
    return this.#slabs.commit(octets.length);
  }

  #footprint({ root, single }: VersionHandle): Footprint {
    return { reader: new VersionReader(root, this.#directory), single };
  }
}
