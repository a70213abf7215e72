/** The page at `/` with its files, and `openapi.json`: read once, at the start. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Route } from './route.ts';

export const dashboardRoutes = (): readonly Route[] => {
  const openapi = readOpenApi();
  return [
    file('/', 'index.html', 'text/html; charset=utf-8'),
    file('/app.js', 'app.js', 'text/javascript; charset=utf-8'),
    file('/theme.css', 'theme.css', 'text/css; charset=utf-8'),
    file('/app.css', 'app.css', 'text/css; charset=utf-8'),
    file('/icon.svg', 'icon.svg', 'image/svg+xml'),
    { url: '/openapi.json', handler: async () => openapi },
  ];
};

function file(url: string, name: string, type: string): Route {
  const text = readFileSync(fileURLToPath(import.meta.resolve(`#dashboard/${name}`)), 'utf8');
  return { url, handler: async (_request, reply) => reply.type(type).send(text) };
}

/** Named as a type, so that the compiler puts the file beside its output; Node 20 warns where JSON is imported. */
type OpenApi = typeof import('../openapi.json');

const readOpenApi = (): OpenApi =>
  JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8')) as OpenApi;
