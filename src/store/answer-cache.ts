/** Rendered answers by what they answer: the least recently used go when all together are too large. */
import { LRUCache } from 'lru-cache';
import type { TransferAnswer } from '../xfr/transfer-answer.ts';

export interface CachedAnswer {
  readonly answer: TransferAnswer;
  /** Lease slot of its memory. */
  readonly slot: number;
}

export type AnswerCache = LRUCache<string, CachedAnswer>;

/** `dispose` gives back the memory of what goes. */
export const newAnswerCache = (mostOctets: number, dispose: (answer: CachedAnswer) => void): AnswerCache =>
  new LRUCache({ maxSize: mostOctets, sizeCalculation: ({ answer }) => Math.max(1, answer.octets), dispose });
