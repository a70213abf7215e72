/** Milliseconds: since the Unix epoch for a point in time, plain for a length of it. */
export type Milliseconds = number;

/** The time, passed in wherever the core needs it, so that tests decide what time it is. */
export interface Clock {
  now(): Milliseconds;
}

export const systemClock: Clock = { now: () => Date.now() };
