/**
 * The next version of a zone from the one at hand: by an IXFR, by a whole zone that came, or by the content of another
 * version. Costs what the change does, and tells the change as a step for IXFR.
 */
import type { Bytes } from '../base/bytes.ts';
import { applyChange, type Change } from '../zone/apply.ts';
import { diffFromVersion, diffVersions } from '../zone/diff.ts';
import { mergeRuns } from '../zone/merge.ts';
import { FramePacker } from '../zone/packer.ts';
import type { Run } from '../zone/run-writer.ts';
import type { SlabDirectory, SlabRange, SlabWriter } from '../zone/slab.ts';
import { UsageSum } from '../zone/usage.ts';
import { type SlabUsage, storeFrameTable, type VersionHandle, VersionReader } from '../zone/version.ts';
import type { IngestFailure } from './answer-reader.ts';
import { type IxfrStep, renderIxfr } from './ixfr-answer.ts';
import { changeFailure, type IxfrOptions, type Piece, readIxfr } from './ixfr-change.ts';
import { readSoaRecord, type SoaRecord, withSerial, writeSoaRecord } from './soa-record.ts';
import type { TransferAnswer } from './transfer-answer.ts';
import { type MadeVersion, makeVersion, usageOfRun } from './version-maker.ts';
import { zonemdChange } from './zonemd-serial.ts';

export interface UpdateOptions {
  readonly id: number;
  readonly base: VersionHandle;
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** In place of the serial that came, where serials are translated. */
  readonly serial: number | undefined;
}

/** A step and what it keeps alive, with the answer to those who ask for just this one. */
export interface MadeStep {
  readonly step: IxfrStep;
  readonly usage: readonly SlabUsage[];
  readonly answer: TransferAnswer;
  readonly removedRecords: number;
  readonly addedRecords: number;
}

export function makeStep(step: IxfrStep, answer: TransferAnswer): MadeStep {
  const { removed, added } = step;
  const usage = new UsageSum().addAll(usageOfRun(removed)).addAll(usageOfRun(added)).addAll(answer.usage).list();
  return { step, usage, answer, removedRecords: removed?.records ?? 0, addedRecords: added?.records ?? 0 };
}

export interface Updated extends MadeVersion {
  /** As it came. */
  readonly primarySerial: number;
  /** Undefined where the whole zone is smaller than what changed. */
  readonly made: MadeStep | undefined;
  /** Frames that were packed anew; the others are shared with the version before. */
  readonly packed: number;
  /** Deletions that named another TTL than the record had. */
  readonly otherTtls: number;
  readonly duplicates: number;
}

export type UpdateResult =
  | { readonly ok: true; readonly updated: Updated }
  | { readonly ok: false; readonly failure: IngestFailure };

/** Applies the differences of an IXFR answer. */
export function updateByIxfr(
  pieces: readonly Piece[],
  ixfr: IxfrOptions,
  options: UpdateOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): UpdateResult {
  const read = readIxfr(pieces, ixfr, slabs);
  if (!read.ok) return read;
  const { change, soa } = read.received;
  return new Updater(options, slabs, directory).apply(change, soa);
}

/** Takes a whole zone; `runs` were packed along the fences of the base where they came in order. */
export function updateByRuns(
  runs: readonly Run[],
  soa: SoaRecord,
  options: UpdateOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): UpdateResult {
  return new Updater(options, slabs, directory).replace(runs, soa);
}

/** Takes the content of another version, under a SOA of its own. */
export function updateByContent(
  root: SlabRange,
  soa: SoaRecord,
  options: UpdateOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): UpdateResult {
  return new Updater(options, slabs, directory).adopt(root, soa);
}

/** A frame table with its sums; `records` without the SOA. */
interface Table {
  readonly root: SlabRange;
  readonly frames: number;
  readonly records: number;
  readonly octets: number;
}

class Updater {
  readonly #options: UpdateOptions;
  readonly #slabs: SlabWriter;
  readonly #directory: SlabDirectory;
  readonly #base: VersionReader;

  constructor(options: UpdateOptions, slabs: SlabWriter, directory: SlabDirectory) {
    this.#options = options;
    this.#slabs = slabs;
    this.#directory = directory;
    this.#base = new VersionReader(options.base.root, directory);
  }

