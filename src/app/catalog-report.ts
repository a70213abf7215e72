/** What the admin server is told of a catalog zone. */
import type { CatalogReport } from '../admin/api-catalogs.ts';
import type { Upstream } from '../upstream/upstream.ts';

export function catalogReport(upstream: Upstream, name: string): CatalogReport | undefined {
  const view = upstream.catalog(name);
  if (view === undefined) return undefined;
  return {
    catalog: name,
    serial: upstream.zones.get(name)?.served?.handle.serial ?? null,
    broken: view.broken,
    members: Array.from(view.members, ([zone, { label, groups, since }]) => ({
      zone,
      label,
      groups,
      since: new Date(since).toISOString(),
    })),
    ignored: Array.from(view.ignored, ([zone, why]) => ({ zone, why })),
  };
}
