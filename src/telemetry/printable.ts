/** What a log may show of a value: secrets and buffers have no printable form. */

const REDACTED = '[redacted]';

/** Names that hold a secret itself; `secret-file` and `token-file` hold a path, which may be shown. */
const SECRET_NAME =
  /^(secret|secrets|token|password|passphrase|authorization|cookie|ticket-?keys?)$|key-?pem$|private-?key$/i;
const PRIVATE_PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** `redis://user:password@host`. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi;

/** Deeper than this nobody reads a log line; it also ends circles. */
const MAX_DEPTH = 6;

export function printable(value: unknown, name = '', depth = 0): unknown {
  if (value !== null && value !== undefined && SECRET_NAME.test(name)) return REDACTED;
  if (typeof value === 'string') return printableText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return `[${value.byteLength} octets]`;
  }
  if (value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return '[...]';
  if (value instanceof Error) return printableError(value, depth);
  if (value instanceof Set || Array.isArray(value)) return [...value].map((item) => printable(item, name, depth + 1));
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, item]) => [String(key), printable(item, String(key), depth + 1)] as const),
  );
}

/** An Error's own fields are not enumerable; a stack belongs to mistakes of ours, which carry no code. */
function printableError(error: Error, depth: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return {
    message: printableText(error.message),
    ...(code === undefined ? { stack: printableText(error.stack ?? '') } : { code }),
    ...('fields' in error ? { fields: printable(error.fields, '', depth + 1) } : {}),
    ...(error.cause === undefined ? {} : { cause: printable(error.cause, '', depth + 1) }),
  };
}

const printableText = (text: string): string =>
  text.replace(PRIVATE_PEM, REDACTED).replace(URL_PASSWORD, `$1:${REDACTED}@`);
