/** The zones as the UDP side serves them: in control's own thread, under leases of a row behind those of the fronts. */
import type { PublishedAnswer, PublishedZone } from '../front/hub.ts';
import type { AnswerOffer, AnswerWish } from '../front/messages.ts';
import { FrontZones } from '../front/zones.ts';
import type { Leases } from '../upstream/leases.ts';
import type { SlabHandle } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';

export interface UdpZoneParts {
  readonly row: number;
  readonly leases: Leases;
  readonly registry: SlabRegistry;
  /** Undefined where there is none. */
  readonly answer: (wish: AnswerWish) => Promise<PublishedAnswer | undefined>;
}

export class UdpZones {
  readonly zones: FrontZones;
  readonly #parts: UdpZoneParts;

  constructor(parts: UdpZoneParts) {
    this.#parts = parts;
    this.zones = new FrontZones(parts.leases.row(parts.row), parts.leases.expiries, (wish) => {
      // Whatever goes wrong there, the client is told to come back over TCP.
      const answer = parts.answer(wish).catch(() => undefined);
      void answer.then((published) =>
        this.zones.take(wish, published && this.#offer(published), this.#slabsOf(published)),
      );
    });
  }

  publish(zone: string, state: PublishedZone): void {
    if (state.kind !== 'served') {
      this.zones.set(zone, state, []);
      return;
    }
    const { leases, registry, row } = this.#parts;
    const { handle, slot, serials, step } = state.version;
    leases.leaseFor(row, slot);
    const slabs = [...registry.handles(handle.usage), ...this.#slabsOf(step)];
    const offer = step && { ...this.#offer(step), from: step.from };
    this.zones.set(zone, { kind: 'served', version: handle, lease: slot, serials, step: offer }, slabs);
  }

  #offer({ answer, slot }: PublishedAnswer): AnswerOffer {
    this.#parts.leases.leaseFor(this.#parts.row, slot);
    return { answer, lease: slot };
  }

  #slabsOf(published: PublishedAnswer | undefined): SlabHandle[] {
    return published === undefined ? [] : this.#parts.registry.handles(published.answer.usage);
  }
}
