/** What the connections to a primary are made with: its configuration, and the files that it names. */
import { isDeepStrictEqual } from 'node:util';
import type { CertificateFiles, ServerPrimary } from '../config/config.ts';
import { readClientTls } from '../net/client-tls.ts';
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
  const { tls } = primary;
  return { primary, tls: tls && readClientTls(tls, certificates, tls.alpn === 'required') };
}

/** Whether open connections, and sessions that may be resumed, are as good under the one as under the other. */
export const isSameLink = (one: LinkSettings, other: LinkSettings): boolean =>
  isDeepStrictEqual(one.tls, other.tls) &&
  one.primary.tls?.resumption === other.primary.tls?.resumption &&
  one.primary.sourceAddress === other.primary.sourceAddress;
