/** What the fronts and the UDP side tell: into the log, in summaries where strangers could fill it, and to who learns from it. */
import type { Clock } from '../base/clock.ts';
import type { FrontEvent, TransferEvent } from '../front/messages.ts';
import type { Standings } from '../notify/standings.ts';
import { type EventName, EventSummary } from '../telemetry/events.ts';
import type { Exposure } from './exposure.ts';

export interface FrontEventParts {
  readonly clock: Clock;
  readonly standings: Standings;
  readonly exposure: Exposure;
  /** Each transfer, whether it has a line in the log or not. */
  readonly audit: (name: EventName, fields: Record<string, unknown>) => void;
  /** Where lines go. */
  readonly emit: (name: EventName, fields: Record<string, unknown>) => void;
  /** Whether each transfer has a line. */
  readonly logsTransfers: () => boolean;
}

export class FrontEvents {
  readonly #parts: FrontEventParts;
  readonly #refusals: EventSummary;
  readonly #shadows: EventSummary;

  constructor(parts: FrontEventParts) {
    this.#parts = parts;
    this.#refusals = new EventSummary('refused', parts);
    this.#shadows = new EventSummary('shadow', parts);
  }

  take(event: FrontEvent): void {
    const { clock, standings, exposure, emit, logsTransfers } = this.#parts;
    switch (event.event) {
      case 'soa-told':
        standings.asked(event);
        exposure.seen(event);
        return;
      case 'refused':
        if (event.type === 'AXFR' || event.type === 'IXFR') standings.refused(event);
        this.#refusals.add(event, clock.now());
        return;
      case 'shadow':
        this.#shadows.add(event, clock.now());
        return;
      case 'transfer':
        standings.transferred(event);
        exposure.seen(event);
        this.#parts.audit('transfer', logged(event));
        if (logsTransfers()) emit('transfer', logged(event));
    }
  }

  /** About once a second. */
  tick(): void {
    const now = this.#parts.clock.now();
    this.#refusals.tick(now);
    this.#shadows.tick(now);
  }

  /** At the end: what is held back. */
  flush(): void {
    this.#refusals.flush();
    this.#shadows.flush();
  }
}

function logged({ event: _, secondaries: _names, proof, ...fields }: TransferEvent): Record<string, unknown> {
  const proofs = [
    ...(proof.tsig === null ? [] : ['tsig']),
    ...(proof.sig0 === null ? [] : ['sig0']),
    ...(proof.certificate === null ? [] : ['certificate']),
  ];
  return { ...fields, 'proved-by': proofs };
}
