/** The zones as a front knows them: for each the version it serves, with the lease that keeps its memory alive. */
import type { TransferFormat } from '../wire/transfer-format.ts';
import type { TransferAnswer } from '../xfr/transfer-answer.ts';
import { SlabDirectory, type SlabHandle } from '../zone/slab.ts';
import { type VersionHandle, VersionReader } from '../zone/version.ts';
import type { AnswerOffer, AnswerWish, ZoneState } from './messages.ts';

type LeaseRow = Int32Array<SharedArrayBuffer>;

/** A piece of shared memory that is served from. Control took the first lease on it for this front before it told us. */
class Leased {
  readonly #leases: LeaseRow;
  readonly slot: number;

  constructor(leases: LeaseRow, slot: number) {
    this.#leases = leases;
    this.slot = slot;
  }

  /** To be held while the memory is handed to a socket; `release` after the last write is done. */
  lease(): void {
    Atomics.add(this.#leases, this.slot, 1);
  }

  release(): void {
    Atomics.sub(this.#leases, this.slot, 1);
  }
}

/** A finished answer: to IXFR, or the zone in a format that it is not kept in. */
export class ServedAnswer extends Leased {
  readonly answer: TransferAnswer;
  readonly reader: VersionReader;

  constructor({ answer, lease }: AnswerOffer, slabs: SlabDirectory, leases: LeaseRow) {
    super(leases, lease);
    this.answer = answer;
    this.reader = new VersionReader(answer.root, slabs);
  }
}

/** A version that can be served, and the answers to IXFR that lead to it. */
export class ServedVersion extends Leased {
  readonly handle: VersionHandle;
  #reader: VersionReader | undefined;
  readonly slabs: SlabDirectory;
  readonly #expiries: Float64Array;
  readonly #expirySlot: number;
  readonly #serials: readonly number[];
  /** Undefined where the whole zone is the better answer. Made when there is one: most zones are quiet. */
  #answers: Map<string, ServedAnswer | undefined> | undefined;

  constructor(
    handle: VersionHandle,
    slot: number,
    slabs: SlabDirectory,
    leases: LeaseRow,
    expiries: Float64Array,
    serials: readonly number[] = [],
  ) {
    super(leases, slot);
    this.#expiries = expiries;
    this.#expirySlot = slot;
    this.handle = handle;
    this.slabs = slabs;
    this.#serials = serials;
  }

  /** Made when it is first needed: small zones are sent without. */
  get reader(): VersionReader {
    this.#reader ??= new VersionReader(this.handle.root, this.slabs);
    return this.#reader;
  }

  /** Seconds that it may still be served, rounded down; undefined where that has no end. */
  expiresIn(now: number): number | undefined {
    const left = ((this.#expiries[this.#expirySlot] as number) - now) / 1000;
    return Number.isFinite(left) ? Math.max(0, Math.floor(left)) : undefined;
  }

  /** What a client with a serial (null: with none) gets: an answer, the zone as it is, or what control is asked for. */
  answerFrom(serial: number | null, format: TransferFormat): ServedAnswer | 'AXFR' | 'unknown' {
    const from = serial !== null && this.#serials.includes(serial) ? serial : null;
    if (from === null && format === 'compressed') return 'AXFR';
    const key = answerKey(from, format);
    if (this.#answers?.has(key)) return this.#answers.get(key) ?? 'AXFR';
    return 'unknown';
  }

  offer(serial: number | null, format: TransferFormat, answer: ServedAnswer | undefined): void {
    this.#answers ??= new Map();
    this.#answers.set(answerKey(serial, format), answer);
  }

  /** The front serves it no more: running transfers have leases of their own. */
  retire(): void {
    this.release();
    for (const answer of this.#answers?.values() ?? []) answer?.release();
  }
}

type Known = (answer: ServedAnswer | undefined) => void;

export type FrontZone =
  | { readonly kind: 'loading' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'served'; readonly version: ServedVersion };

export class FrontZones {
  /** By `zoneLabel`. */
  readonly #zones = new Map<string, FrontZone>();
  readonly #slabs = new SlabDirectory();
  readonly #leases: LeaseRow;
  readonly #expiries: Float64Array;
  readonly #waiting = new Map<string, Known[]>();
  readonly #ask: (wish: AnswerWish) => void;

  /** `ask`: has control answer a wish by `take`. */
  constructor(leases: LeaseRow, expiries: Float64Array, ask: (wish: AnswerWish) => void) {
    this.#leases = leases;
    this.#expiries = expiries;
    this.#ask = ask;
  }

  get(zone: string): FrontZone | undefined {
    return this.#zones.get(zone);
  }

  /** One assignment: transfers in progress keep the version they began with. */
  set(zone: string, state: ZoneState, slabs: readonly SlabHandle[]): void {
    this.#slabs.add(slabs);
    const before = this.#zones.get(zone);
    this.#zones.set(zone, state.kind === 'served' ? { kind: 'served', version: this.#served(state) } : state);
    if (before?.kind === 'served') before.version.retire();
  }

  remove(zone: string): void {
    const before = this.#zones.get(zone);
    this.#zones.delete(zone);
    if (before?.kind === 'served') before.version.retire();
  }

  /** Calls back with what a client of a version gets, to be leased at once; undefined where control has nothing. */
  want(wish: AnswerWish, known: Known): void {
    const key = keyOf(wish);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.push(known);
      return;
    }
    this.#waiting.set(key, [known]);
    this.#ask(wish);
  }

  /** What control says to a wish. */
  take(wish: AnswerWish, offer: AnswerOffer | undefined, slabs: readonly SlabHandle[]): void {
    this.#slabs.add(slabs);
    const zone = this.#zones.get(wish.zone);
    const answer = offer && new ServedAnswer(offer, this.#slabs, this.#leases);
    const isServed = zone?.kind === 'served' && zone.version.handle.id === wish.version.id;
    // What could not be made in a format is asked for again.
    const isKept = isServed && (answer !== undefined || wish.format === 'compressed');
    if (isKept) zone.version.offer(wish.from, wish.format, answer);
    const waiting = this.#waiting.get(keyOf(wish)) ?? [];
    this.#waiting.delete(keyOf(wish));
    for (const known of waiting) known(answer);
    if (!isKept) answer?.release();
  }

  #served({ version, lease, serials, step }: ZoneState & { kind: 'served' }): ServedVersion {
    const served = new ServedVersion(version, lease, this.#slabs, this.#leases, this.#expiries, serials);
    if (step !== undefined) served.offer(step.from, 'compressed', new ServedAnswer(step, this.#slabs, this.#leases));
    return served;
  }
}

const answerKey = (from: number | null, format: TransferFormat): string => `${format} ${from}`;
const keyOf = ({ zone, version, from, format }: AnswerWish): string =>
  `${version.id} ${answerKey(from, format)} ${zone}`;
