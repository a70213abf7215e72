/** The store that the configuration names. */
import type { Config } from '../config/config.ts';
import { workerUrl } from '../pool/worker-url.ts';
import { LmdbStore } from '../store/lmdb-store.ts';
import { noStore, type VersionStore } from '../store/version-store.ts';
import type { Log } from '../telemetry/log.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';

export async function openStore(config: Config['store'], registry: SlabRegistry, log: Log): Promise<VersionStore> {
  if (config.type === 'memory') return noStore;
  const { path, sync, mapSize } = config;
  return LmdbStore.open({
    folder: path,
    sync,
    mapSize,
    registry,
    worker: workerUrl('store'),
    onDamage: ({ zone, why }) => log.event('store-damaged', { ...(zone !== undefined && { zone }), why }, 'error'),
    onDeath: (error) => {
      log.error('the store ended', { error: error.message });
      throw error;
    },
  });
}
