/**
 * A version's way in (DESIGN.md section 5): what came is made into a version from the one at hand, passes the guards,
 * is stored, and is served. Whatever fails on the way, what is served stays as it is.
 */
import { type Bytes, equalBytes } from '../base/bytes.ts';
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { Pool } from '../pool/pool.ts';
import type { VersionStore } from '../store/version-store.ts';
import type { IngestFailure } from '../xfr/answer-reader.ts';
import type { Batch } from '../xfr/ingest.ts';
import { readSoaRecord, type SoaRecord } from '../xfr/soa-record.ts';
import { exceeds, type MadeStep, type UpdateOptions } from '../xfr/update.ts';
import type { MadeVersion } from '../xfr/version-maker.ts';
import { isSigned } from '../zone/lookup.ts';
import { isNewer } from '../zone/serial.ts';
import type { SlabDirectory } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import { type SlabUsage, type VersionHandle, VersionReader } from '../zone/version.ts';
import { hashOfContent } from './content-hash.ts';
import type { KeptVersion } from './history.ts';
import type { Differences } from './ixfr-receiver.ts';
import { sourceOf, type Zone } from './zone.ts';

/** What a guard says of a version that is about to take the place of another. */
export type Verdict =
  | { readonly kind: 'pass'; readonly warnings: readonly string[] }
  | { readonly kind: 'reject'; readonly why: string }
  | { readonly kind: 'hold'; readonly reasons: readonly string[] };

export interface TakingDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly directory: SlabDirectory;
  readonly clock: Clock;
  readonly store: VersionStore;
  readonly nextId: () => number;
  readonly guard: (zone: Zone, before: VersionHandle | undefined, candidate: VersionHandle) => Promise<Verdict>;
  /** Puts a version in place: the fronts are told, NOTIFY goes out. */
  readonly publish: (zone: Zone, version: KeptVersion) => void;
  readonly report: (event: TakingEvent, fields: Record<string, unknown>) => void;
  /** False when the zone has gone meanwhile. */
  readonly isLive: (zone: Zone) => boolean;
}

export type TakingEvent = 'zone-updated' | 'zone-held' | 'zone-rejected';

/** A whole zone as it came, from whichever side. */
export interface WholeZone {
  readonly kind: 'whole';
  readonly batches: readonly Batch[];
  readonly usage: readonly SlabUsage[];
  readonly soa: SoaRecord;
  readonly how: 'AXFR' | 'file' | 'generated';
  /** Why differences did not do, where they were asked for first. */
  readonly ixfrFailure?: string | undefined;
}

/** What came, and where from. */
export type Incoming = (WholeZone | Differences) & { readonly from: string; readonly startedAt: Milliseconds };

export type Taken =
  | { readonly kind: 'taken'; readonly soa: SoaRecord }
  /** What came is what there was. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'held'; readonly why: string }
  /** `code` of the failure where what came cannot be made into a version. */
  | { readonly kind: 'refused'; readonly serial: number; readonly why: string; readonly code?: string };

interface Made extends MadeVersion {
  readonly made: MadeStep | undefined;
  readonly primarySerial: number;
  readonly soa: SoaRecord;
  readonly packed: number;
  readonly duplicates: number;
  readonly otherTtls: number;
}

/** Where a version came from, for those who are told. */
interface Origin {
  readonly how: string;
  readonly from: string;
  readonly startedAt: Milliseconds;
  readonly warnings: readonly string[];
  readonly ixfrFailure?: string | undefined;
}

export class Taking {
  readonly #deps: TakingDeps;

  constructor(deps: TakingDeps) {
    this.#deps = deps;
  }

