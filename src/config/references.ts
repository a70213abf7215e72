/** Checks across the file: names that refer to something, things given twice, keys that do not go together. */
import { isIP } from 'node:net';
import { type AlgorithmName, TSIG_ALGORITHMS } from '../tsig/algorithm.ts';
import type { Path } from './document.ts';
import { LATER, words } from './shapes.ts';
import { suggestion } from './suggest.ts';
import { ZONE_DEFAULTS } from './v1-zone.ts';
import { canonicalHost, parseAddress, parseDuration, parseIp, parseListener, parseName } from './values.ts';

export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly at?: 'key' | 'value';
}

export interface Findings {
  readonly problems: Finding[];
  readonly warnings: Finding[];
}

/** Works on the values as they came: what has the wrong form is passed over, as the schema tells of it. */
export function checkReferences(value: unknown): Findings {
  const found: Findings = { problems: [], warnings: [] };
  const names = {
    certificates: namesOf(value, 'certificates'),
    keys: namesOf(value, 'keys'),
    primaries: namesOf(value, 'primaries'),
    secondaries: namesOf(value, 'secondaries'),
    zones: namesOf(value, 'zones'),
    'prefix-sets': namesOf(value, 'prefix-sets'),
    'sig0-keys': namesOf(value, 'sig0-keys'),
  };
  const must = (section: Section, path: Path, name: unknown): void => {
    if (typeof name !== 'string' || name === '') return;
    const known = names[section];
    if (
      known.includes(name) ||
      ((section === 'keys' || section === 'sig0-keys') && known.some((other) => sameName(other, name)))
    )
      return;
    const expected =
      known.length === 0 ? `; \`${section}\` has none` : suggestion(name, known) || `; expected one of \`${section}\``;
    found.problems.push({ path, message: `\`${name}\` is not one of \`${section}\`${expected}` });
  };

  checkDomainNames(value, 'keys', found);
  checkDomainNames(value, 'sig0-keys', found);
  for (const [name, key] of entriesOf(value, 'keys')) checkTruncation(name, key, found);
  checkDomainNames(value, 'zones', found);
  checkListeners(value, must, found);
  for (const [name, primary] of entriesOf(value, 'primaries')) checkPrimary(name, primary, must, found);
  for (const [name, secondary] of entriesOf(value, 'secondaries')) checkSecondary(name, secondary, must, found);
  checkLookAlikes(value, found);
  const defaults = isMapping(value) && isMapping(value['zone-defaults']) ? value['zone-defaults'] : {};
  checkZone(['zone-defaults'], defaults, {}, must, found);
  for (const [name, zone] of entriesOf(value, 'zones')) {
    if (!isMapping(zone)) continue;
    checkZone(['zones', name], zone, defaults, must, found);
    checkMode(['zones', name], { ...defaults, ...zone }, entriesOf(value, 'primaries'), found);
    // A generated catalog has no primary.
    if (name === '*' || zone['catalog-role'] === 'generate') continue;
    if (zone['primary'] === undefined && defaults['primary'] === undefined) {
      const message = '`primary` is missing; expected the name of one of `primaries`, here or in `zone-defaults`';
      found.problems.push({ path: ['zones', name], message, at: 'key' });
    }
  }
  for (const [name, template] of entriesOf(value, 'catalog-templates')) {
    if (!isMapping(template)) continue;
    checkZone(['catalog-templates', name], template, defaults, must, found);
    checkMode(['catalog-templates', name], { ...defaults, ...template }, entriesOf(value, 'primaries'), found);
  }
  for (const [name, set] of entriesOf(value, 'prefix-sets')) checkPrefixSet(name, set, found);
  checkRules(value, names.zones, must, found);
  return found;
}

type Section = 'certificates' | 'keys' | 'primaries' | 'secondaries' | 'prefix-sets' | 'sig0-keys';
type Must = (section: Section, path: Path, name: unknown) => void;

/** RFC 8945 §5.2.2.1. */
function checkTruncation(name: string, key: unknown, found: Findings): void {
  if (!isMapping(key) || typeof key['truncation'] !== 'number') return;
  const { algorithm = 'hmac-sha256', truncation } = key;
  const whole = TSIG_ALGORITHMS[algorithm as AlgorithmName]?.macLength;
  if (whole === undefined) return;
  const [least, most] = [whole * 4, whole * 8];
  if (truncation >= least && truncation < most) return;
  const message = `${String(algorithm)} has MACs of ${most} bits; expected at least half of that and less than all, or \`none\``;
  found.problems.push({ path: ['keys', name, 'truncation'], message });
}

