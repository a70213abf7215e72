/** `/api/v1/secondaries`, and what a zone's report tells of its secondaries: who has which version. */

/** Times are ISO 8601; null where it has not happened. */
export interface SecondaryReport {
  readonly secondary: string;
  /** `address:port` that NOTIFY is sent to. */
  readonly address: string | null;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly notify: boolean;
  readonly keys: readonly string[];
  readonly zones: { readonly current: number; readonly behind: number; readonly unknown: number };
  /** NOTIFYs that are not at an end. */
  readonly 'notify-pending': number;
  readonly 'last-notify': (NotifyReport & { readonly zone: string }) | null;
  readonly 'last-transfer': (TakenReport & { readonly zone: string }) | null;
  /** The first zones that it is behind with, the longest first. */
  readonly behind: readonly BehindReport[];
}

export interface BehindReport {
  readonly zone: string;
  readonly serial: number | null;
  readonly since: string | null;
}

export interface SecondaryList {
  readonly secondaries: readonly SecondaryReport[];
}

/** A secondary of one zone. */
export interface ZoneSecondaryReport {
  readonly secondary: string;
  /** Behind: it has another serial than the one served. */
  readonly state: 'current' | 'behind' | 'unknown';
  /** The last that it showed to have. */
  readonly serial: number | null;
  readonly 'behind-since': string | null;
  readonly 'last-notify': NotifyReport | null;
  /** The SOA that it was told last. */
  readonly 'last-query': { readonly at: string; readonly serial: number } | null;
  readonly 'last-transfer': TakenReport | null;
}

export interface NotifyReport {
  readonly serial: number;
  readonly tries: number;
  readonly 'sent-at': string;
  readonly outcome: 'pending' | 'acknowledged' | 'not-implemented' | 'failed';
  readonly 'answered-at': string | null;
  readonly rcode: string | null;
  readonly why: string | null;
}

export interface TakenReport {
  readonly at: string;
  readonly from: number | null;
  readonly to: number;
  readonly 'sent-as': string;
  readonly transport: string;
  readonly outcome: string;
}
