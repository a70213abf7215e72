/** `zonegate transfer`: asks a server for a zone, checks all that can be checked, and says what came. */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { type ErrorCode, ZonegateError } from '../../base/errors.ts';
import { parseDuration } from '../../config/values.ts';
import {
  type ClientTls,
  connectStream,
  type DnsTarget,
  exchangeDatagrams,
  type TlsFacts,
  targetToText,
} from '../../net/dns-client.ts';
import type { TsigKey } from '../../tsig/key.ts';
import { nameFromText, zoneLabel } from '../../wire/name.ts';
import { RCODE } from '../../wire/registry.ts';
import { type ClientStep, TransferClient } from '../../xfr/client.ts';
import { readKeyFile } from '../key-file.ts';
import { printJson } from '../output.ts';
import { ZoneOutput } from '../transfer-output.ts';
import { progressText, reportToJson, reportToText, type TransferReport } from '../transfer-summary.ts';

const UDP_SIZE = 1232;
const PROGRESS_MS = 200;

export function register(program: Command): void {
  program
    .command('transfer')
    .description('transfer a zone from a server and check it: the whole, or what changed since a serial')
    .argument('<zone>', 'name of the zone')
    .requiredOption('--server <host[:port]>', 'where to ask (default port: 53, with --tls 853)')
    .option('--tls', 'over TLS 1.3 (XoT, RFC 9103)')
    .option('--ixfr <serial>', 'ask for what changed since this serial', serialNumber)
    .option('--key-file <file>', 'TSIG key: what keygen prints, a BIND key clause, or algorithm:name:secret')
    .option('--ca-file <file>', 'verify the server by its certificate and these CAs (PEM)')
    .option('--tls-name <name>', 'name that the certificate must be for (default: the host)')
    .option('--pin <pin...>', 'SPKI pin that the server must have, or one of several', collectPins)
    .option('--cert-file <file>', 'our certificate, for mutual TLS (PEM)')
    .option('--cert-key-file <file>', 'its private key (PEM)')
    .option('--no-alpn', 'do not offer ALPN `dot`')
    .option('--udp', 'ask by UDP first; with --ixfr only')
    .option('--no-edns', 'send no OPT record')
    .option('--out <file>', 'write the zone, or with --ixfr the differences, once it is whole; - is standard output')
    .option('--json', 'print the summary as JSON')
    .option('--timeout <duration>', 'give up when nothing comes for so long', duration, 30_000)
    .addHelpText('after', '\nExit status: 0 done, 4 refused by the server, 1 otherwise.')
    .action(transfer);
}

interface TransferOptions {
  readonly server: string;
  readonly tls?: boolean;
  readonly ixfr?: number;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly tlsName?: string;
  readonly pin?: string[];
  readonly certFile?: string;
  readonly certKeyFile?: string;
  readonly alpn: boolean;
  readonly udp?: boolean;
  readonly edns: boolean;
  readonly out?: string;
  readonly json?: boolean;
  readonly timeout: number;
}

async function transfer(zoneText: string, options: TransferOptions): Promise<void> {
  const zone = nameFromText(zoneText);
  if (!zone.ok) throw usage(`not a domain name: ${JSON.stringify(zoneText)}`);
  checkTogether(options);
  const target = { ...parseServer(options.server, options.tls === true ? 853 : 53), timeoutMs: options.timeout };
  const key = options.keyFile === undefined ? undefined : readKeyFile(options.keyFile);
  const run = new TransferRun(zone.value, { ...target, tls: options.tls ? readTls(options) : undefined }, key, options);
  const { report, error } = await run.run();

  if (options.json === true) printJson(reportToJson(report));
  else if (error === undefined) (options.out === '-' ? console.error : console.log)(reportToText(report));
  if (error !== undefined) throw error;
}

/** One transfer, with the attempts that it takes. */
class TransferRun {
  readonly #zone: Uint8Array;
  readonly #target: DnsTarget;
  readonly #key: TsigKey | undefined;
  readonly #options: TransferOptions;
  readonly #notes: string[] = [];
  readonly #output: ZoneOutput | undefined;
  #transport: 'udp' | 'tcp' | 'tls';
  #hasEdns: boolean;
  #client: TransferClient | undefined;
  #tls: TlsFacts | undefined;
  #started = 0;
  #seconds = 0;
  #shownAt = 0;

