/** How late the event loop of a thread runs: what it takes on top of the interval at which it is looked at. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;

export const monitorLoop = (): IntervalHistogram => monitorEventLoopDelay({ resolution: RESOLUTION_MS });

/** Zero while nothing was measured yet. */
export function loopDelay(histogram: IntervalHistogram): { readonly meanMs: number; readonly p99Ms: number } {
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) || 0;
  return { meanMs: late(histogram.mean), p99Ms: late(histogram.percentile(99)) };
}
