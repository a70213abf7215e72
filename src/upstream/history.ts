/**
 * What is kept of one zone: the version served, older ones for IXFR, pin and rollback, and the steps between them. A
 * version that is not made from the one before by a step begins a new lineage, without history.
 */
import type { Milliseconds } from '../base/clock.ts';
import type { HistoryLimits } from '../config/config.ts';
import type { IxfrStep } from '../xfr/ixfr-answer.ts';
import type { Relocated } from '../xfr/relocate.ts';
import type { MadeStep } from '../xfr/update.ts';
import type { MadeVersion } from '../xfr/version-maker.ts';
import type { SlabDirectory } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { SlabUsage, VersionHandle } from '../zone/version.ts';
import type { Leases } from './leases.ts';
import { MemoryChain } from './memory-chain.ts';

export interface LiveVersion {
  readonly handle: VersionHandle;
  /** Lease slot, the same in every front's row. */
  readonly slot: number;
}

/** A step with its own answer, which most secondaries will ask for. */
export interface LiveStep extends MadeStep {
  readonly slot: number;
}

export interface KeptVersion extends LiveVersion {
  readonly at: Milliseconds;
  /** What the primary calls it; other than the version's own where serials are translated. */
  readonly primarySerial: number;
  /** From the version before; undefined for the oldest that is kept. */
  step: LiveStep | undefined;
}

interface Retired {
  /** Of a version. */
  readonly handle: VersionHandle | undefined;
  /** Of a step. */
  readonly usage: readonly SlabUsage[];
}

export interface HistoryParts {
  readonly registry: SlabRegistry;
  readonly leases: Leases;
  readonly directory: SlabDirectory;
}

