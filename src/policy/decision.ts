/** The one question that a front asks of policy, and its one answer. */

import type { AddressBytes } from './prefix.ts';
import type { RequestType, Transport } from './rule-config.ts';

export interface Facts {
  readonly source: AddressBytes;
  readonly transport: Transport;
  /** Canonical name of the key whose MAC held; undefined when the request is not signed. */
  readonly key: string | undefined;
  /** `zoneLabel` of the zone asked for. */
  readonly zone: string;
  readonly type: RequestType;
}

/** `rule` is the deciding rule's place in the list; -1 when none matched. */
export type Decision =
  | { readonly kind: 'allow'; readonly rule: number }
  | { readonly kind: 'refuse'; readonly rule: number }
  | { readonly kind: 'drop'; readonly rule: number };

/** What answers and logs call the decision when no rule matched. */
export const NO_RULE = -1;
