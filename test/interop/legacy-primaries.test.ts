/**
 * djbdns and yadifa as primaries: no TSIG, no XoT, and axfrdns knows neither IXFR nor EDNS. Behind zonegate their zones
 * are followed by BIND over XoT with TSIG and by NSD with TSIG, edit by edit, by IXFR.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dig, runProgram, sendNotify } from '../support/dns-clients.ts';
import { hasProgram, isInstalled, type Peer, type PeerKey, startBind, startNsd } from '../support/dns-peers.ts';
import { type Djbdns, startDjbdns, startYadifa, type Yadifa } from '../support/other-peers.ts';
import { type EventFields, type RunningService, startService } from '../support/service.ts';
import { assertSameZone, parseZone, transferZone, type ZoneRecord } from '../support/zone-compare.ts';

const KEY: PeerKey = { name: 'sec-key', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 'k').toString('base64') };
const ZONEGATE = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const DJBDNS = 'djbdns.example';
const YADIFA = 'yadifa.example';
const SECONDARIES = { BIND: 'named', NSD: 'nsd' };

/** axfrdns' serial is the time of its data. */
const FIRST = 1_700_000_000;
const data = (...more: string[]): string[] => [
  `Z${DJBDNS}:ns1.${DJBDNS}:hostmaster.${DJBDNS}::7200:900:1209600:300:300`,
  `&${DJBDNS}::ns1.${DJBDNS}:300`,
  `=ns1.${DJBDNS}:192.0.2.1:300`,
  `@${DJBDNS}::mail.${DJBDNS}:10:300`,
  ...Array.from({ length: 100 }, (_, i) => `+host-${i}.${DJBDNS}:198.51.100.${i}:300`),
  ...more,
];
const EDITS: readonly string[][] = [
  data(`'text.${DJBDNS}:a text more:300`),
  data(`'text.${DJBDNS}:a text more:300`, `+host-7.${DJBDNS}:203.0.113.7:300`).filter(
    (line) => !line.startsWith('+host-9'),
  ),
  data(`'text.${DJBDNS}:another text:60`, `&child.${DJBDNS}:192.0.2.9:ns.child.${DJBDNS}:300`),
];

const YADIFA_ZONE = [
  `@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300`,
  '@ 3600 IN NS ns1',
  '@ 3600 IN MX 10 mail',
  'ns1 3600 IN A 192.0.2.1',
  'mail 3600 IN A 192.0.2.2',
  ...Array.from({ length: 100 }, (_, i) => `host-${i} 300 IN A 198.51.100.${i}`),
  '',
].join('\n');
const UPDATES: readonly string[][] = [
  [`update add text.${YADIFA} 300 TXT "a text more"`],
  [`update delete host-9.${YADIFA}`, `update add host-7.${YADIFA} 300 A 203.0.113.7`],
  [
    `update delete text.${YADIFA} TXT`,
    `update add text.${YADIFA} 60 TXT "another text"`,
    `update add child.${YADIFA} 300 NS ns.child.${YADIFA}`,
    `update add ns.child.${YADIFA} 300 A 192.0.2.9`,
  ],
];

const isRoot = process.getuid?.() === 0;
const hasDjbdns = isRoot && ['tinydns-data', 'axfrdns', 'tcpserver'].every(isInstalled);
const hasYadifa = ['yadifad', 'nsupdate'].every(isInstalled);

let djbdns: Djbdns | undefined;
let yadifa: Yadifa | undefined;
let service: RunningService;
const secondaries = new Map<keyof typeof SECONDARIES, Peer>();

before(async () => {
  if (hasDjbdns) djbdns = await startDjbdns(DJBDNS, data(), FIRST);
  if (hasYadifa) yadifa = await startYadifa([{ name: YADIFA, text: YADIFA_ZONE }]);
  const all: [string, { readonly port: number } | undefined][] = [
    [DJBDNS, djbdns],
    [YADIFA, yadifa],
  ];
  const primaries = all.flatMap(([zone, peer]) => (peer === undefined ? [] : [{ zone, port: peer.port }]));
  service = await startService({
    config: {
      keys: { [KEY.name]: { algorithm: KEY.algorithm, secret: KEY.secret } },
      primaries: Object.fromEntries(primaries.map(({ zone, port }) => [zone, { addresses: [`127.0.0.1:${port}`] }])),
      zones: Object.fromEntries(primaries.map(({ zone }) => [zone, { primary: zone }])),
      rules: [{ name: 'signed', match: { key: KEY.name }, action: 'allow' }],
    },
  });
  await Promise.all(primaries.map(({ zone }) => service.event('zone-updated', (fields) => fields['zone'] === zone)));
  const zonesFrom = (primary: object) =>
    primaries.map(({ zone }) => ({ name: zone, primary: { port: service.port, key: KEY.name, ...primary } }));
  const overTls = { port: service.tlsPort, tls: { caFile: service.caFile, name: 'localhost' } };
  if (isInstalled(SECONDARIES.BIND))
    secondaries.set('BIND', await startBind({ keys: [KEY], secondaryZones: zonesFrom(overTls) }));
  if (isInstalled(SECONDARIES.NSD))
    secondaries.set('NSD', await startNsd({ keys: [KEY], secondaryZones: zonesFrom({}) }));
});

