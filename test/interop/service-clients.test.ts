/**
 * dig, kdig, drill, ldns' tools and openssl of Debian 12 as clients of the service: what they get, what they say of
 * its signatures, and how they are refused. What no program shows is asked with messages made by hand.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  askOverTcp,
  askOverTls,
  askOverUdp,
  dig,
  digKey,
  drill,
  kdig,
  ldnsKey,
  type ProgramResult,
  runProgram,
  signMessage,
  tsigLength,
} from '../support/dns-clients.ts';
import { recordPlain } from '../support/dns-peer-recorder.ts';
import { hasProgram, type PeerKey } from '../support/dns-peers.ts';
import { type RunningService, startService } from '../support/service.ts';
import { encodeMessage, optRecord } from '../support/transfer-messages.ts';
import { assertSameZone, parseZone, richZone } from '../support/zone-compare.ts';

const SERIAL = 7;
const KEYS: PeerKey[] = ['hmac-sha1', 'hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512'].map((algorithm) => ({
  name: `key-${algorithm}`,
  algorithm,
  secret: Buffer.alloc(48, algorithm).toString('base64'),
}));
const KEY = KEYS[2] as PeerKey;

const small = `@ 60 IN SOA ns1 hostmaster ${SERIAL} 7200 900 1209600 300\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.1\n`;
const several = `${small}${Array.from({ length: 20_000 }, (_, i) => `host-${i} 60 IN A 192.0.${i >> 8}.${i & 0xff}\n`).join('')}`;
/** One message, some messages, a message a record or so, and messages enough for several quanta of writing. */
const ZONES = {
  'one.example': small,
  'rich.example': richZone(SERIAL),
  'tiny.example': richZone(SERIAL),
  'several.example': several,
};
type Zone = keyof typeof ZONES;
const ZONE_NAMES = Object.keys(ZONES) as Zone[];
const LEAST_MESSAGES = { 'one.example': 1, 'rich.example': 9, 'tiny.example': 100, 'several.example': 20 };
const expected = (zone: Zone) => parseZone(ZONES[zone], zone);

let service: RunningService;

before(async () => {
  service = await startService({
    files: Object.fromEntries(ZONE_NAMES.map((zone) => [`zones/${zone}`, ZONES[zone]])),
    config: {
      keys: Object.fromEntries(KEYS.map(({ name, algorithm, secret }) => [name, { algorithm, secret }])),
      primaries: { files: { 'zone-files': 'zones/' } },
      'zone-defaults': { primary: 'files' },
      zones: { ...Object.fromEntries(ZONE_NAMES.map((zone) => [zone, {}])), 'tiny.example': { 'frame-size': '512B' } },
      rules: [{ name: 'all', match: { source: '127.0.0.1' }, action: 'allow' }],
    },
  });
  await Promise.all(ZONE_NAMES.map((zone) => service.event('zone-updated', (fields) => fields['zone'] === zone)));
});
after(async () => {
  await service.stop();
});

const tlsWords = (): string[] => [`+tls-ca=${service.caFile}`, '+tls-hostname=localhost'];

/** Each brings all zones; `signed` is where the program shows the TSIG record of each message. */
const WAYS: { name: string; program: string; isSigned?: boolean; ask: (zone: string) => Promise<ProgramResult> }[] = [
  { name: 'dig +tcp', program: 'dig', ask: (zone) => dig(service.port, 'AXFR', zone, '+tcp') },
  {
    name: 'dig +tls, verified',
    program: 'dig',
    ask: (zone) => dig(service.tlsPort, 'AXFR', zone, '+tls', ...tlsWords()),
  },
  ...KEYS.map((key) => ({
    name: `dig -y with ${key.algorithm}`,
    program: 'dig',
    isSigned: true,
    ask: (zone: string) => dig(service.port, 'AXFR', zone, ...digKey(key)),
  })),
  {
    name: 'dig +tls -y',
    program: 'dig',
    isSigned: true,
    ask: (zone) => dig(service.tlsPort, 'AXFR', zone, '+tls', ...tlsWords(), ...digKey(KEY)),
  },
  { name: 'kdig', program: 'kdig', ask: (zone) => kdig(service.port, 'AXFR', zone) },
  {
    name: 'kdig +tls, verified',
    program: 'kdig',
    ask: (zone) => kdig(service.tlsPort, 'AXFR', zone, '+tls', ...tlsWords()),
  },
  { name: 'kdig -y', program: 'kdig', isSigned: true, ask: (zone) => kdig(service.port, 'AXFR', zone, ...digKey(KEY)) },
];

