/**
 * The form of versions on disk, free of places in memory: a page lists its frames by hash, a manifest lists its pages
 * by hash. Little-endian; a frame is stored as it is sent, without the length in front.
 */
import { createHash } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { FrameList, FrameListBuilder, HASH_LENGTH } from '../zone/frame-list.ts';
import type { Run } from '../zone/run-writer.ts';

/** What is said of a frame, wherever it lies. */
export interface StoredFrame {
  readonly hash: Bytes;
  readonly records: number;
  readonly fence: Bytes;
}

/** Hash, records, length of the fence, fence. */
const FRAME_HEAD = HASH_LENGTH + 6;

export function encodeFrames(list: FrameList): Buffer {
  let length = 0;
  for (let i = 0; i < list.length; i++) length += FRAME_HEAD + list.fence(i).length;
  const octets = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (let i = 0; i < list.length; i++) {
    const fence = list.fence(i);
    octets.set(list.hash(i), at);
    octets.writeUInt32LE(list.records(i), at + HASH_LENGTH);
    octets.writeUInt16LE(fence.length, at + HASH_LENGTH + 4);
    octets.set(fence, at + FRAME_HEAD);
    at += FRAME_HEAD + fence.length;
  }
  return octets;
}

/** Undefined where the octets do not come out even. */
export function decodeFrames(octets: Buffer): StoredFrame[] | undefined {
  const frames: StoredFrame[] = [];
  for (let at = 0; at < octets.length; ) {
    if (at + FRAME_HEAD > octets.length) return undefined;
    const end = at + FRAME_HEAD + octets.readUInt16LE(at + HASH_LENGTH + 4);
    if (end > octets.length) return undefined;
    frames.push({
      hash: octets.subarray(at, at + HASH_LENGTH),
      records: octets.readUInt32LE(at + HASH_LENGTH),
      fence: octets.subarray(at + FRAME_HEAD, end),
    });
    at = end;
  }
  return frames;
}

/** The hash that the root of a version has for a page: of frame hashes and fences. */
export function hashOfPage(frames: readonly StoredFrame[]): Buffer {
  const hash = createHash('sha256');
  const length = Buffer.alloc(4);
  for (const frame of frames) {
    length.writeUInt32LE(frame.fence.length);
    hash.update(frame.hash).update(length).update(frame.fence);
  }
  return hash.digest().subarray(0, HASH_LENGTH);
}

/** A version, under `manifestKey`. */
export interface Manifest {
  readonly serial: number;
  readonly primarySerial: number;
  readonly at: number;
  readonly soaRecord: Uint8Array;
  /** Hashes one after the other. */
  readonly pages: Uint8Array;
  readonly step: StoredStep | undefined;
  /** Of all the rest, see `hashOfManifest`. */
  readonly hash: Uint8Array;
}

export interface StoredStep {
  /** The SOA record stepped from, whole. */
  readonly from: Uint8Array;
  readonly removed: StoredRun | undefined;
  readonly added: StoredRun | undefined;
}

export interface StoredRun {
  /** As `encodeFrames` has it. */
  readonly frames: Uint8Array;
  readonly firstKey: Uint8Array;
  readonly lastKey: Uint8Array;
  readonly records: number;
  readonly octets: number;
}

/** Of what a manifest says, and of where: one that is altered or misplaced is not believed. */
export function hashOfManifest(zone: string, id: number, manifest: Omit<Manifest, 'hash'>): Buffer {
  const { serial, primarySerial, at, soaRecord, pages, step } = manifest;
  const hash = createHash('sha256').update(JSON.stringify([zone, id, serial, primarySerial, at]));
  const add = (octets: Uint8Array): void => {
    hash.update(`${octets.length} `).update(octets);
  };
  add(soaRecord);
  add(pages);
  if (step !== undefined) add(step.from);
  for (const run of [step?.removed, step?.added]) {
    hash.update(run === undefined ? 'none' : JSON.stringify([run.records, run.octets]));
    for (const octets of run === undefined ? [] : [run.frames, run.firstKey, run.lastKey]) add(octets);
  }
  return hash.digest().subarray(0, HASH_LENGTH);
}

export function encodeRun(run: Run | undefined): StoredRun | undefined {
  if (run === undefined) return undefined;
  const { firstKey, lastKey, records, octets } = run;
  return { frames: encodeFrames(new FrameList(run.frames)), firstKey, lastKey, records, octets };
}

/** `placed`: where each frame lies in memory; undefined where one is not to be had. */
export function decodeRun(
  stored: StoredRun,
  placed: (
    frame: StoredFrame,
  ) => { readonly slab: number; readonly offset: number; readonly length: number } | undefined,
): Run | undefined {
  const frames = decodeFrames(Buffer.from(stored.frames));
  if (frames === undefined) return undefined;
  const builder = new FrameListBuilder();
  for (const frame of frames) {
    const place = placed(frame);
    if (place === undefined) return undefined;
    builder.add({ ...frame, ...place });
  }
  const { records, octets } = stored;
  return {
    frames: builder.finish(),
    firstKey: new Uint8Array(stored.firstKey),
    lastKey: new Uint8Array(stored.lastKey),
    records,
    octets,
  };
}

/** Versions of a zone follow each other by id. A zone's name holds no line feed unescaped. */
export const manifestKey = (zone: string, id: number): string => `${zone}\n${id.toString(16).padStart(12, '0')}`;
export const idOfKey = (key: string): number => Number.parseInt(key.slice(key.indexOf('\n') + 1), 16);
export const manifestRange = (zone: string): { readonly start: string; readonly end: string } => ({
  start: `${zone}\n`,
  end: `${zone}\u000b`,
});
