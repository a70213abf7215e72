/** More real servers, beside those of dns-peers.ts: ixfrdist of PowerDNS, yadifa, and axfrdns of djbdns. */
import { spawnSync } from 'node:child_process';
import { utimesSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './dns-clients.ts';
import { type Peer, prepare, started } from './dns-peer.ts';
import { PeerProcess, SEARCH_ENV } from './dns-peer-process.ts';

export interface FollowedZone {
  /** Without a final dot. */
  readonly name: string;
  readonly primaryPort: number;
}

/** Follows primaries, keeps their versions, and answers IXFR from them; over TCP and UDP, without TSIG. */
export async function startIxfrdist(zones: readonly FollowedZone[]): Promise<Peer> {
  const setup = await prepare('ixfrdist', {});
  const { dir, port } = setup;
  const domains = zones.map(({ name, primaryPort }) => ({ domain: name, master: `127.0.0.1:${primaryPort}` }));
  const config = { listen: [`127.0.0.1:${port}`], 'work-dir': dir, 'failed-soa-retry': 1, domains };
  writeFileSync(join(dir, 'ixfrdist.yml'), JSON.stringify(config));
  const running = new PeerProcess('ixfrdist', ['--verbose', '--config', join(dir, 'ixfrdist.yml')], dir);
  return started(setup, running, () => running.signal('SIGHUP'));
}

export interface Yadifa extends Peer {
  /** Changes a zone by dynamic update, in lines of nsupdate; only so does it keep differences. */
  change(zone: string, lines: readonly string[], serial: number): Promise<void>;
}

/** A primary over TCP and UDP, for zones from text: who is on loopback may transfer and change them. */
export async function startYadifa(zones: readonly { readonly name: string; readonly text: string }[]): Promise<Yadifa> {
  const setup = await prepare('yadifad', { zones });
  const { dir, port } = setup;
  const group = spawnSync('id', ['-gn']).stdout.toString().trim();
  const clauses = zones.map(
    ({ name }) => `<zone>
  type primary
  domain ${name}
  file ${name}.zone
  allow-transfer any
  allow-update any
  notify-auto off
</zone>`,
  );
  const text = `<main>
  daemon off
  chroot off
  logpath "${dir}"
  pidfile "${dir}/yadifad.pid"
  datapath "${dir}"
  keyspath "${dir}"
  xfrpath "${dir}"
  port ${port}
  listen 127.0.0.1 port ${port}
  user ${userInfo().username}
  group ${group}
  allow-query any
</main>
<rrl>
  enabled false
</rrl>
<channels>
  all STDOUT
</channels>
<loggers>
  * NOTICE,WARNING,ERR,CRIT,ALERT,EMERG all
</loggers>
${clauses.join('\n')}
`;
  writeFileSync(join(dir, 'yadifad.conf'), text);
  const running = new PeerProcess('yadifad', ['--nodaemon', '--log', '--config', join(dir, 'yadifad.conf')], dir);
  const peer = await started(setup, running, () => running.signal('SIGHUP'));
  const change: Yadifa['change'] = async (zone, lines, serial) => {
    const file = join(dir, 'update');
    writeFileSync(file, [`server 127.0.0.1 ${port}`, `zone ${zone}`, ...lines, 'send', ''].join('\n'));
    const { status, stderr } = await runProgram('nsupdate', [file]);
    if (status !== 0) throw new Error(`nsupdate: ${stderr}\n${running.log}`);
    await peer.untilSerial(zone, serial);
  };
  return { ...peer, change };
}

export interface Djbdns extends Omit<Peer, 'update' | 'untilSerial' | 'reload'> {
  /** Puts other data in place, as of a time in seconds, which is the serial. */
  change(data: readonly string[], serial: number): void;
}

/** axfrdns under tcpserver, as its manual has it; root only, as it goes into a chroot. It answers over TCP and no other way. */
export async function startDjbdns(zone: string, data: readonly string[], serial: number): Promise<Djbdns> {
  const setup = await prepare('axfrdns', {});
  const { dir, port } = setup;
  const change: Djbdns['change'] = (lines, at) => {
    const file = join(dir, 'data');
    writeFileSync(file, `${lines.join('\n')}\n`);
    utimesSync(file, at, at);
    const { status, stderr } = spawnSync('tinydns-data', { cwd: dir, env: SEARCH_ENV });
    if (status !== 0) throw new Error(`tinydns-data: ${stderr}`);
  };
  change(data, serial);
  const ids = [`UID=${process.getuid?.()}`, `GID=${process.getgid?.()}`];
  const server = ['tcpserver', '-DRHl0', '127.0.0.1', `${port}`, 'axfrdns'];
  const running = new PeerProcess('env', [`ROOT=${dir}`, `AXFR=${zone}`, ...ids, ...server], dir);
  return { ...(await started(setup, running, () => undefined)), change };
}
