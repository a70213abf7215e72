/** A shared secret with its name and algorithm (RFC 8945 §2). */
import type { Bytes } from '../base/bytes.ts';
import type { TsigAlgorithm } from './algorithm.ts';

export interface TsigKey {
  /** Canonical text: lower case, without the final dot. */
  readonly name: string;
  /** Wire form, lower case (RFC 8945 §4.2 digests it so). */
  readonly wireName: Bytes;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Bytes;
  /** Seconds that the clocks may differ (RFC 8945 §10). */
  readonly fudge: number;
}
