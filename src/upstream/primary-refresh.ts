/** From a look at the primary to what it means for the zone: taken, refused, current, or no contact. */
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import type { Pool } from '../pool/pool.ts';
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import { isSigned } from '../zone/lookup.ts';
import { compareSerials, type SerialOrder } from '../zone/serial.ts';
import type { SlabDirectory } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import { VersionReader } from '../zone/version.ts';
import { generateCatalog, type Listing } from './catalog-maker.ts';
import { refreshFromFile } from './file-refresh.ts';
import type { Learned } from './learned.ts';
import type { PrimaryLinks } from './links.ts';
import { NOBODY, type SyncEvent } from './machine.ts';
import { type RefreshResult, refresh } from './refresh.ts';
import type { Incoming, Taken, Taking } from './taking.ts';
import { sourceOf, type Zone } from './zone.ts';

export type RefreshEvent = 'zone-rejected' | 'serial-went-back';

export interface PrimaryRefreshDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly directory: SlabDirectory;
  readonly clock: Clock;
  readonly links: PrimaryLinks;
  readonly learned: Learned;
  readonly taking: Taking;
  /** What a catalog of ours is to list. */
  readonly listing: (catalog: string) => Listing;
  readonly report: (event: RefreshEvent, fields: Record<string, unknown>) => void;
}

/** Differences in a row that do not fit, until they are not asked for; and for how long. */
const MISFITS = 3;
const IXFR_PAUSE_MS = 3_600_000;

/** After a NOTIFY a primary that does not answer is asked once more, so soon. */
const AGAIN_MS = 500;

/** Whether the look is on account of a NOTIFY: it names who sent it. */
const isNotified = (first: string | undefined): boolean => first !== undefined && first !== NOBODY.source;

export class PrimaryRefresh {
  readonly #deps: PrimaryRefreshDeps;

  constructor(deps: PrimaryRefreshDeps) {
    this.#deps = deps;
  }

  /** `first`: the address to ask first; set only where something called for this look. */
  run(zone: Zone, first: string | undefined): Promise<SyncEvent> {
    const isForced = zone.isRetransferWanted;
    zone.isRetransferWanted = false;
    if (zone.primary.kind === 'generated') return this.#generated(zone, isForced);
    return zone.primary.kind === 'files' ? this.#fromFile(zone, isForced) : this.#fromServer(zone, first, isForced);
  }

  async #fromServer(zone: Zone, first: string | undefined, isForced: boolean): Promise<SyncEvent> {
    const { config, primary, key } = zone;
    if (primary.kind !== 'server') throw new Error('not a server');
    const { clock } = this.#deps;
    const startedAt = clock.now();
    const source = sourceOf(zone);
    const request = {
      zone: config,
      primary,
      key,
      serial: source?.serial,
      base: source?.version.handle,
      // What is newer than what was put aside before a restart comes whole; the same serial is no news.
      wants: isForced ? 'whole' : zone.isDiverged || zone.ixfrPausedUntil > startedAt ? 'newer' : 'differences',
      first,
      // Only a NOTIFY names a sender; at their times the timers try again.
      refused: isNotified(first) ? zone.refusedSerial?.serial : undefined,
    } as const;
    let result = await refresh(this.#deps, request);
    if (result.kind === 'failed' && isNotified(first)) {
      // Servers tell of a new version and restart themselves for it, in the same moment (NSD).
      await setTimeout(AGAIN_MS);
      result = await refresh(this.#deps, request);
    }
    if (result.kind === 'behind') {
      if (!this.#mayGoBack(zone)) return this.#behind(zone, result.serial, result.order, result.address);
      result = await refresh(this.#deps, { ...request, wants: 'whole' });
    }
    if (result.kind !== 'received') return this.#told(zone, result);
    let taken = await this.#take(zone, result, startedAt, isForced);
    if (taken.kind === 'refused' && result.transfer.kind === 'differences' && taken.code !== undefined) {
      this.#noteMisfit(zone, taken.why);
      // RFC 9103 §7.10.2: what cannot be had in parts may be had whole.
      const whole = await refresh(this.#deps, { ...request, after: { ...result.continuation, why: taken.why } });
      if (whole.kind !== 'received') return this.#told(zone, whole);
      result = whole;
      taken = await this.#take(zone, whole, startedAt, isForced);
    }
    if (taken.kind === 'taken' && result.transfer.kind === 'differences') zone.ixfrFailures = 0;
    return this.#event(zone, taken, result.expireS);
  }

  /** Some primaries' differences never fit, as NSD's where the apex has an MX: asking twice each time helps nobody. */
  #noteMisfit(zone: Zone, why: string): void {
    zone.lastIxfrFailure = why;
    if (++zone.ixfrFailures < MISFITS) return;
    zone.ixfrFailures = 0;
    zone.ixfrPausedUntil = this.#deps.clock.now() + IXFR_PAUSE_MS;
  }

  async #take(
    zone: Zone,
    { transfer, address: from, ixfrFailure }: RefreshResult & { kind: 'received' },
    startedAt: number,
    isForced: boolean,
  ): Promise<Taken> {
    zone.lastIxfrFailure = ixfrFailure ?? zone.lastIxfrFailure;
    if (transfer.kind === 'differences') return this.#deps.taking.take(zone, { ...transfer, from, startedAt });
    const { batches, usage } = transfer;
    const soa = batches[0]?.firstSoa;
    if (soa === undefined) throw new Error('a whole transfer has a first SOA');
    return this.#whole(
      zone,
      { kind: 'whole', batches, usage, soa, how: 'AXFR', from, startedAt, ixfrFailure },
      isForced,
    );
  }

  /** Where the serial is no newer, it is what an operator asked for, or the policy lets it pass. */
  #whole(zone: Zone, incoming: Incoming & { kind: 'whole' }, isForced: boolean): Promise<Taken> {
    const ours = sourceOf(zone)?.serial;
    const order = ours === undefined ? 'newer' : compareSerials(incoming.soa.serial, ours);
    const isNewLineage = order !== 'newer' && (isForced || zone.config.serialPolicy === 'adopt');
    return this.#deps.taking.take(zone, incoming, isNewLineage);
  }

