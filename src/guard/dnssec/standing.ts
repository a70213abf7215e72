/** Which names of a zone are its own to answer for: what must be signed, and what must have a proof (RFC 4035 §2). */
import { TYPE } from '../../wire/registry.ts';
import type { OwnerGroup } from './owner-group.ts';

/**
 * authoritative: every RRset is the zone's own. cut: a delegation, of which only DS and the proof are. occluded: below a
 * cut. hidden: below a DNAME record, which no answer ever shows (RFC 6672 §2.4): BIND and ldns leave it out of their
 * proofs, Knot DNS does not, and both are right. nsec3: an owner that is a hash, no name of the zone.
 */
export type Standing = 'authoritative' | 'cut' | 'occluded' | 'hidden' | 'nsec3';

export class Standings {
  /** The last cut or DNAME owner: whatever is below follows it in canonical order. */
  readonly #top = new Uint8Array(255);
  #topLength = 0;
  #topLabels = 0;
  #isTopCut = false;

  /** Asked once for each owner, in canonical order. */
  of(group: OwnerGroup): Standing {
    if (isHashOwner(group)) return 'nsec3';
    if (this.#isBelowTop(group)) return this.#isTopCut ? 'occluded' : 'hidden';
    const isCut = !group.isApex && group.find(TYPE.NS) !== undefined;
    if (isCut || group.find(TYPE.DNAME) !== undefined) {
      this.#topLength = group.ownerLength;
      this.#topLabels = group.labels;
      this.#isTopCut = isCut;
      for (let i = 0; i < group.ownerLength; i++) this.#top[i] = group.owner[i] as number;
    }
    return isCut ? 'cut' : 'authoritative';
  }

  #isBelowTop(group: OwnerGroup): boolean {
    if (this.#topLength === 0 || group.labels <= this.#topLabels) return false;
    const start = this.#topLabels === 0 ? group.ownerLength - 1 : group.labelStarts[group.labels - this.#topLabels];
    if (start === undefined || group.ownerLength - start !== this.#topLength) return false;
    for (let i = 0; i < this.#topLength; i++) if (group.owner[start + i] !== this.#top[i]) return false;
    return true;
  }
}

/** Whether the zone answers for this type at the owner: at a cut only for DS and the proof (RFC 4035 §2.2, §2.4). */
export function isOwnType(type: number, standing: Standing): boolean {
  if (standing === 'cut') return type === TYPE.DS || type === TYPE.NSEC;
  if (standing === 'hidden') return type === TYPE.NSEC;
  return standing !== 'occluded';
}

function isHashOwner(group: OwnerGroup): boolean {
  for (let i = 0; i < group.setCount; i++) if (group.set(i).type !== TYPE.NSEC3) return false;
  return group.setCount > 0;
}
