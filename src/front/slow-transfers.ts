/** Which of a front's transfers end for being slow when places, or memory of old versions, run short. */
import type { Connection } from './connection.ts';
import type { TransferEvent } from './messages.ts';
import type { TransferLimits } from './transfer-limits.ts';

/** Transfers run short of places from here on: the slowest are not waited for. */
const PRESSURE = 0.9;
/** A client is not judged by less. */
const LEAST_MS = 2_000;

export interface SlowTransfer {
  /** Octets a second. */
  readonly rate: number;
  end(outcome: TransferEvent['outcome']): void;
}

/** Those below the floor of their rule, the slowest first, as many as places run short; all fronts do the same. */
export function relieve(connections: Iterable<Connection>, limits: TransferLimits, fronts: number): void {
  const excess = limits.places.running - PRESSURE * limits.mostConcurrent;
  if (excess <= 0) return;
  const slow = [...connections].flatMap((connection) => connection.transfers.belowFloor(LEAST_MS));
  slow.sort((a, b) => a.rate - b.rate);
  for (const transfer of slow.slice(0, Math.ceil(excess / fronts))) transfer.end('too-slow');
}

/** The slowest of those that read from these pieces of memory. */
export function endSlowest(connections: Iterable<Connection>, slots: ReadonlySet<number>): void {
  let slowest: SlowTransfer | undefined;
  for (const connection of connections) {
    for (const transfer of connection.transfers.readersOf(slots)) {
      if (slowest === undefined || transfer.rate < slowest.rate) slowest = transfer;
    }
  }
  slowest?.end('old-version');
}
