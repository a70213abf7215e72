/** What can be wrong with a message from a peer. All of them are answered with FORMERR (RFC 1035 §4.1.1). */
export type WireFailureCode =
  | 'TRUNCATED'
  | 'BAD_LABEL'
  | 'BAD_POINTER'
  | 'NAME_TOO_LONG'
  | 'BAD_RDATA'
  | 'TRAILING_OCTETS'
  | 'BAD_COUNTS'
  | 'BAD_OPT'
  | 'BAD_TSIG'
  | 'BAD_QUESTION'
  | 'NO_SOA';

export interface WireFailure {
  readonly code: WireFailureCode;
  /** Octets from the start of the message. */
  readonly offset: number;
}