after(async () => {
  await Promise.all([djbdns, yadifa, service, ...secondaries.values()].map((running) => running?.stop()));
});

const hasAll = (context: TestContext, programs: readonly string[]): boolean =>
  [...programs, ...Object.values(SECONDARIES)].every((program) => hasProgram(context, program));

/** After an edit at the primary: what zonegate made of it, and that all have the same and came to it by IXFR. */
async function follow(zone: string, port: number, from: number, to: number): Promise<EventFields> {
  const since = service.events.length;
  await sendNotify(service.port, zone);
  const event = await service.event(
    ['zone-updated', 'zone-rejected', 'primary-failed'],
    (fields) => fields['zone'] === zone,
    since,
  );
  assert.deepEqual([event.event, event['from'], event['to']], ['zone-updated', from, to], JSON.stringify(event));
  const original = await dig(port, 'AXFR', zone, '+onesoa', '+noall', '+answer');
  const expected: ZoneRecord[] = parseZone(original.stdout, zone);
  assertSameZone((await transferZone({ port: service.port, zone, key: KEY })).records, expected);

  for (const [name, peer] of secondaries) {
    const transport = name === 'BIND' ? 'tls' : 'tcp';
    await sendNotify(peer.port, zone, { key: KEY });
    await peer.untilSerial(zone, to);
    const taken = await service.event(
      'transfer',
      (fields) =>
        fields['zone'] === zone &&
        fields['to'] === to &&
        fields['type'] === 'IXFR' &&
        fields['transport'] === transport,
      since,
    );
    assert.deepEqual(
      [taken['sent-as'], taken['from'], taken['identity'], taken['outcome']],
      ['IXFR', from, KEY.name, 'done'],
      name,
    );
    assertSameZone((await transferZone({ port: peer.port, zone })).records, expected);
  }
  return event;
}

test('djbdns: its zone gains IXFR, TSIG and XoT; that axfrdns knows no IXFR is found out once', async (context) => {
  if (!isRoot) {
    context.skip('axfrdns goes into a chroot: root only');
    return;
  }
  if (!hasAll(context, ['tinydns-data', 'axfrdns', 'tcpserver'])) return;
  const primary = djbdns as Djbdns;
  await Promise.all([...secondaries.values()].map((peer) => peer.untilSerial(DJBDNS, FIRST)));
  const seen: unknown[] = [];
  for (const [i, edit] of EDITS.entries()) {
    primary.change(edit, FIRST + i + 1);
    const event = await follow(DJBDNS, primary.port, FIRST + i, FIRST + i + 1);
    seen.push([event['how'], event['ixfr-failed']]);
  }
  assert.deepEqual(seen, [
    ['AXFR', 'the first message of the answer holds no records'],
    ['AXFR', undefined],
    ['AXFR', undefined],
  ]);
});

test('zonegate transfer takes a zone from axfrdns, which leaves out the question', async (context) => {
  if (!isRoot) {
    context.skip('axfrdns goes into a chroot: root only');
    return;
  }
  if (!hasAll(context, ['tinydns-data', 'axfrdns', 'tcpserver'])) return;
  const { port } = djbdns as Djbdns;
  const original = await dig(port, 'AXFR', DJBDNS, '+onesoa', '+noall', '+answer');
  const words = ['transfer', DJBDNS, '--server', `127.0.0.1:${port}`, '--json'];
  const { status, stdout, stderr } = await runProgram(process.execPath, [ZONEGATE, ...words]);

  assert.equal(status, 0, stderr);
  // The SOA comes twice.
  assert.equal(JSON.parse(stdout).records, parseZone(original.stdout, DJBDNS).length + 1);
});

test('yadifa: its zone gains TSIG and XoT, and its differences are taken as they are', async (context) => {
  if (!hasAll(context, ['yadifad', 'nsupdate'])) return;
  const primary = yadifa as Yadifa;
  await Promise.all([...secondaries.values()].map((peer) => peer.untilSerial(YADIFA, 1)));
  const seen: unknown[] = [];
  for (const [i, update] of UPDATES.entries()) {
    await primary.change(YADIFA, update, i + 2);
    const event = await follow(YADIFA, primary.port, i + 1, i + 2);
    seen.push([event['how'], event['ixfr-failed']]);
  }
  assert.deepEqual(
    seen,
    UPDATES.map(() => ['IXFR', undefined]),
  );
});
