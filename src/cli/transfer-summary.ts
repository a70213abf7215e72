/** What `transfer` says at its end, for people and as one JSON object, and while it runs. */
import type { TlsFacts } from '../net/dns-client.ts';
import { rcodeToText } from '../wire/registry.ts';
import type { SentAs, TransferClient } from '../xfr/client.ts';
import { type AnswerEdns, edeToText, tsigErrorToText } from '../xfr/client-answer.ts';
import type { ClientFailure } from '../xfr/client-failure.ts';

export interface TransferReport {
  readonly zone: string;
  readonly server: string;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly asked: 'AXFR' | 'IXFR';
  readonly fromSerial: number | undefined;
  readonly sentAs: SentAs | undefined;
  readonly serial: number | undefined;
  readonly counters: TransferClient['counters'];
  /** From the query to the last message. */
  readonly seconds: number;
  readonly tls: TlsFacts | undefined;
  readonly key: { readonly name: string; readonly algorithm: string } | undefined;
  readonly askedEdns: boolean;
  readonly edns: AnswerEdns | undefined;
  /** What had to be done differently on the way. */
  readonly notes: readonly string[];
  readonly out: string | undefined;
  readonly failure: (Omit<ClientFailure, 'code'> & { readonly code: string }) | undefined;
}

/** Keys are stable: scripts read them. */
export function reportToJson(report: TransferReport): Record<string, unknown> {
  const { counters, tls, key, edns, failure, seconds } = report;
  return {
    ok: failure === undefined,
    zone: report.zone,
    server: report.server,
    transport: report.transport,
    asked: report.asked,
    'from-serial': report.fromSerial ?? null,
    'sent-as': report.sentAs ?? null,
    serial: report.serial ?? null,
    messages: counters.messages,
    records: counters.records,
    bytes: counters.bytes,
    seconds: round(seconds, 6),
    'records-per-second': rate(counters.records, seconds),
    'bytes-per-second': rate(counters.bytes, seconds),
    differences: counters.differences,
    deleted: counters.deleted,
    added: counters.added,
    tls: tls === undefined ? null : tlsToJson(tls),
    tsig:
      key === undefined
        ? null
        : {
            key: key.name,
            algorithm: key.algorithm,
            'signed-messages': counters.signedMessages,
            'unsigned-messages': counters.messages - counters.signedMessages,
          },
    edns: { asked: report.askedEdns, answered: edns !== undefined, ...(edns === undefined ? {} : ednsToJson(edns)) },
    notes: report.notes,
    out: report.out ?? null,
    failure: failure === undefined ? null : failureToJson(failure),
  };
}

const tlsToJson = (tls: TlsFacts): Record<string, unknown> => ({
  version: tls.version,
  cipher: tls.cipher,
  alpn: tls.alpn ?? null,
  'peer-names': tls.peerNames,
  pin: tls.pin,
  verified: tls.verified === 'not verified' ? [] : tls.verified.split(' and '),
  resumed: tls.isResumed,
});

const ednsToJson = (edns: AnswerEdns): Record<string, unknown> => ({
  'udp-size': edns.udpSize,
  'keepalive-ms': edns.keepaliveMs ?? null,
  expire: edns.expire ?? null,
  padding: edns.padding ?? null,
});

const failureToJson = ({ code, text, rcode, ede, tsigError }: NonNullable<TransferReport['failure']>) => ({
  code,
  text,
  rcode: rcode === undefined ? null : rcodeToText(rcode),
  ede: ede ?? [],
  'tsig-error': tsigError === undefined ? null : tsigErrorToText(tsigError),
});

export function reportToText(report: TransferReport): string {
  const { counters, seconds, tls, key } = report;
  const lines: [string, string][] = [
    ['zone', report.zone],
    ['server', `${report.server} over ${{ udp: 'UDP', tcp: 'TCP', tls: 'TLS' }[report.transport]}`],
    ['asked', report.asked === 'IXFR' ? `IXFR from ${report.fromSerial}` : 'AXFR'],
    ['sent', sentText(report)],
    ['serial', String(report.serial ?? '-')],
    [
      'received',
      `${counted(counters.messages, 'message')}, ${counted(counters.records, 'record')}, ` +
        `${sizeText(counters.bytes)} in ${seconds.toFixed(3)} s ` +
        `(${grouped(rate(counters.records, seconds))} records/s, ${sizeText(rate(counters.bytes, seconds))}/s)`,
    ],
  ];
  if (tls !== undefined) {
    const resumed = tls.isResumed ? 'session resumed' : 'full handshake';
    lines.push(['tls', `${tls.version} ${tls.cipher}, alpn: ${tls.alpn ?? 'none'}, ${resumed}`]);
    const verified = tls.verified === 'not verified' ? 'not verified' : `${tls.verified} verified`;
    lines.push(['peer', `${tls.peerNames.join(', ')} (${verified})`], ['pin', tls.pin]);
  }
  const unsigned = counters.messages - counters.signedMessages;
  if (key === undefined) lines.push(['tsig', 'none']);
  else lines.push(['tsig', `${key.name} (${key.algorithm}): ${counters.signedMessages} signed, ${unsigned} unsigned`]);
  lines.push(['edns', ednsText(report)]);
  if (report.out !== undefined) lines.push(['written', report.out]);
  for (const note of report.notes) lines.push(['note', note]);
  return lines.map(([title, text]) => `${title.padEnd(10)}${text}`).join('\n');
}

/** One line for a terminal, written over itself. */
export const progressText = ({ records, bytes }: { records: number; bytes: number }, seconds: number): string =>
  `${grouped(records)} records  ${sizeText(bytes)}  ${sizeText(rate(bytes, seconds))}/s`;

function sentText({ sentAs, fromSerial, serial, counters }: TransferReport): string {
  if (sentAs !== 'current') {
    if (sentAs !== 'IXFR') return sentAs ?? '-';
    return `IXFR, ${counted(counters.differences, 'difference')}: -${grouped(counters.deleted)} +${grouped(counters.added)} records`;
  }
  return serial === fromSerial ? 'current: the server has this serial' : 'current: the server has nothing newer';
}

function ednsText({ askedEdns, edns }: TransferReport): string {
  if (edns === undefined) return askedEdns ? 'asked, not answered' : 'not asked';
  const parts = [`payload ${edns.udpSize}`];
  if (edns.keepaliveMs !== undefined) parts.push(`keepalive ${edns.keepaliveMs / 1000} s`);
  if (edns.padding !== undefined) parts.push(`padding ${edns.padding}`);
  for (const { code, text } of edns.ede)
    parts.push(`extended error ${edeToText(code)}${text === '' ? '' : `: ${text}`}`);
  return parts.join(', ');
}

const rate = (count: number, seconds: number): number => (seconds > 0 ? Math.round(count / seconds) : 0);

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

const grouped = (value: number): string => value.toLocaleString('en-US');

const counted = (value: number, what: string): string => `${grouped(value)} ${what}${value === 1 ? '' : 's'}`;

/** Powers of ten, as the configuration has them. */
function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
