/** What pool threads are asked to do, and what they answer. Everything here crosses threads by structured clone. */
import type { Run } from '../zone/run-writer.ts';
import type { SlabHandle, SlabIds, SlabRange, SlabReport } from '../zone/slab.ts';
import type { SlabUsage, VersionHandle } from '../zone/version.ts';
import type { IngestFailure } from './answer-reader.ts';
import type { Assembled, AssembleOptions } from './assemble.ts';
import type { Batch, BatchOptions } from './ingest.ts';
import type { IxfrStep } from './ixfr-answer.ts';
import type { IxfrOptions } from './ixfr-change.ts';
import type { RenderOptions } from './message-writer.ts';
import type { Relocated, RelocateOptions } from './relocate.ts';
import type { SoaRecord } from './soa-record.ts';
import type { TransferAnswer } from './transfer-answer.ts';
import type { Updated, UpdateOptions } from './update.ts';

/** What every task brings: slabs to write to, and those it reads. */
export interface SlabSupply {
  readonly ids: SlabIds;
  readonly spares: readonly SlabHandle[];
  readonly readable: readonly SlabHandle[];
}

interface Supplied {
  readonly supply: SlabSupply;
}

export interface BatchRequest {
  /** Whole length-prefixed messages. */
  readonly input: SlabRange;
  readonly options: BatchOptions;
  /** Along whose fences to pack. */
  readonly base: VersionHandle | undefined;
}

/** A zone file to read in the pool thread. */
export interface ZoneFileRequest {
  /** Absolute path. */
  readonly file: string;
  /** Absolute path that $INCLUDE may not leave. */
  readonly includeBelow: string;
  /** Wire form, lower case. */
  readonly apex: Uint8Array;
  readonly frameSize: number;
  readonly outOfZone: 'reject' | 'ignore';
  readonly base: VersionHandle | undefined;
}

export interface AssembleRequest {
  readonly options: AssembleOptions;
}

export interface IxfrRequest {
  /** Whole length-prefixed messages, in order. */
  readonly pieces: readonly SlabRange[];
  readonly ixfr: IxfrOptions;
  readonly options: UpdateOptions;
}

export interface RunsRequest {
  readonly runs: readonly Run[];
  readonly soa: SoaRecord;
  readonly options: UpdateOptions;
}

/** The content of another version under a SOA of its own. */
export interface ContentRequest {
  readonly root: SlabRange;
  readonly soa: SoaRecord;
  readonly options: UpdateOptions;
}

export interface RenderRequest {
  readonly steps: readonly IxfrStep[];
  readonly options: RenderOptions;
}

/** A whole version in another format. */
export interface ZoneRenderRequest {
  readonly version: VersionHandle;
  readonly options: RenderOptions;
}

export interface RelocateRequest {
  readonly options: RelocateOptions;
}

export interface ZoneFileTask extends Supplied {
  readonly request: ZoneFileRequest;
}
export type Task<T> = T & Supplied;

export type TaskFailure = { readonly ok: false; readonly failure: IngestFailure; readonly slabs: SlabReport };
export type TaskResult<T> = { readonly ok: true; readonly value: T; readonly slabs: SlabReport } | TaskFailure;

export interface BatchValue {
  readonly batch: Batch;
  /** What the batch's frames keep alive. */
  readonly usage: readonly SlabUsage[];
}

export type BatchTaskResult = TaskResult<BatchValue>;

export interface ZoneFileTaskResult {
  readonly result: BatchTaskResult;
  /** Every file that was looked for, the zone file first: a change of any of them is a change of the zone. */
  readonly files: readonly string[];
}
export type AssembleTaskResult = TaskResult<Assembled>;
export type UpdateTaskResult = TaskResult<Updated>;
export type RenderTaskResult = TaskResult<TransferAnswer>;
export type RelocateTaskResult = TaskResult<Relocated>;
