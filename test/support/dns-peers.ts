/**
 * Real name servers to test against: BIND, NSD, Knot DNS and PowerDNS, as primaries with zones from text, as
 * secondaries of anything, or as both at once. Each runs in a folder of its own, on 127.0.0.1 and on free ports, in
 * the foreground, and touches nothing of the system:
 *
 *     const bind = await startBind({ keys: [key], zones: [{ name: 'example.org', text, transferKey: key.name }] });
 *     const nsd = await startNsd({ keys: [key], secondaryZones: [{ name: 'example.org', primary: { port: bind.port } }] });
 *     await nsd.untilSerial('example.org', 2024010101);
 *     await nsd.stop();
 *
 * Limitations: of Debian 12, Knot DNS 3.2 and PowerDNS 4.7 have no XoT, so they throw when `tls` is asked of them.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, type PeerAddress, type PeerOptions, prepare, started } from './dns-peer.ts';
import { PeerProcess, SEARCH_ENV } from './dns-peer-process.ts';

export type { Peer, PeerKey, PeerOptions } from './dns-peer.ts';
export { freePort, hasProgram, isInstalled } from './dns-peer-process.ts';

/** BIND: everything, XoT and mutual TLS included. */
export async function startBind(options: PeerOptions): Promise<Peer> {
  const setup = await prepare('named', options);
  const { dir, port, tlsPort, keys, zones, secondaryZones } = setup;
  const tls: string[] = [];
  /** A `tls` clause for each primary that wants one; its name. */
  const tlsFor = ({ tls: wanted }: PeerAddress): string => {
    if (wanted === undefined) return '';
    const name = `client-${tls.length}`;
    const own = wanted.certFile && `cert-file "${wanted.certFile}"; key-file "${wanted.keyFile}";`;
    tls.push(`tls ${name} { ca-file "${wanted.caFile}"; remote-hostname "${wanted.name}"; ${own ?? ''} };`);
    return ` tls ${name}`;
  };
  const address = (to: PeerAddress): string =>
    `127.0.0.1 port ${to.port}${to.key === undefined ? '' : ` key "${to.key}"`}${tlsFor(to)};`;
  const notify = (to: readonly PeerAddress[] = []): string =>
    to.length === 0 ? 'notify no;' : `notify explicit; also-notify { ${to.map(address).join(' ')} };`;
  const allow = (key?: string, isClosed = false, from: readonly string[] = []): string =>
    `allow-transfer { ${[isClosed ? 'none' : key === undefined ? 'any' : `key "${key}"`, ...from].join('; ')}; };`;
  const clauses = [
    ...zones.map(
      (zone) =>
        `zone "${zone.name}" { type primary; file "${zone.name}.zone"; ${notify(zone.notify)} ` +
        `${allow(zone.transferKey, zone.isClosed)} ixfr-from-differences ${zone.ixfr === true ? 'yes' : 'no'}; };`,
    ),
    ...secondaryZones.map(
      (zone) =>
        `zone "${zone.name}" { type secondary; file "${zone.name}.copy"; masterfile-format text; ` +
        `primaries { ${address(zone.primary)} }; ${notify(zone.notify)} ` +
        `${allow(zone.transferKey, false, zone.transferFrom)} };`,
    ),
  ];
  if (options.tls !== undefined) {
    const clientCa = options.tls.clientCaFile === undefined ? '' : `ca-file "${options.tls.clientCaFile}";`;
    const { certFile, keyFile } = options.tls;
    tls.push(`tls server { cert-file "${certFile}"; key-file "${keyFile}"; ${clientCa} protocols { TLSv1.3; }; };`);
  }
  // Clauses of `tls` must stand before they are named. A transfer starts within a second of a NOTIFY or the start.
  const text = `
${keys.map((key) => `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };`).join('\n')}
${tls.join('\n')}
controls { };
options {
  directory "${dir}";
  pid-file none;
  session-keyfile "${dir}/session.key";
  managed-keys-directory "${dir}";
  listen-on port ${port} { 127.0.0.1; };
  ${tlsPort === undefined ? '' : `listen-on port ${tlsPort} tls server { 127.0.0.1; };`}
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  notify-delay 0;
  serial-query-rate 100;
  min-refresh-time 1;
  min-retry-time 1;
  ${options.extra ?? ''}
};
${clauses.join('\n')}
`;
  writeFileSync(join(dir, 'named.conf'), text);
  const running = new PeerProcess('named', ['-g', '-n', '2', '-c', join(dir, 'named.conf')], dir);
  return started(setup, running, () => running.signal('SIGHUP'));
}

