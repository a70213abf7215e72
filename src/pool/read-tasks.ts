/** Tasks of the pool that only read versions: they bring the slabs, and write to none. */
import type { Bytes } from '../base/bytes.ts';
import type { GuardRules } from '../guard/judge.ts';
import type { SlabHandle } from '../zone/slab.ts';
import type { VersionHandle } from '../zone/version.ts';

interface Reading {
  readonly readable: readonly SlabHandle[];
}

export interface JudgeRequest {
  readonly candidate: VersionHandle;
  readonly before: VersionHandle | undefined;
  readonly apex: Bytes;
  readonly rules: GuardRules;
  /** Seconds since 1970. */
  readonly now: number;
}
export type JudgeTask = JudgeRequest & Reading;

export interface ZoneTextRequest {
  readonly version: VersionHandle;
  readonly apex: Bytes;
  /** Absolute path. */
  readonly file: string;
}
export type ZoneTextTask = ZoneTextRequest & Reading;
