/** Serials that wrap, jump and go back; what a primary cannot do; and which of several primaries is the one to ask. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sendNotify } from '../support/dns-clients.ts';
import {
  askedFrom,
  namesOf,
  type PrimaryWorld,
  type PrimaryZone,
  startPrimaryWorld,
  wholeRecords,
} from '../support/primary-world.ts';
import {
  differences,
  framed,
  inMessages,
  type ScriptedPrimary,
  startScriptedPrimary,
} from '../support/scripted-primary.ts';
import { type Content, contentOf, followServed, takeServed } from '../support/served-zone.ts';
import { startService } from '../support/service.ts';
import { addressRecord, encodeMessage, type TestRecord, TYPE_NUMBERS } from '../support/transfer-messages.ts';

/** What a zone holds when its primary has a serial. */
const recordsAt = (zone: string, serial: number): TestRecord[] => [
  ...Array.from({ length: 20 }, (_, i) => addressRecord(`host-${i}.${zone}`, i)),
  addressRecord(`at-${serial}.${zone}`, serial % 250),
];

const STEPS = [
  { name: 'one more', serials: [7, 8, 9] },
  { name: 'over the wrap', serials: [0xffff_fffe, 0xffff_ffff, 0, 1] },
  { name: 'as far as RFC 1982 goes', serials: [10, 10 + 0x7fff_ffff, 8] },
].map((row, i) => ({ ...row, zone: `steps-${i}.example` }));

const POLICIES = ['hold', 'adopt', 'translate'] as const;
const SIGNED: TestRecord = {
  owner: '',
  type: 48,
  rdata: Buffer.concat([Buffer.of(1, 1, 3, 13), Buffer.alloc(64, 7)]),
};
const signed = (zone: string, serial: number): TestRecord[] => [{ ...SIGNED, owner: zone }, ...recordsAt(zone, serial)];

const zoneOf = (zone: string, serial: number, settings?: object, more: Partial<PrimaryZone> = {}): PrimaryZone => ({
  zone,
  serial,
  records: recordsAt(zone, serial),
  settings,
  ...more,
});

let world: PrimaryWorld;

before(async () => {
  world = await startPrimaryWorld([
    ...STEPS.map(({ zone, serials }) => zoneOf(zone, serials[0] as number)),
    ...POLICIES.map((policy) => zoneOf(`${policy}.example`, 100, { 'serial-policy': policy })),
    ...POLICIES.map((policy) => zoneOf(`${policy}.half.example`, 100, { 'serial-policy': policy })),
    ...POLICIES.map((policy) => zoneOf(`${policy}.lagging.example`, 100, { 'serial-policy': policy })),
    zoneOf('signed.example', 100, { 'serial-policy': 'translate' }, { records: signed('signed.example', 100) }),
    zoneOf('becomes-signed.example', 100, { 'serial-policy': 'translate' }),
    zoneOf('back-signed.example', 100, { 'serial-policy': 'translate' }),
    zoneOf('never.example', 1, undefined, { primarySettings: { ixfr: false } }),
    ...['formerr', 'notimp'].map((rcode) => zoneOf(`${rcode}.edns.example`, 1)),
  ]);
});

after(() => world.stop());

const primaryOf = (zone: string): ScriptedPrimary => world.primaries.get(zone) as ScriptedPrimary;

/** What the primary answers to either question, once it has gone from a serial to another. */
function goTo(primary: ScriptedPrimary, zone: string, from: number, to: number, make = recordsAt): void {
  primary.script = (request) => inMessages(request, wholeRecords(zone, to, make(zone, to)));
  primary.ixfr = (request) => {
    const asked = askedFrom(request);
    const [removed, added] = [
      [addressRecord(`at-${from}.${zone}`, from % 250)],
      [addressRecord(`at-${to}.${zone}`, to % 250)],
    ];
    return inMessages(
      request,
      asked === from ? differences(zone, [{ from, to, removed, added }]) : wholeRecords(zone, to, make(zone, to)),
    );
  };
}

for (const { name, zone, serials } of STEPS) {
  test(`serials ${serials.join(', ')} (${name}) are followed by IXFR, in and out`, async () => {
    const contents = new Map<number, Content>();
    contents.set(serials[0] as number, (await takeServed(world.service.port, zone)).content);
    for (const [i, to] of serials.entries()) {
      if (i === 0) continue;
      const from = serials[i - 1] as number;
      goTo(primaryOf(zone), zone, from, to);

      const { event } = await world.renew(zone, to);
      const taken = await takeServed(world.service.port, zone);
      contents.set(to, taken.content);
      const followed = await followServed(world.service.port, zone, from, contents.get(from) as Content);

      assert.deepEqual([event.event, event['how'], event['from'], event['to']], ['zone-updated', 'IXFR', from, to]);
      assert.equal(taken.serial, to);
      assert.deepEqual(taken.content, contentOf(recordsAt(zone, to)));
      assert.deepEqual([followed.sentAs, followed.serial], ['IXFR', to]);
      assert.deepEqual(followed.content, taken.content);
    }
  });
}