/** NSD: primary and secondary, with XoT on both sides; it chooses no ALPN protocol as a server, and offers `dot` as a client. */
export async function startNsd(options: PeerOptions): Promise<Peer> {
  const setup = await prepare('nsd', options);
  const { dir, port, tlsPort, keys, zones, secondaryZones } = setup;
  const tlsAuths: string[] = [];
  const tlsFor = ({ tls }: PeerAddress): string => {
    if (tls === undefined) return '';
    const name = `auth-${tlsAuths.length}`;
    const own = tls.certFile === undefined ? '' : `  client-cert: "${tls.certFile}"\n  client-key: "${tls.keyFile}"\n`;
    tlsAuths.push(`tls-auth:\n  name: "${name}"\n  auth-domain-name: "${tls.name}"\n${own}`);
    return ` ${name}`;
  };
  const notify = (to: readonly PeerAddress[] = []): string =>
    to.map((address) => `  notify: 127.0.0.1@${address.port} ${address.key ?? 'NOKEY'}\n`).join('');
  const provide = (key = 'NOKEY', isClosed = false, from?: readonly string[]): string =>
    isClosed
      ? ''
      : `  provide-xfr: ${from === undefined ? '127.0.0.1' : '127.0.0.0/8'} ${key}\n` +
        (from ?? []).map((network) => `  provide-xfr: ${network} NOKEY\n`).join('');
  const caFile = secondaryZones.find(({ primary }) => primary.tls !== undefined)?.primary.tls?.caFile;
  const clauses = [
    ...zones.map(
      (zone) =>
        `zone:\n  name: "${zone.name}"\n  zonefile: "${zone.name}.zone"\n` +
        (zone.ixfr === true ? '  store-ixfr: yes\n  create-ixfr: yes\n' : '') +
        provide(zone.transferKey, zone.isClosed) +
        notify(zone.notify),
    ),
    ...secondaryZones.map(
      ({ name, primary, transferKey, transferFrom, notify: to }) =>
        `zone:\n  name: "${name}"\n  zonefile: "${name}.copy"\n` +
        `  request-xfr: ${primary.tls === undefined ? '' : 'AXFR '}127.0.0.1@${primary.port} ${primary.key ?? 'NOKEY'}${tlsFor(primary)}\n` +
        // NSD refuses a NOTIFY from a port or key that it was not told.
        `  allow-notify: 127.0.0.1 ${primary.key ?? 'NOKEY'}\n  min-refresh-time: 1\n  min-retry-time: 1\n` +
        provide(transferKey, false, transferFrom) +
        notify(to),
    ),
  ];
  const tlsServer =
    options.tls === undefined
      ? ''
      : `  interface: 127.0.0.1@${tlsPort}\n  tls-port: ${tlsPort}\n` +
        `  tls-service-key: "${options.tls.keyFile}"\n  tls-service-pem: "${options.tls.certFile}"\n`;
  const text = `server:
  interface: 127.0.0.1@${port}
${tlsServer}${caFile === undefined ? '' : `  tls-cert-bundle: "${caFile}"\n`}  username: ""
  zonesdir: "${dir}"
  database: ""
  pidfile: "${dir}/nsd.pid"
  xfrdfile: "${dir}/xfrd.state"
  zonelistfile: "${dir}/zone.list"
  xfrdir: "${dir}"
  cookie-secret-file: "${dir}/cookie"
  server-count: 1
  verbosity: 2
  xfrd-reload-timeout: 0
  rrl-ratelimit: 0
${options.extra ?? ''}
remote-control:
  control-enable: no
${keys.map((key) => `key:\n  name: "${key.name}"\n  algorithm: ${key.algorithm}\n  secret: "${key.secret}"\n`).join('')}
${tlsAuths.join('')}${clauses.join('')}`;
  writeFileSync(join(dir, 'nsd.conf'), text);
  const running = new PeerProcess('nsd', ['-d', '-c', join(dir, 'nsd.conf')], dir);
  return started(setup, running, () => running.signal('SIGHUP'));
}

