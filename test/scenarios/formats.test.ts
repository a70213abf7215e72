/** Old secondaries: zones without compression, a record a message, and no OPT, by whom it is that asks. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { askFrom, dig, digKey, drill, kdig, type ProgramResult } from '../support/dns-clients.ts';
import { hasProgram, type PeerKey } from '../support/dns-peers.ts';
import { type DecodedMessage, decodeMessage } from '../support/message-decoder.ts';
import { rawMessage, rawQuestion, rawRecord } from '../support/raw-messages.ts';
import { type RunningService, startService } from '../support/service.ts';
import { optRecord, wireName } from '../support/transfer-messages.ts';
import { zoneSoa } from '../support/zone-building.ts';
import { assertSameZone, parseZone, richZone, type ZoneRecord } from '../support/zone-compare.ts';

const PLAIN = '127.0.0.2';
const UNCOMPRESSED = '127.0.0.32';
const ONE_ANSWER = '127.0.0.33';
const NO_OPT = '127.0.0.34';
const NO_OPT_BY_KEY = '127.0.0.35';
const KEY: PeerKey = { name: 'old-key', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 5).toString('base64') };

const HOSTS = 5_000;
const small = `@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.1\n`;
const hosts = (serial: number, changed = 0): string =>
  [
    `@ 60 IN SOA ns1 hostmaster ${serial} 7200 900 1209600 300`,
    '@ 60 IN NS ns1',
    ...Array.from({ length: HOSTS }, (_, i) => `host-${i} 60 IN MX 10 mail-${i < changed ? serial : 0}.host-${i}`),
    '',
  ].join('\n');
const ZONES: Record<string, string> = {
  'one.example': small,
  'rich.example': richZone(7),
  'hosts.example': hosts(1),
};

let service: RunningService;

before(async () => {
  service = await startService({
    files: Object.fromEntries(Object.entries(ZONES).map(([zone, text]) => [`zones/${zone}`, text])),
    config: {
      keys: { [KEY.name]: { algorithm: KEY.algorithm, secret: KEY.secret } },
      primaries: { files: { 'zone-files': 'zones/', watch: true } },
      secondaries: {
        uncompressed: { sources: UNCOMPRESSED, format: 'uncompressed' },
        single: { sources: ONE_ANSWER, format: 'one-answer' },
        bare: { sources: NO_OPT, edns: false },
        keyed: { sources: NO_OPT_BY_KEY, key: KEY.name, edns: false },
      },
      'zone-defaults': { primary: 'files', secondaries: ['uncompressed', 'single', 'bare', 'keyed'] },
      zones: Object.fromEntries(Object.keys(ZONES).map((zone) => [zone, {}])),
      rules: [{ name: 'all', action: 'allow' }],
      threads: { front: 2, pool: 1 },
    },
  });
  await Promise.all(Object.keys(ZONES).map((name) => service.event('zone-updated', ({ zone }) => zone === name)));
});
after(async () => {
  await service.stop();
});

const AXFR = 252;
const IXFR = 251;

/** What comes in answer from an address, message by message. */
async function answer(from: string, zone: string, serial?: number, hasOpt = false): Promise<DecodedMessage[]> {
  const apex = wireName(zone);
  const query = rawMessage({
    questions: [rawQuestion(apex, serial === undefined ? AXFR : IXFR)],
    authorities: serial === undefined ? [] : [rawRecord(zoneSoa(apex, serial))],
    additionals: hasOpt ? [optRecord()] : [],
  });
  return (await askFrom(from, service.port, query)).map(decodeMessage);
}

const recordsOf = (messages: readonly DecodedMessage[]): ZoneRecord[] => messages.flatMap(({ answers }) => answers);
const sizeOf = async (from: string, zone: string): Promise<unknown> =>
  (
    await service.event('transfer', (fields) => fields['zone'] === zone && `${fields['client']}`.startsWith(`${from}#`))
  )['bytes'];

for (const zone of Object.keys(ZONES)) {
  test(`${zone} has the same records in every format, and is in it what it is called`, async () => {
    const [compressed, uncompressed, single] = await Promise.all(
      [PLAIN, UNCOMPRESSED, ONE_ANSWER].map((from) => answer(from, zone)),
    );
    assert.ok(compressed !== undefined && uncompressed !== undefined && single !== undefined);
    for (const messages of [compressed, uncompressed, single]) {
      assertSameZone(recordsOf(messages), parseZone(ZONES[zone] as string, zone), 'exact');
      assert.equal(recordsOf(messages).length, recordsOf(compressed).length);
      messages.forEach(({ flags, questions }, i) => {
        assert.equal(flags, 0x8400);
        assert.equal(questions.length, i === 0 ? 1 : 0);
      });
    }
    assert.ok(uncompressed.every(({ pointers }) => pointers.length === 0));
    assert.ok(single.every(({ answers }) => answers.length === 1));
    assert.ok(compressed.some(({ pointers }) => pointers.length > 0));
  });
}

