/** `/api/v1/status`, `secondaries`, `rules`, `exposure`, `keys` and `transfers`: what the service is, who follows it, and what it does. */
import type { RunningTransfer } from '../../front/messages.ts';
import type { AdminSource, RuleList, TransferList } from '../api.ts';
import type { SecondaryList } from '../api-secondaries.ts';
import { AdminError } from '../errors.ts';
import type { Route } from './route.ts';

/** A front that does not answer within this is stuck, and the page should say so rather than wait with it. */
const FRONTS_TIMEOUT_MS = 3_000;

export const stateRoutes = (source: AdminSource): readonly Route[] => [
  { url: '/api/v1/status', handler: async () => source.status() },
  {
    url: '/api/v1/secondaries',
    handler: async (): Promise<SecondaryList> => ({ secondaries: source.secondaries() }),
  },
  { url: '/api/v1/rules', handler: async (): Promise<RuleList> => ({ rules: source.rules() }) },
  { url: '/api/v1/exposure', handler: async () => source.exposure() },
  { url: '/api/v1/keys', handler: async () => source.keys() },
  {
    url: '/api/v1/transfers',
    handler: async (): Promise<TransferList> => ({ transfers: await runningTransfers(source) }),
  },
];

async function runningTransfers(source: AdminSource): Promise<readonly RunningTransfer[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const tooLate = new AdminError(503, 'fronts-silent', 'the front threads do not answer');
    timer = setTimeout(() => reject(tooLate), FRONTS_TIMEOUT_MS);
  });
  try {
    return await Promise.race([source.transfers(), late]);
  } finally {
    clearTimeout(timer);
  }
}
