/** What a server is checked by over TLS, as the configuration has it, with the files that it names. */
import { readFileSync } from 'node:fs';
import { ZonegateError } from '../base/errors.ts';
import type { CertificateFiles, PeerTls } from '../config/config.ts';
import type { ClientTls } from './dns-connect.ts';

/** Throws ZG_CONFIG_UNREADABLE: the files were there when the configuration was checked. */
export function readClientTls(
  { name, caFile, pins, certificate }: PeerTls,
  certificates: ReadonlyMap<string, CertificateFiles>,
  isAlpnRequired: boolean,
): ClientTls {
  const own = certificate === undefined ? undefined : certificates.get(certificate);
  return {
    name,
    ca: caFile === undefined ? undefined : read(caFile),
    pins,
    certificate: own && { certPem: read(own.certFile), keyPem: read(own.keyFile) },
    alpn: true,
    isAlpnRequired,
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ZonegateError('ZG_CONFIG_UNREADABLE', `${file} cannot be read: ${String(cause)}`, { file }, cause);
  }
}
