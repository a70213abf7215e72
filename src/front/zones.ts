/** The zones as a front knows them: for each the version it serves, with the lease that keeps its memory alive. */
import type { IxfrAnswer } from '../xfr/ixfr-answer.ts';
import { FrameList } from '../zone/frame-list.ts';
import { SlabDirectory, type SlabHandle } from '../zone/slab.ts';
import { type VersionHandle, VersionReader } from '../zone/version.ts';
import type { IxfrOffer, IxfrWish, ZoneState } from './messages.ts';

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

/** A finished answer to IXFR. */
export class ServedDelta extends Leased {
  readonly answer: IxfrAnswer;
  readonly messages: FrameList;

  constructor({ answer, lease }: IxfrOffer, slabs: SlabDirectory, leases: LeaseRow) {
    super(leases, lease);
    this.answer = answer;
    this.messages = new FrameList(slabs.view(answer.messages));
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
  /** By serial; undefined where the whole zone is the better answer. Made when there is one: most zones are quiet. */
  #deltas: Map<number, ServedDelta | undefined> | undefined;

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

  /** What a client with a serial gets: differences, the whole zone, or what control must be asked for. */
  answerFrom(serial: number): ServedDelta | 'AXFR' | 'unknown' {
    if (this.#deltas?.has(serial)) return this.#deltas.get(serial) ?? 'AXFR';
    return this.#serials.includes(serial) ? 'unknown' : 'AXFR';
  }

  offer(serial: number, delta: ServedDelta | undefined): void {
    this.#deltas ??= new Map();
    this.#deltas.set(serial, delta);
  }

  /** The front serves it no more: running transfers have leases of their own. */
  retire(): void {
    this.release();
    for (const delta of this.#deltas?.values() ?? []) delta?.release();
  }
}

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
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #ask: (wish: IxfrWish) => void;

  /** `ask`: has control answer a wish by `take`. */
  constructor(leases: LeaseRow, expiries: Float64Array, ask: (wish: IxfrWish) => void) {
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

  /** Calls back when it is known what a client of a version gets: `answerFrom` says. */
  want(wish: IxfrWish, known: () => void): void {
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
  take(wish: IxfrWish, offer: IxfrOffer | undefined, slabs: readonly SlabHandle[]): void {
    this.#slabs.add(slabs);
    const zone = this.#zones.get(wish.zone);
    const delta = offer && new ServedDelta(offer, this.#slabs, this.#leases);
    if (zone?.kind === 'served' && zone.version.handle.id === wish.version) zone.version.offer(wish.from, delta);
    else delta?.release();
    const waiting = this.#waiting.get(keyOf(wish)) ?? [];
    this.#waiting.delete(keyOf(wish));
    for (const known of waiting) known();
  }

  #served({ version, lease, serials, step }: ZoneState & { kind: 'served' }): ServedVersion {
    const served = new ServedVersion(version, lease, this.#slabs, this.#leases, this.#expiries, serials);
    if (step !== undefined) served.offer(step.from, new ServedDelta(step, this.#slabs, this.#leases));
    return served;
  }
}

const keyOf = ({ zone, version, from }: IxfrWish): string => `${version} ${from} ${zone}`;
