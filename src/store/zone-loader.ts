/** From disk to versions in memory, as if they had just been made: every frame is checked by its hash on the way. */

import { equalBytes, putUint16 } from '../base/bytes.ts';
import { renderIxfr } from '../xfr/ixfr-answer.ts';
import { readSoaRecord } from '../xfr/soa-record.ts';
import { type MadeStep, makeStep } from '../xfr/update.ts';
import { makeVersion } from '../xfr/version-maker.ts';
import type { FrameEntry } from '../zone/frame-list.ts';
import type { SlabDirectory, SlabRange, SlabWriter } from '../zone/slab.ts';
import { type PageEntry, storePage, storeRoot, type VersionHandle } from '../zone/version.ts';
import { type FrameStore, pageHashes } from './frame-store.ts';
import { decodeRun, hashOfManifest, type Manifest, type StoredFrame, type StoredStep } from './manifest.ts';
import { keyOf } from './references.ts';
import type { LoadedVersion, LoadedZone, WantedZone } from './version-store.ts';

export interface LoadResult {
  readonly loaded: LoadedZone | undefined;
  /** What was wrong with versions that were left out. */
  readonly damage: string | undefined;
}

export function loadZone(
  store: FrameStore,
  wanted: WantedZone,
  slabs: SlabWriter,
  directory: SlabDirectory,
): LoadResult {
  const { zone } = wanted;
  const stored = store.manifests(zone);
  if (stored.length === 0) return { loaded: undefined, damage: undefined };
  const loader = new ZoneLoader(store, wanted, slabs, directory);
  const damage: string[] = [];
  const good: { readonly id: number; readonly manifest: Manifest }[] = [];
  // The newest first: without it the others are of no use, and what it shares with them is checked already.
  for (const { id, manifest } of stored.toReversed()) {
    const problem = manifest === undefined ? 'its manifest cannot be read' : loader.check(id, manifest);
    if (manifest === undefined || problem !== undefined) {
      damage.push(manifest === undefined ? `a version: ${problem}` : `serial ${manifest.serial}: ${problem}`);
      break;
    }
    good.unshift({ id, manifest });
  }
  const dropped = stored.slice(0, stored.length - good.length).map(({ id }) => id);
  for (const { manifest } of good) store.refer(manifest);
  if (dropped.length > 0) store.drop(zone, dropped);
  const told = damage.length === 0 ? undefined : damage.join('; ');
  if (good.length === 0) return { loaded: undefined, damage: told };
  const versions: LoadedVersion[] = [];
  for (const { id, manifest } of good) versions.push(loader.make(id, manifest, versions.at(-1)?.made.version));
  return { loaded: { zone, versions, record: store.record(zone) }, damage: told };
}

class ZoneLoader {
  readonly #store: FrameStore;
  readonly #wanted: WantedZone;
  readonly #slabs: SlabWriter;
  readonly #directory: SlabDirectory;
  readonly #placed = new Map<string, SlabRange>();
  readonly #pages = new Map<string, PageEntry & { readonly records: number; readonly octets: number }>();

  constructor(store: FrameStore, wanted: WantedZone, slabs: SlabWriter, directory: SlabDirectory) {
    this.#store = store;
    this.#wanted = wanted;
    this.#slabs = slabs;
    this.#directory = directory;
  }

  /** Brings what a version refers to into memory. Undefined, or what cannot be had. */
  check(id: number, manifest: Manifest): string | undefined {
    const { hash } = manifest;
    if (hash === undefined || !equalBytes(hash, hashOfManifest(this.#wanted.zone, id, manifest))) {
      return 'its manifest is damaged';
    }
    for (const hash of pageHashes(manifest)) {
      if (this.#pages.has(keyOf(hash))) continue;
      const problem = this.#loadPage(hash);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  make(id: number, manifest: Manifest, base: VersionHandle | undefined): LoadedVersion {
    const { apex } = this.#wanted;
    const pages = pageHashes(manifest).map(
      (hash) => this.#pages.get(keyOf(hash)) as PageEntry & { records: number; octets: number },
    );
    const sum = { frames: 0, records: 0, octets: 0 };
    for (const page of pages) {
      sum.frames += page.frames;
      sum.records += page.records;
      sum.octets += page.octets;
    }
    const soa = readSoaRecord(Buffer.from(manifest.soaRecord));
    const root = storeRoot(pages, this.#slabs);
    const made = makeVersion({ id, apex, soa, root, ...sum }, base, this.#slabs, this.#directory);
    const step = base === undefined || manifest.step === undefined ? undefined : this.#step(manifest, manifest.step);
    return { made, primarySerial: manifest.primarySerial, at: manifest.at, step };
  }

  /** Undefined where a frame of it is damaged: then the history begins here. */
  #step(manifest: Manifest, { from, removed, added }: StoredStep): MadeStep | undefined {
    const { apex, frameSize } = this.#wanted;
    const placed = (frame: StoredFrame): SlabRange | undefined => this.#place(frame);
    const runs = [removed, added].map((run) => run && decodeRun(run, placed));
    if ((removed !== undefined && runs[0] === undefined) || (added !== undefined && runs[1] === undefined))
      return undefined;
    const to = readSoaRecord(Buffer.from(manifest.soaRecord));
    const step = { from: readSoaRecord(Buffer.from(from)), to, removed: runs[0], added: runs[1] };
    return makeStep(step, renderIxfr([step], { apex, frameSize }, this.#slabs, this.#directory));
  }

  #loadPage(hash: Buffer): string | undefined {
    const frames = this.#store.page(hash);
    if (frames === undefined) return `page ${hash.toString('hex')} is missing or damaged`;
    const entries: FrameEntry[] = [];
    let records = 0;
    let octets = 0;
    for (const frame of frames) {
      const place = this.#place(frame);
      if (place === undefined) return `frame ${Buffer.from(frame.hash).toString('hex')} is missing or damaged`;
      entries.push({ ...frame, ...place });
      records += frame.records;
      octets += place.length;
    }
    this.#pages.set(keyOf(hash), { ...storePage(entries, this.#slabs), records, octets });
    return undefined;
  }

  #place({ hash }: StoredFrame): SlabRange | undefined {
    const key = keyOf(hash);
    const known = this.#placed.get(key);
    if (known !== undefined) return known;
    const message = this.#store.frame(hash);
    if (message === undefined) return undefined;
    this.#slabs.reserve(message.length + 2);
    const { used, bytes } = this.#slabs;
    putUint16(bytes, used, message.length);
    bytes.set(message, used + 2);
    const range = this.#slabs.commit(message.length + 2);
    this.#placed.set(key, range);
    return range;
  }
}
