import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { ZonegateError } from '../../../src/base/errors.ts';
import { createLog, type LogLevel } from '../../../src/telemetry/log.ts';

test('an event is one JSON line with its name, time and level first-class', () => {
  const { log, json } = capture('json');

  log.event('zone-updated', { zone: 'example.org', from: 1, to: 2 });
  log.event('primary-failed', { primary: 'hidden' }, 'warn');

  const [updated, failed] = json();
  assert.equal(updated?.['event'], 'zone-updated');
  assert.equal(updated?.['level'], 'info');
  assert.match(String(updated?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual([updated?.['zone'], updated?.['from'], updated?.['to']], ['example.org', 1, 2]);
  assert.equal(failed?.['level'], 'warn');
  assert.deepEqual(Object.keys(updated ?? {}), ['level', 'time', 'event', 'zone', 'from', 'to']);
});

test('fields cannot write over event, time, level or message', () => {
  const { log, lines } = capture('json');

  log.event('transfer', { event: 'ready', level: 'fatal', time: 0, message: 'x', zone: 'example.org' });

  assert.equal(lines[0]?.match(/"event":/g)?.length, 1);
  assert.match(lines[0] ?? '', /^\{"level":"info","time":"[^"]+","event":"transfer","zone":"example\.org"\}\n$/);
});

test('messages come at their level, and what lies below the level not at all', () => {
  const { log, json } = capture('json', 'warn');

  log.debug('one');
  log.info('two');
  log.event('ready', {});
  log.warn('three', { at: 3 });
  log.error('four');

  assert.deepEqual(
    json().map(({ level, message }) => [level, message]),
    [
      ['warn', 'three'],
      ['error', 'four'],
    ],
  );
});

test('as text, a line is time, level, event and fields', () => {
  const { log, lines } = capture('text');

  log.event('zone-updated', { zone: 'example.org', from: null, to: 2, listen: ['a', 'b'], why: 'two words' });
  log.warn('the primary is slow', { ms: 3 });

  assert.match(
    lines[0] ?? '',
    /^\d{4}-\S+Z INFO zone-updated zone=example\.org from=null to=2 listen=\["a","b"\] why="two words"\n$/,
  );
  assert.match(lines[1] ?? '', /^\S+Z WARN the primary is slow ms=3\n$/);
});

test('what a peer wrote stays on its line, as text and as JSON', () => {
  const hostile = 'a\n2026-11-21T08:00:00.000Z INFO ready\u001b[31m\u009b\u2028x="y';
  for (const format of ['text', 'json'] as const) {
    const { log, lines } = capture(format);

    log.event('zone-rejected', { why: hostile });
    log.info(hostile);

    for (const line of lines) {
      assert.equal(line.indexOf('\n'), line.length - 1);
      const codes = [...line.slice(0, -1)].map((character) => character.codePointAt(0) ?? 0);
      const moving = (code: number): boolean => code < 0x20 || (format === 'text' && MOVING.has(code));
      assert.equal(codes.find(moving), undefined);
    }
  }
});

test('secrets are never written, wherever they hide', () => {
  const secret = 'c2VjcmV0LW9mLWEta2V5';
  const pem = `-----BEGIN EC PRIVATE KEY-----\n${secret}\n-----END EC PRIVATE KEY-----`;
  for (const format of ['text', 'json'] as const) {
    const { log, lines } = capture(format);

    log.event('reloaded', { secret, token: secret, keys: { 'sec1-key': { algorithm: 'hmac-sha256', secret } } });
    log.info('x', { keys: new Map([['sec1-key', { name: 'sec1-key', secret: Buffer.from(secret) }]]) });
    log.info('x', { keyPem: secret, 'private-key': secret, headers: { authorization: `Bearer ${secret}` } });
    log.info('x', { config: [{ password: secret }], ticketKeys: Buffer.from(secret) });
    log.error('x', {
      error: new Error(`cannot read ${pem}`, { cause: new ZonegateError('ZG_USAGE', pem, { secret }) }),
    });
    log.error('x', { url: `redis://zonegate:${secret}@192.0.2.1:6379/0` });

    const text = lines.join('');
    assert.equal(lines.length, 6);
    assert.doesNotMatch(text, new RegExp(secret));
    assert.doesNotMatch(text, new RegExp([...Buffer.from(secret)].slice(0, 4).join(',')));
    assert.match(text, /\[redacted\]/);
  }
});

test('paths of secrets may be shown', () => {
  const { log, json } = capture('json');

  log.info('x', { 'secret-file': '/etc/zonegate/keys/sec1', 'token-file': 'admin.token', key: 'sec1-key' });

  const [line] = json();
  assert.deepEqual(
    [line?.['secret-file'], line?.['token-file'], line?.['key']],
    ['/etc/zonegate/keys/sec1', 'admin.token', 'sec1-key'],
  );
});

test('buffers are told by their length alone, circles and depth end', () => {
  const { log, json } = capture('json');
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;

  log.info('x', { bytes: new Uint8Array(5), shared: new Uint32Array(new SharedArrayBuffer(16)), big: 12n, circle });

  const [line] = json();
  assert.deepEqual([line?.['bytes'], line?.['shared'], line?.['big']], ['[5 octets]', '[16 octets]', '12']);
});

test('an error is its message and code; the stack only where we are to blame', () => {
  const { log, json } = capture('json');

  log.error('x', { error: new ZonegateError('ZG_LISTEN_FAILED', 'in use', { port: 53 }) });
  log.error('x', { error: new TypeError('ours') });

  const [known, ours] = json();
  assert.deepEqual(known?.['error'], { message: 'in use', code: 'ZG_LISTEN_FAILED', fields: { port: 53 } });
  assert.match((ours as { error: { stack: string } }).error.stack, /TypeError: ours\n\s+at /);
});

test('the last line before an exit is not lost', () => {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const file = new URL(`../../../src/telemetry/log${extension}`, import.meta.url);
  const program = `import { createLog, standardOutput } from ${JSON.stringify(file.href)};
    const log = createLog({ level: 'info', format: 'json', destination: standardOutput() });
    for (let i = 0; i < 2_000; i++) log.event('shadow', { i, filling: 'x'.repeat(100) });
    log.event('stopped', {});
    await log.flush();
    process.exit(0);`;

  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });

  assert.equal(status, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 2_001);
  assert.equal((JSON.parse(lines.at(-1) ?? '') as { event: string }).event, 'stopped');
});

/** Beside those below 0x20: C1 controls and the line separators of Unicode. */
const MOVING = new Set([...Array.from({ length: 33 }, (_, i) => 0x7f + i), 0x2028, 0x2029]);

function capture(format: 'json' | 'text', level: LogLevel = 'debug') {
  const lines: string[] = [];
  const log = createLog({ level, format, destination: { write: (line) => lines.push(line) } });
  return { log, lines, json: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}
