/** Whether the NSEC records of a zone name each of its names, its types and the next name (RFC 4035 §2.3). */
import type { Bytes } from '../../base/bytes.ts';
import { LOWER } from '../../wire/name.ts';
import { TYPE } from '../../wire/registry.ts';
import type { OwnerGroup, Rrset } from './owner-group.ts';
import { ownerText, type Problems } from './problem.ts';
import type { Standing } from './standing.ts';
import { ExpectedTypes, typesText } from './type-bitmap.ts';

export class NsecChain {
  readonly #apex: Bytes;
  readonly #problems: Problems;
  readonly #expected = new ExpectedTypes();
  /** What the last NSEC record says comes next, in lower case. Empty where it cannot be known. */
  readonly #next = new Uint8Array(255);
  #nextLength = 0;
  readonly #last = new Uint8Array(255);
  #lastLength = 0;

  constructor(apex: Bytes, problems: Problems) {
    this.#apex = apex;
    this.#problems = problems;
  }

  /** Each owner in canonical order. */
  take(group: OwnerGroup, standing: Standing): void {
    const set = group.find(TYPE.NSEC);
    const owner = (): string => ownerText(group.owner, group.ownerLength);
    if (standing === 'nsec3' || (standing === 'hidden' && set === undefined)) return;
    if (standing === 'occluded') {
      if (set !== undefined) this.#problems.add('NSEC_STRAY', `${owner()}: an NSEC record below a zone cut`);
      return;
    }
    this.#checkNext(group.owner, group.ownerLength);
    this.#nextLength = 0;
    if (set === undefined) {
      this.#problems.add('NSEC_MISSING', `${owner()}: it has no NSEC record`);
      return;
    }
    if (set.records > 1) {
      this.#problems.add('NSEC_CHAIN', `${owner()}: it has ${set.records} NSEC records, not one`);
      return;
    }
    if (group.setCount === 1) {
      this.#problems.add('NSEC_STRAY', `${owner()}: it has an NSEC record and nothing else (RFC 4035 section 2.3)`);
    }
    this.#read(group, set, standing);
  }

  /** After the last owner. */
  finish(): void {
    this.#checkNext(this.#apex, this.#apex.length);
  }

  #read(group: OwnerGroup, set: Rrset, standing: Standing): void {
    const { octets } = group;
    let at = group.rdataStart(set);
    const end = group.rdataEnd(set);
    let length = 0;
    for (;;) {
      const label = octets[at] as number;
      for (let i = 0; i <= label; i++) this.#next[length++] = LOWER[octets[at++] as number] as number;
      if (label === 0) break;
    }
    this.#nextLength = length;
    this.#lastLength = group.ownerLength;
    for (let i = 0; i < group.ownerLength; i++) this.#last[i] = group.owner[i] as number;
    this.#expected.setForNsec(group, standing);
    if (standing === 'hidden' || this.#expected.equals(octets, at, end)) return;
    const { octets: expected, length: expectedLength } = this.#expected;
    const text = `its NSEC record says ${typesText(octets, at, end)}, it has ${typesText(expected, 0, expectedLength)}`;
    this.#problems.add('NSEC_TYPES', `${ownerText(group.owner, group.ownerLength)}: ${text}`);
  }

  #checkNext(owner: Bytes, ownerLength: number): void {
    if (this.#nextLength === 0) return;
    let isEqual = ownerLength === this.#nextLength;
    for (let i = 0; isEqual && i < ownerLength; i++) isEqual = owner[i] === this.#next[i];
    if (isEqual) return;
    const [next, actual] = [ownerText(this.#next, this.#nextLength), ownerText(owner, ownerLength)];
    const text = `its NSEC record says that ${next} comes next, but ${actual} does`;
    this.#problems.add('NSEC_CHAIN', `${ownerText(this.#last, this.#lastLength)}: ${text}`);
  }
}
