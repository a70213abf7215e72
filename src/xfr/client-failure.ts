/** What can be wrong with the answer to a transfer, with a sentence for each. */
import type { TsigStreamFailure } from '../tsig/stream-verifier.ts';
import type { RecordFailure } from '../zone/record-reader.ts';
import type { ExtendedError } from './client-answer.ts';
import type { TransferFailure } from './interpreter.ts';

/** A stable code, a sentence, and what the server said where it refused. */
export interface ClientFailure {
  readonly code: ClientFailureCode;
  readonly text: string;
  readonly rcode?: number;
  readonly ede?: readonly ExtendedError[];
  readonly tsigError?: number;
}

export type ClientFailureCode =
  | 'ERROR_ANSWER'
  | 'MESSAGE_TOO_SHORT'
  | 'WRONG_ID'
  | 'NOT_A_RESPONSE'
  | 'WRONG_QUESTION'
  | 'TRUNCATED_ANSWER'
  | 'TRAILING_OCTETS'
  | 'BAD_OPT'
  | 'BAD_TSIG'
  | 'EMPTY_ANSWER'
  | 'EMPTY_MESSAGES'
  | 'SOA_DIFFERS'
  | 'LAST_NOT_SIGNED'
  | 'MESSAGE_AFTER_END'
  | `TSIG_${TsigStreamFailure}`
  | RecordFailure
  | TransferFailure;

/**
 * Messages without a record that a transfer may have in a row. Some are allowed as padding (RFC 9103 §7.9.1); NSD 4.6
 * sends them for ever in place of a record that is longer than its messages.
 */
export const MOST_EMPTY_MESSAGES = 1000;
export const EMPTY_MESSAGES_TEXT = `more than ${MOST_EMPTY_MESSAGES} messages in a row hold no record`;

export const RECORD_TEXTS: Readonly<Record<RecordFailure, string>> = {
  TRUNCATED: 'a record runs past the end of its message',
  BAD_NAME: 'a name is malformed',
  BAD_RDATA: 'the data of a record does not fit its type',
  BAD_CLASS: 'a record is not of class IN',
  BAD_TYPE: 'a record has a type that no zone can hold',
  OUT_OF_ZONE: 'a record lies outside the zone',
};

export const SEQUENCE_TEXTS: Readonly<Record<TransferFailure, string>> = {
  NO_FIRST_SOA: 'the answer does not begin with the SOA record of the zone',
  SERIAL_CHANGED: 'the transfer begins and ends with different serials',
  SERIAL_GAP: 'the serials of the differences do not follow each other',
  NOT_NEWER: 'the differences lead to a serial that is not newer than the one they begin at',
  RECORD_AFTER_END: 'the transfer goes on after the SOA record that ends it',
  NO_KNOWN_SERIAL: 'an IXFR needs the serial it starts from',
};

export const TSIG_TEXTS: Readonly<Record<TsigStreamFailure, string>> = {
  NOT_SIGNED: 'the first message is not signed',
  TOO_MANY_UNSIGNED: 'more than 99 messages in a row are not signed',
  OTHER_KEY: 'a message is signed with another key or algorithm',
  BAD_MAC: 'the signature of a message is wrong',
  BAD_TIME: 'the time of a signature is too far from ours',
  TSIG_ERROR: 'the server reports a TSIG error',
};
