/** The admin server: health, metrics, the API and the dashboard. Only `src/admin` imports fastify. */
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { ZonegateError } from '../base/errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { AdminSource } from './api.ts';
import { AdminError, errorBody } from './errors.ts';
import { banRoutes } from './routes/bans.ts';
import { catalogRoutes } from './routes/catalogs.ts';
import { controlRoutes } from './routes/control.ts';
import { dashboardRoutes } from './routes/dashboard.ts';
import { healthRoutes } from './routes/health.ts';
import type { Route } from './routes/route.ts';
import { stateRoutes } from './routes/state.ts';
import { zoneRoutes } from './routes/zones.ts';
import { hostIsAllowed, requireToken, SECURITY_HEADERS } from './security.ts';

export interface AdminOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly source: AdminSource;
  /** What changes need as `Authorization: Bearer`; undefined lets nobody change anything. */
  readonly token?: string | undefined;
  readonly log: Log;
}

export interface AdminServer {
  readonly port: number;
  /** Ends at once: nobody's transfer hangs on it. */
  close(): Promise<void>;
}

/** One list, which `openapi.json` must describe and nothing else. */
export const adminRoutes = (source: AdminSource): readonly Route[] => [
  ...healthRoutes(source),
  ...stateRoutes(source),
  ...catalogRoutes(source),
  ...zoneRoutes(source),
  ...controlRoutes(source),
  ...banRoutes(source),
  ...dashboardRoutes(),
];

export async function startAdmin({ host, port, source, token, log }: AdminOptions): Promise<AdminServer> {
  const app = fastify({
    logger: false,
    // What is read of a body is small.
    bodyLimit: 16_384,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 5_000,
    http: { maxHeaderSize: 16_384, headersTimeout: 10_000 },
    forceCloseConnections: true,
    // A name of 255 octets, each written as %5CDDD.
    routerOptions: { maxParamLength: 1_600 },
    frameworkErrors: (_error, _request, reply) => {
      sendError(reply.headers(SECURITY_HEADERS), new AdminError(400, 'bad-request', 'the path cannot be read'));
    },
  });
  app.server.maxConnections = 200;
  guard(app, host, log);
  const routes = adminRoutes(source);
  app.addHook('onRequest', async (request) => {
    if (request.method === 'POST' && !request.is404) requireToken(request.headers.authorization, token);
  });
  for (const { method = 'GET', url, handler } of routes) app.route({ method, url, handler });
  handleUnknown(app, routes);

  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const fields = { address: host, port };
    throw new ZonegateError('ZG_LISTEN_FAILED', `the admin API cannot listen on ${host}:${port}`, fields, error);
  }
  return {
    port: (app.server.address() as AddressInfo).port,
    close: async () => {
      await app.close();
    },
  };
}

function guard(app: FastifyInstance, host: string, log: Log): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    // HTTP/1.0 knows no Host, and no browser speaks it: what is left are the checks of load balancers.
    const isOld = request.raw.httpVersion === '1.0' && request.headers.host === undefined;
    if (isOld || hostIsAllowed(request.headers.host, host)) return;
    throw new AdminError(421, 'misdirected', 'Host must be an IP address, localhost or the configured host');
  });
  app.setErrorHandler((error: Error & { statusCode?: number; code?: string }, request, reply) => {
    if (error instanceof AdminError) return sendError(reply, error);
    const status = error.statusCode ?? 500;
    // Fastify's own complaints about a request may be told; anything else says too much about the inside.
    if (status < 500) return sendError(reply, new AdminError(status, 'bad-request', error.message));
    log.error('an admin request failed', { method: request.method, path: request.routeOptions.url, error });
    return sendError(reply, new AdminError(500, 'internal', 'the request failed; the log says why'));
  });
}

/** A known path with another method is 405 and says which it takes; anything else is 404. */
function handleUnknown(app: FastifyInstance, routes: readonly Route[]): void {
  const allowed = (url: string): string =>
    routes.flatMap((route) => (route.url === url ? [route.method ?? 'GET, HEAD'] : [])).join(', ');
  const patterns = routes.map(({ url }) => ({
    pattern: new RegExp(`^${url.replace(/[.]/g, '\\.').replace(/:[a-z]+/g, '[^/]+')}$`),
    allow: allowed(url),
  }));
  // In a hook, as a body that nobody wants must not be read first.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const path = pathOf(request);
    const known = patterns.find(({ pattern }) => pattern.test(path));
    if (known === undefined) throw new AdminError(404, 'not-found', 'no such path');
    reply.header('allow', known.allow);
    throw new AdminError(405, 'method-not-allowed', `${request.method} is not possible here`);
  });
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

function sendError(reply: FastifyReply, error: AdminError): FastifyReply {
  return reply.code(error.status).type('application/json; charset=utf-8').send(errorBody(error));
}
