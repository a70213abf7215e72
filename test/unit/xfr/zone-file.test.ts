import assert from 'node:assert/strict';
import { dirname, join } from 'node:path/posix';
import { test } from 'node:test';
import type { BatchResult } from '../../../src/xfr/ingest.ts';
import { ingestZoneFile, type ZoneFileOptions } from '../../../src/xfr/zone-file.ts';
import { labels } from '../../support/raw-messages.ts';
import { Bench, checkFrames } from '../../support/zone-building.ts';

const APEX = labels('example', 'org');
const SOA = '@ 3600 IN SOA ns1 hostmaster 2024010203 7200 900 1209600 300';

interface Taken {
  readonly bench: Bench;
  readonly result: BatchResult;
}

/** Reads `/zones/example.org` from files that lie in memory. */
function take(files: Readonly<Record<string, string>>, options: Partial<ZoneFileOptions> = {}): Taken {
  const bench = new Bench();
  const read = (path: string, from: string): { file: string; text: Buffer } | string => {
    const file = path.startsWith('/') ? path : join(dirname(from), path);
    const text = files[file];
    return text === undefined ? `${path} cannot be read: ENOENT` : { file, text: Buffer.from(text) };
  };
  const whole = { apex: APEX, frameSize: 16_000, outOfZone: 'reject', ...options } as const;
  return { bench, result: ingestZoneFile('/zones/example.org', whole, read, bench.slabs) };
}

const failureOf = ({ result }: Taken): string => (result.ok ? 'ok' : `${result.failure.code}: ${result.failure.text}`);

function recordsOf({ bench, result }: Taken): string[] {
  assert.ok(result.ok, JSON.stringify(result));
  const frames = bench.frames(bench.assemble([result.batch], APEX, 16_000));
  return checkFrames(frames, APEX, 16_000).map(
    ({ owner, type, ttl }) => `${owner.subarray(1, 1 + owner.readUInt8(0)).toString()} ${type} ${ttl}`,
  );
}

test('a zone file becomes a sorted version, its SOA wherever it stood', () => {
  const taken = take({
    '/zones/example.org': `$TTL 60\nwww A 192.0.2.1\nb 7 AAAA 2001:db8::1\n${SOA}\n@ NS ns1\na A 192.0.2.2\n`,
  });

  assert.deepEqual(recordsOf(taken), ['example 2 60', 'a 1 60', 'b 28 7', 'www 1 60']);
  assert.ok(taken.result.ok);
  const { firstSoa, lastSoa, isSealed } = taken.result.batch;
  assert.equal(firstSoa?.serial, 2_024_010_203);
  assert.deepEqual(firstSoa, lastSoa);
  assert.equal(isSealed, true);
});

test('included files are read from where the including file lies', () => {
  const taken = take({
    '/zones/example.org': `${SOA}\n$TTL 60\n$INCLUDE parts/hosts sub\n`,
    '/zones/parts/hosts': 'a A 192.0.2.1\n$INCLUDE more\n',
    '/zones/parts/more': 'b A 192.0.2.2\n',
  });

  assert.deepEqual(recordsOf(taken), ['a 1 60', 'b 1 60']);
});

test('a file that cannot be read says so', () => {
  assert.equal(failureOf(take({})), 'UNREADABLE: /zones/example.org cannot be read: ENOENT');
  assert.match(
    failureOf(take({ '/zones/example.org': `${SOA}\n$INCLUDE nowhere\n` })),
    /^ZONE_FILE: \/zones\/example\.org:2: .*nowhere cannot be read: ENOENT/,
  );
});

test('errors are told with file and line, five of them and the number of the rest', () => {
  const lines = Array.from({ length: 8 }, (_, i) => `h${i} 60 A 192.0.2.${300 + i}`);

  const failure = failureOf(take({ '/zones/example.org': [SOA, ...lines].join('\n') }));

  assert.match(failure, /^ZONE_FILE: \/zones\/example\.org:2: /);
  assert.match(failure, /example\.org:6: /);
  assert.doesNotMatch(failure, /example\.org:7: /);
  assert.match(failure, /; and 3 more$/);
});

test('a file without a SOA, and an empty one, are no zones', () => {
  for (const text of ['', '; nothing\n', '$TTL 60\na A 192.0.2.1\n']) {
    assert.match(failureOf(take({ '/zones/example.org': text })), /^NO_FIRST_SOA: .*has no SOA record/);
  }
});

test('a second SOA is refused', () => {
  const result = failureOf(take({ '/zones/example.org': `${SOA}\n${SOA}\n` }));

  assert.notEqual(result.split(':')[0], 'ok');
});

test('names outside the zone are refused or ignored, as configured', () => {
  const files = { '/zones/example.org': `${SOA}\n$TTL 60\na A 192.0.2.1\nwww.example.net. A 192.0.2.2\n` };

  assert.match(failureOf(take(files)), /^OUT_OF_ZONE/);
  const ignoring = take(files, { outOfZone: 'ignore' });
  assert.deepEqual(recordsOf(ignoring), ['a 1 60']);
  assert.equal(ignoring.result.ok && ignoring.result.batch.ignoredOutOfZone, 1);
});

test('a record that fits no message together with OPT and TSIG is refused', () => {
  const generic = (octets: number): string => `big 60 TYPE65280 \\# ${octets} ${'00'.repeat(octets)}`;

  assert.match(failureOf(take({ '/zones/example.org': `${SOA}\n${generic(65_200)}\n` })), /^RECORD_TOO_LARGE/);
  assert.match(failureOf(take({ '/zones/example.org': `${SOA}\n${generic(65_535)}\n` })), /^RECORD_TOO_LARGE/);
  assert.deepEqual(recordsOf(take({ '/zones/example.org': `${SOA}\n${generic(60_000)}\n` })), ['big 65280 60']);
});

test('a zone larger than one message is whole', () => {
  const lines = Array.from({ length: 9000 }, (_, i) => `host${i} 60 A 192.0.2.1`);

  const taken = take({ '/zones/example.org': [SOA, ...lines].join('\n') });

  assert.equal(recordsOf(taken).length, 9000);
});
