/** `/api/v1/catalogs/{zone}`. */
import type { AdminSource } from '../api.ts';
import { AdminError } from '../errors.ts';
import type { Route } from './route.ts';
import { readZoneName } from './zones.ts';

export const catalogRoutes = (source: AdminSource): readonly Route[] => [
  {
    url: '/api/v1/catalogs/:zone',
    handler: async (request) => {
      const { zone } = request.params as { zone: string };
      const report = source.catalog(readZoneName(zone));
      if (report === undefined) throw new AdminError(404, 'unknown-catalog', 'no such catalog zone');
      return report;
    },
  },
];
