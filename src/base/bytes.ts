/** Bytes, of an ordinary or a shared buffer: most of what zonegate reads lies in shared memory. */
export type Bytes = Uint8Array<ArrayBufferLike>;

/** Order as unsigned octets, the shorter first where one is a prefix of the other (RFC 4034 §6.3). */
export function compareBytes(a: Bytes, b: Bytes): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** A copy that owns its memory: what is kept must not hold the receive buffer it came from. */
export const copyBytes = (bytes: Bytes): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

export const toHex = (bytes: Bytes): string => Buffer.from(bytes).toString('hex');

/** Writes two octets, the higher first. */
export function putUint16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}
