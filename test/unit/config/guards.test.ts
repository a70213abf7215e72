import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ZoneConfig } from '../../../src/config/config.ts';
import { type LoadedConfig, parseConfig } from '../../../src/config/load.ts';
import { nameToText } from '../../../src/wire/name.ts';

const DIGEST = '49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE0C9D6A1A9D5B9A8E6D5A4C3B';
const DS = `DS 12345 13 2 ${DIGEST}`;
const ANCHORS = `; of two zones
example.org. 3600 IN ${DS}
example.net. IN DNSKEY 257 3 15 ( l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=
) ; and a comment
`;

test('a zone has the guards of its own, key by key, else those of zone-defaults, else ours', () => {
  const zones = zonesOf(`
zone-defaults:
  primary: p
  zonemd: check
  change-guard: { action: hold, names-removed: 20% }
  external-validation: { command: [bin/check, -v], timeout: 5s }
zones:
  example.org:
    zonemd: require
    change-guard: { action: warn, apex-ns-lost: false }
    external-validation: { command: [check] }
  example.net: { external-validation: { command: [] } }`);

  const [org, net] = [zones.get('example.org'), zones.get('example.net')];
  const limits = { namesRemoved: 0.2, zoneShrunk: 0.5, apexDnskeyLost: true, fromRecords: 100 };
  assert.deepEqual([org?.zonemd, net?.zonemd], ['require', 'check']);
  assert.deepEqual(org?.changeGuard, { ...limits, action: 'warn', apexNsLost: false });
  assert.deepEqual(net?.changeGuard, { ...limits, action: 'hold', apexNsLost: true });
  const rest = { input: 'zone-file', timeoutMs: 5000, onTimeout: 'reject' };
  assert.deepEqual(org?.externalValidation, { ...rest, command: ['check'] });
  assert.equal(net?.externalValidation, undefined);
});

test('the program of an external validation is found as other files are, a bare name by the system', () => {
  const zones = zonesOf(`
zones:
  a.example: { primary: p, external-validation: { command: [bin/check, -v], on-timeout: accept } }
  b.example: { primary: p, external-validation: { command: [check, a/b] } }`);

  assert.deepEqual(zones.get('a.example')?.externalValidation?.command, ['/etc/zonegate/bin/check', '-v']);
  assert.equal(zones.get('a.example')?.externalValidation?.onTimeout, 'accept');
  assert.deepEqual(zones.get('b.example')?.externalValidation?.command, ['check', 'a/b']);
});

test('a zone has the anchors that name it, of the file and of both lists, and those of its own without a name', () => {
  const zones = zonesOf(
    `
zone-defaults:
  primary: p
  dnssec: { validation: true, trust-anchor-file: keys/anchors, trust-anchors: ["example.org. DS 1 8 2 ${DIGEST}"] }
zones:
  Example.ORG: {}
  example.net: { dnssec: { trust-anchors: ["${DS}"], min-validity: 2h } }
  example.com: { dnssec: { validation: false } }`,
    { 'keys/anchors': ANCHORS },
  );

  const anchorsOf = (name: string) =>
    zones.get(name)?.dnssec?.anchors.map(({ type, owner }) => `${owner ? nameToText(owner) : ''} ${type}`);
  assert.deepEqual(anchorsOf('example.org'), ['example.org. DS', 'example.org. DS']);
  assert.deepEqual(anchorsOf('example.net'), [' DS', 'example.net. DNSKEY']);
  assert.equal(zones.get('example.com')?.dnssec, undefined);
  const { validation, minValidityS } = zones.get('example.net')?.dnssec ?? {};
  assert.deepEqual([validation, minValidityS], [true, 7200]);
  assert.equal(zones.get('example.org')?.dnssec?.minValidityS, 86_400);
});

test('anchors without validation are kept, as the ZONEMD record needs them', () => {
  const zones = zonesOf(`zones: { example.org: { primary: p, zonemd: check, dnssec: { trust-anchors: ["${DS}"] } } }`);

  assert.equal(zones.get('example.org')?.dnssec?.validation, false);
  assert.equal(zones.get('example.org')?.dnssec?.anchors.length, 1);
});