for (const { name, program, isSigned = false, ask } of WAYS) {
  test(`${name}: the zones of one message, of some, of many and of tiny ones are those of the zone files`, async (context) => {
    if (!hasProgram(context, program)) return;
    for (const zone of ZONE_NAMES) {
      const { status, stdout, stderr } = await ask(zone);

      assert.equal(status, 0, stderr);
      assert.equal(stderr, '');
      assert.doesNotMatch(stdout, /^;.*(not be validated|verify|error|warning|failed)/im);
      const signatures = stdout.match(/^key-\S+\s+0\s+ANY\s+TSIG\s.* NOERROR 0\s*$/gm) ?? [];
      const messages = Number(
        /messages (\d+)|\((\d+) messages/
          .exec(stdout)
          ?.slice(1)
          .find((part) => part !== undefined),
      );
      assert.ok(messages >= LEAST_MESSAGES[zone]);
      assert.equal(signatures.length, isSigned ? messages : 0);
      assertSameZone(parseZone(stdout.replaceAll(/^key-.*$/gm, ''), zone), expected(zone));
    }
  });
}

for (const key of [undefined, ...KEYS.filter(({ algorithm }) => !/224|384/.test(algorithm))]) {
  test(`drill ${key ? `-y with ${key.algorithm}` : 'without a key'}: the same, and ldns-read-zone takes it`, async (context) => {
    if (!hasProgram(context, 'drill') || !hasProgram(context, 'ldns-read-zone')) return;
    for (const zone of ['one.example', 'several.example'] as const) {
      const { status, stdout, stderr } = await drill(service.port, 'AXFR', zone, ...(key ? ldnsKey(key) : []));
      const file = join(service.dir, 'by-drill.zone');
      writeFileSync(file, stdout);
      const read = await runProgram('ldns-read-zone', [file]);

      assert.equal(status, 0, stderr);
      assertSameZone(parseZone(stdout, zone), expected(zone));
      assert.equal(read.status, 0, read.stderr);
      assertSameZone(parseZone(read.stdout, zone), expected(zone));
    }
  });
}

test('dig IXFR: one SOA for who is current or ahead, the whole zone for who is behind, one SOA over UDP', async (context) => {
  if (!hasProgram(context, 'dig')) return;
  const zone = 'rich.example';

  const current = await dig(service.port, `IXFR=${SERIAL}`, zone);
  const ahead = await dig(service.port, `IXFR=${SERIAL + 1}`, zone);
  const behind = await dig(service.port, `IXFR=${SERIAL - 1}`, zone);
  const signed = await dig(service.port, `IXFR=${SERIAL - 1}`, zone, ...digKey(KEY));
  const byUdp = await dig(service.port, `IXFR=${SERIAL - 1}`, zone, '+notcp');

  for (const { stdout } of [current, ahead, byUdp]) {
    const records = parseZone(stdout, zone);
    assert.deepEqual(
      records.map(({ type, rdata }) => [type, rdata.readUInt32BE(rdata.length - 20)]),
      [[6, SERIAL]],
    );
  }
  assert.match(current.stdout, /XFR size: 1 records \(messages 1,/);
  assert.match(byUdp.stdout, /\(UDP\)/);
  assertSameZone(parseZone(behind.stdout, zone), expected(zone));
  assertSameZone(parseZone(signed.stdout.replaceAll(/^key-.*$/gm, ''), zone), expected(zone));
  assert.doesNotMatch(signed.stdout, /TSIG could not be validated/);
});

test('dig SOA: over UDP, TCP and TLS, signed and not, authoritative', async (context) => {
  if (!hasProgram(context, 'dig')) return;
  const answers = await Promise.all([
    dig(service.port, 'SOA', 'rich.example', '+notcp'),
    dig(service.port, 'SOA', 'RICH.Example', '+tcp'),
    dig(service.tlsPort, 'SOA', 'rich.example', '+tls', ...tlsWords()),
    dig(service.port, 'SOA', 'rich.example', '+notcp', '+noedns', ...digKey(KEY)),
  ]);

  for (const { stdout } of answers) {
    assert.match(stdout, /status: NOERROR/);
    assert.match(stdout, /flags: qr aa[; ]/);
    assert.match(stdout, new RegExp(`\\bSOA\\s+ns1\\.Example\\. .* ${SERIAL} 7200 900 2419200 300`));
    assert.doesNotMatch(stdout, /could not be validated/);
  }
  assert.match(answers[3].stdout, /TSIG\s+hmac-sha256\. .* NOERROR 0/);
});

test('kdig asks with RD and AD, and is answered: RD comes back, AD does not', async (context) => {
  if (!hasProgram(context, 'kdig')) return;
  const recorder = await recordPlain(service.port);
  context.after(() => recorder.stop());

  const bySoa = await kdig(recorder.port, 'SOA', 'one.example');
  const byTransfer = await kdig(recorder.port, 'AXFR', 'one.example');
  const query = encodeMessage({ flags: 0x0120, question: { name: 'one.example', type: 6 } });
  const answer = await askOverUdp(service.port, query);

  assert.deepEqual(
    recorder.seen.map(({ transport, type, flags }) => [transport, type, flags.toString(16)]),
    [
      ['udp', 'SOA', '120'],
      ['tcp', 'AXFR', '120'],
    ],
  );
  assert.match(bySoa.stdout, /status: NOERROR/);
  assert.match(bySoa.stdout, /Flags: qr aa rd;/);
  assertSameZone(parseZone(byTransfer.stdout, 'one.example'), expected('one.example'));
  assert.equal(answer.readUInt16BE(2).toString(16), '8500');
});

for (const hasOpt of [true, false]) {
  for (const isSigned of [true, false]) {
    test(`an AXFR ${isSigned ? 'with' : 'without'} TSIG ${hasOpt ? 'and with OPT has OPT in every message' : 'and without OPT has none'}`, async () => {
      const additionals = hasOpt ? [optRecord()] : [];
      const query = encodeMessage({ flags: 0, question: { name: 'several.example', type: 252 }, additionals });

      const messages = await askOverTcp(service.port, isSigned ? signMessage(KEY, query) : query);

      assert.ok(messages.length >= LEAST_MESSAGES['several.example']);
      for (const message of messages) {
        const additional = message.readUInt16BE(10);
        assert.equal(additional, Number(hasOpt) + Number(isSigned));
        const end = isSigned ? message.length - tsigLength(KEY) : message.length;
        const opt = message.subarray(end - 11, end);
        assert.equal(opt.subarray(0, 3).toString('hex') === '000029', hasOpt);
        if (hasOpt) assert.equal(opt.toString('hex'), '00002904d0000000000000');
      }
    });
  }
}

test('a hundred AXFR in one write, and the end of the client side behind them, are all answered', async () => {
  // More than are in flight at a time: the rest is held, and must not be lost.
  const question = { name: 'rich.example', type: 252 };
  const queries = Array.from({ length: 100 }, (_, id) => encodeMessage({ id, flags: 0, question }));
  const ca = readFileSync(service.caFile, 'utf8');

  const alone = await askOverTcp(service.port, queries[0] as Buffer);
  const answers = await Promise.all([
    askOverTcp(service.port, ...queries),
    askOverTls(service.tlsPort, ca, ...queries),
  ]);

  for (const messages of answers) {
    const counts = queries.map((_, id) => messages.filter((message) => message.readUInt16BE(0) === id).length);
    assert.deepEqual(counts, Array(100).fill(alone.length));
  }
});