function checkDomainNames(value: unknown, section: 'keys' | 'sig0-keys' | 'zones', found: Findings): void {
  const seen = new Map<string, string>();
  for (const name of namesOf(value, section)) {
    const path = [section, name];
    if (section === 'zones' && name === '*') {
      found.problems.push({ path, message: `\`*\` (zones on demand) is ${LATER}; expected a zone's name`, at: 'key' });
      continue;
    }
    const parsed = parseName(name);
    if (!parsed.ok) {
      found.problems.push({ path, message: parsed.failure, at: 'key' });
      continue;
    }
    const before = seen.get(parsed.value.label);
    if (before !== undefined) found.problems.push({ path, message: `the same name as \`${before}\``, at: 'key' });
    seen.set(parsed.value.label, name);
  }
}

function checkListeners(value: unknown, must: Must, found: Findings): void {
  const seen = new Map<string, number>();
  listOf(value, 'listen').forEach((listener, index) => {
    if (!isMapping(listener)) return;
    const path = ['listen', index];
    const isTls = listener['transport'] === 'tls';
    const certificate = listener['certificate'];
    must('certificates', [...path, 'certificate'], certificate);
    if (isTls && certificate === undefined) {
      const message = '`certificate` is missing; expected the name of one of `certificates`, as the transport is tls';
      found.problems.push({ path, message });
    }
    for (const key of isTls ? ['udp'] : ['certificate', 'client-certificate', 'alpn', 'xfr-only']) {
      if (listener[key] === undefined || (isTls && listener[key] === false)) continue;
      const message = `\`${key}\` goes with \`transport: ${isTls ? 'tcp' : 'tls'}\` only`;
      found.problems.push({ path: [...path, key], message, at: 'key' });
    }
    if (isTls && typeof certificate === 'string') checkClientCertificate(value, listener, certificate, path, found);
    const { address, port = isTls ? 853 : 53 } = listener;
    if (typeof address !== 'string' || port === 0) return;
    const place = `${canonicalHost(address)} ${String(port)}`;
    const before = seen.get(place);
    if (before !== undefined) found.problems.push({ path, message: `the same address and port as listen[${before}]` });
    else seen.set(place, index);
  });
}

function checkClientCertificate(
  value: unknown,
  listener: Mapping,
  certificate: string,
  path: Path,
  found: Findings,
): void {
  const wanted = listener['client-certificate'];
  if (wanted !== 'required' && wanted !== 'optional') return;
  const files = entriesOf(value, 'certificates').find(([name]) => name === certificate)?.[1];
  if (!isMapping(files) || files['client-ca-file'] !== undefined) return;
  const message = `client certificates cannot be checked: expected \`client-ca-file\` in certificates.${certificate}`;
  const to = wanted === 'required' ? found.problems : found.warnings;
  to.push({ path: [...path, 'client-certificate'], message });
}

const SERVER_ONLY = [
  'addresses',
  'key',
  'transport',
  'tls',
  'selection',
  'stall-timeout',
  'transfer-timeout',
  'queries-per-second',
  'concurrent-transfers',
  'connections',
  'pipeline',
  'connection-idle',
  'notify-from',
  'notify-key',
  'source-address',
  'edns',
  'ixfr',
];
const FILES_ONLY = ['zone-files', 'watch', 'include-below'];

function checkPrimary(name: string, primary: unknown, must: Must, found: Findings): void {
  if (!isMapping(primary)) return;
  const path = ['primaries', name];
  must('keys', [...path, 'key'], primary['key']);
  must('keys', [...path, 'notify-key'], primary['notify-key']);
  const isFiles = primary['zone-files'] !== undefined;
  if (!isFiles && primary['addresses'] === undefined) {
    found.problems.push({ path, message: 'expected `addresses` (servers) or `zone-files` (a folder)', at: 'key' });
  }
  checkFamilies(path, primary, 'addresses', found);
  if (!isFiles) checkPeerTls(path, primary, must, found);
  for (const key of isFiles ? SERVER_ONLY : FILES_ONLY) {
    if (primary[key] === undefined) continue;
    const message =
      key === 'addresses'
        ? 'expected `addresses` or `zone-files`, not both'
        : `\`${key}\` goes with \`${isFiles ? 'addresses' : 'zone-files'}\` only`;
    found.problems.push({ path: [...path, key], message, at: 'key' });
  }
}

