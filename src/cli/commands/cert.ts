/** `zonegate cert`: makes, shows and pins certificates. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ZonegateError } from '../../base/errors.ts';
import {
  type CertificateFacts,
  type CertificateKind,
  createCertificate,
  inspectCertificate,
  type PemPair,
  spkiPin,
  splitPem,
} from '../../net/certificates.ts';
import { type Column, printJson, printTable, wantsJson } from '../output.ts';

const DEFAULT_DAYS: Readonly<Record<CertificateKind, number>> = { ca: 3650, server: 365, client: 365 };
const WARN_BEFORE_DAYS = 30;

export function register(program: Command): void {
  const cert = program.command('cert').description('make, show and pin certificates');
  cert
    .command('create')
    .description('make a certificate with an ECDSA P-256 key: KIND.pem and KIND.key')
    .addOption(new Option('--kind <kind>', 'what it is for').choices(['ca', 'server', 'client']).makeOptionMandatory())
    .option('--name <name...>', 'host names and IP addresses; of a CA, its name', collect)
    .option('--issuer-cert <file>', 'CA that signs it; self-signed without one')
    .option('--issuer-key <file>', "the CA's key")
    .option('--days <number>', 'validity (default: 3650 for a CA, else 365)', dayCount)
    .option('--out <folder>', 'where the files go', '.')
    .option('--force', 'overwrite')
    .option('--json', 'print JSON')
    .action(create);
  cert
    .command('inspect')
    .description('show what certificates say, and when they end')
    .argument('<file...>', 'PEM files; all certificates in them are shown')
    .option('--json', 'print JSON')
    .action(inspect);
  cert
    .command('pin')
    .description('print the SPKI pin of a certificate: base64 of the SHA-256 of its public key')
    .argument('<file>', 'PEM file')
    .action((file: string) => console.log(spkiPin(read(file))));
}

interface CreateOptions {
  readonly kind: CertificateKind;
  readonly name?: string[];
  readonly issuerCert?: string;
  readonly issuerKey?: string;
  readonly days?: number;
  readonly out: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

function create(options: CreateOptions): void {
  const { kind, out, name: names = kind === 'ca' ? ['zonegate CA'] : [] } = options;
  if (names.length === 0) throw new ZonegateError('ZG_USAGE', `a ${kind} certificate needs at least one --name`);
  const certFile = join(out, `${kind}.pem`);
  const keyFile = join(out, `${kind}.key`);
  const taken = [certFile, keyFile].filter((file) => existsSync(file));
  if (taken.length > 0 && options.force !== true) {
    throw new ZonegateError('ZG_USAGE', `already there: ${taken.join(', ')}; --force overwrites`);
  }
  const now = new Date();
  const issuer = readIssuer(options);
  const made = createCertificate({ kind, names, days: options.days ?? DEFAULT_DAYS[kind], issuer, now });
  try {
    mkdirSync(out, { recursive: true });
    replaceFile(keyFile, made.keyPem, 0o600);
    replaceFile(certFile, made.certPem, 0o644);
  } catch (cause) {
    throw new ZonegateError('ZG_CERTIFICATE_INVALID', `cannot write to ${out}: ${reason(cause)}`, {}, cause);
  }
  const facts = inspectCertificate(made.certPem, now);
  if (options.json === true) printJson({ certFile, keyFile, ...facts });
  else {
    const until = facts.notAfter.toISOString().slice(0, 10);
    console.log(`${certFile}  ${kind} certificate for ${names.join(', ')}, until ${until}`);
    console.log(`${keyFile}  its private key`);
    console.log(`pin  ${facts.pin}`);
  }
}

function readIssuer({ issuerCert, issuerKey }: CreateOptions): PemPair | undefined {
  if (issuerCert === undefined && issuerKey === undefined) return undefined;
  if (issuerCert === undefined || issuerKey === undefined) {
    throw new ZonegateError('ZG_USAGE', '--issuer-cert and --issuer-key go together');
  }
  return { certPem: read(issuerCert), keyPem: read(issuerKey) };
}

/** Whole or not at all, and never readable by others for a moment, as an existing file would leave it. */
function replaceFile(file: string, text: string, mode: number): void {
  const beside = `${file}.${process.pid}.new`;
  try {
    writeFileSync(beside, text, { mode, flag: 'wx' });
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

interface Shown extends CertificateFacts {
  readonly file: string;
}

const COLUMNS: readonly Column<Shown>[] = [
  { title: 'FILE', value: ({ file }) => file },
  { title: 'SUBJECT', value: ({ subject }) => subject },
  { title: 'NAMES', value: ({ names }) => names.join(',') || undefined },
  { title: 'FOR', value: ({ isCa, purposes }) => [...(isCa ? ['ca'] : []), ...purposes].join(',') || 'any' },
  { title: 'ISSUER', value: ({ issuer, isSelfSigned }) => (isSelfSigned ? 'itself' : issuer) },
  { title: 'KEY', value: ({ keyType }) => keyType },
  { title: 'ENDS', value: ({ notAfter }) => notAfter.toISOString().slice(0, 10) },
  { title: 'DAYS', value: ({ daysLeft }) => daysLeft, align: 'right' },
  { title: 'PIN', value: ({ pin }) => pin },
];

function inspect(files: readonly string[], options: { readonly json?: boolean }): void {
  const now = new Date();
  const shown = files.flatMap((file) => {
    const certificates = splitPem(read(file));
    if (certificates.length === 0) {
      throw new ZonegateError('ZG_CERTIFICATE_INVALID', `${file} holds no certificate in PEM form`);
    }
    return certificates.map((pem): Shown => ({ file, ...inspectCertificate(pem, now) }));
  });
  if (wantsJson(options)) printJson(shown);
  else printTable(shown, COLUMNS);
  for (const { file, subject, daysLeft, notAfter, notBefore } of shown) {
    if (notAfter < now) console.error(`warning: ${file}: ${subject} ended on ${notAfter.toISOString().slice(0, 10)}`);
    else if (notBefore > now) console.error(`warning: ${file}: ${subject} is not valid yet`);
    else if (daysLeft < WARN_BEFORE_DAYS) console.error(`warning: ${file}: ${subject} ends in ${daysLeft} days`);
  }
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

function dayCount(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 36_500) {
    throw new InvalidArgumentError('expected a whole number from 1 to 36500.');
  }
  return days;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ZonegateError('ZG_CERTIFICATE_INVALID', `cannot read ${file}: ${reason(cause)}`, {}, cause);
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
