/** Every error that the environment can cause, with what it means to an operator. */
export const ERROR_CODES = {
  ZG_CONFIG_INVALID: 'the configuration has errors; each is listed with its path and line',
  ZG_CONFIG_UNREADABLE: 'a file that the configuration names cannot be read',
  ZG_LISTEN_FAILED: 'an address cannot be bound',
  ZG_CERTIFICATE_INVALID: 'a certificate or its key cannot be used',
  ZG_PRIMARY_TIMEOUT: 'the primary made no progress within its time limit',
  ZG_PRIMARY_CLOSED: 'the primary closed or refused the connection',
  ZG_TRANSFER_FAILED: 'a transfer ended without a whole zone',
  ZG_TRANSFER_REFUSED: 'the server refused the transfer',
  ZG_WORKER_FAILED: 'a pool or front thread ended by itself',
  ZG_STORE_FAILED: 'the folder of the store cannot be used',
  ZG_AUDIT_FAILED: 'the audit log cannot be opened',
  ZG_ADMIN_UNREACHABLE: 'the admin API of the service does not answer',
  ZG_USAGE: 'the command line is not right',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What the environment did to us: a stable code, a sentence, and the fields that help to find it. */
export class ZonegateError extends Error {
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, fields: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ZonegateError';
    this.code = code;
    this.fields = fields;
  }
}
