/** Octets for properties of parsers: of any kind, and messages that are right with a few octets wrong. */
import assert from 'node:assert/strict';
import fc from 'fast-check';

/** No single input may take longer than this, on a machine shared with others. */
const BOUND_MS = 1000;

export function inTime<T>(work: () => T): T {
  const start = performance.now();
  const value = work();
  const ms = performance.now() - start;
  assert.ok(ms < BOUND_MS, `took ${ms} ms`);
  return value;
}

/** Octets replaced, put in, taken out; cut or gone on with. */
export const wounds = fc.array(
  fc.record({
    kind: fc.constantFrom('set' as const, 'insert' as const, 'remove' as const, 'cut' as const),
    at: fc.nat(),
    octet: fc.oneof(fc.constantFrom(0, 1, 0x3f, 0x40, 0xc0, 0xc1, 0xff), fc.nat(255)),
  }),
  { maxLength: 4 },
);
type Wounds = typeof wounds extends fc.Arbitrary<infer T> ? T : never;

export function wound(octets: Buffer, all: Wounds): Buffer {
  let bytes = Buffer.from(octets);
  for (const { kind, at: place, octet } of all) {
    const at = place % (bytes.length + 1);
    if (kind === 'set' && at < bytes.length) bytes[at] = octet;
    else if (kind === 'insert') bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(octet), bytes.subarray(at)]);
    else if (kind === 'remove') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    else if (kind === 'cut' && octet > 200) bytes = bytes.subarray(0, at);
  }
  return bytes;
}

export const anyOctets = fc.oneof(
  fc.uint8Array({ maxLength: 100 }).map((octets) => Buffer.from(octets)),
  fc.tuple(fc.uint8Array({ minLength: 12, maxLength: 12 }), fc.uint8Array({ maxLength: 200 })).map(([head, rest]) => {
    // Small counts, so that the sections are reached.
    for (const at of [4, 6, 8, 10]) {
      head[at] = 0;
      head[at + 1] = (head[at + 1] as number) & 3;
    }
    return Buffer.concat([head, rest]);
  }),
);
