/** More real servers, beside those of dns-peers.ts: ixfrdist of PowerDNS, yadifa, and djbdns' tinydns with axfrdns. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, prepare, started } from './dns-peer.ts';
import { PeerProcess } from './dns-peer-process.ts';

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
