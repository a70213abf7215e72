/** The lists of types that NSEC and NSEC3 records end with (RFC 4034 §4.1.2), and what they should say. */
import type { Bytes } from '../../base/bytes.ts';
import { TYPE, typeToText } from '../../wire/registry.ts';
import type { OwnerGroup } from './owner-group.ts';
import { isOwnType, type Standing } from './standing.ts';

/** 256 windows with two octets in front of each and 32 in it. */
const MAX_BITMAP = 256 * 34;

/** The bitmap of one owner at a time, in memory that is reused. */
export class ExpectedTypes {
  readonly octets = new Uint8Array(MAX_BITMAP);
  length = 0;
  #window = -1;
  #windowAt = 0;

  /** What the owner's NSEC record should say: that itself and its signature are there, too. */
  setForNsec(group: OwnerGroup, standing: Standing): void {
    this.#collect(group, standing, true, true);
  }

  /**
   * What the NSEC3 record of its hash should say. RRSIG only where something is signed, which an insecure delegation
   * has not (RFC 5155 §7.1); an NSEC record beside it, from a change between the two, is no part of this proof.
   */
  setForNsec3(group: OwnerGroup, standing: Standing): void {
    let isSigned = false;
    for (let i = 0; i < group.setCount; i++) {
      const { type } = group.set(i);
      if (type !== TYPE.NSEC && type !== TYPE.NSEC3 && isOwnType(type, standing)) isSigned = true;
    }
    this.#collect(group, standing, false, isSigned);
  }

  setEmpty(): void {
    this.length = 0;
  }

  equals(octets: Bytes, start: number, end: number): boolean {
    if (end - start !== this.length) return false;
    for (let i = 0; i < this.length; i++) if (octets[start + i] !== this.octets[i]) return false;
    return true;
  }

  #collect(group: OwnerGroup, standing: Standing, hasNsec: boolean, isSigned: boolean): void {
    this.length = 0;
    this.#window = -1;
    let isSignedDue = isSigned;
    for (let i = 0; i < group.setCount; i++) {
      const { type } = group.set(i);
      if (isSignedDue && type > TYPE.RRSIG) {
        this.#add(TYPE.RRSIG);
        isSignedDue = false;
      }
      if (type === TYPE.NSEC3 || (type === TYPE.NSEC && !hasNsec)) continue;
      if (isOwnType(type, standing) || type === TYPE.NS) this.#add(type);
    }
    if (isSignedDue) this.#add(TYPE.RRSIG);
  }

  /** Types come in ascending order. */
  #add(type: number): void {
    const { octets } = this;
    const window = type >>> 8;
    if (window !== this.#window) {
      this.#window = window;
      this.#windowAt = this.length;
      octets[this.length] = window;
      octets[this.length + 1] = 0;
      this.length += 2;
    }
    const octet = this.#windowAt + 2 + ((type & 0xff) >>> 3);
    while (this.length <= octet) octets[this.length++] = 0;
    octets[octet] = (octets[octet] as number) | (0x80 >>> (type & 7));
    octets[this.#windowAt + 1] = this.length - this.#windowAt - 2;
  }
}

/** Whether a type is on the list that lies between `start` and `end`. */
export function hasType(octets: Bytes, start: number, end: number, type: number): boolean {
  for (let at = start; at + 2 <= end; at += 2 + (octets[at + 1] as number)) {
    if (octets[at] !== type >>> 8) continue;
    const octet = at + 2 + ((type & 0xff) >>> 3);
    const isInside = octet < Math.min(end, at + 2 + (octets[at + 1] as number));
    return isInside && ((octets[octet] as number) & (0x80 >>> (type & 7))) !== 0;
  }
  return false;
}

/** More of them make no sentence; a bitmap may hold 65,536. */
const MOST_TOLD = 20;

/** `A NS RRSIG`, for messages; a bitmap that is cut off gives what can be read of it. */
export function typesText(octets: Bytes, start = 0, end = octets.length): string {
  const types: string[] = [];
  for (let at = start; at + 2 <= end && types.length <= MOST_TOLD; ) {
    const window = octets[at] as number;
    const length = octets[at + 1] as number;
    for (let bit = 0; bit < length * 8; bit++) {
      const octet = octets[at + 2 + (bit >>> 3)] ?? 0;
      if ((octet & (0x80 >>> (bit & 7))) !== 0) types.push(typeToText(window * 256 + bit));
    }
    at += 2 + length;
  }
  if (types.length > MOST_TOLD) return `${types.slice(0, MOST_TOLD).join(' ')} and more`;
  return types.length === 0 ? 'no types' : types.join(' ');
}
