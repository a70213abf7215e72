/** For those who watch from outside: is the process up, is every zone served, how does it do. */
import { METRICS_CONTENT_TYPE, renderMetrics } from '../../telemetry/metrics.ts';
import type { AdminSource } from '../api.ts';
import type { Route } from './route.ts';

/** So many zones are named where some are not served: enough to begin with, and never an endless answer. */
const NAMED_ZONES = 20;

export const healthRoutes = (source: AdminSource): readonly Route[] => [
  { url: '/healthz', handler: async () => ({ status: 'ok' }) },
  {
    url: '/readyz',
    handler: async (_request, reply) => {
      const readiness = readinessOf(source);
      return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness);
    },
  },
  {
    url: '/metrics',
    handler: async (_request, reply) => reply.type(METRICS_CONTENT_TYPE).send(await renderMetrics(source)),
  },
];

interface Readiness {
  readonly status: 'ready' | 'not-ready' | 'draining';
  readonly 'not-served'?: number;
  /** The first of them by name. */
  readonly zones?: readonly string[];
}

/** A service that drains still serves, but nobody should send it new clients. */
function readinessOf(source: AdminSource): Readiness {
  if (source.status().draining) return { status: 'draining' };
  if (source.isReady()) return { status: 'ready' };
  const missing = source.zones().filter(({ state }) => state !== 'served');
  const names = missing.map(({ zone }) => zone).sort();
  return { status: 'not-ready', 'not-served': names.length, zones: names.slice(0, NAMED_ZONES) };
}
