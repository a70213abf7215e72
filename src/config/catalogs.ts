/** Catalog zones: what the file says of them across its parts, and what the program is given. */
import { compileZones, includesZone } from '../policy/zone-patterns.ts';
import type { InterpretedCatalog, ZoneConfig, ZoneSettings } from './config.ts';
import { entriesOf, type Findings, isMapping, type Mapping } from './references.ts';
import { suggestion } from './suggest.ts';
import type { V1Zone } from './v1.ts';
import { MAX_MEMBERS } from './v1-catalogs.ts';
import { parseName } from './values.ts';

/** Of a catalog that is interpreted. */
const INTERPRET_ONLY = ['catalog-template', 'catalog-members', 'catalog-max-members'];

export function checkCatalogs(value: unknown, found: Findings): void {
  const templates = entriesOf(value, 'catalog-templates');
  const names = templates.map(([name]) => name);
  const defaults = isMapping(value) && isMapping(value['zone-defaults']) ? value['zone-defaults'] : {};
  notForMany(['zone-defaults'], defaults, found);
  for (const [name, template] of templates) {
    if (!isMapping(template)) continue;
    const path = ['catalog-templates', name];
    notForMany(path, template, found);
    checkValidation(path, template, defaults, found);
    if (template['primary'] !== undefined || defaults['primary'] !== undefined) continue;
    const message = '`primary` is missing; expected the name of one of `primaries`, here or in `zone-defaults`';
    found.problems.push({ path, message, at: 'key' });
  }
  const made = generated(value);
  checkListed(['zone-defaults'], defaults, {}, made, found);
  for (const [name, template] of templates) {
    if (isMapping(template)) checkListed(['catalog-templates', name], template, defaults, made, found);
  }
  for (const [name, zone] of entriesOf(value, 'zones')) {
    if (!isMapping(zone)) continue;
    checkCatalog(['zones', name], zone, names, found);
    checkListed(['zones', name], zone, defaults, made, found);
  }
}

/** Labels of the catalogs that zonegate makes. */
function generated(value: unknown): Set<string> {
  const made = entriesOf(value, 'zones').filter(([, zone]) => isMapping(zone) && zone['catalog-role'] === 'generate');
  return new Set(made.map(([name]) => labelOf(name)));
}

function labelOf(name: string): string {
  const parsed = parseName(name);
  return parsed.ok ? parsed.value.label : name;
}

/** Where a zone says which catalog lists it. */
function checkListed(
  path: readonly string[],
  zone: Mapping,
  defaults: Mapping,
  made: ReadonlySet<string>,
  found: Findings,
): void {
  const { 'catalog-zone': catalog, 'catalog-group': group } = zone;
  if (group !== undefined && catalog === undefined && defaults['catalog-zone'] === undefined) {
    const message = '`catalog-group` goes with `catalog-zone` only';
    found.problems.push({ path: [...path, 'catalog-group'], message, at: 'key' });
  }
  if (typeof catalog !== 'string' || catalog === '') return;
  const isItself = path[0] === 'zones' && labelOf(path[1] as string) === labelOf(catalog);
  if (made.has(labelOf(catalog)) && !isItself) return;
  const message = isItself
    ? 'a catalog does not list itself'
    : `\`${catalog}\` is none: \`catalog-zone\` goes with the name of a zone with \`catalog-role: generate\` only`;
  found.problems.push({ path: [...path, 'catalog-zone'], message });
}

/** A catalog is one zone: what stands for many says nothing of it. */
function notForMany(path: readonly string[], zone: Mapping, found: Findings): void {
  for (const key of ['catalog-role', ...INTERPRET_ONLY]) {
    if (zone[key] === undefined) continue;
    found.problems.push({ path: [...path, key], message: `\`${key}\` goes with one of \`zones\` only`, at: 'key' });
  }
}

/** Trust anchors are for names that are known: without them a member would pass for validated, and is not. */
function checkValidation(path: readonly string[], template: Mapping, defaults: Mapping, found: Findings): void {
  const [own, inherited] = [template['dnssec'], defaults['dnssec']];
  const keys = isMapping(own) ? Object.entries(own) : [];
  for (const [key, item] of keys) {
    if (key === 'validation' && item === false) continue;
    const message = `\`${key}\` goes with one of \`zones\` only`;
    found.problems.push({ path: [...path, 'dnssec', key], message, at: 'key' });
  }
  const isInherited = isMapping(inherited) && inherited['validation'] === true;
  if (!isInherited || keys.some(([key]) => key === 'validation')) return;
  const message =
    'members are not validated, and `zone-defaults` wants it; expected `dnssec: { validation: false }` here';
  found.problems.push({ path, message, at: 'key' });
}

