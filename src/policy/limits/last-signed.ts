/** The newest time that each key has signed, over all fronts: an older one is refused where the key says so (RFC 8945 §5.2.3). */

export interface SignedTimes {
  /** Seconds, by the place of the key's name. */
  readonly words: BigInt64Array<SharedArrayBuffer>;
  readonly places: ReadonlyMap<string, number>;
}

/** For these keys; times of `before` are taken over. */
export function newSignedTimes(keys: readonly string[], before?: SignedTimes): SignedTimes {
  const words = new BigInt64Array(new SharedArrayBuffer(keys.length * 8));
  const places = new Map(keys.map((key, i) => [key, i]));
  for (const [key, at] of places) {
    const known = before?.places.get(key);
    if (known !== undefined) words[at] = Atomics.load((before as SignedTimes).words, known);
  }
  return { words, places };
}

/** Notes a time; false where a newer one is known. Keys that are not checked are always true. */
export function isInOrder({ words, places }: SignedTimes, key: string, signed: number): boolean {
  const at = places.get(key);
  if (at === undefined) return true;
  const time = BigInt(signed);
  for (;;) {
    const last = Atomics.load(words, at);
    if (time < last) return false;
    if (Atomics.compareExchange(words, at, last, time) === last) return true;
  }
}
