import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AuditLog } from '../../../src/telemetry/audit.ts';
import { ChainVerifier, chainLine, GENESIS, readLine } from '../../../src/telemetry/audit-chain.ts';

const dir = mkdtempSync(join(tmpdir(), 'zonegate-audit-'));
after(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;
const newFile = (): string => join(dir, 'log', `${files++}.jsonl`);
const newLog = (failed: (why: string | undefined) => void = () => undefined): AuditLog =>
  new AuditLog({ clock: { now: () => 1_700_000_000_000 }, failed });
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean);
function verdict(lines: readonly string[]): string {
  const chain = new ChainVerifier();
  for (const line of lines) {
    const failure = chain.take(line);
    if (failure !== undefined) return `${failure.line}: ${failure.why}`;
  }
  return 'holds';
}

test('a line holds its own hash and that of the one before it', () => {
  const { line, hash } = chainLine(1, GENESIS, '2026-11-21T12:00:00.000Z', { event: 'transfer', zone: 'a "b", {c}' });

  assert.deepEqual(readLine(line), { seq: 1, prev: GENESIS, hash });
  assert.equal(JSON.parse(line).zone, 'a "b", {c}');
});

const whole = ((): string[] => {
  const lines: string[] = [];
  let prev = GENESIS;
  for (let seq = 1; seq <= 5; seq++) {
    const next = chainLine(seq, prev, '2026-11-21T12:00:00.000Z', { event: 'transfer', bytes: seq });
    lines.push(next.line);
    prev = next.hash;
  }
  return lines;
})();
const CASES: readonly [string, readonly string[], string][] = [
  ['as it was written', whole, 'holds'],
  ['from its middle on', whole.slice(2), 'holds'],
  [
    'with a line changed',
    whole.map((line) => line.replace('"bytes":3', '"bytes":4')),
    '3: it is not as it was written',
  ],
  ['with a line taken out', whole.filter((_, i) => i !== 2), '3: 1 before it are missing'],
  ['with two lines in each other’s place', [0, 2, 1, 3].map((i) => whole[i] as string), '2: 1 before it are missing'],
  ['with a line twice', [0, 1, 1].map((i) => whole[i] as string), '3: it does not follow the one before it'],
  [
    'with a line of another chain',
    [...whole.slice(0, 2), chainLine(3, GENESIS, '', {}).line],
    '3: it does not follow the one before it',
  ],
  ['with a line that is none', [...whole, 'x'], '6: it is not as it was written'],
];
for (const [how, lines, expected] of CASES) {
  test(`a chain ${how}: ${expected}`, () => {
    assert.equal(verdict(lines), expected);
  });
}

test('a log goes on from its file after a restart, and cuts off what a crash left of a line', () => {
  const file = newFile();
  const first = newLog();
  first.open(file);
  first.write('transfer', { zone: 'example.org' });
  first.close();
  appendFileSync(file, '{"seq":3,"at"');
  const second = newLog();
  second.open(file);
  second.write('transfer', { zone: 'example.net' });
  second.close();

  const lines = linesOf(file);
  assert.equal(verdict(lines), 'holds');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ event, zone, 'torn-octets': torn }) => [event, zone ?? torn]),
    [
      ['audit-opened', undefined],
      ['transfer', 'example.org'],
      ['audit-opened', 13],
      ['transfer', 'example.net'],
    ],
  );
});

test('a file that was moved away is followed by a new one, in one chain', () => {
  const file = newFile();
  const log = newLog();
  log.open(file);
  log.write('transfer', { bytes: 1 });
  log.flush();
  renameSync(file, `${file}.1`);
  log.write('transfer', { bytes: 2 });
  log.open(file);
  log.write('transfer', { bytes: 3 });
  log.close();

  assert.equal(verdict([...linesOf(`${file}.1`), ...linesOf(file)]), 'holds');
  assert.equal(linesOf(`${file}.1`).length, 3);
});

test('what cannot be written waits, and so does what comes behind it', () => {
  const told: (string | undefined)[] = [];
  const log = newLog((why) => told.push(why));
  // Takes no octet, as a full disk.
  log.open('/dev/full');
  log.write('transfer', { bytes: 1 });
  log.flush();
  log.flush();

  assert.equal(told.length, 1);
  const file = newFile();
  log.open(file);
  log.close();

  assert.equal(verdict(linesOf(file)), 'holds');
  assert.deepEqual(
    linesOf(file).map((line) => JSON.parse(line).event),
    ['audit-opened', 'transfer', 'audit-opened'],
  );
  assert.equal(told.at(-1), undefined);
});

test('a file opened while the disk was full goes on where it was', () => {
  const file = newFile();
  const log = newLog();
  log.open(file);
  log.write('transfer', { bytes: 1 });
  log.close();
  const full = newLog();
  full.open(file);
  full.write('transfer', { bytes: 2 });
  full.flush();
  // Lines wait in memory, as after a write that failed, and the file is opened anew.
  full.write('transfer', { bytes: 3 });
  full.open(file);
  full.close();

  assert.equal(verdict(linesOf(file)), 'holds');
});

test('a file that cannot be opened leaves the one before open', () => {
  const file = newFile();
  const log = newLog();
  log.open(file);

  assert.throws(() => log.open(join(file, 'below', 'a-file')));
  log.write('transfer', { bytes: 1 });
  log.close();

  assert.deepEqual(
    linesOf(file).map((line) => JSON.parse(line).event),
    ['audit-opened', 'transfer'],
  );
});

test('without a file nothing is kept', () => {
  const log = newLog();
  log.open(undefined);
  log.write('transfer', {});
  log.flush();
  log.close();
});
