/** `/api/v1/exposure` and `/api/v1/keys`: who still comes in clear text or with weak proof, and which keys are in use. */

export const WEAKNESSES = ['clear-text', 'no-proof', 'weak-tsig', 'no-mutual-tls'] as const;
export type Weakness = (typeof WEAKNESSES)[number];

/** Times are ISO 8601. */
export interface ExposureList {
  readonly since: string;
  readonly zones: readonly ZoneExposure[];
}

export interface ZoneExposure {
  readonly zone: string;
  readonly clients: readonly ClientExposure[];
  /** Who came over TCP last: were the zone for TLS alone, they would have it no more. */
  readonly 'tls-only-would-break': readonly string[];
  /** Secondaries of the zone that have not come since the start: nothing is known of them. */
  readonly unseen: readonly string[];
}

export interface ClientExposure {
  /** Name of a secondary, else an address. */
  readonly client: string;
  readonly secondary: boolean;
  readonly transport: 'tcp' | 'tls';
  readonly key: string | null;
  readonly sig0: string | null;
  /** First name in its certificate, else its pin. */
  readonly certificate: string | null;
  readonly weaknesses: readonly Weakness[];
  readonly 'last-seen': string;
}

export interface KeyList {
  readonly keys: readonly KeyReport[];
  /** Ours. */
  readonly certificates: readonly CertificateReport[];
  /** That clients have shown since the start. */
  readonly 'client-certificates': readonly ClientCertificateReport[];
}

export interface KeyReport {
  readonly key: string;
  readonly kind: 'tsig' | 'sig0';
  readonly algorithm: string;
  /** Since the start; null where nobody has used it. */
  readonly 'last-seen': string | null;
  readonly 'last-client': string | null;
  /** Secondaries, primaries and rules that name it. */
  readonly 'named-by': readonly string[];
}

export interface CertificateReport {
  readonly certificate: string;
  readonly names: readonly string[];
  readonly pin: string;
  readonly 'not-after': string;
  readonly 'days-left': number;
}

export interface ClientCertificateReport {
  readonly names: readonly string[];
  readonly pin: string;
  readonly 'last-seen': string;
  readonly 'last-client': string;
}
