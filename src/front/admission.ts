/** Which connections come in: counted in all and by source, over all fronts. */
import type { Clock } from '../base/clock.ts';
import type { ConnectionLimits } from '../config/config.ts';
import type { OffenceKind } from '../policy/bans.ts';
import { type HandshakeCharge, HandshakeLimit } from '../policy/limits/handshakes.ts';
import { sourceKey } from '../policy/limits/limit-key.ts';
import { type RateTable, takeToken } from '../policy/limits/rate.ts';
import type { SharedCount } from '../policy/limits/shared-count.ts';
import { type AddressBytes, parseAddress } from '../policy/prefix.ts';
import type { Counters } from './counters.ts';
import type { PolicyState } from './policy-state.ts';

/** A connection that is counted. */
export interface Arrival {
  readonly address: AddressBytes;
  readonly addressText: string;
  readonly port: number;
  /** Its place among those of its source. */
  readonly slot: number;
}

export interface AdmissionParts {
  readonly clock: Clock;
  readonly counters: Counters;
  /** Connections in all, over all fronts. */
  readonly connections: Int32Array<SharedArrayBuffer>;
  /** And by source. */
  readonly sources: SharedCount;
  readonly rates: RateTable;
  readonly isBanned: (address: AddressBytes) => boolean;
  readonly offend: (address: AddressBytes, kind: OffenceKind) => void;
  /** The present one. */
  readonly policy: () => PolicyState;
}

export class Admission {
  readonly #parts: AdmissionParts;
  readonly #handshakes: HandshakeLimit;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    this.#handshakes = new HandshakeLimit(parts.rates);
  }

  /** Counts a connection in; undefined over a limit. */
  enter(addressText: string | undefined, port: number | undefined): Arrival | undefined {
    const { counters, sources, connections } = this.#parts;
    const address = addressText === undefined ? undefined : parseAddress(addressText);
    if (address !== undefined && this.#parts.isBanned(address)) {
      counters.add('connections-banned');
      return undefined;
    }
    if (address !== undefined && addressText !== undefined && this.#isInRate(address) && this.#countIn(address)) {
      const slot = sources.enter(sourceKey(address), this.#limits.connectionsPerSource);
      if (slot === undefined) this.#parts.offend(address, 'limit');
      if (slot !== undefined) {
        counters.add('connections-accepted');
        return { address, addressText, port: port ?? 0, slot };
      }
      Atomics.sub(connections, 0, 1);
    }
    counters.add('connections-over-limit');
    return undefined;
  }

  /** A connection of a load balancer whose client is not known yet: limits of a source are for the client. */
  enterBalancer(addressText: string | undefined, port: number | undefined): Arrival | undefined {
    const { sources, connections, counters } = this.#parts;
    const address = addressText === undefined ? undefined : parseAddress(addressText);
    if (address !== undefined && addressText !== undefined && this.#countIn(address, true)) {
      const slot = sources.enter(sourceKey(address), Number.POSITIVE_INFINITY);
      if (slot !== undefined) return { address, addressText, port: port ?? 0, slot };
      Atomics.sub(connections, 0, 1);
    }
    counters.add('connections-over-limit');
    return undefined;
  }

  leave({ slot }: Arrival): void {
    Atomics.sub(this.#parts.connections, 0, 1);
    this.#parts.sources.leave(slot);
  }

  /** Undefined where its source has made too many, or all strangers together have. */
  beginHandshake({ address }: Arrival): HandshakeCharge | undefined {
    const { clock, counters, policy } = this.#parts;
    const now = clock.now();
    const charge = this.#handshakes.begin(address, this.#handshakeRates, now);
    if (charge === undefined) this.#parts.offend(address, 'limit');
    // Behind its own limit: what a source may not do uses nothing up that is for all.
    else if (policy().isNamed(address) || this.#handshakes.beginStranger(this.#limits.handshakes, now)) return charge;
    counters.add('handshakes-over-limit');
    return undefined;
  }

  /** Whether the connection may stay. */
  endHandshake({ address }: Arrival, charge: HandshakeCharge, isResumed: boolean): boolean {
    const { clock, counters, policy } = this.#parts;
    const now = clock.now();
    counters.add(isResumed ? 'handshakes-resumed' : 'handshakes-full');
    if (isResumed && !policy().isNamed(address)) this.#handshakes.resumeStranger(this.#limits.handshakes, now);
    const stays = this.#handshakes.end(address, charge, isResumed, this.#handshakeRates, now);
    if (!stays) {
      counters.add('handshakes-over-limit');
      this.#parts.offend(address, 'limit');
    }
    return stays;
  }

  /** A handshake that came to nothing, by the client's doing. */
  failHandshake({ address }: Arrival): void {
    this.#parts.offend(address, 'handshake');
  }

  /** Connections run short: strangers have all they may take. */
  get isUnderPressure(): boolean {
    return Atomics.load(this.#parts.connections, 0) >= forStrangers(this.#limits);
  }

  get #limits(): ConnectionLimits {
    return this.#parts.policy().limits;
  }

  get #handshakeRates() {
    const { handshakesPerSource: full, resumedHandshakesPerSource: resumed } = this.#limits;
    return { full, resumed };
  }

  #isInRate(address: AddressBytes): boolean {
    const { rates, clock } = this.#parts;
    const key = Buffer.concat([NEW_CONNECTION, sourceKey(address)]);
    if (takeToken(rates, key, this.#limits.newConnectionsPerSource, clock.now())) return true;
    this.#parts.offend(address, 'limit');
    return false;
  }

  /** Strangers never take the last places: those are for sources that the configuration names. */
  #countIn(address: AddressBytes, isNamed = false): boolean {
    const { connections, policy } = this.#parts;
    const open = Atomics.add(connections, 0, 1) + 1;
    const limits = this.#limits;
    if (open <= forStrangers(limits) || (open <= limits.connections && (isNamed || policy().isNamed(address))))
      return true;
    Atomics.sub(connections, 0, 1);
    return false;
  }
}

const NEW_CONNECTION = Buffer.from('new connection\0');

const forStrangers = ({ connections }: ConnectionLimits): number => connections - Math.floor(connections / 10);
