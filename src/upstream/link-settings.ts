/** What the connections to a primary are made with: its configuration, and the files that it names. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { ZonegateError } from '../base/errors.ts';
import type { CertificateFiles, ServerPrimary } from '../config/config.ts';
import type { ClientTls } from '../net/dns-connect.ts';

export interface LinkSettings {
  readonly primary: ServerPrimary;
  readonly tls: ClientTls | undefined;
}

/** Throws ZG_CONFIG_UNREADABLE: the files were there when the configuration was checked. */
export function linkSettings(
  primary: ServerPrimary,
  certificates: ReadonlyMap<string, CertificateFiles>,
): LinkSettings {
  if (primary.tls === undefined) return { primary, tls: undefined };
  const { name, caFile, pins, certificate, alpn } = primary.tls;
  const own = certificate === undefined ? undefined : certificates.get(certificate);
  const tls: ClientTls = {
    name,
    ca: caFile === undefined ? undefined : read(caFile),
    pins,
    certificate: own && { certPem: read(own.certFile), keyPem: read(own.keyFile) },
    alpn: true,
    isAlpnRequired: alpn === 'required',
  };
  return { primary, tls };
}

/** Whether open connections, and sessions that may be resumed, are as good under the one as under the other. */
export const isSameLink = (one: LinkSettings, other: LinkSettings): boolean =>
  isDeepStrictEqual(one.tls, other.tls) &&
  one.primary.tls?.resumption === other.primary.tls?.resumption &&
  one.primary.sourceAddress === other.primary.sourceAddress;

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ZonegateError('ZG_CONFIG_UNREADABLE', `${file} cannot be read: ${String(cause)}`, { file }, cause);
  }
}
