import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseKeyFile } from '../../../src/cli/key-file.ts';

const SECRET = Buffer.alloc(32, 0xfe).toString('base64');
const ZONEGATE = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

const FORMS: Record<string, string> = {
  'a line as dig -y takes it': `hmac-sha512:Sec1.Example:${SECRET}\n`,
  'a BIND clause': `key "sec1.example" {\n\talgorithm hmac-sha512;\n\tsecret "${SECRET}";\n};\n`,
  'a BIND clause on one line, without quotes': `key sec1.example. { secret ${SECRET}; algorithm HMAC-SHA512; };`,
  'a BIND clause among comments': `/* old:\nkey "x" { } */\n// key "y" { };\nkey "sec1.example" { # ours\n algorithm hmac-sha512; // it is\n secret "${SECRET}"; };`,
  'an entry of zonegate': `keys:\n  sec1.example: { algorithm: hmac-sha512, secret: "${SECRET}" }\n`,
  'an entry of zonegate over lines': `version: 1\nkeys:\n  sec1.example:\n    algorithm: hmac-sha512\n    secret: ${SECRET}\nlisten:\n  - { address: 0.0.0.0, port: 53 }\n`,
  'a key of Knot DNS': `key:\n  - id: sec1.example\n    algorithm: hmac-sha512\n    secret: ${SECRET}\n`,
  'a file with line ends of Windows': `key "sec1.example" {\r\n algorithm hmac-sha512;\r\n secret "${SECRET}";\r\n};\r\n`,
};

for (const [form, text] of Object.entries(FORMS)) {
  test(`a key file may be ${form}`, () => {
    const key = parseKeyFile(text);

    assert.ok(key.ok, key.ok ? '' : key.failure);
    assert.equal(key.value.name, 'sec1.example');
    assert.equal(key.value.algorithm.name, 'hmac-sha512');
    assert.deepEqual(Buffer.from(key.value.secret), Buffer.alloc(32, 0xfe));
  });
}

test('a line without an algorithm is of hmac-sha256', () => {
  const key = parseKeyFile(`sec1:${SECRET}`);

  assert.equal(key.ok && key.value.algorithm.name, 'hmac-sha256');
});

test('what keygen prints is a key file, whole and each part of it', () => {
  const { stdout } = spawnSync(process.execPath, [ZONEGATE, 'keygen', '--algorithm', 'hmac-sha384', 'Sec1'], {
    encoding: 'utf8',
  });
  const parts = [stdout, ...stdout.split('\n\n')];

  const keys = parts.map((part) => parseKeyFile(part));

  assert.equal(parts.length, 4);
  for (const key of keys) {
    assert.ok(key.ok, key.ok ? '' : key.failure);
    assert.deepEqual({ ...key.value }, keys[0]?.ok === true ? { ...keys[0].value } : undefined);
  }
});

const FAILURES: [string, RegExp][] = [
  ['', /^no TSIG key in it; expected /],
  [
    'listen:\n  - { address: 0.0.0.0, port: 53 }\ncertificates:\n  main: { cert-file: a, key-file: b }\n',
    /^no TSIG key/,
  ],
  [`hmac-md5:sec1:${SECRET}`, /^the key `sec1` has an algorithm that is not one of hmac-sha1, /],
  [`key "sec1" { secret "${SECRET}"; };`, /^the key `sec1` has no algorithm$/],
  ['key "sec1" { algorithm hmac-sha256; };', /^the key `sec1` has no secret$/],
  ['keys:\n  sec1: { algorithm: hmac-sha256, secret-file: keys/sec1 }', /^the key `sec1` has no secret$/],
  ['key "sec1" { algorithm hmac-sha256; secret "top-secret"; };', /^the secret of the key `sec1` is not base64$/],
  [`key "a..b" { algorithm hmac-sha256; secret "${SECRET}"; };`, /^the name of the key is not a domain name$/],
  [
    `key "one" { algorithm hmac-sha256; secret "${SECRET}"; };\nkey "two" { algorithm hmac-sha256; secret "${SECRET}"; };`,
    /^it holds 2 keys; expected one$/,
  ],
];

for (const [text, expected] of FAILURES) {
  test(`a key file is refused: ${expected.source}`, () => {
    const key = parseKeyFile(text);

    assert.equal(key.ok, false);
    assert.match(key.ok ? '' : key.failure, expected);
  });
}

test('no failure shows the secret', () => {
  const key = parseKeyFile('hmac-sha256:sec1:abcde');

  assert.equal(key.ok, false);
  assert.ok(!JSON.stringify(key).includes('abcde'));
});
