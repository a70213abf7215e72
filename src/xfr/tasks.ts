/** What pool threads are asked to do, and what they answer. Everything here crosses threads by structured clone. */
import type { SlabHandle, SlabIds, SlabRange, SlabReport } from '../zone/slab.ts';
import type { SlabUsage } from '../zone/version.ts';
import type { Assembled, AssembleOptions } from './assemble.ts';
import type { IngestFailure } from './answer-reader.ts';
import type { Batch, BatchOptions } from './ingest.ts';

/** What every task brings: slabs to write to, and those it reads. */
export interface SlabSupply {
  readonly ids: SlabIds;
  readonly spares: readonly SlabHandle[];
  readonly readable: readonly SlabHandle[];
}

export interface BatchTask {
  readonly supply: SlabSupply;
  /** Whole length-prefixed messages. */
  readonly input: SlabRange;
  readonly options: BatchOptions;
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
}

export interface ZoneFileTask {
  readonly supply: SlabSupply;
  readonly request: ZoneFileRequest;
}

export interface AssembleTask {
  readonly supply: SlabSupply;
  readonly options: AssembleOptions;
}

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
