/** The few kinds of schema that the on-disk shape is made of, each with an error that says what was expected. */
import { z } from 'zod';
import { DURATION, type Parsed, parseCertificateName, parseDuration, parsePin, parseSize, SIZE } from './values.ts';

/** A key that a later version of zonegate brings: known to `check`, but refused. */
export const later = (description: string) =>
  z
    .unknown()
    .superRefine((value, context) => {
      if (value !== undefined) context.addIssue({ code: 'custom', message: LATER, params: { later: true } });
    })
    .optional()
    .meta({ description, later: true });

export const LATER = 'not available yet';

/** A mapping with fixed keys. */
export const mapping = <S extends z.ZodRawShape>(shape: S) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? `expected a mapping (${keysOf(shape)})` : undefined),
  });

/** A mapping from names that the operator chooses. */
export const named = <T extends z.ZodType>(value: T, what: string) =>
  z.record(z.string(), value, { error: `expected a mapping of ${what}` });

export const list = <T extends z.ZodType>(element: T, what: string) =>
  z.array(element, { error: `expected a list of ${what}` });

/** One thing, or a list of them. */
export const oneOrMany = <T extends z.ZodType>(element: T, what: string) => {
  const schema = z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    list(element, what).min(1, { error: `expected at least one of ${what}` }),
  );
  elements.set(schema, element);
  return schema;
};

const elements = new WeakMap<z.ZodType, z.ZodType>();

/** What a `oneOrMany` is made of: its JSON Schema cannot be seen through the preprocessing. */
export const elementOf = (schema: z.ZodType): z.ZodType | undefined => elements.get(schema);

export const integer = (least: number, most: number) => {
  const error = `expected a whole number from ${least} to ${most}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
};

export const number = (least: number, most: number) => {
  const error = `expected a number from ${least} to ${most}`;
  return z.number({ error }).min(least, { error }).max(most, { error });
};

export const flag = () => z.boolean({ error: 'expected `true` or `false`' });

export const text = (expected: string) =>
  z.string({ error: `expected ${expected}` }).min(1, { error: `expected ${expected}` });

/** Text with a form of its own, read by one of `values.ts`. */
export const written = <T>(expected: string, parse: (text: string) => Parsed<T>) =>
  z.string({ error: `expected ${expected}` }).transform((value, context): T => {
    const parsed = parse(value);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.failure });
    return z.NEVER;
  });

/** What a timer can wait: 24 days, as more milliseconds than 2^31 would be none at all. */
const MOST_MS = 24 * 86_400_000;

/** `least` and `most` in milliseconds. */
export const duration = (least = 0, most = MOST_MS) =>
  written(DURATION, (text): Parsed<number> => {
    const parsed = parseDuration(text);
    if (!parsed.ok || (parsed.value >= least && parsed.value <= most)) return parsed;
    return { ok: false, failure: `expected a duration from ${durationText(least)} to ${durationText(most)}` };
  });

/** Compared with clocks, never waited for. */
export const longDuration = () => written(DURATION, parseDuration);

const durationText = (ms: number): string => {
  if (ms % 86_400_000 === 0 && ms > 0) return `${ms / 86_400_000}d`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
};

export const size = () => written(SIZE, parseSize);

export const file = (what: string) => text(`the path of ${what}`);

/** What a client's certificate must be. */
export const certificateLooks = () =>
  mapping({
    names: list(written('a host name or address', parseCertificateName), 'names')
      .prefault([])
      .meta({ description: 'Names in it (subjectAltName), one of which must be there;' }),
    pins: list(written('a pin', parsePin), 'pins')
      .prefault([])
      .meta({ description: 'SHA-256 of its public key (`zonegate cert pin`); where both are given, both must hold.' }),
  });

export const keyName = () => text('the name of one of `keys`');

/** One of a few words; those of a later version are known, but refused. */
export const choice = <const W extends readonly [string, ...string[]]>(available: W, notYet: readonly string[] = []) =>
  z.enum(available, {
    error: (issue) =>
      notYet.includes(issue.input as string)
        ? `\`${String(issue.input)}\` is ${LATER}; expected ${words(available)}`
        : `expected ${words([...available, ...notYet])}`,
  });

export function words(options: readonly string[]): string {
  const quoted = options.map((option) => `\`${option}\``);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

const keysOf = (shape: z.ZodRawShape): string => {
  const keys = Object.keys(shape);
  return keys.length > 6 ? `${keys.slice(0, 5).join(', ')}, ...` : keys.join(', ');
};
