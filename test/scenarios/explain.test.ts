/** `explain` and the wire agree: random rules, random clients, the service and the command asked alike. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../src/config/load.ts';
import type { Facts } from '../../src/policy/decision.ts';
import { explain } from '../../src/policy/explain.ts';
import { Policy } from '../../src/policy/policy.ts';
import { parseAddress } from '../../src/policy/prefix.ts';
import { signMessage } from '../support/dns-clients.ts';
import { labels, rawMessage, rawQuestion } from '../support/raw-messages.ts';
import { type RunningService, startService } from '../support/service.ts';
import { exchangeFrom } from '../support/sources.ts';

const SECRET = Buffer.alloc(32, 7).toString('base64');
const KEYS = ['k1', 'k2'];
const ZONES = ['example.org', 'sub.example.org', 'example.net'];
const zoneText = (zone: string): string =>
  `$ORIGIN ${zone}.\n@ 3600 IN SOA ns1 h 1 3600 600 86400 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n`;
const RULE_SETS = 12;
const CLIENTS = 25;

const some = <T>(all: readonly T[]): fc.Arbitrary<T[] | undefined> =>
  fc.option(fc.subarray([...all], { minLength: 1 }), { nil: undefined, freq: 2 });
const rule = fc.record({
  match: fc.record({
    source: some(['127.0.0.0/30', '127.0.0.2', '127.0.1.0/24', '127.0.0.0/8']),
    transport: some(['tcp', 'tls', 'udp']),
    key: some(KEYS),
    zone: some([...ZONES, '*', '*.example.org']),
    type: some(['AXFR', 'SOA']),
  }),
  action: fc.constantFrom('allow', 'refuse', 'drop'),
  shadow: fc.boolean(),
});
const client = fc.record({
  source: fc.constantFrom('127.0.0.1', '127.0.0.2', '127.0.1.9', '127.9.9.9'),
  key: fc.constantFrom(undefined, ...KEYS),
  zone: fc.constantFrom(...ZONES),
  type: fc.constantFrom('AXFR' as const, 'SOA' as const),
});
type Client = typeof client extends fc.Arbitrary<infer T> ? T : never;

const TYPES = { SOA: 6, AXFR: 252 } as const;

/** What the wire says: the answer's response code, or that there was none. */
async function ask(service: RunningService, { source, key, zone, type }: Client): Promise<string> {
  const query = rawMessage({ id: 9, questions: [rawQuestion(labels(...zone.split('.')), TYPES[type])] });
  const signed =
    key === undefined ? query : signMessage({ name: key, algorithm: 'hmac-sha256', secret: SECRET }, query);
  const answer = await exchangeFrom(source, service.port, signed);
  if (answer === undefined) return 'drop';
  return ((answer[3] as number) & 0xf) === 0 ? 'allow' : 'refuse';
}

test('explain says what the service does, for every client and rule', async () => {
  const seed = Date.now();
  const sets = fc.sample(fc.array(rule, { minLength: 1, maxLength: 6 }), { numRuns: RULE_SETS, seed });
  const clients = fc.sample(client, { numRuns: CLIENTS, seed });
  const config = (rules: object[]): Record<string, unknown> => ({
    listen: [{ address: '127.0.0.1', port: 0, transport: 'tcp' }],
    keys: Object.fromEntries(KEYS.map((name) => [name, { algorithm: 'hmac-sha256', secret: SECRET }])),
    primaries: { files: { 'zone-files': 'zones' } },
    zones: Object.fromEntries(ZONES.map((name) => [name, { primary: 'files' }])),
    rules: JSON.parse(JSON.stringify(rules)) as object[],
  });
  const service = await startService({
    files: Object.fromEntries(ZONES.map((name) => [`zones/${name}`, zoneText(name)])),
    config: config([]),
  });
  try {
    for (const zone of ZONES) await service.event('zone-updated', (fields) => fields['zone'] === zone);
    const seen = { allow: 0, refuse: 0, drop: 0, delay: 0 };
    for (const rules of sets) {
      assert.equal((await service.reload(config(rules)))['ok'], true);
      const loaded = parseConfig(JSON.stringify({ version: 1, ...config(rules) }), 'x.json', () => '', 0);
      assert.ok(loaded.ok);
      const policy = new Policy(loaded.config.rules);
      const told = await Promise.all(clients.map((one) => ask(service, one)));
      clients.forEach((one, i) => {
        const facts: Facts = {
          ...one,
          source: parseAddress(one.source) as Facts['source'],
          transport: 'tcp',
          listener: '127.0.0.1#0',
          certificate: undefined,
          sig0: undefined,
          now: Date.now(),
        };
        const { decision, rule: name } = explain(policy, facts);
        seen[decision]++;
        assert.equal(told[i], decision, JSON.stringify({ seed, one, rules, name }));
      });
    }
    assert.ok(seen.allow > 0 && seen.refuse > 0, JSON.stringify(seen));
  } finally {
    await service.stop();
  }
});
