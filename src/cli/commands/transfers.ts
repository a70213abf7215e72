/** `zonegate transfers`: what is sent to clients right now. */
import type { Command } from 'commander';
import type { TransferList } from '../../admin/api.ts';
import type { RunningTransfer } from '../../front/messages.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';
import { readableBytes, readableSeconds } from '../readable.ts';

export function register(program: Command): void {
  withServerOptions(program.command('transfers').description('transfers to clients that run now')).action(
    async (options: ServerOptions) => {
      const list = await readAdmin<TransferList>('api/v1/transfers', options);
      if (wantsJson(options)) printJson(list);
      else if (list.transfers.length === 0) console.log('no transfer is running');
      else printTable(list.transfers, TRANSFER_COLUMNS);
    },
  );
}

export const TRANSFER_COLUMNS: readonly Column<RunningTransfer>[] = [
  { title: 'ZONE', value: ({ zone }) => zone },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'SERIAL', value: ({ serial }) => serial, align: 'right' },
  { title: 'CLIENT', value: ({ client }) => client },
  { title: 'VIA', value: ({ transport }) => transport },
  { title: 'KEY', value: ({ identity }) => identity ?? undefined },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'SENT', value: ({ bytes }) => readableBytes(bytes), align: 'right' },
  { title: 'OF', value: ({ totalBytes }) => readableBytes(totalBytes), align: 'right' },
  { title: '%', value: percent, align: 'right' },
  { title: 'RATE', value: ({ bytes, ms }) => `${readableBytes((bytes / Math.max(1, ms)) * 1_000)}/s`, align: 'right' },
  { title: 'FOR', value: ({ ms }) => readableSeconds(ms / 1_000), align: 'right' },
];

function percent({ bytes, totalBytes }: RunningTransfer): number | undefined {
  return totalBytes === 0 ? undefined : Math.min(100, Math.floor((bytes / totalBytes) * 100));
}
