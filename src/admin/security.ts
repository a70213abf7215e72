/** Against web pages that reach for a service on the reader's own machine. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { AdminError } from './errors.ts';

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

/** Throws unless the request has the token that changes need. */
export function requireToken(authorization: string | undefined, token: string | undefined): void {
  if (token === undefined) {
    throw new AdminError(403, 'no-token', 'changes need `admin.token-file` in the configuration of the service');
  }
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (given === undefined)
    throw new AdminError(401, 'token-needed', 'this needs the token: Authorization: Bearer TOKEN');
  // Hashes have one length, so that the time taken tells nothing.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(digest(given), digest(token))) throw new AdminError(401, 'bad-token', 'the token is not right');
}

/** `name`, `name:port`, `[v6]`, `[v6]:port`; undefined for anything else. */
function hostOf(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
