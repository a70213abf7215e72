/**
 * The zones there are: those of the configuration, and the members that catalog zones bring (RFC 9432). A catalog is
 * read in the pool when a version of it is served, or found in the store at the start; what it lists is then applied a
 * few members at a time. One catalog at a time: which of two a zone belongs to depends on who was first.
 */
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { CatalogMember } from '../catalog/read.ts';
import type { ListedZone } from '../catalog/render.ts';
import { admits, memberConfig } from '../config/catalogs.ts';
import type { Config, InterpretedCatalog, ZoneConfig } from '../config/config.ts';
import type { MemberColumns } from '../pool/read-tasks.ts';
import {
  type Catalog,
  type CatalogReader,
  type CatalogView,
  newCatalog,
  type Ruling,
  rule,
  viewOf,
} from './catalog.ts';
import type { Listing } from './catalog-maker.ts';
import type { Zone } from './zone.ts';

export type CatalogEvent = 'catalog-changed' | 'catalog-broken';

export interface CatalogsDeps {
  readonly read: CatalogReader;
  readonly now: () => number;
  readonly zone: (name: string) => Zone | undefined;
  /** Brings zones in line with what `zones` says of them. */
  readonly put: (names: readonly string[]) => Promise<void>;
  /** Ends a zone, with all that is kept of it. */
  readonly remove: (name: string) => void;
  /** There are other zones than before. */
  readonly changed: () => void;
  readonly report: (event: CatalogEvent, fields: Record<string, unknown>) => void;
}

/** Members looked at, and members added, before others have a turn. */
const LOOKS = 2_000;
const ADDS = 200;
/** Names that an event tells of newcomers. */
const MOST_NAMES = 10;

interface Change {
  added: number;
  removed: number;
  reset: number;
  readonly ignored: Map<string, string>;
}

