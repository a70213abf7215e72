/** How answers over TLS are padded, so that their length says less of what is in them (RFC 7830, 8467). */

export interface Padding {
  /** block: to the next multiple; max: as long as a message can be; none: only where the query was padded, by nothing. */
  readonly policy: 'block' | 'max' | 'none';
  /** Octets. */
  readonly block: number;
  /** Whole transfers come to a multiple of it, so that zones of like size look alike; 0: they do not. */
  readonly zoneSizeStep: number;
}

/** RFC 8467 §4.1. */
export const DEFAULT_PADDING: Padding = { policy: 'block', block: 468, zoneSizeStep: 0 };

const LONGEST = 65_535;

/** Octets of padding for a message that has `length` without them, the head of the option and the TSIG included. */
export function paddingOctets(length: number, { policy, block }: Padding): number {
  const room = Math.max(0, LONGEST - length);
  if (policy === 'none') return 0;
  return policy === 'max' ? room : Math.min(room, (block - (length % block)) % block);
}

/**
 * Padding of the messages of one transfer: each to its block, and all of them together, with their length prefixes, to a
 * multiple of the step. What the step needs more is spread over the messages: one that holds nothing but OPT would do by
 * RFC 9103 §7.9.1, but NSD takes it for an error. So the most that can be hidden is 64 KB a message.
 */
export class TransferPadding {
  readonly #padding: Padding;
  #messagesLeft: number;
  #extra = 0;

  /** Lengths as for `paddingOctets`, of all messages; not walked where there is no step. */
  constructor(padding: Padding, lengths: () => Iterable<number>) {
    this.#padding = padding;
    this.#messagesLeft = 0;
    const step = padding.zoneSizeStep;
    if (step === 0) return;
    let total = 0;
    for (const length of lengths()) {
      this.#messagesLeft++;
      total += 2 + length + paddingOctets(length, padding);
    }
    this.#extra = (step - (total % step)) % step;
  }

  /** Of the next message. */
  next(length: number): number {
    const own = paddingOctets(length, this.#padding);
    if (this.#messagesLeft === 0) return own;
    const share = Math.min(Math.ceil(this.#extra / this.#messagesLeft), LONGEST - length - own);
    this.#messagesLeft--;
    this.#extra -= share;
    return own + share;
  }
}
