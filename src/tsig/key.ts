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
  /** Octets that a truncated MAC must have (RFC 8945 §5.2.2.1); absent where none may be. */
  readonly leastMacLength?: number | undefined;
  /** Whether an older time signed than the newest seen is refused. */
  readonly isReplayChecked?: boolean;
}
