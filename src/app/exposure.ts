/**
 * How clients come for zones, as far as they have since the start: over which transport, with which proof. From it is
 * told what goes in clear text, what would break were a zone for TLS alone, and which keys are still in use.
 */
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { Config, Transport } from '../config/config.ts';
import type { Proof } from '../front/messages.ts';

/** Zones times clients that are remembered; those not seen for longest go first. */
const MOST = 100_000;

type KeyNames = Pick<Config, 'keys' | 'sig0Keys'>;

const LATELY_MS = 7 * 86_400_000;

export interface Contact {
  readonly zone: string;
  readonly transport: Transport;
  /** Address text and port. */
  readonly client: string;
  readonly secondaries: readonly string[];
  readonly proof: Proof;
}

export interface Seen {
  readonly at: Milliseconds;
  /** Name of the secondary; else the address. */
  readonly who: string;
  readonly isSecondary: boolean;
  readonly zone: string;
  readonly transport: Transport;
  readonly proof: Proof;
}

export interface LastUse {
  readonly at: Milliseconds;
  /** Address text. */
  readonly client: string;
}

export class Exposure {
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();
  readonly #keys = new Map<string, LastUse>();
  readonly #certificates = new Map<string, LastUse & { readonly names: readonly string[] }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It was told the SOA, or took a transfer. UDP says nothing of how a zone is taken. */
  seen({ zone, transport, client, secondaries, proof }: Contact): void {
    const at = this.#clock.now();
    const address = client.slice(0, client.lastIndexOf('#'));
    const use = { at, client: address };
    if (proof.tsig !== null) this.#keys.set(`tsig ${proof.tsig}`, use);
    if (proof.sig0 !== null) this.#keys.set(`sig0 ${proof.sig0}`, use);
    const { certificate } = proof;
    if (certificate !== null) put(this.#certificates, certificate.pin, { ...use, names: certificate.names });
    if (transport === 'udp') return;
    const whose = secondaries.length > 0 ? secondaries : [address];
    for (const who of whose) {
      put(this.#seen, `${zone} ${who}`, { at, who, isSecondary: secondaries.length > 0, zone, transport, proof });
    }
  }

  keyUse(kind: 'tsig' | 'sig0', name: string): LastUse | undefined {
    return this.#keys.get(`${kind} ${name}`);
  }

  /** Keys that a reload takes away although somebody has used them lately. */
  keysInUse(before: KeyNames, after: KeyNames, now: Milliseconds): string[] {
    const isInUse = (kind: 'tsig' | 'sig0', name: string): boolean => {
      const use = this.keyUse(kind, name);
      return use !== undefined && now - use.at < LATELY_MS;
    };
    return [
      ...[...before.keys.keys()].filter((name) => !after.keys.has(name) && isInUse('tsig', name)),
      ...[...before.sig0Keys.keys()].filter((name) => !after.sig0Keys.has(name) && isInUse('sig0', name)),
    ];
  }

  /** By pin. */
  get clientCertificates(): ReadonlyMap<string, LastUse & { readonly names: readonly string[] }> {
    return this.#certificates;
  }

  /** The last time of each client for each zone. */
  get contacts(): Iterable<Seen> {
    return this.#seen.values();
  }
}

function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST) map.delete(map.keys().next().value as string);
}
