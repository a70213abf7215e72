/** `/api/v1/bans` and `/api/v1/unban`: who is turned away, and how an operator changes it. */
import { parseDuration, parsePrefix } from '../../config/values.ts';
import type { AdminSource, BanList, CommandReport } from '../api.ts';
import { AdminError } from '../errors.ts';
import type { Route } from './route.ts';

export const banRoutes = (source: AdminSource): readonly Route[] => [
  { url: '/api/v1/bans', handler: async (): Promise<BanList> => source.bans() },
  {
    method: 'POST',
    url: '/api/v1/bans',
    handler: async ({ body }) => {
      const { network, for: length, ...others } = fieldsOf(body);
      if (Object.keys(others).length > 0) throw badBody();
      return done(source.ban(readNetwork(network), readDuration(length)));
    },
  },
  {
    method: 'POST',
    url: '/api/v1/unban',
    handler: async ({ body }) => {
      const { network, ...others } = fieldsOf(body);
      if (Object.keys(others).length > 0) throw badBody();
      return done(source.unban(readNetwork(network)));
    },
  },
];

function done(report: CommandReport): CommandReport {
  if (!report.ok) throw new AdminError(409, report.why, report.text);
  return report;
}

const fieldsOf = (body: unknown): Record<string, unknown> => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badBody();
  return body as Record<string, unknown>;
};

function readNetwork(value: unknown): string {
  if (typeof value !== 'string') throw badBody();
  const parsed = parsePrefix(value);
  if (!parsed.ok) throw new AdminError(400, 'bad-network', parsed.failure);
  return parsed.value;
}

function readDuration(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const parsed = typeof value === 'string' ? parseDuration(value) : undefined;
  if (parsed?.ok !== true || parsed.value === 0 || parsed.value > MOST_MS) {
    throw new AdminError(400, 'bad-duration', 'expected a duration such as `10m` or `1d`, up to 3650 days');
  }
  return parsed.value;
}

const MOST_MS = 3_650 * 86_400_000;

const badBody = (): AdminError =>
  new AdminError(
    400,
    'bad-body',
    'expected a body of {"network": "192.0.2.0/24"}, for a ban with "for": "1h" if you like',
  );