/** A server that is not checked could be anybody (RFC 9103 §7.5). */
function checkPeerTls(path: Path, peer: Mapping, must: Must, found: Findings): void {
  const { transport, tls } = peer;
  if (transport !== 'tls' && tls === undefined) return;
  // Left out by an oversight it would mean plain text; written as tcp or udp it is a choice.
  if (transport === undefined) {
    const message = '`transport` is missing; expected `transport: tls` beside it';
    found.problems.push({ path: [...path, 'tls'], message, at: 'key' });
  } else if (transport === 'tcp' || transport === 'udp') {
    found.warnings.push({ path: [...path, 'tls'], message: 'not used: it goes with `transport: tls` only' });
  }
  const given = isMapping(tls) ? tls : {};
  must('certificates', [...path, 'tls', 'certificate'], given['certificate']);
  const { name, 'ca-file': caFile } = given;
  const hasPins = eachOf(given['pins']).length > 0;
  if ((name === undefined) !== (caFile === undefined)) {
    const [there, missing] = name === undefined ? ['ca-file', 'name'] : ['name', 'ca-file'];
    found.problems.push({ path: [...path, 'tls', there], message: `expected \`${missing}\` beside it`, at: 'key' });
  } else if (name === undefined && !hasPins && (tls === undefined || isMapping(tls))) {
    const message = 'nothing tells who the server is; expected `name` with `ca-file`, or `pins`, in `tls`';
    const at = tls === undefined ? [...path, 'transport'] : [...path, 'tls'];
    found.problems.push({ path: at, message, at: 'key' });
  }
}

/** A socket bound to an IPv4 address reaches no IPv6 one, and the other way round. */
function checkFamilies(path: Path, peer: Mapping, key: 'addresses' | 'address', found: Findings): void {
  const source = peer['source-address'];
  if (typeof source !== 'string' || !parseIp(source).ok) return;
  eachOf(peer[key]).forEach((text, index) => {
    const address = typeof text === 'string' ? parseAddress(text, 53) : undefined;
    if (address?.ok !== true || isIP(address.value.host) === isIP(source)) return;
    const message = `not of the same family as \`source-address\` (${source}); expected IPv${isIP(source)}`;
    found.problems.push({ path: [...path, key, ...(key === 'addresses' ? [index] : [])], message });
  });
}

function checkSecondary(name: string, secondary: unknown, must: Must, found: Findings): void {
  if (!isMapping(secondary)) return;
  const path = ['secondaries', name];
  const { address, key, notify } = secondary;
  eachOf(key).forEach((one, index) => {
    must('keys', [...path, 'key', ...(Array.isArray(key) ? [index] : [])], one);
  });
  if (notify === true && address === undefined) {
    found.problems.push({ path: [...path, 'notify'], message: 'expected `address` beside it', at: 'key' });
  }
  checkFamilies(path, secondary, 'address', found);
  checkPeerTls(path, secondary, must, found);
}

/** What one of them takes would count for the other, too. */
function checkLookAlikes(value: unknown, found: Findings): void {
  const seen = new Map<string, string>();
  for (const [name, secondary] of entriesOf(value, 'secondaries')) {
    if (!isMapping(secondary) || secondary['sources'] !== undefined) continue;
    const { address, key } = secondary;
    const parsed = typeof address === 'string' ? parseAddress(address, 53) : undefined;
    if (parsed?.ok !== true) continue;
    const looks = JSON.stringify([canonicalHost(parsed.value.host), eachOf(key)]);
    const before = seen.get(looks);
    if (before === undefined) {
      seen.set(looks, name);
      continue;
    }
    const message = `clients of it look like those of \`${before}\`; expected another \`key\`, or \`sources\``;
    found.warnings.push({ path: ['secondaries', name], message, at: 'key' });
  }
}

/** What is passed on needs somebody who answers. */
function checkMode(path: Path, zone: Mapping, primaries: readonly [string, unknown][], found: Findings): void {
  if (zone['mode'] !== 'relay') return;
  const primary = primaries.find(([name]) => name === zone['primary'])?.[1];
  if (zone['catalog-role'] !== undefined) {
    const message = 'a catalog zone is read here; expected `mode: mirror`';
    found.problems.push({ path: [...path, 'mode'], message });
  } else if (isMapping(primary) && primary['zone-files'] !== undefined) {
    const message = `\`${String(zone['primary'])}\` is a folder, which answers no requests; expected \`mode: mirror\``;
    found.problems.push({ path: [...path, 'mode'], message });
  }
}

function checkZone(path: Path, zone: Mapping, defaults: Mapping, must: Must, found: Findings): void {
  must('primaries', [...path, 'primary'], zone['primary']);
  must('keys', [...path, 'primary-key'], zone['primary-key']);
  eachOf(zone['secondaries']).forEach((name, index) => {
    must('secondaries', [...path, 'secondaries', index], name);
  });
  const own = isMapping(zone['timers']) ? zone['timers'] : {};
  const inherited = isMapping(defaults['timers']) ? defaults['timers'] : {};
  for (const timer of ['refresh', 'retry', 'expire'] as const) {
    const [least, most] = [`${timer}-min`, `${timer}-max`] as const;
    if (own[least] === undefined && own[most] === undefined) continue;
    const textOf = (key: keyof typeof ZONE_DEFAULTS.timers) =>
      String(own[key] ?? inherited[key] ?? ZONE_DEFAULTS.timers[key]);
    const [from, to] = [parseDuration(textOf(least)), parseDuration(textOf(most))];
    if (!from.ok || !to.ok || from.value <= to.value) continue;
    const key = own[least] === undefined ? most : least;
    const message = `\`${least}\` (${textOf(least)}) is longer than \`${most}\` (${textOf(most)})`;
    found.problems.push({ path: [...path, 'timers', key], message });
  }
}

