/** What a test says of a name server to test against, and what it gets: see dns-peers.ts for the servers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { acceptsTcp, freePort, newPeerFolder, type PeerProcess, querySerial } from './dns-peer-process.ts';

export interface PeerOptions {
  /** Chosen beforehand with `freePort`, where another peer must know it first; default: a free one. */
  readonly port?: number;
  /** All keys that zones and primaries name. */
  readonly keys?: readonly PeerKey[];
  /** Opens a second port for XoT. */
  readonly tls?: PeerTls;
  /** Zones that it has from us. */
  readonly zones?: readonly PeerZone[];
  /** Zones that it transfers. */
  readonly secondaryZones?: readonly PeerSecondaryZone[];
  /** Lines for the global part of its configuration, in its own syntax: `options`, `server:` or the like. */
  readonly extra?: string;
}

export interface PeerKey {
  readonly name: string;
  readonly algorithm: string;
  /** Base64. */
  readonly secret: string;
}

export interface PeerTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** Client certificates are demanded and checked against it (BIND only). */
  readonly clientCaFile?: string;
}

export interface PeerZone {
  /** Without a final dot. */
  readonly name: string;
  /** Of the zone file. */
  readonly text: string;
  /** Transfers must be signed with it; anybody may transfer without it. */
  readonly transferKey?: string;
  /** Nobody may transfer. */
  readonly isClosed?: boolean;
  /** Keeps differences when the text changes, to answer IXFR with. */
  readonly ixfr?: boolean;
  readonly notify?: readonly PeerAddress[];
}

export interface PeerSecondaryZone {
  readonly name: string;
  readonly primary: PeerAddress;
  /** For those who transfer it from this peer. */
  readonly transferKey?: string;
  /** Who else may, without a key: networks (BIND, NSD). With it NSD lets who has the key come from anywhere. */
  readonly transferFrom?: readonly string[];
  readonly notify?: readonly PeerAddress[];
}

/** A server on 127.0.0.1, and how to talk to it. */
export interface PeerAddress {
  readonly port: number;
  /** Name of the key that signs what is sent there. */
  readonly key?: string;
  /** XoT, with the server verified by name. */
  readonly tls?: {
    readonly caFile: string;
    readonly name: string;
    /** For mutual TLS. */
    readonly certFile?: string;
    readonly keyFile?: string;
  };
}

export interface Peer {
  readonly program: string;
  readonly pid: number;
  /** TCP and UDP. */
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly dir: string;
  /** What it printed so far. */
  log(): string;
  /** Changes the text of one of `zones`, loads it, and waits until a SOA query shows `serial`. */
  update(zone: string, text: string, serial: number): Promise<void>;
  /** Reads its zones again. */
  reload(): void;
  untilSerial(zone: string, serial: number, timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Setup {
  readonly dir: string;
  readonly port: number;
  readonly tlsPort: number | undefined;
  readonly keys: readonly PeerKey[];
  readonly zones: readonly PeerZone[];
  readonly secondaryZones: readonly PeerSecondaryZone[];
}

/** A folder with the zone files, and ports. */
export async function prepare(program: string, options: PeerOptions): Promise<Setup> {
  const { keys = [], zones = [], secondaryZones = [] } = options;
  const dir = newPeerFolder(program);
  for (const { name, text } of zones) writeFileSync(join(dir, `${name}.zone`), text);
  const port = options.port ?? (await freePort());
  return { dir, port, tlsPort: options.tls === undefined ? undefined : await freePort(), keys, zones, secondaryZones };
}

/** Waits until the peer answers for all its zones. */
export async function started(
  { dir, port, tlsPort, zones }: Setup,
  running: PeerProcess,
  reload: () => void,
): Promise<Peer> {
  const peer: Peer = {
    program: running.program,
    pid: running.pid,
    port,
    tlsPort,
    dir,
    log: () => running.log,
    reload,
    update: async (zone, text, serial) => {
      writeFileSync(join(dir, `${zone}.zone`), text);
      reload();
      await peer.untilSerial(zone, serial);
    },
    untilSerial: (zone, serial, timeoutMs) =>
      running.until(`serial ${serial} of ${zone}`, async () => (await querySerial(port, zone)) === serial, timeoutMs),
    stop: () => running.stop(),
  };
  try {
    await running.until('it accepts connections', async () => await acceptsTcp(port));
    if (tlsPort !== undefined) await running.until('it accepts TLS', async () => await acceptsTcp(tlsPort));
    for (const { name } of zones) {
      await running.until(`an answer for ${name}`, async () => (await querySerial(port, name)) !== undefined);
    }
    return peer;
  } catch (error) {
    await running.stop();
    throw error;
  }
}