  constructor(zone: Uint8Array, target: DnsTarget, key: TsigKey | undefined, options: TransferOptions) {
    this.#zone = zone;
    this.#target = target;
    this.#key = key;
    this.#options = options;
    this.#transport = target.tls !== undefined ? 'tls' : options.udp === true ? 'udp' : 'tcp';
    this.#hasEdns = options.edns;
    this.#output = options.out === undefined ? undefined : new ZoneOutput(options.out);
  }

  async run(): Promise<{ report: TransferReport; error: ZonegateError | undefined }> {
    let step: ClientStep = { kind: 'more' };
    try {
      while (step.kind !== 'done') {
        step = await this.#attempt();
        if (step.kind === 'failed' && !this.#triesAgain(step)) break;
        if (step.kind === 'ask-by-stream') {
          this.#transport = 'tcp';
          const why = step.why === 'newer' ? 'said that there is a newer serial' : 'was truncated';
          this.#notes.push(`the answer by UDP ${why}: asked again by TCP`);
        }
      }
      const hasOutput = step.kind === 'done' && this.#client?.sentAs !== 'current';
      if (hasOutput) await this.#output?.commit();
      else this.#output?.discard();
      if (step.kind !== 'failed') return { report: this.#report(undefined, hasOutput), error: undefined };
      const { failure } = step;
      const code: ErrorCode = failure.rcode === undefined ? 'ZG_TRANSFER_FAILED' : 'ZG_TRANSFER_REFUSED';
      const error = new ZonegateError(code, `${targetToText(this.#target)}: ${failure.text}`);
      return { report: this.#report(failure), error };
    } catch (error) {
      this.#output?.discard();
      if (!(error instanceof ZonegateError)) throw error;
      return { report: this.#report({ code: error.code, text: error.message }), error };
    } finally {
      this.#clearProgress();
    }
  }

  async #attempt(): Promise<ClientStep> {
    const client = this.#newClient();
    this.#client = client;
    let step = { kind: 'more' } as ClientStep;
    const take = (message: Uint8Array): boolean => {
      step = client.take(message, nowSeconds());
      return step.kind === 'more';
    };
    this.#started = performance.now();
    if (this.#transport === 'udp') {
      // A datagram with another id may come from anybody: it is no answer, and no failure.
      await exchangeDatagrams(this.#target, client.query(), (message) => !hasId(message, client) || take(message));
      this.#stopClock();
      return step;
    }
    const stream = await connectStream(this.#target);
    this.#tls = stream.tls;
    this.#started = performance.now();
    stream.send(client.query());
    const hasMore = await stream.receive(take, () => {
      this.#showProgress(client);
      return this.#output?.ready();
    });
    this.#stopClock();
    stream.close();
    if (hasMore && step.kind === 'done') return client.take(new Uint8Array(0), nowSeconds());
    return step;
  }

  #newClient(): TransferClient {
    const { ixfr } = this.#options;
    const output = this.#output;
    return new TransferClient({
      zone: this.#zone,
      kind: ixfr === undefined ? 'AXFR' : 'IXFR',
      serial: ixfr,
      key: this.#key,
      edns: this.#hasEdns ? { udpSize: UDP_SIZE } : undefined,
      id: randomInt(0x10000),
      now: nowSeconds(),
      isDatagram: this.#transport === 'udp',
      ...(output === undefined ? {} : { onRecord: (change, record) => output.write(change, record) }),
    });
  }

  /** A server that knows no OPT answers with an error that has none: asked again without (RFC 6891 §7). */
  #triesAgain({ failure }: Extract<ClientStep, { kind: 'failed' }>): boolean {
    const isAboutEdns =
      failure.rcode === RCODE.BADVERS ||
      ((failure.rcode === RCODE.FORMERR || failure.rcode === RCODE.NOTIMP) && this.#client?.edns === undefined);
    if (!this.#hasEdns || !isAboutEdns) return false;
    this.#hasEdns = false;
    this.#notes.push(`${failure.text} to a query with EDNS: asked again without`);
    return true;
  }

  #stopClock(): void {
    this.#seconds = (performance.now() - this.#started) / 1000;
  }

  #showProgress(client: TransferClient): void {
    if (process.stderr.isTTY !== true) return;
    const now = performance.now();
    if (now - this.#shownAt < PROGRESS_MS) return;
    this.#shownAt = now;
    process.stderr.write(`\r${progressText(client.counters, (now - this.#started) / 1000)}\x1b[K`);
  }

  #clearProgress(): void {
    if (this.#shownAt > 0) process.stderr.write('\r\x1b[K');
  }

  #report(failure: TransferReport['failure'], hasOutput = false): TransferReport {
    const { ixfr, out } = this.#options;
    const client = this.#client ?? this.#newClient();
    return {
      zone: zoneLabel(this.#zone),
      server: targetToText(this.#target),
      transport: this.#transport,
      asked: ixfr === undefined ? 'AXFR' : 'IXFR',
      fromSerial: ixfr,
      sentAs: client.sentAs,
      serial: client.serial,
      counters: client.counters,
      seconds: this.#seconds,
      tls: this.#tls,
      key: this.#key && { name: this.#key.name, algorithm: this.#key.algorithm.name },
      askedEdns: this.#hasEdns,
      edns: client.edns,
      notes: this.#notes,
      out: hasOutput ? out : undefined,
      failure,
    };
  }
}

const hasId = (message: Uint8Array, client: TransferClient): boolean =>
  message[0] === client.query()[0] && message[1] === client.query()[1];

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

function checkTogether(options: TransferOptions): void {
  const { tls, udp, ixfr, certFile, certKeyFile, out, json } = options;
  const forTls = (['caFile', 'tlsName', 'pin', 'certFile', 'certKeyFile'] as const).find((name) => options[name]);
  if (forTls !== undefined && tls !== true) throw usage(`--${kebab(forTls)} goes with --tls`);
  if (udp === true && tls === true) throw usage('--udp and --tls exclude each other');
  if (udp === true && ixfr === undefined)
    throw usage('--udp goes with --ixfr: an AXFR needs TCP (RFC 5936 section 4.2)');
  if ((certFile === undefined) !== (certKeyFile === undefined)) {
    throw usage('--cert-file and --cert-key-file go together');
  }
  if (out === '-' && json === true) throw usage('--out - and --json would both write to standard output');
}

function readTls(options: TransferOptions): ClientTls {
  const { caFile, tlsName, certFile, certKeyFile, pin, alpn } = options;
  return {
    name: tlsName,
    ca: caFile === undefined ? undefined : readPem(caFile),
    pins: pin ?? [],
    certificate:
      certFile === undefined || certKeyFile === undefined
        ? undefined
        : { certPem: readPem(certFile), keyPem: readPem(certKeyFile) },
    alpn,
  };
}

/** `192.0.2.1`, `ns1.example.net:5300`, `2001:db8::1`, `[2001:db8::1]:53`. */
function parseServer(text: string, defaultPort: number): { host: string; port: number } {
  const isBareIpv6 = text.split(':').length > 2 && !text.startsWith('[');
  const match = isBareIpv6 ? [text, undefined, text] : /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw usage(`not a server: ${JSON.stringify(text)}; expected HOST or HOST:PORT, [ADDRESS]:PORT for IPv6`);
  }
  return { host, port };
}

function serialNumber(text: string): number {
  const serial = Number(text);
  if (!/^\d{1,10}$/.test(text) || serial > 0xffff_ffff) {
    throw new InvalidArgumentError('expected a serial from 0 to 4294967295.');
  }
  return serial;
}

function duration(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.ok && parsed.value > 0) return parsed.value;
  throw new InvalidArgumentError('expected a duration such as 500ms, 30s or 5m.');
}

function collectPins(text: string, before: string[] | undefined): string[] {
  const isPin = /^[A-Za-z0-9+/]{43}=$/.test(text);
  if (!isPin) throw new InvalidArgumentError('expected the base64 of a SHA-256, as `zonegate cert pin` prints it.');
  return [...(before ?? []), text];
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ZonegateError('ZG_USAGE', `cannot read ${file}: ${reason}`, {}, cause);
  }
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const usage = (message: string): ZonegateError => new ZonegateError('ZG_USAGE', message);