/** Knot DNS: primary and secondary, over TCP. */
export async function startKnot(options: PeerOptions): Promise<Peer> {
  refuseTls('Knot DNS 3.2', options);
  const setup = await prepare('knotd', options);
  const { dir, port, keys, zones, secondaryZones } = setup;
  const remotes: string[] = [];
  const remote = (to: PeerAddress): string => {
    const id = `remote-${remotes.length}`;
    const key = to.key === undefined ? '' : `    key: ${to.key}\n`;
    remotes.push(`  - id: ${id}\n    address: 127.0.0.1@${to.port}\n${key}`);
    return id;
  };
  const notify = (to: readonly PeerAddress[] = []): string =>
    to.length === 0 ? '' : `    notify: [${to.map(remote).join(', ')}]\n`;
  const acls: string[] = [];
  const acl = (action: 'transfer' | 'notify', key?: string): string => {
    const id = `acl-${acls.length}`;
    acls.push(
      `  - id: ${id}\n    address: 127.0.0.1\n    action: ${action}\n${key === undefined ? '' : `    key: ${key}\n`}`,
    );
    return id;
  };
  const clauses = [
    ...zones.map(
      (zone) =>
        `  - domain: ${zone.name}\n    file: ${zone.name}.zone\n    semantic-checks: off\n` +
        (zone.ixfr === true
          ? '    zonefile-load: difference\n'
          : '    zonefile-load: whole\n    journal-content: none\n') +
        (zone.isClosed === true ? '' : `    acl: ${acl('transfer', zone.transferKey)}\n`) +
        notify(zone.notify),
    ),
    ...secondaryZones.map(
      (zone) =>
        `  - domain: ${zone.name}\n    file: ${zone.name}.copy\n    master: ${remote(zone.primary)}\n` +
        `    acl: [${acl('notify', zone.primary.key)}, ${acl('transfer', zone.transferKey)}]\n` +
        `    refresh-min-interval: 2s\n    retry-min-interval: 2s\n    zonefile-sync: 0\n${notify(zone.notify)}`,
    ),
  ];
  const section = (name: string, items: readonly string[]): string =>
    items.length === 0 ? '' : `${name}:\n${items.join('')}`;
  const text = `server:
    rundir: "${dir}"
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
${options.extra ?? ''}
control:
    listen: "${dir}/knot.sock"
database:
    storage: "${dir}"
log:
  - target: stderr
    any: info
${section(
  'key',
  keys.map((key) => `  - id: ${key.name}\n    algorithm: ${key.algorithm}\n    secret: ${key.secret}\n`),
)}
${section('remote', remotes)}${section('acl', acls)}
template:
  - id: default
    storage: "${dir}"
${section('zone', clauses)}`;
  writeFileSync(join(dir, 'knot.conf'), text);
  const running = new PeerProcess('knotd', ['-c', join(dir, 'knot.conf')], dir);
  return started(setup, running, () => running.signal('SIGHUP'));
}

