import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type JsonSchema, jsonSchema } from '../../../src/config/json-schema.ts';
import { type LoadedConfig, loadConfig, parseConfig } from '../../../src/config/load.ts';
import { referenceText } from '../../../src/config/reference.ts';
import { createCertificate } from '../../../src/net/certificates.ts';

const conf = fileURLToPath(import.meta.resolve('#conf/reference.yaml'));
const root = dirname(fileURLToPath(import.meta.resolve('#package')));

test('conf/reference.yaml is what the schema says (UPDATE_REFERENCE=1 writes it anew)', () => {
  if (process.env['UPDATE_REFERENCE'] !== undefined) writeFileSync(conf, referenceText());

  assert.equal(readFileSync(conf, 'utf8'), referenceText());
});

test('the reference says nothing but defaults: with it or without it is the same configuration', () => {
  const reference = parse(referenceText());
  const least = parse('version: 1\nlisten: [{ address: 127.0.0.1 }]');

  assert.deepEqual(reference, least);
});

test('the settings that the reference comments out are right, too, as far as they go together', () => {
  let text = referenceText();
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(/^( *)#(?! \S)(.*)$/gm, '$1$2');
  }

  const loaded = parseConfig(text, 'reference.yaml', noFile, 0);

  assert.ok(!/^ *#[a-z]/m.test(text) && /^ {4}key-file: /m.test(text));
  const others = (loaded.ok ? [] : loaded.problems).filter(
    ({ message }) => !/ goes with .* only$|, not both$|there is no such file$|^not of the same family/.test(message),
  );
  assert.deepEqual(others, []);
});

test('the sample configurations pass once the files they name are there', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zonegate-conf-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  makeFiles(folder);
  const samples = readdirSync(dirname(conf)).filter((file) => file.endsWith('.yaml'));
  for (const file of samples) {
    cpSync(join(dirname(conf), file), join(folder, file));

    const loaded = loadConfig(join(folder, file));

    assert.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, [], file);
  }
  assert.ok(['full.yaml', 'minimal.yaml', 'quickstart.yaml'].every((file) => samples.includes(file)));
});

test('conf/full.yaml uses every key there is', () => {
  const text = readFileSync(join(dirname(conf), 'full.yaml'), 'utf8');

  const unused = keysOf(jsonSchema()).filter((key) => !new RegExp(`(^|[ {])${key}:`, 'm').test(text));

  assert.deepEqual(unused, []);
});

for (const name of ['interface-version-1', 'interface-more-keys']) {
  test(`every key of INTERFACE.md is known: accepted, or not available yet (${name})`, () => {
    const text = readFileSync(join(root, 'test/vectors/config', `${name}.yaml`), 'utf8');

    const loaded = parseConfig(text, name, noFile, 0);

    // The second block is a list of additions: it names things that the first one has.
    const ofAnExcerpt =
      / is missing; expected |is not one of `|there is no such file$|expected `addresses` \(servers\)/;
    const others = (loaded.ok ? [] : loaded.problems).filter(
      ({ message }) => !/ is not available yet/.test(message) && !ofAnExcerpt.test(message),
    );
    assert.deepEqual(others, []);
    const places = (loaded.ok ? [] : loaded.problems).map(({ path }) => path);
    assert.deepEqual(places, [...new Set(places)], 'one error for each');
  });
}

test('each key of a later version has one error with its own line', () => {
  const text = readFileSync(join(root, 'test/vectors/config', 'interface-version-1.yaml'), 'utf8');

  const loaded = parseConfig(text, 'interface.yaml', noFile, 0);

  const later = (loaded.ok ? [] : loaded.problems).filter(({ message }) => message.includes('not available yet'));
  assert.ok(later.length > 0);
  const lines = text.split('\n');
  for (const { path, line } of later) {
    const key = /([^.[\]"]+)(?:"\]|\[\d+\])*$/.exec(path)?.[1] ?? '';
    assert.ok(lines[line - 1]?.includes(key), `${path} is not on line ${line}`);
  }
});

test('the JSON schema lets a scalar stand for a list of one, and tells defaults', () => {
  const rule = jsonSchema().properties?.['rules']?.items?.properties?.['match']?.properties;
  const source = rule?.['source'];

  assert.deepEqual(
    source?.anyOf?.map(({ type }) => type),
    ['string', 'array'],
  );
  assert.equal(source?.type, undefined);
  assert.equal(jsonSchema().properties?.['zone-defaults']?.properties?.['max-bytes']?.default, '8GB');
});

function keysOf(schema: JsonSchema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    if (child.later === true) return [];
    // A key with an example of its own may be written short, as `rate: 10/m`.
    if (child.example !== undefined && child.properties !== undefined) return [name];
    const inner = child.items ?? (child.additionalProperties || child);
    return [name, ...keysOf(inner)];
  });
}

function makeFiles(folder: string): void {
  const now = new Date();
  const pair = createCertificate({ kind: 'server', names: ['localhost'], days: 90, now });
  const ca = createCertificate({ kind: 'ca', names: ['CA'], days: 90, now });
  const secret = Buffer.alloc(64, 7).toString('base64');
  const files = {
    'tls/server.pem': pair.certPem,
    'tls/server.key': pair.keyPem,
    'tls/ca.pem': ca.certPem,
    'keys/quickstart': secret,
    'keys/upstream': secret,
    'keys/sec1': secret,
    // RFC 8080's example key.
    'keys/sec2.key': 'sec2.example.net. IN KEY 512 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n',
    'sets/lab.txt': '192.0.2.0/24\n',
    'keys/anchors': `example.net. DS 12345 13 2 ${'ab'.repeat(32)}\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const parse = (text: string): LoadedConfig => parseConfig(text, 'test.yaml', noFile, 0);

function noFile(): never {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
}
