/** What the admin server is told of clear text, weak proof, and keys that are in use. */
import { readFileSync } from 'node:fs';
import type {
  CertificateReport,
  ClientExposure,
  ExposureList,
  KeyList,
  KeyReport,
  Weakness,
  ZoneExposure,
} from '../admin/api-exposure.ts';
import type { Milliseconds } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { algorithmText } from '../guard/dnssec/algorithm.ts';
import { inspectCertificate } from '../net/certificates.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { Exposure, LastUse, Seen } from './exposure.ts';

/** RFC 8945 §6: for what cannot do better. */
const WEAK_ALGORITHMS: ReadonlySet<string> = new Set(['hmac-sha1']);

export function exposureReport(config: Config, exposure: Exposure, since: Milliseconds): ExposureList {
  const byZone = new Map<string, Seen[]>();
  for (const seen of exposure.contacts) {
    const list = byZone.get(seen.zone);
    if (list === undefined) byZone.set(seen.zone, [seen]);
    else list.push(seen);
  }
  const zones: ZoneExposure[] = [];
  for (const [zone, { secondaries }] of config.zones) {
    const seen = byZone.get(zone) ?? [];
    if (seen.length === 0 && secondaries.length === 0) continue;
    const clients = seen.map((one) => clientExposure(one, config.keys));
    const inClear = clients.filter(({ weaknesses }) => weaknesses.includes('clear-text'));
    zones.push({
      zone,
      clients,
      'tls-only-would-break': inClear.map(({ client }) => client),
      unseen: secondaries.filter((name) => !seen.some(({ who }) => who === name)),
    });
  }
  return { since: isoText(since), zones };
}

function clientExposure(seen: Seen, keys: ReadonlyMap<string, TsigKey>): ClientExposure {
  const { who, isSecondary, transport, proof, at } = seen;
  const { tsig, sig0, certificate } = proof;
  const weaknesses: Weakness[] = [];
  if (transport !== 'tls') weaknesses.push('clear-text');
  else if (certificate === null) weaknesses.push('no-mutual-tls');
  if (tsig === null && sig0 === null && certificate === null) weaknesses.push('no-proof');
  if (tsig !== null && WEAK_ALGORITHMS.has(keys.get(tsig)?.algorithm.name ?? '')) weaknesses.push('weak-tsig');
  return {
    client: who,
    secondary: isSecondary,
    transport: transport === 'tls' ? 'tls' : 'tcp',
    key: tsig,
    sig0,
    certificate: certificate === null ? null : (certificate.names[0] ?? certificate.pin),
    weaknesses,
    'last-seen': isoText(at),
  };
}

export function keyReport(config: Config, exposure: Exposure, now: Milliseconds): KeyList {
  const tsig = Array.from(config.keys.values(), ({ name, algorithm }) =>
    keyOf('tsig', name, algorithm.name, exposure.keyUse('tsig', name), config),
  );
  const sig0 = Array.from(config.sig0Keys.values(), ({ name, records }) => {
    const algorithms = records.map((record) => algorithmText(record[3] ?? 0)).join(', ');
    return keyOf('sig0', name, algorithms, exposure.keyUse('sig0', name), config);
  });
  return {
    keys: [...tsig, ...sig0],
    certificates: [...config.certificates].flatMap(([name, { certFile }]) => certificateOf(name, certFile, now)),
    'client-certificates': Array.from(exposure.clientCertificates, ([pin, { names, at, client }]) => ({
      names,
      pin,
      'last-seen': isoText(at),
      'last-client': client,
    })),
  };
}

function keyOf(
  kind: 'tsig' | 'sig0',
  key: string,
  algorithm: string,
  use: LastUse | undefined,
  { secondaries, primaries, rules }: Config,
): KeyReport {
  const named = [
    ...(kind === 'sig0' ? [] : [...secondaries.values()].filter(({ keys }) => keys.includes(key))).map(
      ({ name }) => name,
    ),
    ...[...primaries.values()]
      .filter((primary) => kind === 'tsig' && primary.kind === 'server')
      .filter((primary) => primary.kind === 'server' && [primary.key, primary.notifyKey].includes(key))
      .map(({ name }) => name),
    ...rules.filter(({ match }) => (kind === 'tsig' ? match.key : match.sig0)?.includes(key)).map(({ name }) => name),
  ];
  return {
    key,
    kind,
    algorithm,
    'last-seen': use === undefined ? null : isoText(use.at),
    'last-client': use?.client ?? null,
    'named-by': [...new Set(named)],
  };
}

/** None where the file is no longer what it was at the start: the listener has its own copy. */
function certificateOf(name: string, file: string, now: Milliseconds): CertificateReport[] {
  try {
    const { names, pin, notAfter, daysLeft } = inspectCertificate(readFileSync(file, 'utf8'), new Date(now));
    return [{ certificate: name, names, pin, 'not-after': notAfter.toISOString(), 'days-left': daysLeft }];
  } catch {
    return [];
  }
}

const isoText = (time: Milliseconds): string => new Date(time).toISOString();
