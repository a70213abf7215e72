/** The guards of a zone: what the file says of them across its parts, and what the program is given. */
import { resolve as resolvePath } from 'node:path';
import { equalBytes } from '../base/bytes.ts';
import { readTrustAnchor, readTrustAnchors, type TrustAnchor } from '../guard/dnssec/anchor.ts';
import { zoneLabel } from '../wire/name.ts';
import type { ZoneConfig } from './config.ts';
import type { Path } from './document.ts';
import { entriesOf, type Finding, isMapping, type Mapping } from './references.ts';
import type { V1Zone } from './v1.ts';
import { GUARD_DEFAULTS } from './v1-guards.ts';
import { zone as zoneShape } from './v1-zone.ts';
import { parseName } from './values.ts';

export interface CheckedAnchors {
  /** By the zone's name as it stands in the file. */
  readonly anchors: ReadonlyMap<string, readonly TrustAnchor[]>;
  readonly problems: readonly Finding[];
}

/** Finds the trust anchors of each zone. `read` throws where there is no such file, and `unreadable` says why. */
export function checkAnchors(
  value: unknown,
  read: (path: string) => string,
  unreadable: (file: unknown, error: unknown) => string,
): CheckedAnchors {
  const problems: Finding[] = [];
  const defaults = isMapping(value) && isMapping(value['zone-defaults']) ? value['zone-defaults'] : {};
  const load = (path: Path, dnssec: Mapping): Layer => ({
    listed: listedAnchors([...path, 'trust-anchors'], dnssec['trust-anchors'], problems, path[0] === 'zones'),
    fromFile: anchorsOfFile([...path, 'trust-anchor-file'], dnssec['trust-anchor-file'], read, unreadable, problems),
  });
  const shared = load(['zone-defaults', 'dnssec'], dnssecOf(defaults));
  const anchors = new Map<string, readonly TrustAnchor[]>();
  for (const [name, zone] of entriesOf(value, 'zones')) {
    const parsed = parseName(name);
    const own = isMapping(zone) ? dnssecOf(zone) : {};
    if (!parsed.ok) continue;
    const path = ['zones', name, 'dnssec'];
    const mine = load(path, own);
    const apex = parsed.value.wire;
    const isFor = ({ owner }: TrustAnchor): boolean => owner === undefined || equalBytes(owner, apex);
    mine.listed?.forEach((anchor, index) => {
      if (anchor === undefined || isFor(anchor)) return;
      const message = `it is for \`${zoneLabel(anchor.owner ?? apex)}\`, not for this zone`;
      problems.push({ path: [...path, 'trust-anchors', index], message });
    });
    const all = [...(mine.listed ?? shared.listed ?? []), ...(mine.fromFile ?? shared.fromFile ?? [])];
    const usable = all.filter((anchor) => anchor !== undefined && isFor(anchor)) as TrustAnchor[];
    anchors.set(name, usable);
    const validation = own['validation'] ?? dnssecOf(defaults)['validation'];
    if (validation !== true || usable.length > 0 || all.includes(undefined)) continue;
    const message =
      'no trust anchor is for this zone, so it cannot be validated; expected one in `trust-anchors` or `trust-anchor-file`';
    const at = own['validation'] === true ? [...path, 'validation'] : ['zones', name];
    problems.push({ path: at, message, at: 'key' });
  }
  return { anchors, problems };
}

/** Anchors of one place in the file; undefined where it says nothing, and in the place of one that is wrong. */
interface Layer {
  readonly listed: readonly (TrustAnchor | undefined)[] | undefined;
  readonly fromFile: readonly (TrustAnchor | undefined)[] | undefined;
}

const dnssecOf = (zone: Mapping): Mapping => (isMapping(zone['dnssec']) ? zone['dnssec'] : {});

/** What has the wrong form is passed over, as the schema tells of it. */
function listedAnchors(
  path: Path,
  list: unknown,
  problems: Finding[],
  isForOneZone: boolean,
): (TrustAnchor | undefined)[] | undefined {
  if (!Array.isArray(list)) return undefined;
  return list.map((text: unknown, index) => {
    const anchor = typeof text === 'string' ? readTrustAnchor(text) : undefined;
    if (anchor?.ok !== true) return undefined;
    if (anchor.value.owner !== undefined || isForOneZone) return anchor.value;
    problems.push({ path: [...path, index], message: NO_OWNER });
    return undefined;
  });
}

