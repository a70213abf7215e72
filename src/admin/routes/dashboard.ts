/** The page at `/` with its files, and `openapi.json`: read once, at the start. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Route } from './route.ts';

export const dashboardRoutes = (): readonly Route[] => [
  file('/', 'index.html', 'text/html; charset=utf-8'),
  file('/app.js', 'app.js', 'text/javascript; charset=utf-8'),
  file('/app.css', 'app.css', 'text/css; charset=utf-8'),
  file('/icon.svg', 'icon.svg', 'image/svg+xml'),
];

function file(url: string, name: string, type: string): Route {
  const text = readFileSync(fileURLToPath(import.meta.resolve(`#dashboard/${name}`)), 'utf8');
  return { url, handler: async (_request, reply) => reply.type(type).send(text) };
}
