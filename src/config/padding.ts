/** `padding` of a zone: its shape on disk, and what the program is given. */
import { z } from 'zod';
import { DEFAULT_PADDING, type Padding } from '../wire/padding.ts';
import { choice, integer, mapping, written } from './shapes.ts';
import * as values from './values.ts';

const MOST_STEP = 1e9;

const step = () => {
  const error = `expected 0 or ${values.SIZE}, at most \`1GB\``;
  const size = (text: string): values.Parsed<number> => {
    const parsed = values.parseSize(text);
    return parsed.ok && parsed.value <= MOST_STEP ? parsed : { ok: false, failure: error };
  };
  return z.union([z.literal(0), written(values.SIZE, size)], { error });
};

export const padding = mapping({
  policy: choice(['block', 'max', 'none']).optional().meta({
    description: 'block: to a multiple of it; max: each message to 64 KB; none: not at all.',
    preset: DEFAULT_PADDING.policy,
  }),
  block: integer(16, 16_384).optional().meta({ description: 'Octets.', preset: DEFAULT_PADDING.block }),
  'zone-size-step': step().optional().meta({
    description:
      'Transfers come to a multiple of so many octets, as far as padding goes: 64 KB a message. 0: they do not.',
    preset: DEFAULT_PADDING.zoneSizeStep,
  }),
}).meta({ description: 'Padding of answers over TLS, where the query had OPT (RFC 7830, 8467).' });

type PaddingShape = z.output<typeof padding> | undefined;

/** One object for all zones that say the same. */
export function resolvePadding(own: PaddingShape, defaults: PaddingShape): Padding {
  const policy = own?.policy ?? defaults?.policy ?? DEFAULT_PADDING.policy;
  const block = own?.block ?? defaults?.block ?? DEFAULT_PADDING.block;
  const zoneSizeStep = own?.['zone-size-step'] ?? defaults?.['zone-size-step'] ?? DEFAULT_PADDING.zoneSizeStep;
  const key = `${policy} ${block} ${zoneSizeStep}`;
  const known = resolved.get(key) ?? { policy, block, zoneSizeStep };
  resolved.set(key, known);
  return known;
}

const resolved = new Map<string, Padding>([
  [`${DEFAULT_PADDING.policy} ${DEFAULT_PADDING.block} ${DEFAULT_PADDING.zoneSizeStep}`, DEFAULT_PADDING],
]);
