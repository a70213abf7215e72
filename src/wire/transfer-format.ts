/** How the records of a transfer are put into messages. */

/**
 * compressed: as zones are kept. uncompressed: without a pointer (RFC 9103 §7.11, and peers that cannot follow them).
 * one-answer: a record a message, which is all that BIND 4 and 8.1 read.
 */
export const TRANSFER_FORMATS = ['compressed', 'uncompressed', 'one-answer'] as const;
export type TransferFormat = (typeof TRANSFER_FORMATS)[number];
