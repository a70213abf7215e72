/** What every guard is given: a version of a zone where it lies, in shared memory. */
import type { Bytes } from '../base/bytes.ts';
import type { VersionReader } from '../zone/version.ts';

export interface GuardedVersion {
  /** Its directory must know every slab that the version refers to. */
  readonly reader: VersionReader;
  /** Wire form, lower case. */
  readonly apex: Bytes;
  /** The SOA record, whole and uncompressed, as `VersionHandle` has it. */
  readonly soaRecord: Bytes;
}