test('serial-policy hold: a primary that goes back is told of, and followed again when it is ahead', async () => {
  const zone = 'hold.example';
  const before = await takeServed(world.service.port, zone);
  goTo(primaryOf(zone), zone, 100, 50);
  const back = await world.renew(zone, 50);
  const still = await takeServed(world.service.port, zone);
  goTo(primaryOf(zone), zone, 100, 101);
  const ahead = await world.renew(zone, 101);
  const after = await takeServed(world.service.port, zone);

  assert.deepEqual([back.event.event, back.event['serial'], back.event['ours']], ['serial-went-back', 50, 100]);
  assert.deepEqual(back.asked, []);
  assert.deepEqual(still, before);
  assert.deepEqual([ahead.event['how'], after.serial], ['IXFR', 101]);
  assert.deepEqual(after.content, contentOf(recordsAt(zone, 101)));
});

test('serial-policy adopt: a primary that goes back begins a new lineage, from which no IXFR leads to the old one', async () => {
  const zone = 'adopt.example';
  const first = await takeServed(world.service.port, zone);
  goTo(primaryOf(zone), zone, 100, 101);
  await world.renew(zone, 101);
  goTo(primaryOf(zone), zone, 101, 50);
  const back = await world.renew(zone, 50);
  const adopted = await takeServed(world.service.port, zone);
  // Past the serials of the old lineage, none of which may be taken for one of the new.
  goTo(primaryOf(zone), zone, 50, 100);
  const again = await world.renew(zone, 100);
  goTo(primaryOf(zone), zone, 100, 102);
  const past = await world.renew(zone, 102);
  const after = await takeServed(world.service.port, zone);
  const from101 = await followServed(world.service.port, zone, 101, first.content);
  const from50 = await followServed(world.service.port, zone, 50, adopted.content);

  assert.deepEqual([back.event.event, back.event['how'], back.event['to']], ['zone-updated', 'AXFR', 50]);
  assert.equal(back.event['history'], 'begins anew');
  assert.deepEqual(adopted.content, contentOf(recordsAt(zone, 50)));
  assert.deepEqual([again.event['how'], past.event['how']], ['IXFR', 'IXFR']);
  assert.deepEqual(after.content, contentOf(recordsAt(zone, 102)));
  assert.equal(from101.sentAs, 'AXFR');
  assert.deepEqual([from50.sentAs, from50.content], ['IXFR', after.content]);
});

test('serial-policy translate: downstream a serial never goes back, and ours is the primary’s once that has passed it', async () => {
  const zone = 'translate.example';
  const first = await takeServed(world.service.port, zone);
  // From what the primary has to what we tell. At 103 it has our own serial, with other content.
  const path = [
    { from: 100, to: 50, told: 101, how: 'AXFR' },
    { from: 50, to: 51, told: 102, how: 'IXFR' },
    { from: 51, to: 102, told: 103, how: 'IXFR' },
    { from: 102, to: 103, told: 104, how: 'IXFR' },
    { from: 103, to: 3, told: 105, how: 'AXFR' },
    { from: 3, to: 200, told: 200, how: 'IXFR' },
    { from: 200, to: 201, told: 201, how: 'IXFR' },
  ];
  for (const { from, to, told, how } of path) {
    const before = await takeServed(world.service.port, zone);
    goTo(primaryOf(zone), zone, from, to);

    const { event } = await world.renew(zone, to);
    const taken = await takeServed(world.service.port, zone);
    const step = await followServed(world.service.port, zone, before.serial, before.content);
    const all = await followServed(world.service.port, zone, 100, first.content);

    assert.deepEqual([event.event, event['how'], event['to']], ['zone-updated', how, told], JSON.stringify(event));
    assert.equal(event['primary-serial'], told === to ? undefined : to);
    assert.equal(taken.serial, told);
    assert.deepEqual(taken.content, contentOf(recordsAt(zone, to)));
    for (const followed of [step, all]) assert.deepEqual([followed.sentAs, followed.content], ['IXFR', taken.content]);
  }
});

