/** Against web pages that reach for a service on the reader's own machine. */
import { isIP } from 'node:net';

/** No CORS header anywhere: no other origin reads an answer. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'cache-control': 'no-store',
} as const;

/**
 * DNS rebinding: a page at a name of the attacker's, which now points to 127.0.0.1, is the same origin to the browser
 * as this server. Its name is in Host, so only names that nobody else can own are taken.
 */
export function hostIsAllowed(header: string | undefined, configuredHost: string): boolean {
  const host = hostOf(header ?? '');
  if (host === undefined) return false;
  return isIP(host) !== 0 || host === 'localhost' || host === configuredHost.toLowerCase();
}

/** `name`, `name:port`, `[v6]`, `[v6]:port`; undefined for anything else. */
function hostOf(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
