/** `zonegate keys`: which keys and certificates are in use, so that one can be taken away without breaking anybody. */
import type { Command } from 'commander';
import type { CertificateReport, ClientCertificateReport, KeyList, KeyReport } from '../../admin/api-exposure.ts';
import { readAdmin, type ServerOptions, withServerOptions } from '../client.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';
import { readableTime } from '../readable.ts';

export function register(program: Command): void {
  withServerOptions(program.command('keys').description('keys and certificates, and when each was last seen')).action(
    async (options: ServerOptions) => {
      const list = await readAdmin<KeyList>('api/v1/keys', options);
      if (wantsJson(options)) {
        printJson(list);
        return;
      }
      const now = Date.now();
      if (list.keys.length === 0) console.log('no key is configured');
      else printTable(list.keys, keyColumns(now));
      if (list.certificates.length > 0) printTable(list.certificates, CERTIFICATE_COLUMNS);
      if (list['client-certificates'].length > 0) printTable(list['client-certificates'], clientColumns(now));
    },
  );
}

const keyColumns = (now: number): readonly Column<KeyReport>[] => [
  { title: 'KEY', value: ({ key }) => key },
  { title: 'ALGORITHM', value: ({ kind, algorithm }) => (kind === 'sig0' ? `SIG(0) ${algorithm}` : algorithm) },
  { title: 'LAST SEEN', value: (row) => seenText(row['last-seen'], now) },
  { title: 'FROM', value: (row) => row['last-client'] ?? undefined },
  { title: 'NAMED BY', value: (row) => row['named-by'].join(', ') },
];

const CERTIFICATE_COLUMNS: readonly Column<CertificateReport>[] = [
  { title: 'CERTIFICATE', value: ({ certificate }) => certificate },
  { title: 'NAMES', value: ({ names }) => names.join(', ') },
  { title: 'DAYS LEFT', value: (row) => row['days-left'], align: 'right' },
  { title: 'PIN', value: ({ pin }) => pin },
];

const clientColumns = (now: number): readonly Column<ClientCertificateReport>[] => [
  { title: 'CLIENT CERTIFICATE', value: ({ names }) => names.join(', ') },
  { title: 'LAST SEEN', value: (row) => seenText(row['last-seen'], now) },
  { title: 'FROM', value: (row) => row['last-client'] },
  { title: 'PIN', value: ({ pin }) => pin },
];

const seenText = (at: string | null, now: number): string | undefined =>
  at === null ? 'never' : readableTime(at, now);
