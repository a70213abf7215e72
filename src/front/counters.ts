/** Numbers that a thread counts in shared memory, one row a thread, and that control reads when it is asked. */

export const COUNTERS = [
  'connections-accepted',
  'connections-over-limit',
  'connections-banned',
  'proxy-failures',
  'handshake-failures',
  'handshakes-full',
  'handshakes-resumed',
  'handshakes-over-limit',
  'requests',
  'dropped',
  'transfers-done',
  'transfers-closed-by-client',
  'transfers-stalled',
  'transfers-too-slow',
  'transfers-old-version',
  'transfers-error',
  'transfer-octets',
  'refused-malformed',
  'refused-bad-version',
  'refused-not-implemented',
  'refused-not-supported',
  'refused-no-rule',
  'refused-rule',
  'refused-dropped',
  'shadow-hits',
  'delayed',
  'relayed',
  'refused-bad-key',
  'refused-bad-signature',
  'refused-bad-time',
  'refused-bad-truncation',
  'refused-unknown-zone',
  'refused-rate',
  'refused-concurrent',
  'refused-queue-wait',
  'refused-bytes',
  'refused-repeat',
  'cool-downs',
  'queued',
  'refused-relays',
  'refused-not-ready',
  'refused-expired',
  'notifies',
  'loop-delay-mean-ms',
  'loop-delay-p99-ms',
  'connections-open',
] as const;

export type CounterName = (typeof COUNTERS)[number];

const places = new Map<CounterName, number>(COUNTERS.map((name, i) => [name, i]));

export const newCounterRow = (): Float64Array<SharedArrayBuffer> =>
  new Float64Array(new SharedArrayBuffer(COUNTERS.length * 8));

/** One thread's row: it alone writes. */
export class Counters {
  readonly #row: Float64Array<SharedArrayBuffer>;

  constructor(row: Float64Array<SharedArrayBuffer>) {
    this.#row = row;
  }

  add(name: CounterName, amount = 1): void {
    const place = places.get(name) as number;
    this.#row[place] = (this.#row[place] as number) + amount;
  }

  set(name: CounterName, value: number): void {
    this.#row[places.get(name) as number] = value;
  }

  get(name: CounterName): number {
    return this.#row[places.get(name) as number] as number;
  }
}
