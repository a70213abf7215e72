/** The side towards the primaries: keeps every zone's copy current, one transfer a serial however many clients ask. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { Config, Primary, ZoneConfig } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { TsigKey } from '../tsig/key.ts';
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import type { Batch } from '../xfr/ingest.ts';
import type { SoaRecord } from '../xfr/soa-record.ts';
import { FrameList } from '../zone/frame-list.ts';
import type { Run } from '../zone/run-writer.ts';
import { compareSerials, isNewer } from '../zone/serial.ts';
import { SlabDirectory } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import { hasSameFrames, type SlabUsage, VersionReader } from '../zone/version.ts';
import { Gate } from './gate.ts';
import { PrimaryLinks } from './links.ts';
import { initialSync, type SyncEvent, type SyncState, stepSync, wakeAt } from './machine.ts';
import { refresh } from './refresh.ts';
import { Scheduler } from './scheduler.ts';
import type { LiveVersion, Versions } from './versions.ts';
import { FolderWatchers, findZoneFile, markOf } from './zone-folder.ts';

/** What becomes of zones: whoever serves them listens. */
export interface ZoneListener {
  served(zone: string, version: LiveVersion): void;
  loading(zone: string): void;
  expired(zone: string): void;
  removed(zone: string): void;
}

/** Events of INTERFACE.md that arise here. */
export type UpstreamEvent = 'zone-updated' | 'zone-rejected' | 'zone-expired' | 'serial-went-back' | 'primary-failed';

export interface UpstreamDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly versions: Versions;
  readonly clock: Clock;
  readonly listener: ZoneListener;
  readonly report: (event: UpstreamEvent, fields: Record<string, unknown>) => void;
}

/** Transfers and SOA checks at once from one primary. */
const MOST_PER_PRIMARY = 10;

const NOTIFY_INTERVAL_MS = 1_000;
/** Looks on NOTIFY in a row: edits come in bursts. */
const NOTIFY_BURST = 20;

interface Zone {
  config: ZoneConfig;
  primary: Primary;
  key: TsigKey | undefined;
  sync: SyncState;
  live: LiveVersion | undefined;
  servedSince: Milliseconds | undefined;
  /** Files that the zone was last read from, includes too, and their mark when it was served. */
  files: readonly string[];
  fileMark: string | undefined;
  /** A serial that was refused, and why: a NOTIFY does not bring it over again (RFC 5936 §6), the timers do. */
  refusedSerial: { readonly serial: number; readonly why: string } | undefined;
  /** When the zone's budget of looks on NOTIFY is whole again. */
  notifyBudgetFullAt: Milliseconds;
  hasDeferredNotify: boolean;
  /** A zone file that was refused, and why: told once, not at each look. */
  refusedFile: { readonly mark: string; readonly why: string } | undefined;
}

/** A version's makings, from whichever side they came. */
interface Incoming {
  readonly batches: readonly Batch[];
  readonly usage: readonly SlabUsage[];
  readonly soa: SoaRecord;
  readonly how: 'AXFR' | 'file';
  readonly from: string;
  readonly startedAt: Milliseconds;
}

export class Upstream {
  readonly #deps: UpstreamDeps;
  readonly #zones = new Map<string, Zone>();
  readonly #gates = new Map<string, Gate>();
  readonly #links: PrimaryLinks;
  readonly #watchers: FolderWatchers;
  readonly #scheduler: Scheduler;
  #isStopped = false;

