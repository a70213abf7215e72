/**
 * The text of `conf/reference.yaml`: every key that is available, with its default and its meaning. Lines that begin
 * with `#` and no single space after it are settings without a default, or examples of what has names of its own.
 */
import { stringify } from 'yaml';
import { type JsonSchema, jsonSchema } from './json-schema.ts';

const HEAD = `\
# zonegate's configuration, version 1: every key, its meaning and its default.
# Made from the schema; \`zonegate check -c FILE\` tells what is wrong with a file of yours.
#
# "# text" is an explanation. "#key: value" is a setting that has no default, or an example: take the # away to use it.
# Paths are relative to the file. Durations: 500ms 10s 5m 2h 1d. Sizes: B KB MB GB, powers of ten. Rates: 10/s 10/m 10/h.
`;

export function referenceText(): string {
  const sections = Object.entries(jsonSchema().properties ?? {}).filter(([, schema]) => schema.later !== true);
  const blocks = sections.map(([name, schema]) => renderKey(name, schema, isRequired(jsonSchema(), name)).join('\n'));
  return `${[HEAD, ...blocks, ...notYet(jsonSchema())].join('\n\n').replace('\n\n\n', '\n\n')}\n`;
}

function renderKey(name: string, schema: JsonSchema, required: boolean): string[] {
  const setting = renderSetting(name, schema);
  return [
    ...(schema.description === undefined ? [] : [`# ${schema.description}`]),
    ...(required || hasDefault(schema) ? setting : setting.map((line) => `#${line}`)),
  ];
}

function renderSetting(name: string, schema: JsonSchema): string[] {
  if (schema.properties !== undefined && schema.example === undefined) {
    return [`${name}:`, ...indent(renderKeys(name === 'zone-defaults' ? forMany(schema) : schema))];
  }
  if (schema.items?.properties !== undefined) {
    return [`${name}:`, '  -', ...indent(indent(renderKeys(schema.items)))];
  }
  if (typeof schema.additionalProperties === 'object') {
    const entry = schema.additionalProperties;
    const inner =
      name === 'zones'
        ? withoutDefaults(entry)
        : name === 'catalog-templates'
          ? forMany(withoutDefaults(entry))
          : entry;
    return [`${name}:`, `  ${String(schema.example)}:`, ...indent(indent(renderKeys(inner)))];
  }
  return [`${name}: ${inline(schema.default ?? schema.example)}`];
}

const renderKeys = (schema: JsonSchema): string[] => [
  ...Object.entries(schema.properties ?? {})
    .filter(([, child]) => child.later !== true)
    .flatMap(([name, child]) => renderKey(name, child, isRequired(schema, name))),
  ...notYet(schema),
];

function notYet(schema: JsonSchema): string[] {
  const names = Object.entries(schema.properties ?? {}).flatMap(([name, { later }]) => (later === true ? [name] : []));
  return names.length === 0 ? [] : [`# Not available yet: ${names.join(', ')}.`];
}

/** Those keys of a zone that `zone-defaults`, above it in the text, has not explained yet. */
const withoutDefaults = (zone: JsonSchema): JsonSchema => ({
  properties: Object.fromEntries(
    Object.entries(zone.properties ?? {}).filter(([, child]) => child.later !== true && !hasDefault(child)),
  ),
});

/** Those keys of a zone that may stand for more than one. */
const forMany = (zone: JsonSchema): JsonSchema => ({
  properties: Object.fromEntries(
    Object.entries(zone.properties ?? {}).filter(([, { ofOneZone }]) => ofOneZone !== true),
  ),
});

/** Names that the operator chooses have no default; a mapping has one where any of its keys has. */
function hasDefault(schema: JsonSchema): boolean {
  if (typeof schema.additionalProperties === 'object' || schema.items?.properties !== undefined) return false;
  if (schema.properties === undefined) return schema.default !== undefined;
  return schema.default !== undefined || Object.values(schema.properties).every((child) => hasDefault(child));
}

const isRequired = (schema: JsonSchema, name: string): boolean =>
  schema.required?.includes(name) === true && schema.properties?.[name]?.default === undefined;

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

const inline = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value
        .map((item) => stringify(item, { defaultStringType: 'PLAIN' }).trim())
        .map(quoted)
        .join(', ')}]`
    : stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();

/** Inside brackets a colon, comma or star would mean something. */
const quoted = (item: string): string =>
  /[:,*{}[\]]/.test(item) && !item.startsWith('"') ? JSON.stringify(item) : item;
