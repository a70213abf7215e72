/**
 * What other programs make of zone files, beside what we make of them. Programs of Debian 12: bind9-utils, nsd,
 * ldnsutils, knot. Where one is missing the test is skipped, but in CI it fails.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lowerName } from '../../src/wire/name.ts';
import { recordToText } from '../../src/wire/presentation/print.ts';
import { rdataShape } from '../../src/wire/rdata.ts';
import { TYPE } from '../../src/wire/registry.ts';
import { parseMasterFile } from '../../src/zone/master-file.ts';

interface ZoneRecord {
  readonly owner: Buffer;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Buffer;
}

/** Debian has servers' tools in sbin, which is not in everybody's PATH. */
const SEARCH = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
const ROOT = repositoryRoot();
const EVERY_TYPE = join(ROOT, 'test/vectors/zones/every-type.zone');
const RARE_TYPES = join(ROOT, 'test/vectors/zones/rare-types.zone');
const SAMPLE = join(ROOT, 'conf/zones/example.org.zone');
const folder = mkdtempSync(join(tmpdir(), 'zonegate-zone-file-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Only the syntax is in question, not whether the zone is a good one. */
const BIND_LENIENT = ['-q', '-k', 'ignore', '-n', 'ignore', '-m', 'ignore', '-r', 'ignore', '-i', 'none'];

for (const file of [EVERY_TYPE, RARE_TYPES]) {
  test(`BIND reads the same records in ${file.slice(ROOT.length + 1)}`, (context) => {
    if (!hasProgram(context, 'named-compilezone')) return;

    const theirs = run('named-compilezone', [...BIND_LENIENT, '-s', 'full', '-o', '-', 'example.', file]);

    assert.deepEqual(sorted(parse(theirs)), sorted(parse(readFileSync(file))));
  });

  test(`BIND reads what we print of ${file.slice(ROOT.length + 1)}`, (context) => {
    if (!hasProgram(context, 'named-compilezone')) return;
    const ours = parse(readFileSync(file));

    const theirs = run('named-compilezone', [...BIND_LENIENT, '-s', 'full', '-o', '-', 'example.', printed(ours)]);

    assert.deepEqual(sorted(parse(theirs)), sorted(ours));
  });
}

test('NSD reads the same records, names in lower case as it keeps them', (context) => {
  if (!hasProgram(context, 'nsd-checkzone')) return;
  const ours = parse(readFileSync(EVERY_TYPE));

  for (const file of [EVERY_TYPE, printed(ours)]) {
    const theirs = run('nsd-checkzone', ['-p', 'example.', file]);

    assert.deepEqual(sorted(parse(theirs).map(folded)), sorted(ours.map(folded)));
  }
});

test('Knot DNS accepts the file, and what we print of it', (context) => {
  if (!hasProgram(context, 'knotc')) return;

  for (const file of [EVERY_TYPE, printed(parse(readFileSync(EVERY_TYPE)))]) {
    const configuration = join(folder, 'knot.conf');
    writeFileSync(
      configuration,
      `database:\n  storage: "${folder}"\nzone:\n  - domain: example\n    file: "${file}"\n    semantic-checks: off\n`,
    );
    run('knotc', ['-c', configuration, 'zone-check', 'example']);
  }
});

test('ldns reads what we print as the same records', (context) => {
  if (!hasProgram(context, 'ldns-read-zone')) return;
  // ldns 1.8 prints an owner with a quote unescaped, and leaves out the NSEC3 records of a zone.
  const ours = parse(readFileSync(EVERY_TYPE)).filter(
    ({ owner, type }) => type !== TYPE.NSEC3 && !owner.includes('"', 0, 'latin1'),
  );

  const theirs = run('ldns-read-zone', [printed(ours)]);

  assert.deepEqual(sorted(parse(theirs).map(folded)), sorted(ours.map(folded)));
});

test('the sample zone passes the full checks of BIND, and is read alike', (context) => {
  if (!hasProgram(context, 'named-compilezone')) return;

  const theirs = run('named-compilezone', ['-q', '-i', 'local', '-s', 'full', '-o', '-', 'example.org.', SAMPLE]);

  const ours = parse(readFileSync(SAMPLE), 'example.org');
  assert.ok(ours.length >= 25);
  assert.deepEqual(sorted(parse(theirs, 'example.org')), sorted(ours));
});

function parse(text: Buffer, apex = 'example'): ZoneRecord[] {
  const records: ZoneRecord[] = [];
  const labels = apex.split('.').map((label) => String.fromCharCode(label.length) + label);
  const failures = parseMasterFile({
    file: 'zone',
    text,
    origin: Buffer.from(`${labels.join('')}\0`, 'latin1'),
    readInclude: (path) => `${path} is not to be read`,
    onRecord: (owner, type, ttl, rdata) =>
      records.push({ owner: Buffer.from(owner), type, ttl, rdata: Buffer.from(rdata) }),
  });
  assert.deepEqual(failures, []);
  assert.ok(records.length > 0);
  return records;
}

/** One line a record: what is compared, and what a difference shows. */
const lineOf = ({ owner, ttl, type, rdata }: ZoneRecord): string =>
  `${recordToText(owner, ttl, 1, type, rdata)} (${rdata.toString('hex')})`;

/** Each once: servers drop repeated records, such as the SOA that BIND prints at both ends. */
const sorted = (records: readonly ZoneRecord[]): string[] => [...new Set(records.map(lineOf))].sort();

/** The names in lower case. */
function folded(record: ZoneRecord): ZoneRecord {
  const rdata = Buffer.from(record.rdata);
  let at = 0;
  for (const element of rdataShape(record.type)?.elements ?? []) {
    if (typeof element === 'number') at += element;
    else if (element === 'string') at += (rdata[at] as number) + 1;
    else {
      const end = nameEnd(rdata, at);
      rdata.set(lowerName(rdata.subarray(at, end)), at);
      at = end;
    }
  }
  return { ...record, owner: Buffer.from(lowerName(record.owner)), rdata };
}

function nameEnd(rdata: Buffer, start: number): number {
  let at = start;
  while (rdata[at] !== 0) at += (rdata[at] as number) + 1;
  return at + 1;
}

/** A file of what we print of the records. */
function printed(records: readonly ZoneRecord[]): string {
  const file = join(folder, `printed-${records.length}.zone`);
  const lines = records.map(({ owner, ttl, type, rdata }) => recordToText(owner, ttl, 1, type, rdata));
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

function run(program: string, words: readonly string[]): Buffer {
  const result = spawnSync(program, words, { env: SEARCH, timeout: 60_000 });
  assert.equal(result.status, 0, `${program}: ${result.error?.message ?? ''}${result.stderr}${result.stdout}`);
  assert.equal(result.stderr.toString(), '', `${program} complained`);
  return result.stdout;
}

function hasProgram(context: TestContext, program: string): boolean {
  const isThere = spawnSync('which', [program], { env: SEARCH }).status === 0;
  if (!isThere && process.env['CI'] === 'true') assert.fail(`${program} is not installed`);
  if (!isThere) context.skip(`${program} is not installed`);
  return isThere;
}

function repositoryRoot(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'package.json')) || !existsSync(join(at, 'test/vectors'))) at = dirname(at);
  return at;
}
