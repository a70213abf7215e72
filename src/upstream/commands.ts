/** What an operator may do with a zone: look now, take it anew, pin, roll back, and decide about what a guard holds. */
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import { readSoaRecord } from '../xfr/soa-record.ts';
import { isSigned } from '../zone/lookup.ts';
import { isNewer } from '../zone/serial.ts';
import type { SlabDirectory } from '../zone/slab.ts';
import { VersionReader } from '../zone/version.ts';
import { hashOfContent } from './content-hash.ts';
import type { KeptVersion } from './history.ts';
import type { Taking } from './taking.ts';
import { sourceOf, type Zone } from './zone.ts';

export type CommandResult =
  | { readonly ok: true; readonly text: string }
  /** `why`: a stable word. */
  | { readonly ok: false; readonly why: string; readonly text: string };

export type CommandEvent = 'zone-pinned' | 'zone-released';

export interface CommandDeps {
  readonly taking: Taking;
  readonly directory: SlabDirectory;
  /** Has the primary looked at, soon. */
  readonly look: (zone: Zone) => void;
  readonly publish: (zone: Zone, version: KeptVersion) => void;
  /** What was held is served: its timers hold from now on. */
  readonly released: (zone: Zone, timers: SoaTimers) => void;
  /** Has the store know at once what it is to know besides versions. */
  readonly note: (zone: Zone) => Promise<string | undefined>;
  readonly report: (event: CommandEvent, fields: Record<string, unknown>) => void;
}

const done = (text: string): CommandResult => ({ ok: true, text });
const refused = (why: string, text: string): CommandResult => ({ ok: false, why, text });

export class ZoneCommands {
  readonly #deps: CommandDeps;

  constructor(deps: CommandDeps) {
    this.#deps = deps;
  }

  async refresh(zone: Zone): Promise<CommandResult> {
    zone.refusedSerial = undefined;
    this.#deps.look(zone);
    return done('the primary is asked');
  }

  /** The whole zone, whatever its serial. */
  async retransfer(zone: Zone): Promise<CommandResult> {
    zone.isRetransferWanted = true;
    zone.refusedSerial = undefined;
    zone.refusedFile = undefined;
    this.#deps.look(zone);
    return done('the whole zone is asked for');
  }

  /** Serves a kept version, and goes on to; new ones are taken meanwhile. */
  async pin(zone: Zone, serial: number): Promise<CommandResult> {
    const version = zone.history.find(serial);
    if (version === undefined) return notKept(zone, serial);
    zone.isPinned = true;
    zone.history.pin(version.handle.id);
    if (version !== zone.served) this.#deps.publish(zone, version);
    this.#deps.report('zone-pinned', { zone: zone.name, serial, pinned: true });
    return this.#durable(zone, `pinned at serial ${serial}`);
  }

  async unpin(zone: Zone): Promise<CommandResult> {
    const { newest } = zone.history;
    if (!zone.isPinned || newest === undefined) return refused('not-pinned', 'the zone is not pinned');
    zone.isPinned = false;
    zone.history.pin(undefined);
    if (newest !== zone.served) this.#deps.publish(zone, newest);
    this.#deps.report('zone-pinned', { zone: zone.name, serial: newest.handle.serial, pinned: false });
    return this.#durable(zone, `serves serial ${newest.handle.serial}`);
  }

  /** Old content under a serial newer than ours, until the primary has something new. */
  async rollback(zone: Zone, serial: number): Promise<CommandResult> {
    const { newest } = zone.history;
    const version = zone.history.find(serial);
    if (version === undefined || newest === undefined) return notKept(zone, serial);
    if (zone.isPinned) return refused('pinned', 'the zone is pinned: unpin it first');
    if (version === newest) return refused('is-newest', `serial ${serial} is the newest`);
    if ([version, newest].some((one) => this.#isSigned(zone, one))) {
      return refused('zone-signed', 'a signed zone cannot be told under another serial');
    }
    const unsettled = await this.#deps.taking.setAside(zone);
    if (unsettled !== undefined) return refused('failed', unsettled);
    // Before the version itself: after a restart, differences are not to be applied to it.
    const failure = await this.#deps.note(zone);
    if (failure !== undefined) return refused('not-stored', failure);
    const primarySerial = (sourceOf(zone) as { serial: number }).serial;
    const as = { serial: (newest.handle.serial + 1) >>> 0, primarySerial };
    const error = await this.#deps.taking.takeContent(zone, version.handle, as, 'rollback');
    if (error !== undefined) return refused('failed', error);
    return done(`the content of serial ${serial} is served as serial ${as.serial}`);
  }

  /** Serves what a guard holds. */
  async release(zone: Zone): Promise<CommandResult> {
    const { shadow, held } = zone;
    const { newest } = zone.history;
    if (shadow === undefined || held === undefined || newest === undefined) return nothingHeld;
    const ours = newest.handle.serial;
    const isPassed = isNewer(shadow.primarySerial, ours);
    if (!isPassed && this.#isSigned(zone, shadow)) {
      return refused('zone-signed', 'a signed zone cannot be told under another serial');
    }
    const as = { serial: isPassed ? shadow.primarySerial : (ours + 1) >>> 0, primarySerial: shadow.primarySerial };
    const failure = await this.#deps.taking.takeContent(zone, shadow.handle, as, 'release');
    if (failure !== undefined) return refused('failed', failure);
    this.#deps.released(zone, readSoaTimers(readSoaRecord(shadow.handle.soaRecord).rdata) as SoaTimers);
    this.#deps.report('zone-released', { zone: zone.name, serial: as.serial });
    return done(`serial ${as.serial} is served`);
  }

  /** What a guard holds is not to be served; the next version is compared with what is. */
  async reject(zone: Zone): Promise<CommandResult> {
    const { held, shadow } = zone;
    if (held === undefined || shadow === undefined) return nothingHeld;
    zone.held = undefined;
    zone.rejected = { serial: held.serial, hash: hashOfContent(shadow.handle, this.#deps.directory) };
    // With its content: after a restart it comes once more, and is not to be decided about again.
    return this.#durable(zone, `serial ${held.serial} is rejected`);
  }

  /** Done when a restart would not undo it. */
  async #durable(zone: Zone, text: string): Promise<CommandResult> {
    const failure = await this.#deps.note(zone);
    return failure === undefined ? done(text) : refused('not-stored', `${text}, but only until a restart: ${failure}`);
  }

  #isSigned(zone: Zone, { handle }: { readonly handle: KeptVersion['handle'] }): boolean {
    return isSigned(new VersionReader(handle.root, this.#deps.directory), zone.config.apex);
  }
}

const nothingHeld = refused('nothing-held', 'no version of the zone is held');

function notKept(zone: Zone, serial: number): CommandResult {
  const serials = zone.history.versions.map(({ handle }) => handle.serial).join(', ');
  return refused('not-kept', `serial ${serial} is not kept; there are ${serials === '' ? 'none' : serials}`);
}
