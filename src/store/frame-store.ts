/**
 * Versions on disk: frames and pages by content hash, one manifest a version, all of a version in one transaction
 * (DESIGN.md section 6). Lives in the store's thread; nothing is read or written while others wait for it.
 */
import { createHash } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { equalBytes } from '../base/bytes.ts';
import { writeSoaRecord } from '../xfr/soa-record.ts';
import { FrameList, HASH_LENGTH } from '../zone/frame-list.ts';
import type { SlabDirectory } from '../zone/slab.ts';
import { VersionReader } from '../zone/version.ts';
import type { StoreDatabase } from './database.ts';
import {
  decodeFrames,
  encodeFrames,
  encodeRun,
  hashOfManifest,
  hashOfPage,
  idOfKey,
  type Manifest,
  manifestKey,
  manifestRange,
  type StoredFrame,
  type StoredRun,
  type StoredStep,
} from './manifest.ts';
import { References } from './references.ts';
import type { Commit, ZoneRecord } from './version-store.ts';

interface DatabaseStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

export class FrameStore {
  readonly #database: StoreDatabase;
  readonly #directory: SlabDirectory;
  readonly #mostOctets: number | undefined;
  readonly #pages = new References();
  readonly #frames = new References();
  /** Versions by zone, where they are known. */
  readonly #ids = new Map<string, readonly number[]>();

  /** `mostOctets`: what versions may take on the disk; undefined for what there is. */
  constructor(database: StoreDatabase, directory: SlabDirectory, mostOctets?: number) {
    this.#database = database;
    this.#directory = directory;
    this.#mostOctets = mostOctets;
  }

