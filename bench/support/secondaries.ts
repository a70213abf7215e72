/** zonegate and the peers as secondaries of one primary, all started alike; peers that are not installed are left out. */
import { isInstalled, startBind, startKnot, startNsd } from '../../test/support/dns-peers.ts';
import { startIxfrdist } from '../../test/support/other-peers.ts';
import { startZonegate } from './zonegate.ts';

export interface Secondary {
  readonly pid: number;
  /** TCP and UDP. */
  readonly port: number;
  stop(): Promise<unknown>;
}

export interface SecondaryKind {
  readonly name: string;
  /** Looks whether there is a newer version when it is told; ixfrdist looks at its own time only. */
  readonly hearsNotify: boolean;
  /** Serves `zone` from the primary at a port of loopback. */
  start(zone: string, primaryPort: number): Promise<Secondary>;
}

/** With its store on disk, as the peers keep what they have. */
export const ZONEGATE: SecondaryKind = {
  name: 'zonegate',
  hearsNotify: true,
  start: (zone, primaryPort) => startZonegate(zone, primaryPort, undefined, 'lmdb'),
};

const from = (zone: string, port: number) => ({ secondaryZones: [{ name: zone, primary: { port } }] });

interface PeerKind extends SecondaryKind {
  readonly program: string;
  readonly takesIxfr: boolean;
}

const follows = { hearsNotify: true, takesIxfr: true };
const PEERS: readonly PeerKind[] = [
  { ...follows, name: 'BIND', program: 'named', start: (zone, port) => startBind(from(zone, port)) },
  { ...follows, name: 'Knot', program: 'knotd', start: (zone, port) => startKnot(from(zone, port)) },
  { ...follows, name: 'NSD', program: 'nsd', start: (zone, port) => startNsd(from(zone, port)) },
  {
    name: 'ixfrdist',
    program: 'ixfrdist',
    hearsNotify: false,
    takesIxfr: false,
    start: (zone, primaryPort) => startIxfrdist([{ name: zone, primaryPort }]),
  },
];

export function secondaries(options: { readonly takesIxfr: boolean }): readonly SecondaryKind[] {
  const peers = PEERS.filter(({ takesIxfr }) => takesIxfr || !options.takesIxfr);
  const missing = peers.filter(({ program }) => !isInstalled(program));
  if (missing.length > 0) console.log(`not installed: ${missing.map(({ name }) => name).join(', ')}`);
  return [ZONEGATE, ...peers.filter((peer) => !missing.includes(peer))];
}