function checkPrefixSet(name: string, set: unknown, found: Findings): void {
  if (!isMapping(set)) return;
  const path = ['prefix-sets', name];
  if ((set['file'] === undefined) === (set['url'] === undefined)) {
    const message = set['file'] === undefined ? 'expected `file` or `url`' : 'expected `file` or `url`, not both';
    found.problems.push({ path, message, at: 'key' });
  }
  for (const key of ['refresh', 'timeout']) {
    if (set['file'] === undefined || set[key] === undefined) continue;
    found.problems.push({ path: [...path, key], message: `\`${key}\` goes with \`url\` only`, at: 'key' });
  }
}

function checkRules(value: unknown, zones: readonly string[], must: Must, found: Findings): void {
  const seen = new Map<string, number>();
  const listeners = listenerNames(value);
  listOf(value, 'rules').forEach((rule, index) => {
    if (!isMapping(rule)) return;
    const path = ['rules', index];
    const name = rule['name'] ?? `rule-${index + 1}`;
    if (typeof name === 'string') {
      const before = seen.get(name);
      if (before === undefined) seen.set(name, index);
      else
        found.problems.push({
          path: [...path, 'name'],
          message: `\`${name}\` is the name of rules[${before}] as well`,
        });
    }
    checkRuleAction(rule, path, found);
    if (!isMapping(rule['match'])) return;
    const { key, zone, source, listener, sig0 } = rule['match'];
    eachOf(sig0).forEach((one, item) => {
      must('sig0-keys', [...path, 'match', 'sig0', item], one);
    });
    eachOf(source).forEach((one, item) => {
      if (typeof one === 'string' && one.startsWith('set:'))
        must('prefix-sets', [...path, 'match', 'source', item], one.slice(4));
    });
    eachOf(listener).forEach((one, item) => {
      const parsed = typeof one === 'string' ? parseListener(one) : undefined;
      if (parsed?.ok !== true || listeners.includes(parsed.value)) return;
      const message = `\`${String(one)}\` is not one of \`listen\`; expected ${words(listeners.map((name) => name.replace('#', ':')))}`;
      found.problems.push({ path: [...path, 'match', 'listener', item], message });
    });
    eachOf(key).forEach((one, item) => {
      must('keys', [...path, 'match', 'key', item], one);
    });
    eachOf(zone).forEach((one, item) => {
      if (typeof one !== 'string' || one.startsWith('*') || zones.some((known) => sameName(known, one))) return;
      const message = `\`${one}\` is not one of \`zones\`${suggestion(one, zones)}`;
      found.warnings.push({ path: [...path, 'match', 'zone', item], message });
    });
  });
}

/** What says more of an action that the rule does not take is a mistake, not a wish. */
function checkRuleAction(rule: Mapping, path: Path, found: Findings): void {
  for (const [key, action] of [
    ['answer', 'refuse'],
    ['delay', 'delay'],
  ] as const) {
    if (rule[key] === undefined || rule['action'] === action) continue;
    found.problems.push({
      path: [...path, key],
      message: `\`${key}\` goes with \`action: ${action}\` only`,
      at: 'key',
    });
  }
}

/** `address#port` of each listener. */
const listenerNames = (value: unknown): string[] =>
  listOf(value, 'listen').flatMap((listener) => {
    if (!isMapping(listener) || typeof listener['address'] !== 'string') return [];
    const port = listener['port'] ?? (listener['transport'] === 'tls' ? 853 : 53);
    return [`${canonicalHost(listener['address'])}#${String(port)}`];
  });

export type Mapping = Readonly<Record<string, unknown>>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const entriesOf = (value: unknown, section: string): [string, unknown][] =>
  isMapping(value) && isMapping(value[section]) ? Object.entries(value[section]) : [];

const namesOf = (value: unknown, section: string): string[] => entriesOf(value, section).map(([name]) => name);

const listOf = (value: unknown, section: string): readonly unknown[] =>
  isMapping(value) && Array.isArray(value[section]) ? value[section] : [];

const eachOf = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

function sameName(a: string, b: string): boolean {
  const [left, right] = [parseName(a), parseName(b)];
  return left.ok && right.ok && left.value.label === right.value.label;
}