  apply(change: Change, soa: SoaRecord, duplicates = 0): UpdateResult {
    const { base, apex } = this.#options;
    const applied = applyChange(this.#base, change, apex, this.#packer(), this.#slabs);
    if (!applied.ok) {
      const [code, text] = changeFailure(applied.failure, applied.record);
      return { ok: false, failure: { code, text } };
    }
    const { root, packed, otherTtls, isInexact } = applied;
    const frames = base.frames + applied.frames;
    const records = base.records - 1 + applied.records;
    const octets = base.octets + applied.octets;
    const exact = isInexact ? this.#difference(new VersionReader(root, this.#directory)) : change;
    return this.#made({ root, frames, records, octets }, soa, exact, { packed, otherTtls, duplicates });
  }

  replace(runs: readonly Run[], soa: SoaRecord): UpdateResult {
    const { apex } = this.#options;
    const { frames, records, octets, duplicates } = mergeRuns(runs, apex, this.#packer(), this.#directory);
    const change = diffFromVersion(this.#base, frames, this.#diffOptions(), this.#slabs);
    // What is changed beyond recognition is taken as it came: the change is worth nothing to anybody.
    if (change !== undefined) return this.apply(change, soa, duplicates);
    const table = { root: storeFrameTable(frames, this.#slabs), frames: frames.length, records, octets };
    return this.#made(table, soa, undefined, { packed: frames.length, otherTtls: 0, duplicates });
  }

  adopt(root: SlabRange, soa: SoaRecord): UpdateResult {
    const reader = new VersionReader(root, this.#directory);
    const table = { root, frames: 0, records: 0, octets: 0 };
    for (let p = 0; p < reader.pageCount; p++) {
      const page = reader.page(p);
      table.frames += page.length;
      for (let i = 0; i < page.length; i++) {
        table.records += page.records(i);
        table.octets += page.octetLength(i);
      }
    }
    return this.#made(table, soa, this.#difference(reader), { packed: 0, otherTtls: 0, duplicates: 0 });
  }

  #made(
    table: Table,
    received: SoaRecord,
    change: Change | undefined,
    told: Pick<Updated, 'packed' | 'otherTtls' | 'duplicates'>,
  ): UpdateResult {
    const { id, apex, base, maxRecords, maxBytes, serial } = this.#options;
    const soa = serial === undefined ? received : withSerial(received, serial);
    const failure = exceeds(table, maxRecords, maxBytes);
    if (failure !== undefined) return { ok: false, failure };
    const own = serial === undefined || serial === received.serial ? undefined : this.#underSerial(table, soa);
    const final = own ?? table;
    const version = makeVersion({ id, apex, soa, ...final }, base, this.#slabs, this.#directory);
    const changed = own === undefined ? change : this.#difference(new VersionReader(own.root, this.#directory));
    const made = changed && this.#step(changed, soa, final.octets);
    return { ok: true, updated: { ...version, made, primarySerial: received.serial, ...told } };
  }

  /** With digests for a serial that is not the primary's; undefined where the zone has none. */
  #underSerial(table: Table, soa: SoaRecord): Table | undefined {
    const { apex, frameSize } = this.#options;
    const reader = new VersionReader(table.root, this.#directory);
    const change = zonemdChange(reader, apex, writeSoaRecord(soa), frameSize, this.#slabs);
    if (change === undefined) return undefined;
    const applied = applyChange(reader, change, apex, this.#packer(), this.#slabs);
    if (!applied.ok) throw new Error('a ZONEMD record was just read, and is not there');
    const { root, frames, records, octets } = applied;
    return {
      root,
      frames: table.frames + frames,
      records: table.records + records,
      octets: table.octets + octets,
    };
  }

  #step({ removed, added }: Change, to: SoaRecord, octets: number): MadeStep | undefined {
    const { base, apex, frameSize } = this.#options;
    const step: IxfrStep = { from: readSoaRecord(base.soaRecord), to, removed, added };
    const answer = renderIxfr([step], { apex, frameSize }, this.#slabs, this.#directory);
    // RFC 1995 §5: an IXFR that is longer than the zone helps nobody. Small zones have it by the record.
    if (answer.octets > octets + ALWAYS_KEPT) return undefined;
    return makeStep(step, answer);
  }

  #difference(young: VersionReader): Change | undefined {
    return diffVersions(this.#base, young, this.#diffOptions(), this.#slabs);
  }

  #diffOptions() {
    const { apex, frameSize, base } = this.#options;
    return { apex, frameSize, mostOctets: base.octets + ALWAYS_KEPT };
  }

  #packer(): FramePacker {
    return new FramePacker(this.#slabs, this.#options.frameSize);
  }
}

/** Octets of a step that are kept whatever the size of the zone. */
const ALWAYS_KEPT = 4096;

/** Why a zone is too large, if it is; `records` without the SOA. */
export function exceeds(
  { records, octets }: { readonly records: number; readonly octets: number },
  maxRecords: number,
  maxBytes: number,
): IngestFailure | undefined {
  if (records > maxRecords) {
    return { code: 'TOO_MANY_RECORDS', text: `the zone has ${records} records, more than max-records (${maxRecords})` };
  }
  if (octets > maxBytes) {
    return { code: 'TOO_LARGE', text: `the zone takes ${octets} octets, more than max-bytes (${maxBytes})` };
  }
  return undefined;
}