  /** Takes what came; `isNewLineage`: it does not follow from what was served, and history begins anew. */
  async take(zone: Zone, incoming: Incoming, isNewLineage = false): Promise<Taken> {
    const made = await this.#make(zone, incoming, isNewLineage);
    if ('code' in made) {
      const serial = incoming.kind === 'whole' ? incoming.soa.serial : incoming.serial;
      return { kind: 'refused', serial, why: made.text, code: made.code };
    }
    const before = zone.history.newest;
    if (!this.#deps.isLive(zone)) return this.#discard(made, 'the zone is gone');
    if (isNewLineage && isUnchanged(zone, made)) {
      this.#discard(made, '');
      return { kind: 'unchanged' };
    }
    // RFC 4034 §3.1: the signature of the SOA covers its serial.
    if (made.version.serial !== made.primarySerial && this.#isSigned(zone, made.version)) {
      const why = `serial ${made.primarySerial} is not newer than what we told last: a signed zone cannot be told under another serial (zone-signed)`;
      return this.#discard(made, why);
    }
    if (before !== undefined && this.#isRejected(zone, made)) {
      this.#setAsShadow(zone, made);
      return { kind: 'held', why: `serial ${made.primarySerial} was rejected` };
    }
    const verdict = await this.#deps.guard(zone, before?.handle, made.version);
    if (verdict.kind === 'reject') return this.#discard(made, verdict.why);
    if (verdict.kind === 'hold' && before !== undefined) return this.#hold(zone, made, verdict.reasons);
    const { from, startedAt } = incoming;
    const warnings = verdict.kind === 'pass' ? verdict.warnings : [];
    const by = incoming.kind === 'whole' ? incoming : { how: 'IXFR', ixfrFailure: undefined };
    const told = { how: by.how, from, startedAt, warnings, ixfrFailure: by.ixfrFailure };
    const ours = zone.shadow === undefined ? made : await this.#rebase(zone, made);
    if ('code' in ours) return { kind: 'refused', serial: made.primarySerial, why: ours.text };
    const failure = await this.#place(zone, ours, { isNewLineage, keepsShadow: false }, told);
    if (failure === undefined) return { kind: 'taken', soa: made.soa };
    return { kind: 'refused', serial: made.primarySerial, why: failure };
  }

  /** A zone whose serial is the same as ours: whether its content is, too. */
  async compare(
    zone: Zone,
    incoming: WholeZone & { readonly from: string; readonly startedAt: Milliseconds },
  ): Promise<Taken> {
    const made = await this.#make(zone, incoming, true);
    const { serial } = incoming.soa;
    if ('code' in made) return { kind: 'refused', serial, why: made.text, code: made.code };
    const isSame = isUnchanged(zone, made);
    this.#discard(made, '');
    if (isSame) return { kind: 'unchanged' };
    return { kind: 'refused', serial, why: `${incoming.from} changed and its serial did not: raise it` };
  }

  /** Serves the content of a version that is in memory: what was held, or an old version put back. */
  async takeContent(
    zone: Zone,
    content: VersionHandle,
    as: { readonly serial: number; readonly primarySerial: number },
    how: 'release' | 'rollback',
  ): Promise<string | undefined> {
    const base = zone.history.newest;
    if (base === undefined) return 'the zone is not loaded';
    const startedAt = this.#deps.clock.now();
    const soa = readSoaRecord(content.soaRecord);
    const options = this.#options(zone, base.handle, as.serial);
    const result = await this.#deps.pool.content({ root: content.root, soa, options }, content.usage);
    if (!result.ok) return result.failure.text;
    const made = { ...withSoa(result.value), primarySerial: as.primarySerial };
    const keepsShadow = how === 'rollback';
    return this.#place(zone, made, { isNewLineage: false, keepsShadow }, { how, from: how, startedAt, warnings: [] });
  }

  /** What the primary has stays at hand, while we tell something else. */
  async setAside(zone: Zone): Promise<string | undefined> {
    const { newest } = zone.history;
    if (newest === undefined || zone.shadow !== undefined) return undefined;
    const { handle, primarySerial } = newest;
    const soa = readSoaRecord(handle.soaRecord);
    const options = this.#options(zone, handle, undefined);
    const result = await this.#deps.pool.content({ root: handle.root, soa, options }, handle.usage);
    if (!result.ok) return result.failure.text;
    if (result.value.made !== undefined) this.#deps.registry.release(result.value.made.usage);
    zone.shadow = { ...zone.history.addAside(result.value), primarySerial };
    return undefined;
  }

  /** Made from the shadow, the version tells the change from there: what is served needs it from what is served. */
  async #rebase(zone: Zone, made: Made): Promise<Made | IngestFailure> {
    const base = zone.history.newest;
    if (base === undefined) return made;
    const { version, soa } = made;
    const options = this.#options(zone, base.handle, this.#downstream(zone, made.primarySerial, false));
    const result = await this.#deps.pool.content({ root: version.root, soa, options }, version.usage);
    this.#discard(made, '');
    return result.ok ? { ...made, ...withSoa(result.value), primarySerial: made.primarySerial } : result.failure;
  }