  /** All or nothing, durable when it returns. Throws what LMDB does, as for a full disk; then nothing has changed. */
  commit(commits: readonly Commit[], records: ReadonlyMap<string, ZoneRecord | undefined>): void {
    this.#transaction(() => {
      // A removal is of what was there before: it may have waited for room on the disk.
      for (const [zone, record] of records) if (record === undefined) this.#removeZone(zone);
      for (const commit of commits) this.#put(commit);
      for (const [zone, record] of records) if (record !== undefined) this.#database.records.putSync(zone, record);
      // Records alone are let pass, and removals: they are what makes room.
      if (commits.length > 0) this.#checkSize();
    });
    for (const [zone, record] of records) if (record === undefined) this.#ids.delete(zone);
    for (const { zone, handle, keep } of commits) this.#ids.set(zone, [...keep, handle.id]);
  }

  /** In the transaction, with what it adds and removes; LMDB's own limit would be of the file, which never shrinks. */
  #checkSize(): void {
    const { frames, pages, manifests, records } = this.#database;
    let octets = 0;
    for (const database of [frames, pages, manifests, records]) {
      const stats = database.getStats() as DatabaseStats;
      octets += (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize;
    }
    if (octets > (this.#mostOctets ?? Number.POSITIVE_INFINITY)) {
      throw new Error(`it would take ${octets} octets, and map-size is ${this.#mostOctets}`);
    }
  }

  #transaction(work: () => void): void {
    this.#pages.begin();
    this.#frames.begin();
    try {
      this.#database.root.transactionSync(work);
    } catch (error) {
      this.#pages.undo();
      this.#frames.undo();
      throw error;
    }
  }

  /** Manifests of a zone, oldest first; undefined where one cannot be read. */
  manifests(zone: string): { readonly id: number; readonly manifest: Manifest | undefined }[] {
    const keys = this.#database.manifests.getKeys(manifestRange(zone));
    return Array.from(keys, (key) => ({ id: idOfKey(key), manifest: this.#manifest(key) }));
  }

  #manifest(key: string): Manifest | undefined {
    try {
      return this.#database.manifests.get(key);
    } catch {
      return undefined;
    }
  }

  record(zone: string): ZoneRecord | undefined {
    return this.#database.records.get(zone);
  }

  /** The frames of a page; undefined where it is not there, or not what its hash says. */
  page(hash: Buffer): StoredFrame[] | undefined {
    const octets = this.#database.pages.get(hash);
    const frames = octets && decodeFrames(octets);
    return frames !== undefined && equalBytes(hashOfPage(frames), hash) ? frames : undefined;
  }

  /** The octets of a frame; undefined where they are not there, or not what their hash says. */
  frame(hash: Bytes): Buffer | undefined {
    const octets = this.#database.frames.get(Buffer.from(hash));
    const isWhole =
      octets !== undefined && createHash('sha256').update(octets).digest().subarray(0, HASH_LENGTH).equals(hash);
    return isWhole ? octets : undefined;
  }

  /** Counts what a version that was loaded refers to. */
  refer(manifest: Manifest): void {
    for (const hash of pageHashes(manifest)) {
      if (this.#pages.add(hash)) for (const frame of this.#framesOfPage(hash)) this.#frames.add(frame.hash);
    }
    for (const frame of framesOfStep(manifest.step)) this.#frames.add(frame.hash);
    this.#pages.begin();
    this.#frames.begin();
  }

  /** Removes versions that cannot be used, with what only they refer to and can be found. */
  drop(zone: string, ids: readonly number[]): void {
    this.#transaction(() => {
      for (const id of ids) this.#removeVersion(zone, id);
    });
    this.#ids.delete(zone);
  }

  #put({ zone, handle, primarySerial, at, step, keep }: Commit): void {
    const reader = new VersionReader(handle.root, this.#directory);
    const hashes: Bytes[] = [];
    for (let p = 0; p < reader.pageCount; p++) {
      const { hash } = reader.pageEntry(p);
      hashes.push(hash);
      if (!this.#pages.add(hash)) continue;
      const page = reader.page(p);
      this.#database.pages.putSync(copyOf(hash), encodeFrames(page));
      this.#putFrames(page);
    }
    const stored: StoredStep | undefined = step && {
      from: writeSoaRecord(step.step.from),
      removed: encodeRun(step.step.removed),
      added: encodeRun(step.step.added),
    };
    for (const run of [step?.step.removed, step?.step.added]) {
      if (run !== undefined) this.#putFrames(new FrameList(run.frames));
    }
    const { serial, soaRecord } = handle;
    const pages = Buffer.concat(hashes);
    const manifest = { serial, primarySerial, at, soaRecord: copyOf(soaRecord), pages, step: stored };
    const hash = hashOfManifest(zone, handle.id, manifest);
    this.#database.manifests.putSync(manifestKey(zone, handle.id), { ...manifest, hash });
    const kept = new Set([...keep, handle.id]);
    for (const id of this.#idsOf(zone)) if (!kept.has(id)) this.#removeVersion(zone, id);
  }

  #putFrames(list: FrameList): void {
    for (let i = 0; i < list.length; i++) {
      const hash = list.hash(i);
      if (!this.#frames.add(hash)) continue;
      const [slab, offset, length] = [list.slab(i), list.offset(i) + 2, list.octetLength(i) - 2];
      // A copy: given a view of shared memory, LMDB stored garbage on Node 20 (tried).
      this.#database.frames.putSync(copyOf(hash), copyOf(this.#directory.view({ slab, offset, length })));
    }
  }

  #idsOf(zone: string): readonly number[] {
    return this.#ids.get(zone) ?? this.manifests(zone).map(({ id }) => id);
  }

  #removeZone(zone: string): void {
    for (const id of this.#idsOf(zone)) this.#removeVersion(zone, id);
    this.#database.records.removeSync(zone);
  }

  #removeVersion(zone: string, id: number): void {
    const key = manifestKey(zone, id);
    const manifest = this.#manifest(key);
    this.#database.manifests.removeSync(key);
    if (manifest === undefined) return;
    for (const hash of pageHashes(manifest)) {
      if (!this.#pages.remove(hash)) continue;
      for (const frame of this.#framesOfPage(hash)) this.#removeFrame(frame);
      this.#database.pages.removeSync(hash);
    }
    for (const frame of framesOfStep(manifest.step)) this.#removeFrame(frame);
  }

  #removeFrame({ hash }: StoredFrame): void {
    if (this.#frames.remove(hash)) this.#database.frames.removeSync(copyOf(hash));
  }

  #framesOfPage(hash: Buffer): readonly StoredFrame[] {
    const octets = this.#database.pages.get(hash);
    return (octets && decodeFrames(octets)) ?? [];
  }
}

/** An ordinary buffer of its own memory: of shared memory LMDB must be given none. */
const copyOf = (octets: Bytes): Buffer => Buffer.from(octets);

export function pageHashes({ pages }: Manifest): Buffer[] {
  const all = Buffer.from(pages);
  return Array.from({ length: all.length / HASH_LENGTH }, (_, i) =>
    Buffer.from(all.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH)),
  );
}

const framesOfStep = (step: StoredStep | undefined): StoredFrame[] =>
  [step?.removed, step?.added].flatMap((run: StoredRun | undefined) =>
    run === undefined ? [] : (decodeFrames(Buffer.from(run.frames)) ?? []),
  );
