/**
 * A rule, compiled. Every item of `match` that is given must hold, a list means any of it:
 *
 *     source       address prefixes, sets of them
 *     transport    tcp, tls, udp
 *     listener     where it came to
 *     key          names of TSIG keys; without it signed and unsigned requests match alike
 *     sig0         names of SIG(0) keys
 *     certificate  names and pins of the client's certificate, one of each that is given; so TLS, too
 *     zone         example.org, *.example.net (below it, not it), * (any)
 *     zone-group   groups of a catalog
 *     type         AXFR, IXFR, SOA, NOTIFY; without it AXFR, IXFR and SOA, never NOTIFY
 *     time         days and hours
 */
import type { ClientCertificate, Facts } from './decision.ts';
import { type AddressBytes, type Prefix, parsePrefix } from './prefix.ts';
import { buildPrefixTable, containsAddress, type PrefixTable } from './prefix-table.ts';
import type { RequestType, RuleConfig, Transport } from './rule-config.ts';
import { CompiledWindow } from './time-window.ts';
import { compileZones, includesZone, type ZonePatterns } from './zone-patterns.ts';

export interface Rule {
  readonly name: string;
  readonly config: RuleConfig;
  readonly source: RuleSource | undefined;
  readonly transport: readonly Transport[] | undefined;
  readonly listener: readonly string[] | undefined;
  readonly key: ReadonlySet<string> | undefined;
  readonly sig0: ReadonlySet<string> | undefined;
  readonly certificate: CompiledCertificate | undefined;
  readonly zone: ZonePatterns | undefined;
  readonly zoneGroup: readonly string[] | undefined;
  readonly type: readonly RequestType[];
  readonly time: CompiledWindow | undefined;
}

export interface RuleSource {
  readonly prefixes: readonly Prefix[];
  /** Of `prefixes`. */
  readonly table: PrefixTable;
  /** Names of sets. */
  readonly sets: readonly string[];
}

interface CompiledCertificate {
  readonly names: ReadonlySet<string>;
  readonly pins: ReadonlySet<string>;
}

/** What rules refer to by name, and what changes without them. */
export interface Surroundings {
  /** Prefix sets by name; one that is not loaded holds nobody. */
  readonly sets: ReadonlyMap<string, PrefixTable>;
  /** Groups of zones, by `zoneLabel`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

const TRANSFER_TYPES: readonly RequestType[] = ['AXFR', 'IXFR', 'SOA'];
const SET = 'set:';

/** The configuration was checked before: a source that does not parse here is a defect of ours. */
export function compileRule(config: RuleConfig): Rule {
  const { match } = config;
  return {
    name: config.name,
    config,
    source: match.source && compileSource(config.name, match.source),
    transport: match.transport,
    listener: match.listener,
    key: match.key && new Set(match.key),
    sig0: match.sig0 && new Set(match.sig0),
    certificate: match.certificate && {
      names: new Set(match.certificate.names),
      pins: new Set(match.certificate.pins),
    },
    zone: match.zone && compileZones(match.zone),
    zoneGroup: match.zoneGroup,
    type: match.type ?? TRANSFER_TYPES,
    time: match.time && new CompiledWindow(match.time),
  };
}

function compileSource(rule: string, texts: readonly string[]): RuleSource {
  const prefixes = texts
    .filter((text) => !text.startsWith(SET))
    .map((text) => {
      const prefix = parsePrefix(text);
      if (!prefix.ok) throw new Error(`rule ${rule}: ${text} ${prefix.failure}`);
      return prefix.value;
    });
  const sets = texts.filter((text) => text.startsWith(SET)).map((text) => text.slice(SET.length));
  return { prefixes, table: buildPrefixTable(prefixes), sets };
}

/** One item of a rule's `match` against what is known of a request. */
type Item = (rule: Rule, facts: Facts, around: Surroundings) => boolean;

const matchesSource = ({ source }: Rule, address: AddressBytes, { sets }: Surroundings): boolean => {
  if (source === undefined || containsAddress(source.table, address)) return true;
  for (const name of source.sets) {
    const set = sets.get(name);
    if (set !== undefined && containsAddress(set, address)) return true;
  }
  return false;
};

const matchesCertificate = ({ certificate }: Rule, shown: ClientCertificate | undefined): boolean =>
  certificate === undefined ||
  (shown !== undefined &&
    (certificate.pins.size === 0 || certificate.pins.has(shown.pin)) &&
    (certificate.names.size === 0 || shown.names.some((name) => certificate.names.has(name))));

/** All items, by their names in the configuration; in an order that leaves what costs most to the end. */
export const ITEMS: readonly (readonly [name: string, holds: Item])[] = [
  ['type', (rule, { type }) => rule.type.includes(type)],
  ['transport', (rule, { transport }) => rule.transport === undefined || rule.transport.includes(transport)],
  ['listener', (rule, { listener }) => rule.listener === undefined || rule.listener.includes(listener)],
  ['key', (rule, { key }) => rule.key === undefined || (key !== undefined && rule.key.has(key))],
  ['sig0', (rule, { sig0 }) => rule.sig0 === undefined || (sig0 !== undefined && rule.sig0.has(sig0))],
  ['zone', (rule, { zone }) => rule.zone === undefined || includesZone(rule.zone, zone)],
  ['source', (rule, { source }, around) => matchesSource(rule, source, around)],
  ['certificate', (rule, { certificate }) => matchesCertificate(rule, certificate)],
  [
    'zone-group',
    ({ zoneGroup }, { zone }, { groups }) =>
      zoneGroup === undefined || (groups.get(zone)?.some((group) => zoneGroup.includes(group)) ?? false),
  ],
  ['time', (rule, { now }) => rule.time === undefined || rule.time.includes(now)],
];

/** A rule is matched whole: never the source of one and the name of another. */
export function matches(rule: Rule, facts: Facts, around: Surroundings): boolean {
  for (const [, holds] of ITEMS) if (!holds(rule, facts, around)) return false;
  return true;
}

/** Whether something could be asked over there that a rule matches whose source does. */
export const couldMatch = (rule: Rule, { transport, listener }: Pick<Facts, 'transport' | 'listener'>): boolean =>
  (rule.transport === undefined || rule.transport.includes(transport)) &&
  (rule.certificate === undefined || transport === 'tls') &&
  (rule.listener === undefined || rule.listener.includes(listener));