  async #make(zone: Zone, incoming: Incoming, isNewLineage: boolean): Promise<Made | IngestFailure> {
    const { pool, registry } = this.#deps;
    const source = sourceOf(zone);
    try {
      if (incoming.kind === 'differences') {
        if (source === undefined) throw new Error('differences were asked for from no version');
        const options = this.#options(
          zone,
          source.version.handle,
          this.#downstream(zone, incoming.serial, isNewLineage),
        );
        const result = await pool.ixfr({ pieces: incoming.pieces, ixfr: incoming.options, options }, incoming.slabs);
        return result.ok ? withSoa(result.value) : result.failure;
      }
      const { soa } = incoming;
      const runs = incoming.batches.flatMap(({ run }) => (run === undefined ? [] : [run]));
      const duplicates = incoming.batches.reduce((sum, batch) => sum + batch.duplicates, 0);
      if (source !== undefined) {
        const options = this.#options(zone, source.version.handle, this.#downstream(zone, soa.serial, isNewLineage));
        const result = await pool.runs({ runs, soa, options });
        if (!result.ok) return result.failure;
        return { ...withSoa(result.value), duplicates: duplicates + result.value.duplicates };
      }
      const { apex, frameSize, maxRecords, maxBytes } = zone.config;
      const result = await pool.assemble({ id: this.#deps.nextId(), apex, frameSize, soa, runs });
      if (!result.ok) return result.failure;
      const { version } = result.value;
      const failure = exceeds({ records: version.records - 1, octets: version.octets }, maxRecords, maxBytes);
      if (failure !== undefined) {
        registry.release(result.value.added);
        return failure;
      }
      const told = { made: undefined, packed: version.frames, otherTtls: 0, primarySerial: soa.serial, soa };
      return { ...result.value, ...told, duplicates: duplicates + result.value.duplicates };
    } finally {
      if (incoming.kind === 'whole') registry.release(incoming.usage);
      else incoming.release();
    }
  }

  #options(zone: Zone, base: VersionHandle, serial: number | undefined): UpdateOptions {
    const { apex, frameSize, maxRecords, maxBytes } = zone.config;
    return { id: this.#deps.nextId(), base, apex, frameSize, maxRecords, maxBytes, serial };
  }

