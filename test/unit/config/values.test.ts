import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from '../../../src/config/suggest.ts';
import * as values from '../../../src/config/values.ts';

/** Text and the value it stands for; undefined where it must be refused. */
const check = <T>(read: (text: string) => values.Parsed<T>, rows: Readonly<Record<string, T | undefined>>): void => {
  for (const [text, expected] of Object.entries(rows)) {
    const parsed = read(text);
    assert.deepEqual(parsed.ok ? parsed.value : undefined, expected, text);
  }
};

test('durations', () => {
  check(values.parseDuration, {
    '500ms': 500,
    '10s': 10_000,
    '5m': 300_000,
    '2h': 7_200_000,
    '1d': 86_400_000,
    '0s': 0,
    '': undefined,
    '10': undefined,
    '1.5s': undefined,
    '-1s': undefined,
    '10 s': undefined,
    '1w': undefined,
    '10S': undefined,
  });
});

test('sizes are powers of ten', () => {
  check(values.parseSize, {
    '512B': 512,
    '64KB': 64_000,
    '256MB': 256e6,
    '8GB': 8e9,
    '8': undefined,
    '8G': undefined,
    '8GiB': undefined,
    '8gb': undefined,
    '-1B': undefined,
  });
});

test('rates', () => {
  check(values.parseRate, {
    '10/s': { count: 10, perMs: 1000 },
    '10/m': { count: 10, perMs: 60_000 },
    '3/h': { count: 3, perMs: 3_600_000 },
    '0/s': undefined,
    '10': undefined,
    '10/d': undefined,
    '10/2m': undefined,
    '1.5/s': undefined,
  });
});

test('percentages become shares', () => {
  check(values.parsePercent, {
    '0%': 0,
    '10%': 0.1,
    '12.5%': 0.125,
    '100%': 1,
    '101%': undefined,
    '10': undefined,
    '%': undefined,
  });
});

test('addresses with and without a port', () => {
  check((text) => values.parseAddress(text, 53), {
    '192.0.2.1': { host: '192.0.2.1', port: 53 },
    '192.0.2.1:5353': { host: '192.0.2.1', port: 5353 },
    '2001:db8::1': { host: '2001:db8::1', port: 53 },
    '[2001:db8::1]': { host: '2001:db8::1', port: 53 },
    '[2001:db8::1]:853': { host: '2001:db8::1', port: 853 },
    '[192.0.2.1]:53': undefined,
    '192.0.2.1:': undefined,
    '192.0.2.1:65536': undefined,
    '192.0.2.1:x': undefined,
    'localhost:53': undefined,
    '010.0.0.1': undefined,
    '10.1': undefined,
  });
});

test('an address that needs its port', () => {
  check((text) => values.parseAddress(text), {
    '127.0.0.1:0': { host: '127.0.0.1', port: 0 },
    '127.0.0.1': undefined,
    '::1': undefined,
    '[::1]': undefined,
  });
});

test('networks', () => {
  check(values.parsePrefix, {
    '192.0.2.0/24': '192.0.2.0/24',
    '192.0.2.1': '192.0.2.1/32',
    '0.0.0.0/0': '0.0.0.0/0',
    '::/0': '::/0',
    '2001:DB8::/32': '2001:db8::/32',
    '2001:db8:0:0::1': '2001:db8::1/128',
    '::ffff:192.0.2.0/120': '192.0.2.0/24',
    '192.0.2.1/24': undefined,
    '192.0.2.0/33': undefined,
    '192.0.2.0/': undefined,
    '192.0.2.0/24/1': undefined,
    '192.0.2.0/-1': undefined,
    'fe80::1%eth0': undefined,
    '10/8': undefined,
    '': undefined,
  });
});

test('base64 is the standard alphabet with its padding, and not empty', () => {
  assert.deepEqual(values.parseBase64(' QUJD\n'), new Uint8Array([65, 66, 67]));
  for (const text of ['', '  ', 'QUI', 'QU=J', 'QUJ_', 'QUJD QUJD', '====']) {
    assert.equal(values.parseBase64(text), undefined, text);
  }
});

test('the nearest name is one that a slip of the finger explains', () => {
  assert.equal(nearest('primarys', ['primaries', 'secondaries']), 'primaries');
  assert.equal(nearest('hiden', ['hidden', 'files']), 'hidden');
  assert.equal(nearest('zoens', ['zones', 'keys']), 'zones');
  assert.equal(nearest('KEYS', ['keys']), 'keys');
  assert.equal(nearest('colour', ['zones', 'keys']), undefined);
  assert.equal(nearest('x', []), undefined);
});

test('a swap of neighbours is one edit', () => {
  assert.equal(editDistance('zoens', 'zones'), 1);
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('kitten', 'sitting'), 3);
});