test('serial-policy translate: what the primary calls a version is known after a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-serials-'));
  const zone = 'stored.example';
  const store = { type: 'lmdb', path: 'store' };
  const first = await startPrimaryWorld([zoneOf(zone, 100, { 'serial-policy': 'translate' })], { dir, store });
  const primary = first.primaries.get(zone) as ScriptedPrimary;
  goTo(primary, zone, 100, 50);
  await first.renew(zone, 50);
  await first.service.stop();

  goTo(primary, zone, 50, 51);
  primary.serial = 51;
  const asked = primary.seen.length;
  const config = {
    primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
    zones: { [zone]: { primary: 'one', 'serial-policy': 'translate' } },
    rules: [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }],
    store,
  };
  const second = await startService({ dir, config });
  const event = await second.event('zone-updated');
  const taken = await takeServed(second.port, zone);
  await second.stop();
  await primary.stop();
  rmSync(dir, { recursive: true, force: true });

  assert.deepEqual(namesOf(primary.seen.slice(asked).filter(({ type }) => type !== TYPE_NUMBERS.SOA)), ['IXFR']);
  assert.deepEqual([event['how'], event['to'], event['primary-serial']], ['IXFR', 102, 51]);
  assert.deepEqual([taken.serial, taken.content], [102, contentOf(recordsAt(zone, 51))]);
});

const ZONE_SIGNED = /a signed zone cannot be (told under another serial|translated)/;

test('serial-policy translate: a signed zone keeps its serials', async () => {
  const zone = 'signed.example';
  const before = await takeServed(world.service.port, zone);
  goTo(primaryOf(zone), zone, 100, 50, signed);

  const { event, asked } = await world.renew(zone, 50);
  const still = await takeServed(world.service.port, zone);

  assert.equal(event.event, 'serial-went-back');
  assert.match(String(event['why']), /zone-signed/);
  assert.match(String(event['why']), ZONE_SIGNED);
  assert.deepEqual(asked, []);
  assert.deepEqual(still, before);
});

test('serial-policy translate: a zone that is signed in the version that goes back keeps its serials, too', async () => {
  const zone = 'back-signed.example';
  const before = await takeServed(world.service.port, zone);
  goTo(primaryOf(zone), zone, 100, 50, signed);

  const { event } = await world.renew(zone, 50);
  const still = await takeServed(world.service.port, zone);

  assert.equal(event.event, 'zone-rejected', JSON.stringify(event));
  assert.match(String(event['why']), ZONE_SIGNED);
  assert.deepEqual(still, before);
});

test('serial-policy translate: a zone that is signed while its serials are translated waits for the primary’s to pass', async () => {
  const zone = 'becomes-signed.example';
  goTo(primaryOf(zone), zone, 100, 50);
  await world.renew(zone, 50);
  const before = await takeServed(world.service.port, zone);

  primaryOf(zone).ixfr = (request) =>
    inMessages(request, differences(zone, [{ from: 50, to: 51, added: [{ ...SIGNED, owner: zone }] }]));
  const refused = await world.renew(zone, 51);
  const still = await takeServed(world.service.port, zone);
  primaryOf(zone).ixfr = (request) =>
    inMessages(request, differences(zone, [{ from: 50, to: 200, added: [{ ...SIGNED, owner: zone }] }]));
  const passed = await world.renew(zone, 200);

  assert.equal(before.serial, 101);
  assert.equal(refused.event.event, 'zone-rejected', JSON.stringify(refused.event));
  assert.match(String(refused.event['why']), ZONE_SIGNED);
  assert.deepEqual(still, before);
  assert.deepEqual(
    [passed.event.event, passed.event['to'], passed.event['primary-serial']],
    ['zone-updated', 200, undefined],
  );
});

for (const policy of POLICIES) {
  test(`serial-policy ${policy}: a serial at the distance of 2^31 is ${policy === 'hold' ? 'told of' : 'taken as one that went back'}`, async () => {
    const zone = `${policy}.half.example`;
    const to = 100 + 0x8000_0000;
    goTo(primaryOf(zone), zone, 100, to);

    const { event } = await world.renew(zone, to);
    const taken = await takeServed(world.service.port, zone);

    if (policy === 'hold') {
      assert.equal(event.event, 'serial-went-back');
      assert.match(String(event['why']), /distance of 2\^31 .* undefined \(RFC 1982\)/);
    } else assert.equal(event.event, 'zone-updated', JSON.stringify(event));
    assert.equal(taken.serial, { hold: 100, adopt: to, translate: 101 }[policy]);
    assert.deepEqual(taken.content, contentOf(recordsAt(zone, policy === 'hold' ? 100 : to)));
  });

  test(`serial-policy ${policy}: a whole zone older than the SOA that announced it is not taken`, async () => {
    const zone = `${policy}.lagging.example`;
    const primary = primaryOf(zone);
    const before = await takeServed(world.service.port, zone);
    primary.ixfr = (request) => [{ send: framed(encodeMessage({ id: request.id, rcode: 4 })) }];
    primary.script = (request) => inMessages(request, wholeRecords(zone, 99, recordsAt(zone, 99)));

    const { event, asked } = await world.renew(zone, 101);
    const still = await takeServed(world.service.port, zone);

    assert.equal(event.event, 'zone-rejected');
    assert.match(String(event['why']), /has serial 101 by its SOA, and sent 99, not newer than ours, 100/);
    assert.deepEqual(namesOf(asked), ['IXFR', 'AXFR']);
    assert.deepEqual(still, before);
  });
}