test('the octets that are told are those of the format', async () => {
  const [less, more] = await Promise.all([sizeOf(PLAIN, 'hosts.example'), sizeOf(UNCOMPRESSED, 'hosts.example')]);

  assert.ok(Number(more) > Number(less), `${more} and ${less}`);
});

const FORMATS = { uncompressed: UNCOMPRESSED, 'one-answer': ONE_ANSWER };
const WAYS: { name: string; program: string; ask: (from: string, zone: string) => Promise<ProgramResult> }[] = [
  { name: 'dig', program: 'dig', ask: (from, zone) => dig(service.port, '-b', from, 'AXFR', zone) },
  { name: 'dig -y', program: 'dig', ask: (from, zone) => dig(service.port, '-b', from, 'AXFR', zone, ...digKey(KEY)) },
  // Not dig, which at times fails an assertion of its own over TLS (9.18).
  {
    name: 'kdig +tls',
    program: 'kdig',
    ask: (from, zone) => kdig(service.tlsPort, '-b', from, 'AXFR', zone, '+tls'),
  },
  { name: 'kdig', program: 'kdig', ask: (from, zone) => kdig(service.port, '-b', from, 'AXFR', zone) },
  { name: 'drill', program: 'drill', ask: (from, zone) => drill(service.port, '-I', from, 'AXFR', zone) },
];

for (const [format, from] of Object.entries(FORMATS)) {
  for (const { name, program, ask } of WAYS) {
    test(`${name} takes ${format}`, async (t) => {
      if (!hasProgram(t, program)) return;
      for (const zone of Object.keys(ZONES)) {
        // It prints line ends in strings as they are.
        if (program === 'drill' && zone === 'rich.example') continue;
        const { stdout } = await ask(from, zone);
        assertSameZone(parseZone(stdout.replaceAll(/^old-key.*$/gm, ''), zone), parseZone(ZONES[zone] as string, zone));
      }
    });
  }
}

test('differences are told in the format, too, and who has a serial that is not kept gets the zone in it', async () => {
  writeFileSync(join(service.dir, 'zones/hosts.example'), hosts(2, 10));
  await service.event('zone-updated', ({ zone, to }) => zone === 'hosts.example' && to === 2);
  writeFileSync(join(service.dir, 'zones/hosts.example'), hosts(3, 5));
  await service.event('zone-updated', ({ zone, to }) => zone === 'hosts.example' && to === 3);

  const compressed = recordsOf(await answer(PLAIN, 'hosts.example', 1));
  assert.equal(compressed.filter(({ type }) => type === 6).length, 4, 'these are no differences');
  for (const from of [UNCOMPRESSED, ONE_ANSWER]) {
    const messages = await answer(from, 'hosts.example', 1);
    assert.equal(messages[0]?.questions[0]?.type, IXFR);
    const bare = (records: readonly ZoneRecord[]) =>
      records.map(({ owner, type, ttl, rdata }) => ({ owner, type, ttl, rdata }));
    assert.deepEqual(bare(recordsOf(messages)), bare(compressed));
    if (from === UNCOMPRESSED) assert.ok(messages.every(({ pointers }) => pointers.length === 0));
    else assert.ok(messages.every(({ answers }) => answers.length === 1));

    const whole = await answer(from, 'hosts.example', 0);
    assertSameZone(recordsOf(whole), parseZone(hosts(3, 5), 'hosts.example'));
    if (from === ONE_ANSWER) assert.equal(whole.length, HOSTS + 3);
  }
});

test('a secondary without EDNS is sent no OPT though it asks with one; others are', async () => {
  const hasOpt = (messages: readonly DecodedMessage[]): boolean[] =>
    messages.map(({ additionals }) => additionals.some(({ type }) => type === 41));

  assert.ok(hasOpt(await answer(PLAIN, 'rich.example', undefined, true)).every((has) => has));
  assert.ok(hasOpt(await answer(UNCOMPRESSED, 'rich.example', undefined, true)).every((has) => has));
  assert.ok(hasOpt(await answer(NO_OPT, 'rich.example', undefined, true)).every((has) => !has));
});

test('a secondary without EDNS that is known by its key gets none where it proves that it is this one', async () => {
  const signed = await dig(service.port, '-b', NO_OPT_BY_KEY, 'SOA', 'one.example', '+tcp', ...digKey(KEY));
  const unsigned = await dig(service.port, '-b', NO_OPT_BY_KEY, 'SOA', 'one.example', '+tcp');

  assert.match(signed.stdout, /status: NOERROR/);
  assert.doesNotMatch(signed.stdout, /EDNS: version/);
  assert.match(unsigned.stdout, /EDNS: version/);
});
