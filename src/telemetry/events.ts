/** The names of log events that scripts wait for (INTERFACE.md, "Signals a script can wait for"), and summaries. */

/** Stable: add, never rename. */
export const EVENT_NAMES = [
  'ready',
  'zone-updated',
  'zone-rejected',
  'transfer',
  'refused',
  'banned',
  'unbanned',
  'reloaded',
  'draining',
  'stopped',
  'zone-held',
  'zone-released',
  'zone-pinned',
  'zone-expired',
  'serial-went-back',
  'catalog-changed',
  'catalog-broken',
  'primary-failed',
  'notify-failed',
  'shadow',
  'feed-updated',
  'feed-failed',
  'store-damaged',
  // Not in INTERFACE.md: lines that the reader of the log did not take in time.
  'log-overflow',
  // Nor this: refusals beyond what a summary keeps apart.
  'refused-overflow',
  'shadow-overflow',
] as const;

export type EventName = (typeof EVENT_NAMES)[number];

/** What a summary needs of an event: `RefusedEvent` and `ShadowEvent` of the fronts are such. */
interface Summarised {
  readonly event: string;
  /** Why it was refused, or what a rule in shadow would have done. */
  readonly why?: string;
  readonly action?: string;
  readonly zone: string;
  readonly type: string;
  readonly transport: string;
  /** Address text, and port after `#`. */
  readonly client: string;
  readonly identity: string | null;
  readonly rule: string;
}

export interface SummaryOptions {
  /** Where lines go: `(name, fields) => log.event(name, fields)`. */
  readonly emit: (name: EventName, fields: Record<string, unknown>) => void;
  readonly intervalMs?: number;
  /** What is kept apart at a time, so that a stranger who varies the zone cannot fill memory or the disk. */
  readonly maxKeys?: number;
}

/**
 * Folds events of one name: the first of a client, reason, zone and rule is logged at once, those after it as one line with
 * their count per interval. It has no timer: the owner calls `tick`, about once a second.
 */
export class EventSummary {
  readonly #name: 'refused' | 'shadow';
  readonly #emit: SummaryOptions['emit'];
  readonly #intervalMs: number;
  readonly #maxKeys: number;
  readonly #seen = new Map<string, { readonly fields: Record<string, unknown>; since: number; repeats: number }>();
  #overflow = { since: 0, count: 0 };

  constructor(name: 'refused' | 'shadow', options: SummaryOptions) {
    this.#name = name;
    this.#emit = options.emit;
    this.#intervalMs = options.intervalMs ?? 10_000;
    this.#maxKeys = options.maxKeys ?? 1_000;
  }

  add(event: Summarised, now: number): void {
    const client = withoutPort(event.client);
    const key = JSON.stringify([client, event.why ?? event.action, event.zone, event.rule]);
    const seen = this.#seen.get(key);
    if (seen !== undefined) {
      seen.repeats++;
      return;
    }
    if (this.#seen.size >= this.#maxKeys) {
      if (this.#overflow.count++ === 0) this.#overflow.since = now;
      return;
    }
    // Destructured, as an event may carry more than belongs on the line.
    const { why, action, zone, type, transport, identity, rule } = event;
    const what = why === undefined ? { action } : { why };
    const fields = { ...what, zone, type, transport, client, identity, rule };
    this.#seen.set(key, { fields, since: now, repeats: 0 });
    this.#emit(this.#name, { ...fields, count: 1 });
  }

  tick(now: number): void {
    for (const [key, seen] of this.#seen) {
      if (now - seen.since < this.#intervalMs) continue;
      if (seen.repeats === 0) {
        this.#seen.delete(key);
        continue;
      }
      this.#emit(this.#name, { ...seen.fields, count: seen.repeats });
      seen.since = now;
      seen.repeats = 0;
    }
    if (this.#overflow.count > 0 && now - this.#overflow.since >= this.#intervalMs) this.#emitOverflow();
  }

  /** At the end of the process: what is still held back. */
  flush(): void {
    for (const { fields, repeats } of this.#seen.values()) {
      if (repeats > 0) this.#emit(this.#name, { ...fields, count: repeats });
    }
    this.#seen.clear();
    if (this.#overflow.count > 0) this.#emitOverflow();
  }

  #emitOverflow(): void {
    this.#emit(`${this.#name}-overflow`, { count: this.#overflow.count, 'kept-apart': this.#maxKeys });
    this.#overflow = { since: 0, count: 0 };
  }
}

/** `192.0.2.1#53` without the port, which would tell every connection of a client apart. */
function withoutPort(client: string): string {
  const mark = client.indexOf('#');
  return mark === -1 ? client : client.slice(0, mark);
}