export class History {
  readonly #parts: HistoryParts;
  readonly #chain: MemoryChain;
  /** Oldest first; the last is the newest. */
  #kept: KeptVersion[] = [];
  /** Versions and steps that are let go of, and still read, by lease slot. */
  readonly #retired = new Map<number, Retired>();
  /** Never pruned. */
  #pinned: number | undefined;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#chain = new MemoryChain(parts.registry, parts.directory);
  }

  get versions(): readonly KeptVersion[] {
    return this.#kept;
  }

  get newest(): KeptVersion | undefined {
    return this.#kept.at(-1);
  }

  /** Memory that only readers keep: its octets, and the lease slots it is read by. Undefined where there is none. */
  get readOnly(): { readonly octets: number; readonly slots: readonly number[] } | undefined {
    if (this.#retired.size === 0) return undefined;
    const gone = new Set([...this.#retired.values()].map(({ handle }) => handle));
    let octets = this.#chain.oldOctets((handle) => gone.has(handle));
    for (const { usage } of this.#retired.values()) for (const piece of usage) octets += piece.octets;
    return { octets, slots: [...this.#retired.keys()] };
  }

  /** Octets that live for older versions and for steps; what only readers keep is not the history's. */
  get octets(): number {
    const gone = new Set([...this.#retired.values()].map(({ handle }) => handle));
    return (
      this.#chain.oldOctets((handle) => !gone.has(handle)) +
      this.#kept.reduce((sum, { step }) => sum + stepOctets(step), 0)
    );
  }

  /** By serial, the newest first where one came back. */
  find(serial: number): KeptVersion | undefined {
    return this.#kept.findLast(({ handle }) => handle.serial === serial);
  }

  /** A version and the step that led to it from the newest; without a step, a new lineage. */
  add(made: MadeVersion, step: MadeStep | undefined, primarySerial: number, at: Milliseconds): KeptVersion {
    const { leases } = this.#parts;
    this.#chain.append(made);
    const live = step && { ...step, slot: leases.take() };
    const version: KeptVersion = { handle: made.version, slot: leases.take(), at, primarySerial, step: live };
    if (step === undefined) for (let at = this.#oldest(); at >= 0; at = this.#oldest()) this.#forget(at);
    this.#kept.push(version);
    return version;
  }

  /** A version that is in memory and not of the history. */
  addAside(made: MadeVersion): LiveVersion {
    this.#chain.append(made);
    return { handle: made.version, slot: this.#parts.leases.take() };
  }

  dropAside(version: LiveVersion): void {
    this.#retire(version);
  }

  /** Keeps a version whatever the limits say; undefined lets go. */
  pin(id: number | undefined): void {
    this.#pinned = id;
  }

  /** Lets go of what the limits no longer cover. */
  prune({ versions, bytes, ageMs }: HistoryLimits, now: Milliseconds): void {
    for (;;) {
      const at = this.#oldest();
      const oldest = this.#kept[at];
      const older = this.#kept.length - 1 - at;
      if (oldest === undefined || older === 0) return;
      if (older <= versions && now - oldest.at <= ageMs && this.octets <= bytes) return;
      this.#forget(at);
    }
  }

  /** The steps from a serial to the newest version, oldest first; undefined where they are not all kept. */
  stepsFrom(serial: number): IxfrStep[] | undefined {
    const at = this.#kept.findLastIndex(({ handle }) => handle.serial === serial);
    if (at < 0 || at === this.#kept.length - 1) return undefined;
    const steps = this.#kept.slice(at + 1).map(({ step }) => step?.step);
    return steps.every((step) => step !== undefined) ? steps : undefined;
  }

  /** Keeps the memory of steps until what comes back is called. */
  holdSteps(steps: readonly IxfrStep[]): () => void {
    const wanted = new Set(steps);
    const live = this.#kept.flatMap(({ step }) => (step !== undefined && wanted.has(step.step) ? [step.slot] : []));
    const holds = live.map((slot) => this.#parts.leases.hold(slot));
    return () => {
      for (const release of holds) release();
    };
  }

  /** Serials that `stepsFrom` knows. */
  get serials(): number[] {
    const first = this.#kept.findLastIndex(({ step }) => step === undefined);
    return this.#kept.slice(Math.max(0, first), -1).map(({ handle }) => handle.serial);
  }

  get steps(): LiveStep[] {
    return this.#kept.flatMap(({ step }) => (step === undefined ? [] : [step]));
  }

  usesSlab(slabs: ReadonlySet<number>): boolean {
    const uses = (usage: readonly SlabUsage[]): boolean => usage.some(({ slab }) => slabs.has(slab));
    return this.#kept.some(({ handle, step }) => uses(handle.usage) || (step !== undefined && uses(step.usage)));
  }

  /** Everything that is referred to, by slab; a slab may come several times. */
  usage(aside: LiveVersion | undefined): SlabUsage[] {
    const versions = [...this.#kept, ...(aside === undefined ? [] : [aside])];
    return [...versions.flatMap(({ handle }) => handle.usage), ...this.steps.flatMap(({ usage }) => usage)];
  }

  /** Puts versions and steps that were moved in place of those that were; gives the new place of the one aside. */
  relocate({ versions, steps }: Relocated, aside: LiveVersion | undefined): LiveVersion | undefined {
    const { leases } = this.#parts;
    const moved = versions.map((made): LiveVersion => {
      this.#chain.append(made);
      return { handle: made.version, slot: leases.take() };
    });
    const old = [...this.#kept, ...(aside === undefined ? [] : [aside])];
    const oldSteps = this.steps;
    const newSteps = steps[Symbol.iterator]();
    this.#kept = this.#kept.map(({ at, primarySerial, step }, i) => {
      const live = step && { ...(newSteps.next().value as MadeStep), slot: leases.take() };
      return { ...(moved[i] as LiveVersion), at, primarySerial, step: live };
    });
    for (const version of old) this.#retire(version);
    for (const step of oldSteps) this.#retireStep(step);
    return aside && moved.at(-1);
  }

  clear(): void {
    this.#pinned = undefined;
    while (this.#kept.length > 0) this.#forget(0);
  }

  /** Index of the oldest version that may go. */
  #oldest(): number {
    return this.#kept.findIndex(({ handle }) => handle.id !== this.#pinned);
  }

  #forget(at: number): void {
    const [gone] = this.#kept.splice(at, 1);
    if (gone === undefined) return;
    const next = this.#kept[at];
    for (const step of [gone.step, next?.step]) if (step !== undefined) this.#retireStep(step);
    if (next !== undefined) next.step = undefined;
    this.#retire(gone);
  }

  #retire({ handle, slot }: LiveVersion): void {
    this.#retired.set(slot, { handle, usage: [] });
    this.#parts.leases.retire(slot, () => {
      this.#retired.delete(slot);
      this.#chain.remove(handle);
    });
  }

  #retireStep({ slot, usage }: LiveStep): void {
    const { leases, registry } = this.#parts;
    this.#retired.set(slot, { handle: undefined, usage });
    leases.retire(slot, () => {
      this.#retired.delete(slot);
      registry.release(usage);
    });
  }
}

const stepOctets = (step: LiveStep | undefined): number =>
  step === undefined ? 0 : step.usage.reduce((sum, { octets }) => sum + octets, 0);
