/** `zonegate status`: the running service as a whole. */
import type { Command } from 'commander';
import type { StatusReport } from '../../admin/api.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { printJson, printTable, wantsJson } from '../output.ts';
import { readableBytes, readableSeconds } from '../readable.ts';

export function register(program: Command): void {
  withServerOptions(program.command('status').description('how the running service does')).action(
    async (options: ServerOptions) => {
      const status = await readAdmin<StatusReport>('api/v1/status', options);
      if (wantsJson(options)) printJson(status);
      else
        printTable(statusRows(status), [
          { title: 'WHAT', value: (row) => row[0] },
          { title: 'IS', value: (row) => row[1] },
        ]);
    },
  );
}

export function statusRows(status: StatusReport): (readonly [string, string])[] {
  const { zones, threads, memory, listen } = status;
  const listeners = listen.map(({ address, port, transport }) => {
    return `${transport} ${address.includes(':') ? `[${address}]` : address}:${port}`;
  });
  const states = [`${zones.served} served`, `${zones.loading} loading`, `${zones.expired} expired`];
  return [
    ['version', `${status.version} (Node ${status.node.replace(/^v/, '')})`],
    ['up', `${readableSeconds(status['uptime-s'])}${status.draining ? ', draining' : ''}`],
    ['process', String(status.pid)],
    ['zones', `${zones.configured}: ${states.join(', ')}`],
    ['listen', listeners.join(', ')],
    ['threads', `${threads.front} front, ${threads.pool} pool`],
    ['store', status.store],
    ['memory', `${readableBytes(memory.rss)}, of it ${readableBytes(memory['live-octets'])} zones`],
    ['slabs', `${memory.slabs}, of them ${memory['slabs-free']} free`],
  ];
}
