/** The one question that a front asks of policy, and its one answer. */
import type { Milliseconds } from '../base/clock.ts';
import type { AddressBytes } from './prefix.ts';
import type { RequestType, Transport } from './rule-config.ts';

/** Where a connection comes from: known before a word is said. */
export interface Origin {
  readonly source: AddressBytes;
  readonly transport: Transport;
  /** `address#port` of the listener it came to. */
  readonly listener: string;
}

export interface ClientCertificate {
  /** Lower case: host names and addresses of its subjectAltName. */
  readonly names: readonly string[];
  /** Base64 SHA-256 of its public key. */
  readonly pin: string;
}

export interface Facts extends Origin {
  /** Of the client, verified; undefined where it has shown none. */
  readonly certificate: ClientCertificate | undefined;
  /** Canonical name of the key whose MAC held; undefined when the request is not signed so. */
  readonly key: string | undefined;
  /** Canonical name of the SIG(0) key whose signature held. */
  readonly sig0: string | undefined;
  /** `zoneLabel` of the zone asked for. */
  readonly zone: string;
  readonly type: RequestType;
  readonly now: Milliseconds;
}

export interface Decision {
  readonly kind: 'allow' | 'refuse' | 'drop' | 'delay';
  /** The deciding rule's place in the list; -1 when none matched. */
  readonly rule: number;
  /** Rules in shadow that would have decided before it. */
  readonly shadows: readonly number[];
}

/** What answers and logs call the decision when no rule matched. */
export const NO_RULE = -1;