export class Catalogs {
  readonly #deps: CatalogsDeps;
  readonly #catalogs = new Map<string, Catalog>();
  /** By member. */
  readonly #owners = new Map<string, Catalog>();
  #config: Pick<Config, 'zones' | 'catalogTemplates'> = { zones: new Map(), catalogTemplates: new Map() };
  #zones = new Map<string, ZoneConfig>();
  #isStopped = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: CatalogsDeps) {
    this.#deps = deps;
  }

  get zones(): ReadonlyMap<string, ZoneConfig> {
    return this.#zones;
  }

  view(name: string): CatalogView | undefined {
    const catalog = this.#catalogs.get(name);
    return catalog && viewOf(catalog);
  }

  /** Members stay, under the settings that their templates have now. */
  configure(config: Config): void {
    this.#config = config;
    this.#zones = new Map(config.zones);
    for (const [name, catalog] of this.#catalogs) {
      const settings = config.zones.get(name)?.catalog;
      if (settings?.role !== 'interpret') this.#drop(catalog);
      else this.#keep(catalog, settings);
    }
    for (const { name, catalog: settings } of config.zones.values()) {
      if (settings?.role !== 'interpret') continue;
      if (!this.#catalogs.has(name)) this.#catalogs.set(name, newCatalog(name, settings));
      this.served(name);
    }
  }

  /** What a catalog of ours is to list: not known before all that may bring zones for it were read. */
  listing(name: string): Listing {
    const { catalogTemplates } = this.#config;
    for (const { name: unread, settings, listed } of this.#catalogs.values()) {
      const templates = [settings.template.default, ...settings.template.groups.values()];
      const brings = templates.some((template) => catalogTemplates.get(template)?.catalogZone === name);
      if (brings && listed === undefined) return { ok: false, why: `what ${unread} lists is not known yet` };
    }
    const zones: ListedZone[] = [];
    for (const { name: zone, catalogZone, catalogGroup } of this.#zones.values()) {
      if (catalogZone === name) zones.push({ zone, group: catalogGroup });
    }
    return { ok: true, zones };
  }

  /** A version of a zone is served, or kept though it expired: members are as it says. */
  served(name: string): void {
    const catalog = this.#catalogs.get(name);
    if (catalog === undefined || catalog.isAwaited) return;
    catalog.isAwaited = true;
    this.#turn = this.#turn
      .then(async () => {
        catalog.isAwaited = false;
        if (this.#isLive(catalog)) await this.#process(catalog);
      })
      .catch((error: unknown) => {
        if (!this.#isStopped) this.#tellBroken(catalog, [`it could not be read: ${error}`]);
      });
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when what was served so far is applied. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  #drop(catalog: Catalog): void {
    this.#catalogs.delete(catalog.name);
    for (const zone of catalog.members.keys()) this.#owners.delete(zone);
  }

  #keep(catalog: Catalog, settings: InterpretedCatalog): void {
    if (!isDeepStrictEqual(settings, catalog.settings)) catalog.readId = undefined;
    catalog.settings = settings;
    catalog.admits = admits(settings);
    for (const [zone, { groups }] of catalog.members) {
      if (this.#config.zones.has(zone)) {
        catalog.members.delete(zone);
        this.#owners.delete(zone);
      } else this.#zones.set(zone, memberConfig(settings, this.#config.catalogTemplates, zone, groups));
    }
  }

  #isLive(catalog: Catalog): boolean {
    return this.#catalogs.get(catalog.name) === catalog && !this.#isStopped;
  }

  async #process(catalog: Catalog): Promise<void> {
    const zone = this.#deps.zone(catalog.name);
    const served = zone?.served;
    if (zone === undefined || served === undefined) return;
    if (served.handle.id !== catalog.readId) {
      const columns = await this.#deps.read(zone, catalog, (why) => this.#tellBroken(catalog, why));
      if (!this.#isLive(catalog)) return;
      catalog.readId = served.handle.id;
      if (columns !== undefined) catalog.listed = await listOf(columns);
    }
    const change: Change = { added: 0, removed: 0, reset: 0, ignored: new Map() };
    await this.#apply(catalog, change);
    // What this one let go of may be another's.
    for (const other of this.#catalogs.values()) {
      if (other === catalog || other.ignored.size === 0) continue;
      const theirs: Change = { added: 0, removed: 0, reset: 0, ignored: new Map() };
      await this.#admit(other, [...other.ignored.keys()], theirs);
      this.#tellChanged(other, theirs);
    }
    this.#tellChanged(catalog, change);
  }

  #tellBroken(catalog: Catalog, why: readonly string[]): void {
    const isKnown = isDeepStrictEqual(catalog.broken, why);
    catalog.broken = why;
    if (!isKnown && why.length > 0) this.#deps.report('catalog-broken', { catalog: catalog.name, why });
  }

  async #apply(catalog: Catalog, change: Change): Promise<void> {
    const { listed } = catalog;
    if (listed === undefined) return;
    let looks = 0;
    for (const zone of catalog.members.keys()) {
      if (++looks % LOOKS === 0) await setImmediate();
      if (!this.#isLive(catalog)) return;
      if (listed.has(zone)) continue;
      this.#release(catalog, zone);
      change.removed++;
    }
    for (const zone of catalog.ignored.keys()) if (!listed.has(zone)) catalog.ignored.delete(zone);
    await this.#admit(catalog, listed.keys(), change);
  }

  #release(catalog: Catalog, zone: string): void {
    catalog.members.delete(zone);
    this.#owners.delete(zone);
    this.#zones.delete(zone);
    this.#deps.remove(zone);
  }

  /** Does what the catalog says of zones that it lists. */
  async #admit(catalog: Catalog, zones: Iterable<string>, change: Change): Promise<void> {
    let looks = 0;
    let wanted: string[] = [];
    for (const zone of zones) {
      if (++looks % LOOKS === 0) await setImmediate();
      const member = catalog.listed?.get(zone);
      if (!this.#isLive(catalog) || member === undefined) break;
      const ruling = rule(catalog, member, this.#owners.get(zone), this.#config.zones.has(zone));
      if (this.#follow(catalog, member, ruling, change)) wanted.push(zone);
      if (wanted.length < ADDS) continue;
      await this.#deps.put(wanted);
      wanted = [];
    }
    if (wanted.length > 0) await this.#deps.put(wanted);
  }

  /** Whether the zone is to be put. */
  #follow(catalog: Catalog, member: CatalogMember, ruling: Ruling, change: Change): boolean {
    const { zone, label, groups } = member;
    if (ruling.kind === 'ignore') {
      if (catalog.members.has(zone)) {
        this.#release(catalog, zone);
        change.removed++;
      }
      if (catalog.ignored.get(zone) !== ruling.why) change.ignored.set(zone, ruling.why);
      catalog.ignored.set(zone, ruling.why);
      return false;
    }
    catalog.ignored.delete(zone);
    const owner = this.#owners.get(zone);
    const before = owner?.members.get(zone);
    if (ruling.kind === 'keep' && isDeepStrictEqual(before?.groups, groups)) return false;
    if (ruling.kind === 'reset') {
      this.#deps.remove(zone);
      change.reset++;
    } else if (owner !== catalog) change.added++;
    if (owner !== undefined && owner !== catalog) owner.members.delete(zone);
    const since = ruling.kind === 'keep' ? (before?.since ?? 0) : this.#deps.now();
    catalog.members.set(zone, { label, groups, since });
    this.#owners.set(zone, catalog);
    this.#zones.set(zone, memberConfig(catalog.settings, this.#config.catalogTemplates, zone, groups));
    return true;
  }

  #tellChanged(catalog: Catalog, { added, removed, reset, ignored }: Change): void {
    if (added + removed + reset > 0) this.#deps.changed();
    if (added + removed + reset + ignored.size === 0) return;
    this.#deps.report('catalog-changed', {
      catalog: catalog.name,
      added,
      removed,
      ...(reset > 0 && { reset }),
      members: catalog.members.size,
      ...(ignored.size > 0 && { ignored: ignored.size, newcomers: newcomers(ignored) }),
    });
  }
}

const newcomers = (ignored: ReadonlyMap<string, string>): string[] =>
  Array.from(ignored, ([zone, why]) => `${zone}: ${why}`).slice(0, MOST_NAMES);

async function listOf({ zones, labels, groups, coos }: MemberColumns): Promise<Map<string, CatalogMember>> {
  const listed = new Map<string, CatalogMember>();
  for (const [i, zone] of zones.entries()) {
    if (i % LOOKS === LOOKS - 1) await setImmediate();
    listed.set(zone, { zone, label: labels[i] as string, groups: groups.get(i) ?? NO_GROUPS, coo: coos.get(i) });
  }
  return listed;
}

const NO_GROUPS: readonly string[] = [];