function checkCatalog(path: readonly string[], zone: Mapping, templates: readonly string[], found: Findings): void {
  const isInterpreted = zone['catalog-role'] === 'interpret';
  for (const key of zone['catalog-role'] === 'generate' ? ['primary', 'primary-key'] : []) {
    if (zone[key] === undefined) continue;
    const message = `\`${key}\` goes with zones that are not generated only`;
    found.problems.push({ path: [...path, key], message, at: 'key' });
  }
  for (const key of INTERPRET_ONLY) {
    if (zone[key] === undefined || isInterpreted) continue;
    const message = `\`${key}\` goes with \`catalog-role: interpret\` only`;
    found.problems.push({ path: [...path, key], message, at: 'key' });
  }
  const given = zone['catalog-template'];
  if (isInterpreted && given === undefined) {
    const message =
      '`catalog-template` is missing; expected `{ default: NAME }`, the name of one of `catalog-templates`';
    found.problems.push({ path: [...path, 'catalog-role'], message });
  }
  if (!isMapping(given)) return;
  const groups = isMapping(given['groups']) ? Object.entries(given['groups']) : [];
  const used = [
    ['default', given['default']] as const,
    ...groups.map(([group, name]) => ['groups', group, name] as const),
  ];
  for (const [...at] of used) {
    const name = at.pop();
    if (typeof name !== 'string' || name === '' || templates.includes(name)) continue;
    const expected =
      templates.length === 0
        ? '; `catalog-templates` has none'
        : suggestion(name, templates) || '; expected one of `catalog-templates`';
    const message = `\`${name}\` is not one of \`catalog-templates\`${expected}`;
    found.problems.push({ path: [...path, 'catalog-template', ...(at as string[])], message });
  }
}

/** A catalog is listed in another only where it says so itself. */
export function resolveCatalogs(
  own: V1Zone,
  defaults: V1Zone,
): Pick<ZoneConfig, 'catalog' | 'catalogZone' | 'catalogGroup'> {
  const catalog = resolveCatalog(own);
  const layers = catalog === undefined ? [own, defaults] : [own];
  const [zone] = layers.flatMap((layer) => layer['catalog-zone'] ?? []);
  const parsed = zone === undefined ? undefined : parseName(zone);
  const [group] = layers.flatMap((layer) => layer['catalog-group'] ?? []);
  return { catalog, catalogZone: parsed?.ok ? parsed.value.label : undefined, catalogGroup: group };
}

function resolveCatalog(zone: V1Zone): ZoneConfig['catalog'] {
  const { 'catalog-role': role, 'catalog-template': template, 'catalog-members': members = ['*'], ...rest } = zone;
  const { 'catalog-max-members': maxMembers = MAX_MEMBERS } = rest;
  if (role === 'generate') return { role };
  if (role === undefined || template === undefined) return undefined;
  const groups = new Map(Object.entries(template.groups ?? {}));
  return { role, template: { default: template.default, groups }, members, maxMembers };
}

/** A member of a catalog, by the template that its groups choose. */
export function memberConfig(
  { template }: InterpretedCatalog,
  templates: ReadonlyMap<string, ZoneSettings>,
  zone: string,
  groups: readonly string[],
): ZoneConfig {
  const group = groups.find((one) => template.groups.has(one));
  const name = (group === undefined ? undefined : template.groups.get(group)) ?? template.default;
  const settings = templates.get(name);
  const parsed = parseName(zone);
  if (settings === undefined || !parsed.ok) throw new Error(`member ${zone}: its template was checked to exist`);
  return { ...settings, name: parsed.value.label, apex: parsed.value.wire, groups };
}

/** Whether `catalog-members` lets a zone in. */
export const admits = (catalog: InterpretedCatalog): ((zone: string) => boolean) => {
  const patterns = compileZones(catalog.members);
  return (zone) => includesZone(patterns, zone);
};