test('what is wrong with anchors is told with its place', () => {
  const loaded = load(
    `zone-defaults:
  primary: p
  dnssec: { trust-anchors: ["${DS}"] }
zones:
  a.example: { dnssec: { trust-anchors: ["a.example. A 192.0.2.1"] } }
  b.example: { dnssec: { trust-anchors: ["DS 1 13 2"] } }
  c.example: { dnssec: { trust-anchors: ["c.example. ${DS}", "d.example. ${DS}"] } }
  d.example: { dnssec: { trust-anchor-file: missing } }
  e.example: { dnssec: { trust-anchor-file: bad } }
  f.example: { dnssec: { trust-anchor-file: bare } }
  g.example: { dnssec: { validation: true } }`,
    { bad: `e.example. ${DS}\ne.example. DS 1 13 2 zz\ne.example. NS a.\n`, bare: `${DS}\n` },
  );

  const sample = 'expected one DS or DNSKEY record such as `example.org. DS 12345 13 2 49FD...`';
  const nameless = "expected the zone's name in front of the record, as it stands for more than one zone";
  assert.deepEqual(linesOf(loaded), [
    `6 zone-defaults.dnssec.trust-anchors[0]: ${nameless}`,
    `8 zones["a.example"].dnssec.trust-anchors[0]: ${sample}, not \`a.example. A 192.0.2.1\``,
    '9 zones["b.example"].dnssec.trust-anchors[0]: DS rdata: expected hexadecimal digits, got the end of the record',
    '10 zones["c.example"].dnssec.trust-anchors[1]: it is for `d.example`, not for this zone',
    '11 zones["d.example"].dnssec.trust-anchor-file: `missing` cannot be read: there is no such file',
    '12 zones["e.example"].dnssec.trust-anchor-file: `bad` line 2: DS rdata: expected hexadecimal digits, got \'zz\', and 1 more',
    `13 zones["f.example"].dnssec.trust-anchor-file: \`bare\`: ${nameless}`,
  ]);
});

test('validation without an anchor for the zone is told at the key that wants it', () => {
  const loaded = load(
    `zone-defaults: { primary: p, dnssec: { validation: true, trust-anchor-file: anchors } }
zones:
  example.org: {}
  a.example: {}
  b.example: { dnssec: { validation: true } }`,
    { anchors: ANCHORS },
  );

  const message = 'no trust anchor is for this zone, so it cannot be validated; expected one in';
  assert.deepEqual(
    linesOf(loaded).map((line) => line.replace(/(in) `trust.*$/, '$1')),
    [`7 zones["a.example"]: ${message}`, `8 zones["b.example"].dnssec.validation: ${message}`],
  );
});

test('values of guards that are not right are told as any others', () => {
  const loaded = load(`zones:
  example.org:
    primary: p
    zonemd: maybe
    change-guard: { action: stop, names-removed: 300%, from-record: 1 }
    external-validation: { command: check, on-timeout: wait }
    dnssec: { min-validity: 1 }`);

  assert.deepEqual(
    linesOf(loaded).map((line) => line.replace(/: .*$/, '')),
    [
      '7 zones["example.org"].zonemd',
      '8 zones["example.org"].change-guard.action',
      '8 zones["example.org"].change-guard.names-removed',
      '8 zones["example.org"].change-guard.from-record',
      '9 zones["example.org"].external-validation.command',
      '9 zones["example.org"].external-validation.on-timeout',
      '10 zones["example.org"].dnssec.min-validity',
    ],
  );
});

function load(text: string, files: Readonly<Record<string, string>> = {}): LoadedConfig {
  const whole = `version: 1
listen: [{ address: 127.0.0.1 }]
primaries: { p: { addresses: [192.0.2.1] } }
${text}`;
  const read = (path: string): string => {
    const content = files[path.replace('/etc/zonegate/', '')];
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return content;
  };
  return parseConfig(whole, '/etc/zonegate/test.yaml', read, 0);
}

function zonesOf(text: string, files?: Readonly<Record<string, string>>): ReadonlyMap<string, ZoneConfig> {
  const loaded = load(text, files);
  assert.ok(loaded.ok, linesOf(loaded).join('\n'));
  return loaded.config.zones;
}

const linesOf = (loaded: LoadedConfig): string[] =>
  (loaded.ok ? loaded.warnings : loaded.problems).map(({ line, path, message }) => `${line} ${path}: ${message}`);
