/** The page at `/` with its files, and `openapi.json`: read once, at the start. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Route } from './route.ts';

export const dashboardRoutes = (): readonly Route[] => [
  file('/', dashboard('index.html'), 'text/html; charset=utf-8'),
  file('/app.js', dashboard('app.js'), 'text/javascript; charset=utf-8'),
  file('/theme.css', dashboard('theme.css'), 'text/css; charset=utf-8'),
  file('/app.css', dashboard('app.css'), 'text/css; charset=utf-8'),
  file('/icon.svg', dashboard('icon.svg'), 'image/svg+xml'),
  file('/openapi.json', fileURLToPath(OPENAPI), 'application/json; charset=utf-8'),
];

const OPENAPI = new URL('../openapi.json', import.meta.url);

/** Named as a type so that the compiler puts the file beside its output; Node 20 warns where JSON is imported. */
export type OpenApiDocument = typeof import('../openapi.json');

const dashboard = (name: string): string => fileURLToPath(import.meta.resolve(`#dashboard/${name}`));

function file(url: string, path: string, type: string): Route {
  const text = readFileSync(path, 'utf8');
  return { url, handler: async (_request, reply) => reply.type(type).send(text) };
}
