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

/** Octets of SHA-256 that name a frame. */
export class FrameStore {
  readonly #database: StoreDatabase;
  readonly #directory: SlabDirectory;
  readonly #pages = new References();
  readonly #frames = new References();

  constructor(database: StoreDatabase, directory: SlabDirectory) {
    this.#database = database;
    this.#directory = directory;
  }

  /** All or nothing, durable when it returns. Throws what LMDB does, as for a full disk; then nothing has changed. */
  commit(commits: readonly Commit[], records: ReadonlyMap<string, ZoneRecord | undefined>): void {
    const changes = new Changes(this.#pages, this.#frames);
    try {
      this.#database.root.transactionSync(() => {
        for (const commit of commits) this.#put(commit, changes);
        for (const [zone, record] of records) {
          if (record !== undefined) this.#database.records.putSync(zone, record);
          else this.#removeZone(zone, changes);
        }
      });
    } catch (error) {
      changes.undo();
      throw error;
    }
  }

  /** Manifests of a zone, oldest first. */
  manifests(zone: string): { readonly id: number; readonly manifest: Manifest }[] {
    const range = this.#database.manifests.getRange(manifestRange(zone));
    return Array.from(range, ({ key, value }) => ({ id: idOfKey(key), manifest: value }));
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
    const changes = new Changes(this.#pages, this.#frames);
    for (const hash of pageHashes(manifest)) {
      if (changes.addPage(hash)) for (const frame of this.#framesOfPage(hash)) changes.addFrame(frame.hash);
    }
    for (const frame of framesOfStep(manifest.step)) changes.addFrame(frame.hash);
  }

  /** Removes versions that cannot be used, with what only they refer to and can be found. */
  drop(zone: string, ids: readonly number[]): void {
    const changes = new Changes(this.#pages, this.#frames);
    this.#database.root.transactionSync(() => {
      for (const id of ids) this.#removeVersion(zone, id, changes);
    });
  }

  #put({ zone, handle, primarySerial, at, step, keep }: Commit, changes: Changes): void {
    const reader = new VersionReader(handle.root, this.#directory);
    const hashes: Bytes[] = [];
    for (let p = 0; p < reader.pageCount; p++) {
      const { hash } = reader.pageEntry(p);
      hashes.push(hash);
      if (!changes.addPage(hash)) continue;
      const page = reader.page(p);
      this.#database.pages.putSync(copyOf(hash), encodeFrames(page));
      this.#putFrames(page, changes);
    }
    const stored: StoredStep | undefined = step && {
      from: writeSoaRecord(step.step.from),
      removed: encodeRun(step.step.removed),
      added: encodeRun(step.step.added),
    };
    for (const run of [step?.step.removed, step?.step.added]) {
      if (run !== undefined) this.#putFrames(new FrameList(run.frames), changes);
    }
    const { serial, soaRecord } = handle;
    const pages = Buffer.concat(hashes);
    const manifest = { serial, primarySerial, at, soaRecord: copyOf(soaRecord), pages, step: stored };
    this.#database.manifests.putSync(manifestKey(zone, handle.id), manifest);
    const kept = new Set([...keep, handle.id]);
    for (const { id } of this.manifests(zone)) if (!kept.has(id)) this.#removeVersion(zone, id, changes);
  }

  #putFrames(list: FrameList, changes: Changes): void {
    for (let i = 0; i < list.length; i++) {
      const hash = list.hash(i);
      if (!changes.addFrame(hash)) continue;
      const [slab, offset, length] = [list.slab(i), list.offset(i) + 2, list.octetLength(i) - 2];
      // A copy: given a view of shared memory, LMDB stored garbage on Node 20 (tried).
      this.#database.frames.putSync(copyOf(hash), copyOf(this.#directory.view({ slab, offset, length })));
    }
  }

  #removeZone(zone: string, changes: Changes): void {
    for (const { id } of this.manifests(zone)) this.#removeVersion(zone, id, changes);
    this.#database.records.removeSync(zone);
  }

  #removeVersion(zone: string, id: number, changes: Changes): void {
    const key = manifestKey(zone, id);
    const manifest = this.#database.manifests.get(key);
    if (manifest === undefined) return;
    this.#database.manifests.removeSync(key);
    for (const hash of pageHashes(manifest)) {
      if (!changes.removePage(hash)) continue;
      for (const frame of this.#framesOfPage(hash)) this.#removeFrame(frame, changes);
      this.#database.pages.removeSync(hash);
    }
    for (const frame of framesOfStep(manifest.step)) this.#removeFrame(frame, changes);
  }

  #removeFrame({ hash }: StoredFrame, changes: Changes): void {
    if (changes.removeFrame(hash)) this.#database.frames.removeSync(copyOf(hash));
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

/** References as a transaction changes them: it may fail, and then they are as before. */
class Changes {
  readonly #pages: References;
  readonly #frames: References;
  readonly #undo: (() => void)[] = [];

  constructor(pages: References, frames: References) {
    this.#pages = pages;
    this.#frames = frames;
  }

  addPage(hash: Bytes): boolean {
    return this.#add(this.#pages, hash);
  }

  addFrame(hash: Bytes): boolean {
    return this.#add(this.#frames, hash);
  }

  removePage(hash: Bytes): boolean {
    return this.#remove(this.#pages, hash);
  }

  removeFrame(hash: Bytes): boolean {
    return this.#remove(this.#frames, hash);
  }

  undo(): void {
    for (const step of this.#undo.reverse()) step();
  }

  #add(references: References, hash: Bytes): boolean {
    const copy = copyOf(hash);
    this.#undo.push(() => references.remove(copy));
    return references.add(hash);
  }

  #remove(references: References, hash: Bytes): boolean {
    if (!references.has(hash)) return true;
    const copy = copyOf(hash);
    this.#undo.push(() => references.add(copy));
    return references.remove(hash);
  }
}