  /** The serial we tell, where it is not the primary's: one that never goes back (RFC 1982). */
  #downstream(zone: Zone, primarySerial: number, isNewLineage: boolean): number | undefined {
    const { newest } = zone.history;
    if (newest === undefined) return undefined;
    const ours = newest.handle.serial;
    if (isNewer(primarySerial, ours)) return undefined;
    // Whole and under its own serial, as an operator or the policy has it: not where secondaries know other serials.
    const { serialPolicy } = zone.config;
    const isTranslated = newest.primarySerial !== ours || (serialPolicy === 'translate' && primarySerial !== ours);
    if (isNewLineage && (serialPolicy === 'adopt' || !isTranslated)) return undefined;
    return (ours + 1) >>> 0;
  }

  /** Stores it, and serves it. Undefined, or a sentence why not. */
  async #place(
    zone: Zone,
    made: Made,
    { isNewLineage, keepsShadow }: { readonly isNewLineage: boolean; readonly keepsShadow: boolean },
    { how, from, startedAt, warnings, ixfrFailure }: Origin,
  ): Promise<string | undefined> {
    const { store, clock } = this.#deps;
    const { version, primarySerial } = made;
    // Gone while a guard judged it, or another of its name is there: what was removed from the store is not to come back.
    if (!this.#deps.isLive(zone)) return this.#discard(made, 'the zone is gone').why;
    const before = zone.history.newest;
    // Made from a shadow, it tells the change from there, and not from what we serve.
    const isStep = !isNewLineage && made.base === before?.handle.id;
    const step = isStep ? made.made : undefined;
    const now = clock.now();
    const failure = await store.commit({
      zone: zone.name,
      handle: version,
      primarySerial,
      at: now,
      step,
      keep: this.#kept(zone, step !== undefined),
    });
    if (failure !== undefined || !this.#deps.isLive(zone)) {
      const discarded = this.#discard(made, failure ?? 'the zone is gone');
      return discarded.why;
    }
    if (made.made !== undefined && step === undefined) this.#deps.registry.release(made.made.usage);
    const kept = zone.history.add(made, step, primarySerial, now);
    zone.history.prune(zone.config.history, now);
    if (!keepsShadow) {
      this.#dropShadow(zone);
      zone.held = undefined;
      zone.rejected = undefined;
    }
    const { packed, made: change } = made;
    zone.lastChange = { how, packed, removed: change?.removedRecords, added: change?.addedRecords };
    if (!zone.isPinned) this.#deps.publish(zone, kept);
    const hasNewHistory = before !== undefined && step === undefined;
    this.#deps.report('zone-updated', {
      zone: zone.name,
      from: before?.handle.serial ?? null,
      to: version.serial,
      records: version.records,
      bytes: version.octets,
      how,
      ms: clock.now() - startedAt,
      primary: from,
      ...(primarySerial !== version.serial && { 'primary-serial': primarySerial }),
      ...(made.duplicates > 0 && { duplicates: made.duplicates }),
      ...(made.otherTtls > 0 && { 'other-ttls': made.otherTtls }),
      ...(ixfrFailure !== undefined && { 'ixfr-failed': ixfrFailure }),
      ...(warnings.length > 0 && { warnings }),
      ...(hasNewHistory && { history: 'begins anew' }),
      ...(zone.isPinned && { pinned: zone.served?.handle.serial }),
    });
    return undefined;
  }

  /** The zone's one candidate: a newer one takes its place. */
  #hold(zone: Zone, made: Made, reasons: readonly string[]): Taken {
    this.#setAsShadow(zone, made);
    zone.rejected = undefined;
    zone.held = { serial: made.primarySerial, reasons, since: this.#deps.clock.now() };
    this.#deps.report('zone-held', { zone: zone.name, serial: made.primarySerial, why: reasons });
    return { kind: 'held', why: `held: ${reasons.join('; ')}` };
  }

  /** After a restart what was rejected comes again, whole: it is what the next differences apply to, and no more. */
  #isRejected({ rejected }: Zone, { primarySerial, version }: Made): boolean {
    return rejected?.serial === primarySerial && rejected.hash === hashOfContent(version, this.#deps.directory);
  }

  #setAsShadow(zone: Zone, made: Made): void {
    if (made.made !== undefined) this.#deps.registry.release(made.made.usage);
    const aside = zone.history.addAside(made);
    this.#dropShadow(zone);
    zone.shadow = { ...aside, primarySerial: made.primarySerial };
  }

  #dropShadow(zone: Zone): void {
    if (zone.shadow !== undefined) zone.history.dropAside(zone.shadow);
    zone.shadow = undefined;
    zone.isDiverged = false;
  }

  #isSigned(zone: Zone, { root }: VersionHandle): boolean {
    return isSigned(new VersionReader(root, this.#deps.directory), zone.config.apex);
  }

  #discard(made: Made, why: string): Taken & { kind: 'refused' } {
    this.#deps.registry.release(made.added);
    if (made.made !== undefined) this.#deps.registry.release(made.made.usage);
    return { kind: 'refused', serial: made.primarySerial, why };
  }

  /** Ids of the versions that the store is to keep beside the new one. */
  #kept(zone: Zone, hasStep: boolean): number[] {
    const { versions } = zone.history;
    const stays = hasStep
      ? versions
      : versions.filter(({ handle }) => zone.isPinned && handle.id === zone.served?.handle.id);
    return stays.map(({ handle }) => handle.id);
  }
}

/** Whether a version made from the source says what the source says; the serial is the primary's. */
const isUnchanged = (zone: Zone, { made, version, base, primarySerial }: Made): boolean => {
  const source = sourceOf(zone);
  if (made === undefined || source === undefined || source.version.handle.id !== base) return false;
  const hasNoChange = made.removedRecords + made.addedRecords === 0;
  const [ours, theirs] = [source.version.handle.soaRecord, version.soaRecord].map(withoutSerial) as [Bytes, Bytes];
  return hasNoChange && source.serial === primarySerial && equalBytes(ours, theirs);
};

const withoutSerial = (soaRecord: Bytes): Bytes => {
  const octets = new Uint8Array(soaRecord);
  return octets.fill(0, octets.length - 20, octets.length - 16);
};

const withSoa = <T extends MadeVersion>(made: T): T & { readonly soa: SoaRecord } => ({
  ...made,
  soa: readSoaRecord(made.version.soaRecord),
});
