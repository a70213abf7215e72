/** Turns what zod found into sentences: what was expected, what stands there, what was probably meant. */
import type { z } from 'zod';
import type { ConfigDocument, ConfigProblem, Path } from './document.ts';
import { type JsonSchema, jsonSchema, schemaAt } from './json-schema.ts';
import { words } from './shapes.ts';
import { nearest, suggestion } from './suggest.ts';

export function describeIssues(issues: readonly z.core.$ZodIssue[], document: ConfigDocument): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => document.problem([...path, key], unknownKey(path, key), 'key'));
    }
    const last = path.at(-1);
    if (issue.code === 'custom' && issue.params?.['later'] === true) {
      return [document.problem(path, `\`${String(last)}\` is ${issue.message}`, 'key')];
    }
    if (!issue.message.startsWith('expected')) return [document.problem(path, issue.message)];
    const value = valueAt(document.value, path);
    if (value === undefined) {
      const name = typeof last === 'string' ? `\`${last}\` is missing; ` : '';
      return [document.problem(path, `${name}${issue.message}`)];
    }
    const near = typeof value === 'string' ? suggestion(value, schemaAt(path)?.enum ?? []) : '';
    return [document.problem(path, `${issue.message}${butFound(value, path)}${near}`)];
  });
}

function unknownKey(path: Path, key: string): string {
  const known = Object.keys(schemaAt(path)?.properties ?? {});
  const near = nearest(key, known);
  const elsewhere = near === undefined ? placesOf(key) : [];
  if (near !== undefined) return `unknown key \`${key}\`; did you mean \`${near}\`?`;
  if (elsewhere.length > 0) return `misplaced key \`${key}\`; it belongs in ${words(elsewhere)}`;
  const shown = known.length > 12 ? [...known.slice(0, 11), '...'] : known;
  return `unknown key \`${key}\`; expected ${words(shown)}`;
}

/** Where in the configuration a key of this name is known: `rules[].limits`, `keys.NAME`. */
function placesOf(key: string): string[] {
  const places: string[] = [];
  const visit = (schema: JsonSchema, path: string): void => {
    if (schema.properties !== undefined && key in schema.properties && path !== '') places.push(path);
    if (schema.properties !== undefined && key in schema.properties && path === '') places.push('the top level');
    for (const [name, child] of Object.entries(schema.properties ?? {}))
      visit(child, path === '' ? name : `${path}.${name}`);
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, `${path}.NAME`);
    if (schema.items !== undefined) visit(schema.items, `${path}[]`);
  };
  visit(jsonSchema(), '');
  return places.slice(0, 4);
}

/** What stands there, unless it might be a secret or is too long to be of help. */
function butFound(value: unknown, path: Path): string {
  if (Array.isArray(value)) return ', not a list';
  if (typeof value === 'object' && value !== null) return ', not a mapping';
  if (path[0] === 'keys' && path.at(-1) !== 'algorithm' && path.at(-1) !== 'fudge')
    return `, not a ${typeof value} like this`;
  const text = String(value);
  return text.length > 80 ? '' : `, not \`${text}\``;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at === 'object' && at !== null) at = (at as Record<string | number, unknown>)[step];
    else if (step !== 0) return undefined;
  }
  return at;
}