test('ixfr: false: a primary is never asked for IXFR', async () => {
  const zone = 'never.example';
  for (const to of [2, 3]) {
    goTo(primaryOf(zone), zone, to - 1, to);
    const { event, asked } = await world.renew(zone, to);
    assert.deepEqual([event['how'], event['to']], ['AXFR', to]);
    assert.deepEqual(namesOf(asked), ['AXFR']);
  }
});

for (const [name, rcode] of [
  ['formerr', 1],
  ['notimp', 4],
] as const) {
  test(`a primary that answers OPT with ${name.toUpperCase()} is asked without, and with it not again`, async () => {
    const zone = `${name}.edns.example`;
    const primary = primaryOf(zone);
    const usual = primary.soa;
    const since = primary.seen.length;
    primary.soa = (request) =>
      primary.seen.at(-1)?.hasOpt
        ? [{ send: framed(encodeMessage({ id: request.id, rcode, question: { name: zone, type: TYPE_NUMBERS.SOA } })) }]
        : usual(request);
    for (const to of [2, 3]) {
      goTo(primary, zone, to - 1, to);
      const { event } = await world.renew(zone, to);
      assert.deepEqual([event.event, event['how'], event['to']], ['zone-updated', 'IXFR', to], JSON.stringify(event));
    }

    const { SOA, IXFR } = TYPE_NUMBERS;
    assert.deepEqual(
      primary.seen.slice(since).map(({ type, hasOpt }) => [type, hasOpt]),
      [
        [SOA, true],
        [SOA, false],
        [IXFR, false],
        [SOA, false],
        [IXFR, false],
      ],
    );
  });
}

test('selection highest-serial: the primary that is ahead is asked, whichever it is, and over the wrap', async () => {
  const zone = 'two.example';
  const start = async (serial: number): Promise<ScriptedPrimary> => {
    const primary = await startScriptedPrimary(zone, serial);
    primary.script = (request) =>
      inMessages(request, wholeRecords(zone, primary.serial, recordsAt(zone, primary.serial)));
    return primary;
  };
  const pair = [await start(0xffff_fff0), await start(0xffff_fffa)] as const;
  const service = await startService({
    config: {
      primaries: {
        both: { addresses: pair.map(({ port }) => `127.0.0.1:${port}`), selection: 'highest-serial' },
      },
      zones: { [zone]: { primary: 'both' } },
      rules: [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }],
    },
  });
  const path = [
    { serials: [0xffff_fff0, 0xffff_fffa], taken: 1 },
    { serials: [3, 0xffff_fffa], taken: 0 },
    { serials: [3, 4], taken: 1 },
    { serials: [9, 4], taken: 0 },
  ] as const;
  const seen: unknown[] = [];
  for (const { serials, taken } of path) {
    const to = serials[taken];
    pair.forEach((primary, i) => {
      primary.serial = serials[i] as number;
    });
    await sendNotify(service.port, zone);
    const event = await service.event('zone-updated', (fields) => fields['to'] === to);
    const { content } = await takeServed(service.port, zone);
    assert.deepEqual(content, contentOf(recordsAt(zone, to)));
    seen.push([event['to'], event['primary']]);
  }
  // One of the two is gone.
  const last = pair[1].port;
  await pair[0].stop();
  pair[1].serial = 12;
  await sendNotify(service.port, zone);
  const alone = await service.event('zone-updated', ({ to }) => to === 12);
  await service.stop();
  await pair[1].stop();

  assert.deepEqual(
    seen,
    path.map(({ serials, taken }) => [serials[taken], `127.0.0.1#${pair[taken].port}`]),
  );
  assert.equal(alone['primary'], `127.0.0.1#${last}`);
});
