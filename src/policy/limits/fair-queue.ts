/**
 * Whose turn it is at a bandwidth that several share: deficit round robin over identities, each with as much a round as
 * its weight says, however many transfers it has. Transfers of one identity take turns.
 */

export interface Member {
  /** Secondary, key, certificate or source. */
  readonly identity: string;
  readonly weight: number;
}

interface Share<M> {
  readonly waiting: M[];
  /** Below nothing where it had more than its share. */
  deficit: number;
}

export class FairQueue<M extends Member> {
  /** In the order of their turns; who does not wait is not in it, but its debt is remembered while others wait. */
  readonly #shares = new Map<string, Share<M>>();
  #ring: string[] = [];

  get isEmpty(): boolean {
    return this.#ring.length === 0;
  }

  add(member: M): void {
    let share = this.#shares.get(member.identity);
    if (share === undefined) {
      share = { waiting: [], deficit: 0 };
      this.#shares.set(member.identity, share);
    }
    if (share.waiting.length === 0) this.#ring.push(member.identity);
    share.waiting.push(member);
  }

  remove(member: M): void {
    const share = this.#shares.get(member.identity);
    const at = share?.waiting.indexOf(member) ?? -1;
    if (share === undefined || at < 0) return;
    share.waiting.splice(at, 1);
    if (share.waiting.length === 0) this.#rest(member.identity);
  }

  /** The next one, taken out, and the octets that it may send: `quantum` for each unit of weight. */
  take(quantum: number): { readonly member: M; readonly octets: number } | undefined {
    for (;;) {
      const identity = this.#ring.shift();
      const share = identity === undefined ? undefined : this.#shares.get(identity);
      const member = share?.waiting[0];
      if (identity === undefined || share === undefined || member === undefined) return undefined;
      share.deficit += quantum * member.weight;
      if (share.deficit <= 0) {
        this.#ring.push(identity);
        continue;
      }
      share.waiting.shift();
      const octets = share.deficit;
      share.deficit = 0;
      if (share.waiting.length > 0) this.#ring.push(identity);
      return { member, octets };
    }
  }

  /** A member has sent more than it was given. */
  overdraw(member: M, octets: number): void {
    const share = this.#shares.get(member.identity);
    if (share !== undefined) share.deficit -= octets;
  }

  /** A member ends; its identity is forgotten with its last one. */
  forget(identity: string): void {
    if (this.#shares.get(identity)?.waiting.length === 0) this.#shares.delete(identity);
  }

  #rest(identity: string): void {
    this.#ring = this.#ring.filter((one) => one !== identity);
  }
}
