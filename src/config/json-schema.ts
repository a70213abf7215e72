/** The configuration as JSON Schema, for editors and for our own messages and reference. */
import { z } from 'zod';
import type { Path } from './document.ts';
import { elementOf } from './shapes.ts';
import { v1 } from './v1.ts';

/** The part of JSON Schema that our shapes come out as. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  /** A value for the reference where there is no default; for a mapping of names, such a name. */
  readonly example?: unknown;
  /** Known, but brought by a later version of the program. */
  readonly later?: true;
  /** Of a zone, and of no more than one. */
  readonly ofOneZone?: true;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly enum?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

let made: JsonSchema | undefined;

export function jsonSchema(): JsonSchema {
  made ??= toJsonSchema(v1);
  return made;
}

/** The schema of what stands at a path; names and indexes that the operator chose count as any. */
export function schemaAt(path: Path): JsonSchema | undefined {
  let at: JsonSchema | undefined = jsonSchema();
  for (const step of path) {
    if (typeof step === 'number') at = at?.items ?? at?.anyOf?.[0] ?? at;
    else at = at?.properties?.[step] ?? (at?.additionalProperties || undefined);
  }
  return at;
}

function toJsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: out }) => {
      // zod drops `default` where text becomes a value of another type, so our metadata calls it `preset`.
      if ('preset' in out) {
        out.default = out['preset'] as string | number;
        delete out['preset'];
      }
      const element = elementOf(zodSchema as unknown as z.ZodType);
      if (element === undefined) return;
      const { $schema: _, ...items } = toJsonSchema(element) as Record<string, unknown>;
      for (const key of ['type', 'items', 'minItems']) Reflect.deleteProperty(out, key);
      out.anyOf = [items, { type: 'array', items, minItems: 1 }];
    },
  }) as JsonSchema;
}
