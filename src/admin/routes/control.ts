/** `POST /api/v1/zones/{zone}/{command}`, `reload` and `drain`: what an operator may do with a zone and the service. */
import type { FastifyRequest } from 'fastify';
import { type AdminSource, type CommandReport, ZONE_COMMANDS, type ZoneCommand } from '../api.ts';
import { AdminError } from '../errors.ts';
import type { Route } from './route.ts';
import { readZoneName } from './zones.ts';

/** These name a version. */
const WITH_SERIAL: ReadonlySet<ZoneCommand> = new Set(['pin', 'rollback']);

export const controlRoutes = (source: AdminSource): readonly Route[] => [
  { method: 'POST', url: '/api/v1/reload', handler: async () => accepted(await source.reload()) },
  { method: 'POST', url: '/api/v1/drain', handler: async () => accepted(source.drain()) },
  ...zoneRoutes(source),
];

function accepted(report: CommandReport): CommandReport {
  if (!report.ok) throw new AdminError(409, report.why, report.text);
  return report;
}

const zoneRoutes = (source: AdminSource): readonly Route[] =>
  ZONE_COMMANDS.map((command) => ({
    method: 'POST',
    url: `/api/v1/zones/:zone/${command}`,
    handler: async (request) => {
      const { zone } = request.params as { zone: string };
      const serial = readSerial(request, WITH_SERIAL.has(command));
      const report = await source.command(readZoneName(zone), command, serial);
      if (report === undefined) throw new AdminError(404, 'unknown-zone', 'no such zone');
      return accepted(report);
    },
  }));

/** `{"serial": N}` in the body where the command wants one, and nothing where it does not. */
function readSerial({ body }: FastifyRequest, isWanted: boolean): number | undefined {
  const given = (body ?? {}) as Record<string, unknown>;
  const others = typeof given === 'object' ? Object.keys(given).filter((key) => key !== 'serial' || !isWanted) : [''];
  if (others.length > 0) throw new AdminError(400, 'bad-body', isWanted ? BODY : 'this command takes no body');
  if (!isWanted) return undefined;
  const { serial } = given;
  if (typeof serial === 'number' && Number.isInteger(serial) && serial >= 0 && serial <= 0xffff_ffff) return serial;
  throw new AdminError(400, 'bad-body', BODY);
}

const BODY = 'expected a body of {"serial": N}, with a serial from 0 to 4294967295';
