/**
 * Bandwidth of a rule, shared by its transfers in a front by weight and by all fronts over one bucket. A transfer asks
 * for a turn before each quantum; a bucket takes the next share ahead of time and sleeps until it has come, so that
 * fronts are served in the order in which they asked, and nothing runs in between.
 */
import type { Bytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { FairQueue } from '../policy/limits/fair-queue.ts';
import { type RateTable, SharedBucket } from '../policy/limits/rate.ts';

/** A turn is about so long at the bucket's whole bandwidth, but not shorter than a frame or longer than a quantum. */
const TURN_MS = 10;
const LEAST_OCTETS = 16_000;
const MOST_OCTETS = 1_000_000;

export interface PaceOptions {
  /** Of the bucket. */
  readonly key: Bytes;
  readonly bytesPerSecond: number;
  readonly identity: string;
  readonly weight: number;
  /** Its turn has come. */
  readonly go: () => void;
}

/** One transfer at its bucket. */
export class Paced {
  readonly identity: string;
  readonly weight: number;
  readonly go: () => void;
  /** Octets that it may send now. */
  granted = 0;
  readonly #bucket: PacedBucket;

  constructor(bucket: PacedBucket, { identity, weight, go }: PaceOptions) {
    this.#bucket = bucket;
    this.identity = identity;
    this.weight = weight;
    this.go = go;
  }

  /** Waits for a turn; `go` is called then. */
  wait(): void {
    this.#bucket.wait(this);
  }

  /** Messages are sent whole, so that it may be more than was granted. */
  sent(octets: number): void {
    this.granted -= octets;
    if (this.granted >= 0) return;
    this.#bucket.overdraw(this, -this.granted);
    this.granted = 0;
  }

  end(): void {
    this.#bucket.leave(this);
  }
}

export class Pacer {
  readonly #table: RateTable;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, PacedBucket>();

  constructor(table: RateTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  begin(options: PaceOptions): Paced {
    const name = Buffer.from(options.key).toString('latin1');
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      const shared = new SharedBucket(this.#table, options.key, options.bytesPerSecond);
      bucket = new PacedBucket(shared, this.#clock, () => this.#buckets.delete(name));
      this.#buckets.set(name, bucket);
    }
    bucket.setRate(options.bytesPerSecond);
    const paced = new Paced(bucket, options);
    bucket.join(paced);
    return paced;
  }
}

class PacedBucket {
  readonly #shared: SharedBucket;
  readonly #clock: Clock;
  readonly #emptied: () => void;
  readonly #members = new Map<string, Set<Paced>>();
  readonly #queue = new FairQueue<Paced>();
  #turnOctets = LEAST_OCTETS;
  #timer: NodeJS.Timeout | undefined;

  constructor(shared: SharedBucket, clock: Clock, emptied: () => void) {
    this.#shared = shared;
    this.#clock = clock;
    this.#emptied = emptied;
  }

  /** A reload may have changed it: the newest transfer knows. */
  setRate(bytesPerSecond: number): void {
    this.#shared.bytesPerSecond = bytesPerSecond;
    this.#turnOctets = Math.min(MOST_OCTETS, Math.max(LEAST_OCTETS, (bytesPerSecond * TURN_MS) / 1000));
  }

  join(paced: Paced): void {
    const members = this.#members.get(paced.identity) ?? new Set();
    this.#members.set(paced.identity, members.add(paced));
  }

  wait(paced: Paced): void {
    this.#queue.add(paced);
    this.#reserve();
  }

  overdraw(paced: Paced, octets: number): void {
    this.#shared.reserve(octets, this.#clock.now());
    this.#queue.overdraw(paced, octets);
  }

  leave(paced: Paced): void {
    this.#queue.remove(paced);
    if (paced.granted > 0) this.#shared.reserve(-paced.granted, this.#clock.now());
    const members = this.#members.get(paced.identity);
    if (members?.delete(paced) && members.size === 0) {
      this.#members.delete(paced.identity);
      this.#queue.forget(paced.identity);
    }
    // The timer of a turn that was taken ahead goes on, and gives it back.
    if (this.#members.size === 0 && this.#timer === undefined) this.#emptied();
  }

  #reserve(): void {
    if (this.#timer !== undefined || this.#queue.isEmpty) return;
    const reserved = this.#turnOctets;
    const ms = this.#shared.reserve(reserved, this.#clock.now());
    this.#timer = setTimeout(() => this.#give(reserved), ms);
  }

  #give(reserved: number): void {
    this.#timer = undefined;
    const turn = this.#queue.take(this.#turnOctets);
    this.#shared.reserve((turn?.octets ?? 0) - reserved, this.#clock.now());
    if (turn === undefined) {
      if (this.#members.size === 0) this.#emptied();
      return;
    }
    turn.member.granted = turn.octets;
    turn.member.go();
    this.#reserve();
  }
}
