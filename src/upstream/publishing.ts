/** What those who serve are told of a zone: its versions, until when they may be served, and that it is no more. */
import type { Clock } from '../base/clock.ts';
import type { KeptVersion } from './history.ts';
import { isShorter, type LiveAnswer } from './ixfr-answers.ts';
import type { Leases } from './leases.ts';
import type { Zone } from './zone.ts';

/** What becomes of zones: whoever serves them listens. */
export interface ZoneListener {
  served(zone: string, version: ServedZone): void;
  loading(zone: string): void;
  expired(zone: string): void;
  removed(zone: string): void;
  /** Catalogs brought zones, or took some away. */
  changed(): void;
}

/** A version to serve, and what there is for those who have an older one. */
export interface ServedZone {
  readonly version: KeptVersion;
  /** Serials from which `ixfrAnswer` may give an answer. */
  readonly serials: readonly number[];
  /** The answer to those who have the version before. */
  readonly step: { readonly from: number; readonly live: LiveAnswer } | undefined;
}

export interface PublishingDeps {
  readonly clock: Clock;
  readonly leases: Leases;
  readonly listener: ZoneListener;
  /** What is kept for the version that was served. */
  readonly forget: (zone: Zone) => void;
  readonly report: (event: 'zone-expired', fields: Record<string, unknown>) => void;
  /** A version is in place. */
  readonly published: (zone: Zone) => void;
}

export class Publishing {
  readonly #deps: PublishingDeps;

  constructor(deps: PublishingDeps) {
    this.#deps = deps;
  }

  publish(zone: Zone, version: KeptVersion): void {
    zone.served = version;
    zone.servedSince = this.#deps.clock.now();
    this.#deps.forget(zone);
    this.setExpiry(zone);
    // What an operator does to an expired zone does not bring it back; it is told when the primary is heard.
    if (!zone.sync.isExpired) this.tell(zone, version);
    this.#deps.published(zone);
  }

  /** The same versions, in other memory. */
  moved(zone: Zone): void {
    this.#deps.forget(zone);
    this.setExpiry(zone);
    if (zone.served !== undefined && !zone.sync.isExpired) this.tell(zone, zone.served);
  }

  tell(zone: Zone, version: KeptVersion): void {
    const isNewest = version === zone.history.newest;
    const { step } = version;
    const hasStep = isNewest && step !== undefined && isShorter(step.answer, version.handle);
    this.#deps.listener.served(zone.name, {
      version,
      serials: isNewest ? zone.history.serials : [],
      step: hasStep ? { from: step.step.from.serial, live: step } : undefined,
    });
  }

  /** Where the fronts read it, for those who ask how long they may serve it. */
  setExpiry({ served, sync }: Zone): void {
    if (served !== undefined) this.#deps.leases.expiries[served.slot] = sync.expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /** Its time ran out while the service was down: served again when the primary is heard. */
  keepExpired(zone: Zone, version: KeptVersion): void {
    zone.served = version;
    this.expire(zone);
    // Members of a catalog are as they were: what it listed was gone by before it expired.
    this.#deps.published(zone);
  }

  expire(zone: Zone): void {
    this.#deps.listener.expired(zone.name);
    const { lastContact, lastError } = zone.sync;
    const since = lastContact === undefined ? null : new Date(lastContact).toISOString();
    this.#deps.report('zone-expired', {
      zone: zone.name,
      serial: zone.served?.handle.serial ?? null,
      'last-contact': since,
      why: lastError,
    });
  }
}