  constructor(deps: UpstreamDeps) {
    this.#deps = deps;
    this.#links = new PrimaryLinks(deps);
    this.#scheduler = new Scheduler(deps.clock, (zone) => this.#step(zone, { kind: 'due' }));
    this.#watchers = new FolderWatchers(
      (folder, zone) => this.#folderChanged(folder, zone),
      (folder, error) => deps.report('primary-failed', { primary: folder, why: `cannot be watched: ${error.message}` }),
    );
  }

  /** Brings the zones in line with the configuration; what is served goes on. */
  configure(config: Config): void {
    this.#links.configure(config);
    for (const name of this.#zones.keys()) if (!config.zones.has(name)) this.#remove(name);
    this.#watchers.watch(config.primaries.values());
    for (const [name, zoneConfig] of config.zones) {
      const primary = config.primaries.get(zoneConfig.primary);
      if (primary === undefined) throw new Error(`zone ${name}: its primary was checked to exist`);
      const key = zoneConfig.primaryKey === undefined ? undefined : config.keys.get(zoneConfig.primaryKey);
      const existing = this.#zones.get(name);
      if (existing !== undefined) {
        const before = [existing.config, existing.primary, existing.key];
        Object.assign(existing, { config: zoneConfig, primary, key });
        if (isDeepStrictEqual(before, [zoneConfig, primary, key])) continue;
        // What was refused under other settings may do now.
        existing.refusedFile = undefined;
        existing.refusedSerial = undefined;
        this.#step(name, { kind: 'notify', sender: { source: '' } });
        continue;
      }
      this.#zones.set(name, {
        config: zoneConfig,
        primary,
        key,
        sync: initialSync(this.#deps.clock.now()),
        live: undefined,
        servedSince: undefined,
        files: [],
        fileMark: undefined,
        refusedSerial: undefined,
        notifyBudgetFullAt: 0,
        hasDeferredNotify: false,
        refusedFile: undefined,
      });
      this.#deps.listener.loading(name);
      this.#step(name, { kind: 'due' });
    }
  }

  /** A NOTIFY that was let in. Its serial is a hint: not newer than ours, it changes nothing (RFC 1996 §3.7). */
  notify(name: string, serial: number | undefined, source: string): void {
    const zone = this.#zones.get(name);
    if (zone === undefined) return;
    if (serial !== undefined && zone.live !== undefined && !isNewer(serial, zone.live.handle.serial)) return;
    this.#withinBudget(name, zone, () => this.#step(name, { kind: 'notify', sender: { source } }));
  }

  /**
   * A NOTIFY over UDP may be anybody's: so many looks at once, and one a second from then on, however many come. What
   * is beyond is folded into one look, a second later.
   */
  #withinBudget(name: string, zone: Zone, look: () => void): void {
    const now = this.#deps.clock.now();
    const fullAt = Math.max(zone.notifyBudgetFullAt, now) + NOTIFY_INTERVAL_MS;
    if (fullAt <= now + NOTIFY_BURST * NOTIFY_INTERVAL_MS) {
      zone.notifyBudgetFullAt = fullAt;
      look();
    } else if (!zone.hasDeferredNotify) {
      zone.hasDeferredNotify = true;
      setTimeout(() => {
        zone.hasDeferredNotify = false;
        if (this.#zones.get(name) === zone) this.#withinBudget(name, zone, look);
      }, NOTIFY_INTERVAL_MS).unref();
    }
  }

  get zones(): ReadonlyMap<string, Readonly<Zone>> {
    return this.#zones;
  }

  stop(): void {
    this.#isStopped = true;
    this.#scheduler.stop();
    this.#links.close();
    this.#watchers.close();
  }

  #step(name: string, event: SyncEvent): void {
    const zone = this.#zones.get(name);
    if (zone === undefined || this.#isStopped) return;
    const settings = {
      bounds: zone.config.timers,
      jitter: zone.config.refreshJitter,
      random: Math.random(),
    };
    const [next, effects] = stepSync(zone.sync, event, this.#deps.clock.now(), settings);
    const wasExpired = zone.sync.isExpired;
    zone.sync = next;
    for (const effect of effects) {
      if (effect.kind === 'expire') this.#expire(name, zone);
      else void this.#refresh(name, zone, effect.first);
    }
    // The primary is back, and has what we had: it is good again.
    if (wasExpired && !next.isExpired && zone.live !== undefined) this.#deps.listener.served(name, zone.live);
    this.#scheduler.set(name, wakeAt(next));
  }

  #expire(name: string, zone: Zone): void {
    this.#deps.listener.expired(name);
    const { lastContact, lastError } = zone.sync;
    const since = lastContact === undefined ? null : new Date(lastContact).toISOString();
    this.#deps.report('zone-expired', {
      zone: name,
      serial: zone.live?.handle.serial ?? null,
      'last-contact': since,
      why: lastError,
    });
  }

  async #refresh(name: string, zone: Zone, first: string | undefined): Promise<void> {
    let event: SyncEvent;
    try {
      const { primary } = zone;
      event = await this.#gate(primary.name).run(() =>
        primary.kind === 'files' ? this.#refreshFromFile(name, zone) : this.#refreshFromServer(name, zone, first),
      );
    } catch (error) {
      event = { kind: 'failed', why: `${error}` };
    }
    if (this.#zones.get(name) !== zone || this.#isStopped) return;
    if (event.kind === 'failed' && zone.sync.failures === 0) {
      this.#deps.report('primary-failed', { zone: name, primary: zone.primary.name, why: event.why });
    }
    this.#step(name, event);
  }

  async #refreshFromServer(name: string, zone: Zone, first: string | undefined): Promise<SyncEvent> {
    if (zone.primary.kind !== 'server') throw new Error('not a server');
    const { config, primary, key } = zone;
    const serial = zone.live?.handle.serial;
    const startedAt = this.#deps.clock.now();
    // Only a NOTIFY names a sender; at their times the timers try again.
    const refused = first === undefined || first === '' ? undefined : zone.refusedSerial?.serial;
    const deps = { ...this.#deps, links: this.#links };
    const result = await refresh(deps, { zone: config, primary, key, serial, first, refused });
    switch (result.kind) {
      case 'current':
      case 'failed':
        return result;
      case 'behind':
        return this.#behind(name, result.serial, serial ?? 0, result.order, result.address);
      case 'refused-before':
        return { kind: 'refused', why: zone.refusedSerial?.why ?? 'it was refused before' };
      case 'rejected':
        return this.#rejectSerial(name, zone, result.serial, result.why);
      case 'received': {
        const { batches, usage } = result.transfer;
        const soa = batches[0]?.firstSoa;
        if (soa === undefined) throw new Error('a whole transfer has a first SOA');
        return this.#take(name, zone, { batches, usage, soa, how: 'AXFR', from: result.address, startedAt });
      }
    }
  }

  async #refreshFromFile(name: string, zone: Zone): Promise<SyncEvent> {
    const { primary, config } = zone;
    if (primary.kind !== 'files') throw new Error('not a folder');
    const startedAt = this.#deps.clock.now();
    const file = await findZoneFile(primary, name);
    if (file === undefined) return { kind: 'failed', why: `${primary.folder} has no file ${name} or ${name}.zone` };
    if (zone.files[0] === file) {
      const mark = await markOf(zone.files);
      if (mark === zone.refusedFile?.mark) return { kind: 'refused', why: zone.refusedFile.why };
      if (mark === zone.fileMark) return { kind: 'current' };
    }
    zone.refusedFile = undefined;
    // Before it is read: what changes meanwhile is seen next time.
    const early = await markOf([file]);
    const { result, files } = await this.#deps.pool.zoneFile({
      file,
      includeBelow: primary.includeBelow,
      apex: new Uint8Array(config.apex),
      frameSize: config.frameSize,
      outOfZone: config.outOfZone,
    });
    zone.files = files;
    const mark = [early, await markOf(files.slice(1))].filter((part) => part !== '').join(' ');
    const refuse = (serial: number | null, why: string): SyncEvent => {
      zone.refusedFile = { mark, why };
      return this.#reject(name, serial, why);
    };
    if (!result.ok) return refuse(null, result.failure.text);
    const { batch, usage } = result.value;
    const soa = batch.firstSoa;
    if (soa === undefined) throw new Error('a whole zone file has a SOA');
    if (zone.live !== undefined && compareSerials(soa.serial, zone.live.handle.serial) === 'equal') {
      const isSame = this.#isSameContent(zone.live, batch.run);
      this.#deps.registry.release(usage);
      if (!isSame) return refuse(soa.serial, `${file} changed and its serial did not: raise it`);
      zone.fileMark = mark;
      return { kind: 'current' };
    }
    const event = await this.#take(name, zone, { batches: [batch], usage, soa, how: 'file', from: file, startedAt });
    if (event.kind === 'taken') zone.fileMark = mark;
    else if (event.kind === 'refused') zone.refusedFile = { mark, why: event.why };
    return event;
  }

  /** Checks what concerns the whole zone, assembles the version, and puts it in place. */
  async #take(name: string, zone: Zone, incoming: Incoming): Promise<SyncEvent> {
    const { registry, pool, versions, clock } = this.#deps;
    const { batches, usage, soa } = incoming;
    try {
      const before = zone.live?.handle.serial;
      const order = before === undefined ? 'newer' : compareSerials(soa.serial, before);
      if (order === 'equal') return { kind: 'current' };
      if (order !== 'newer') return this.#behind(name, soa.serial, before ?? 0, order, incoming.from);
      const tooLarge = exceeds(zone.config, batches);
      if (tooLarge !== undefined) return this.#reject(name, soa.serial, tooLarge);
      const runs = batches.flatMap((batch) => (batch.run === undefined ? [] : [batch.run]));
      const { apex, frameSize } = zone.config;
      const result = await pool.assemble({ id: versions.nextId(), apex, frameSize, soa, runs }, usage);
      if (!result.ok) return this.#reject(name, soa.serial, result.failure.text);
      const live = versions.adopt(result.value.version);
      if (this.#zones.get(name) !== zone || this.#isStopped) {
        versions.retire(live);
        return { kind: 'failed', why: 'the zone is gone' };
      }
      this.#publish(name, zone, live);
      const received = batches.reduce((sum, batch) => sum + batch.duplicates, result.value.duplicates);
      this.#deps.report('zone-updated', {
        zone: name,
        from: before ?? null,
        to: soa.serial,
        records: live.handle.records,
        bytes: live.handle.octets,
        how: incoming.how,
        ms: clock.now() - incoming.startedAt,
        primary: incoming.from,
        ...(received > 0 && { duplicates: received }),
      });
      return { kind: 'taken', timers: readSoaTimers(soa.rdata) as SoaTimers };
    } finally {
      registry.release(usage);
    }
  }

  #publish(name: string, zone: Zone, live: LiveVersion): void {
    const before = zone.live;
    zone.live = live;
    zone.servedSince = this.#deps.clock.now();
    this.#deps.listener.served(name, live);
    if (before !== undefined) this.#deps.versions.retire(before);
  }

  /** Held, with an alarm: going back is the operator's decision. The primary was heard, so the zone does not expire. */
  #behind(name: string, serial: number, ours: number, order: 'older' | 'undefined', address: string): SyncEvent {
    const why =
      order === 'older'
        ? `${address} has serial ${serial}, older than ours, ${ours}`
        : `${address} has serial ${serial}, at the distance of 2^31 from ours, ${ours}: which is newer is undefined (RFC 1982)`;
    this.#deps.report('serial-went-back', { zone: name, serial, ours, primary: address, why });
    return { kind: 'refused', why };
  }

  /** Told once for a serial and a reason, however often it is tried. */
  #rejectSerial(name: string, zone: Zone, serial: number, why: string): SyncEvent {
    const isKnown = zone.refusedSerial?.serial === serial && zone.refusedSerial.why === why;
    zone.refusedSerial = { serial, why };
    return isKnown ? { kind: 'refused', why } : this.#reject(name, serial, why);
  }

  #reject(name: string, serial: number | null, why: string): SyncEvent {
    this.#deps.report('zone-rejected', { zone: name, serial, why });
    return { kind: 'refused', why };
  }

  #isSameContent(live: LiveVersion, run: Run | undefined): boolean {
    const slabs = new SlabDirectory();
    slabs.add(this.#deps.registry.handles(live.handle.usage));
    const frames = run === undefined ? undefined : new FrameList(run.frames);
    return hasSameFrames(new VersionReader(live.handle.root, slabs), frames);
  }

  #remove(name: string): void {
    const zone = this.#zones.get(name);
    if (zone === undefined) return;
    this.#zones.delete(name);
    this.#scheduler.delete(name);
    this.#deps.listener.removed(name);
    if (zone.live !== undefined) this.#deps.versions.retire(zone.live);
  }

  #folderChanged(folder: string, changed: string | undefined): void {
    const named = changed === undefined ? undefined : this.#zones.get(changed);
    const isOfFolder = (zone: Zone): boolean => zone.primary.kind === 'files' && zone.primary.folder === folder;
    for (const [name, zone] of this.#zones) {
      if (!isOfFolder(zone) || (named !== undefined && zone !== named)) continue;
      this.#step(name, { kind: 'notify', sender: { source: '' } });
    }
  }

  #gate(primary: string): Gate {
    const gate = this.#gates.get(primary) ?? new Gate(MOST_PER_PRIMARY);
    this.#gates.set(primary, gate);
    return gate;
  }
}

function exceeds(config: ZoneConfig, batches: readonly Batch[]): string | undefined {
  let records = 0;
  let octets = 0;
  for (const batch of batches) {
    records += batch.run?.records ?? 0;
    octets += batch.run?.octets ?? 0;
  }
  if (records > config.maxRecords)
    return `the zone has ${records} records, more than max-records (${config.maxRecords})`;
  if (octets > config.maxBytes) return `the zone takes ${octets} octets, more than max-bytes (${config.maxBytes})`;
  return undefined;
}