function anchorsOfFile(
  path: Path,
  file: unknown,
  read: (path: string) => string,
  unreadable: (file: unknown, error: unknown) => string,
  problems: Finding[],
): (TrustAnchor | undefined)[] | undefined {
  if (typeof file !== 'string' || file === '') return undefined;
  let text: string;
  try {
    text = read(file);
  } catch (error) {
    problems.push({ path, message: unreadable(file, error) });
    return [undefined];
  }
  const anchors = readTrustAnchors(text);
  if (!anchors.ok) {
    const [first] = anchors.failure;
    const more = anchors.failure.length > 1 ? `, and ${anchors.failure.length - 1} more` : '';
    problems.push({ path, message: `\`${file}\` line ${first?.line}: ${first?.message}${more}` });
    return [undefined];
  }
  if (anchors.value.every(({ owner }) => owner !== undefined)) return [...anchors.value];
  problems.push({ path, message: `\`${file}\`: ${NO_OWNER}` });
  return [undefined];
}

const NO_OWNER = "expected the zone's name in front of the record, as it stands for more than one zone";

type Guards = Pick<ZoneConfig, 'zonemd' | 'dnssec' | 'changeGuard' | 'externalValidation'>;

/** `folder`: where relative paths start. */
export function resolveGuards(own: V1Zone, defaults: V1Zone, anchors: readonly TrustAnchor[], folder: string): Guards {
  const {
    validation,
    'min-validity': minValidityMs,
    'trust-anchors': _listed,
    'trust-anchor-file': _file,
    ...noDnssec
  } = layered('dnssec', own, defaults);
  const {
    action,
    'names-removed': namesRemoved,
    'zone-shrunk': zoneShrunk,
    'apex-ns-lost': apexNsLost,
    'apex-dnskey-lost': apexDnskeyLost,
    'from-records': fromRecords,
    ...noChange
  } = layered('change-guard', own, defaults);
  const {
    command,
    input,
    timeout: timeoutMs,
    'on-timeout': onTimeout,
    ...noExternal
  } = layered('external-validation', own, defaults);
  nothingMore(noDnssec, noChange, noExternal);
  const [program, ...args] = command;
  const limits = { namesRemoved, zoneShrunk, apexNsLost, apexDnskeyLost, fromRecords };
  return {
    zonemd: own.zonemd ?? defaults.zonemd ?? GUARD_DEFAULTS.zonemd,
    dnssec: anchors.length === 0 ? undefined : { validation, anchors, minValidityS: minValidityMs / 1000 },
    changeGuard: action === undefined ? undefined : { action, ...limits },
    externalValidation:
      program === undefined
        ? undefined
        : { command: [inFolder(program, folder), ...args], input, timeoutMs, onTimeout },
  };
}

/** A program that is named by a path is found as other files are; a bare name is looked up by the system. */
const inFolder = (program: string, folder: string): string =>
  program.includes('/') ? resolvePath(folder, program) : program;

type Section = 'dnssec' | 'change-guard' | 'external-validation';
type Whole<K extends Section> = NonNullable<V1Zone[K]>;
/** With the keys that have a default. */
type Filled<K extends Section> = Omit<Whole<K>, keyof (typeof GUARD_DEFAULTS)[K]> & {
  [P in keyof Whole<K> & keyof (typeof GUARD_DEFAULTS)[K]]-?: Exclude<Whole<K>[P], undefined>;
};

const BUILT_IN = zoneShape.parse(GUARD_DEFAULTS);

/** Key by key: the zone's own, else that of `zone-defaults`, else ours. */
function layered<K extends Section>(section: K, own: V1Zone, defaults: V1Zone): Filled<K> {
  const layers = [BUILT_IN[section], defaults[section], own[section]].flatMap((layer) => Object.entries(layer ?? {}));
  return Object.fromEntries(layers.filter(([, item]) => item !== undefined)) as unknown as Filled<K>;
}

/** A key that nobody carries over fails to compile. */
const nothingMore = (..._rest: readonly Record<string, never>[]): void => undefined;
