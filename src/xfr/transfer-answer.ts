/** An answer to AXFR or IXFR that is rendered whole: made once, and sent to all who ask for the same. */
import type { SlabRange } from '../zone/slab.ts';
import type { SlabUsage } from '../zone/version.ts';

export interface TransferAnswer {
  /** Root of a table of whole messages (see version.ts). The first has a question, whose octets are each client's own. */
  readonly root: SlabRange;
  readonly count: number;
  /** Of the messages, length prefixes included. */
  readonly octets: number;
  readonly records: number;
  /** chain, condensed: differences. zone: the whole zone. */
  readonly form: 'chain' | 'condensed' | 'zone';
  readonly usage: readonly SlabUsage[];
}