  async #fromFile(zone: Zone, isForced: boolean): Promise<SyncEvent> {
    const { primary } = zone;
    if (primary.kind !== 'files') throw new Error('not a folder');
    const result = await refreshFromFile(this.#deps, zone, primary, isForced);
    if (result.kind === 'refused') {
      if (result.isNews) this.#reject(zone, null, result.why);
      return { kind: 'refused', why: result.why };
    }
    if (result.kind !== 'received') return result.kind === 'current' ? { kind: 'current' } : result;
    const { incoming, mark } = result;
    const { serial } = incoming.soa;
    const ours = sourceOf(zone)?.serial;
    const order: SerialOrder = ours === undefined ? 'newer' : compareSerials(serial, ours);
    if (order !== 'newer' && order !== 'equal' && !isForced && !this.#mayGoBack(zone)) {
      this.#deps.registry.release(incoming.usage);
      const event = this.#behind(zone, serial, order, incoming.from);
      if (event.kind === 'refused') zone.refusedFile = { mark, why: event.why };
      return event;
    }
    if (order === 'equal' && !isForced && zone.isDiverged) {
      this.#deps.registry.release(incoming.usage);
      zone.fileMark = mark;
      return { kind: 'current' };
    }
    const taken =
      order === 'equal' && !isForced
        ? await this.#deps.taking.compare(zone, incoming)
        : await this.#whole(zone, incoming, isForced);
    if (taken.kind !== 'refused') zone.fileMark = mark;
    else zone.refusedFile = { mark, why: taken.why };
    return this.#event(zone, taken, undefined);
  }

  async #generated(zone: Zone, isForced: boolean): Promise<SyncEvent> {
    const result = await generateCatalog(this.#deps, zone, this.#deps.listing(zone.name), isForced);
    if (result.kind !== 'made') return result;
    return this.#event(zone, await this.#deps.taking.take(zone, result.incoming), undefined);
  }

  #told(zone: Zone, result: Exclude<RefreshResult, { kind: 'received' }>): SyncEvent {
    switch (result.kind) {
      case 'current':
        return { kind: 'current', ...(result.expireS !== undefined && { expireS: result.expireS }) };
      case 'failed':
        return result;
      case 'behind':
        return this.#behind(zone, result.serial, result.order, result.address);
      case 'refused-before':
        return { kind: 'refused', why: zone.refusedSerial?.why ?? 'it was refused before' };
      case 'rejected':
        return this.#rejectSerial(zone, result.serial, result.why);
    }
  }

  #event(zone: Zone, taken: Taken, expireS: number | undefined): SyncEvent {
    const expire = expireS === undefined ? {} : { expireS };
    switch (taken.kind) {
      case 'taken':
        zone.refusedSerial = undefined;
        return { kind: 'taken', timers: readSoaTimers(taken.soa.rdata) as SoaTimers, ...expire };
      case 'unchanged':
        return { kind: 'current', ...expire };
      case 'held':
        return { kind: 'refused', why: taken.why };
      case 'refused':
        return this.#rejectSerial(zone, taken.serial, taken.why);
    }
  }

  /** Whether a serial that is no newer may be taken; a signed zone cannot be told under other serials. */
  #mayGoBack(zone: Zone): boolean {
    const { serialPolicy, apex } = zone.config;
    const { newest } = zone.history;
    if (serialPolicy !== 'translate' || newest === undefined) return serialPolicy === 'adopt';
    return !isSigned(new VersionReader(newest.handle.root, this.#deps.directory), apex);
  }

  /** Held, with an alarm: going back is the operator's decision. */
  #behind(zone: Zone, serial: number, order: 'older' | 'undefined', address: string): SyncEvent {
    const ours = sourceOf(zone)?.serial ?? 0;
    const why =
      order === 'older'
        ? `${address} has serial ${serial}, older than ours, ${ours}`
        : `${address} has serial ${serial}, at the distance of 2^31 from ours, ${ours}: which is newer is undefined (RFC 1982)`;
    const signed = zone.config.serialPolicy === 'translate' ? '; a signed zone cannot be translated (zone-signed)' : '';
    this.#deps.report('serial-went-back', { zone: zone.name, serial, ours, primary: address, why: why + signed });
    return { kind: 'refused', why: why + signed };
  }

  /** Told once for a serial and a reason, however often it is tried. */
  #rejectSerial(zone: Zone, serial: number, why: string): SyncEvent {
    const isKnown = zone.refusedSerial?.serial === serial && zone.refusedSerial.why === why;
    zone.refusedSerial = { serial, why };
    return isKnown ? { kind: 'refused', why } : this.#reject(zone, serial, why);
  }

  #reject(zone: Zone, serial: number | null, why: string): SyncEvent {
    this.#deps.report('zone-rejected', { zone: zone.name, serial, why });
    return { kind: 'refused', why };
  }
}
