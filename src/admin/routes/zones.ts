/** `/api/v1/zones` and `/api/v1/zones/{zone}`. */
import { nameFromText, zoneLabel } from '../../wire/name.ts';
import type { AdminSource, ZoneList, ZoneReport } from '../api.ts';
import { AdminError } from '../errors.ts';
import type { Route } from './route.ts';

export const zoneRoutes = (source: AdminSource): readonly Route[] => [
  { url: '/api/v1/zones', handler: async (request) => listZones(source, readQuery(request.query)) },
  {
    url: '/api/v1/zones/:zone',
    handler: async (request) => {
      const { zone } = request.params as { zone: string };
      const report = source.zoneDetail(readZoneName(zone));
      if (report === undefined) throw new AdminError(404, 'unknown-zone', 'no such zone');
      return report;
    },
  },
];

const STATES = ['served', 'loading', 'expired'] as const;
const SORTS = ['zone', 'state', 'serial', 'records', 'bytes', 'last-contact', 'next-check', 'last-error'] as const;
const ORDERS = ['asc', 'desc'] as const;
const DEFAULT_LIMIT = 1_000;
const HIGHEST_LIMIT = 10_000;

interface ZoneQuery {
  readonly limit: number;
  readonly after: string | undefined;
  readonly state: (typeof STATES)[number] | undefined;
  readonly match: string | undefined;
  readonly sort: (typeof SORTS)[number];
  readonly order: (typeof ORDERS)[number];
}

function listZones(source: AdminSource, { limit, after, state, match, sort, order }: ZoneQuery): ZoneList {
  const all = source
    .zones()
    .filter((report) => (state === undefined || report.state === state) && (!match || report.zone.includes(match)));
  const sign = order === 'asc' ? 1 : -1;
  const sorted = all.toSorted((a, b) => compare(a, b, sort, sign) || compare(a, b, 'zone', 1));
  const rest =
    after === undefined ? sorted : sorted.filter(({ zone }) => (zone > after ? 1 : -1) === sign && zone !== after);
  const zones = rest.slice(0, limit);
  const next = rest.length > limit && sort === 'zone' ? (zones.at(-1)?.zone ?? null) : null;
  return { total: all.length, zones, next };
}

/** What a zone does not have comes last, whichever way round. */
function compare(a: ZoneReport, b: ZoneReport, by: ZoneQuery['sort'], sign: number): number {
  const [x, y] = [a[by], b[by]];
  if (x === y) return 0;
  if (x === null) return 1;
  if (y === null) return -1;
  return x < y ? -sign : sign;
}

function readQuery(query: unknown): ZoneQuery {
  const given = query as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!['limit', 'after', 'state', 'match', 'sort', 'order'].includes(name)) {
      throw badQuery(`unknown parameter ${name.slice(0, 40)}`);
    }
  }
  const sort = oneOf('sort', given['sort'], SORTS) ?? 'zone';
  const after = textOf('after', given['after']);
  // A cursor is a name; in any other order it would skip and repeat zones as they change.
  if (after !== undefined && sort !== 'zone') throw badQuery('after goes with sort=zone only');
  return {
    limit: readLimit(given['limit']),
    after: after === undefined ? undefined : readZoneName(after),
    state: oneOf('state', given['state'], STATES),
    match: textOf('match', given['match'])?.toLowerCase(),
    sort,
    order: oneOf('order', given['order'], ORDERS) ?? 'asc',
  };
}

function readLimit(value: unknown): number {
  const text = textOf('limit', value);
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > HIGHEST_LIMIT) throw badQuery(`limit is a number from 1 to ${HIGHEST_LIMIT}`);
  return limit;
}

function oneOf<const T extends string>(name: string, value: unknown, choices: readonly T[]): T | undefined {
  const text = textOf(name, value);
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw badQuery(`${name} is one of ${choices.join(', ')}`);
  return choice;
}

/** A parameter given twice comes as an array. */
function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw badQuery(`${name} is given more than once`);
}

const badQuery = (message: string): AdminError => new AdminError(400, 'bad-query', message);

/** Any case, with or without the final dot, to the one form that zones are kept under; `@` is the root. */
export function readZoneName(text: string): string {
  if (text === '@') return '.';
  const name = nameFromText(text);
  if (!name.ok) throw new AdminError(404, 'bad-zone-name', 'that is not a zone name');
  return zoneLabel(name.value);
}