/** PowerDNS with its BIND back end: primary and secondary, over TCP. It sends AXFR only. */
export async function startPowerDns(options: PeerOptions): Promise<Peer> {
  refuseTls('PowerDNS 4.7', options);
  const setup = await prepare('pdns_server', options);
  const { dir, port, keys, zones, secondaryZones } = setup;
  const clauses = [
    ...zones.map(({ name }) => `zone "${name}" { type master; file "${dir}/${name}.zone"; };`),
    ...secondaryZones.map(
      ({ name, primary }) =>
        `zone "${name}" { type slave; masters { 127.0.0.1:${primary.port}; }; file "${dir}/${name}.copy"; };`,
    ),
  ];
  writeFileSync(join(dir, 'zones.conf'), `options { directory "${dir}"; };\n${clauses.join('\n')}\n`);
  const notified = [...zones, ...secondaryZones].flatMap(({ notify = [] }) => notify);
  const isOpen = [...zones, ...secondaryZones].some((zone) => zone.transferKey === undefined && !('isClosed' in zone));
  const text = `launch=bind
bind-config=${dir}/zones.conf
bind-dnssec-db=${dir}/meta.db
local-address=127.0.0.1
local-port=${port}
socket-dir=${dir}
daemon=no
guardian=no
disable-syslog=yes
write-pid=no
primary=yes
secondary=yes
secondary-do-renotify=yes
xfr-cycle-interval=1
allow-axfr-ips=${isOpen ? '127.0.0.0/8' : ''}
only-notify=
also-notify=${notified.map((to) => `127.0.0.1:${to.port}`).join(',')}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
receiver-threads=1
distributor-threads=1
${options.extra ?? ''}
`;
  writeFileSync(join(dir, 'pdns.conf'), text);
  const util = (...words: string[]): void => runTool('pdnsutil', [`--config-dir=${dir}`, ...words]);
  util('create-bind-db', join(dir, 'meta.db'));
  for (const key of keys) util('import-tsig-key', key.name, key.algorithm, key.secret);
  for (const zone of zones)
    if (zone.transferKey !== undefined) util('activate-tsig-key', zone.name, zone.transferKey, 'primary');
  for (const { name, primary, transferKey } of secondaryZones) {
    if (primary.key !== undefined) util('activate-tsig-key', name, primary.key, 'secondary');
    if (transferKey !== undefined) util('activate-tsig-key', name, transferKey, 'primary');
  }
  const running = new PeerProcess('pdns_server', [`--config-dir=${dir}`], dir);
  return started(setup, running, () => {
    for (const { name } of zones)
      runTool('pdns_control', [`--socket-dir=${dir}`, `--config-dir=${dir}`, 'bind-reload-now', name]);
  });
}

/** All of them by name, for tests that do the same with each. */
export type PeerName = 'BIND' | 'Knot' | 'NSD' | 'PowerDNS';
export const PEER_PROGRAMS = { BIND: 'named', Knot: 'knotd', NSD: 'nsd', PowerDNS: 'pdns_server' } as const;
export const START_PEER = { BIND: startBind, Knot: startKnot, NSD: startNsd, PowerDNS: startPowerDns } as const;
export const PEER_NAMES: readonly PeerName[] = ['BIND', 'Knot', 'NSD', 'PowerDNS'];
/** Those that follow a primary by NOTIFY and IXFR. */
export const FOLLOWERS = ['BIND', 'Knot', 'NSD'] as const;

function refuseTls(program: string, { tls, secondaryZones = [] }: PeerOptions): void {
  const wantsTls = tls !== undefined || secondaryZones.some(({ primary }) => primary.tls !== undefined);
  if (wantsTls) throw new Error(`${program} has no zone transfer over TLS`);
}

function runTool(program: string, words: readonly string[]): void {
  const { status, stderr, stdout, error } = spawnSync(program, words, { env: SEARCH_ENV, timeout: 20_000 });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? ''}${stderr}${stdout}`);
}
