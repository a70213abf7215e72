/** Tasks of the pool that only read versions: they bring the slabs, and write to none. */
import type { Bytes } from '../base/bytes.ts';
import type { CatalogReading } from '../catalog/read.ts';
import type { GuardRules } from '../guard/judge.ts';
import type { SlabHandle } from '../zone/slab.ts';
import type { VersionHandle } from '../zone/version.ts';

/** A prefix set as text. */
export interface PrefixListRequest {
  readonly text: string;
  readonly maxPrefixes: number;
}

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

/** The members that a version of a catalog zone lists. */
export interface CatalogRequest {
  readonly version: VersionHandle;
  readonly apex: Bytes;
  readonly maxMembers: number;
}
export type CatalogTask = CatalogRequest & Reading;

/** In columns: 100,000 small objects take control far longer to receive than four lists. */
export type CatalogTaskResult =
  | { readonly ok: true; readonly columns: MemberColumns }
  | (CatalogReading & { ok: false });

export interface MemberColumns {
  readonly zones: readonly string[];
  readonly labels: readonly string[];
  /** By index, where there are any. */
  readonly groups: ReadonlyMap<number, readonly string[]>;
  readonly coos: ReadonlyMap<number, string>;
}
