/**
 * Whatever a primary answers to IXFR: it is applied exactly, or the zone is asked for whole; and until something whole
 * and valid has come, the version served stays as it is, octet for octet.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { namesOf, type PrimaryWorld, startPrimaryWorld, wholeRecords } from '../support/primary-world.ts';
import {
  type AxfrRequest,
  differences,
  framed,
  inMessages,
  type MessageOptions,
  type ScriptedPrimary,
  type Step,
} from '../support/scripted-primary.ts';
import { contentOf, followServed, takeServed } from '../support/served-zone.ts';
import {
  addressRecord,
  encodeMessage,
  soaRecord,
  type TestKey,
  type TestRecord,
  TYPE_NUMBERS,
} from '../support/transfer-messages.ts';

const KEY: TestKey = { name: 'primary-key', hash: 'sha256', secret: Buffer.alloc(32, 's') };
const hosts = (zone: string): TestRecord[] =>
  Array.from({ length: 1200 }, (_, i) => addressRecord(`host-${i}.${zone}`, i % 250));

/** What an answer is made from: our serial and the primary's, and records of all sorts. */
interface Ask extends AxfrRequest {
  readonly from: number;
  readonly to: number;
  /** In the zone, and not in it. */
  readonly old: TestRecord;
  readonly young: TestRecord;
  readonly options: MessageOptions;
}

const send = ({ id, zone }: Ask, answers: readonly TestRecord[], ixfr = true): Step => ({
  send: framed(encodeMessage({ id, question: { name: zone, type: ixfr ? 251 : 252 }, answers })),
});
const error = ({ id, zone }: Ask, rcode: number): Step => ({
  send: framed(encodeMessage({ id, rcode, question: { name: zone, type: TYPE_NUMBERS.IXFR } })),
});
/** One step, as it should be but for what is removed and added. */
const step = (ask: Ask, removed: readonly TestRecord[], added: readonly TestRecord[]): Iterable<Step> =>
  inMessages(ask, differences(ask.zone, [{ from: ask.from, to: ask.to, removed, added }]), ask.options);

interface Fault {
  readonly name: string;
  readonly answer: (ask: Ask) => Iterable<Step>;
  readonly why: RegExp;
  /** Where the AXFR comes that is asked for instead; `none`: nothing is. */
  readonly axfr: 'on the same connection' | 'on another connection' | 'none';
  /** IXFR is not asked for again. */
  readonly isLearned?: boolean;
  readonly key?: TestKey;
}

const SAME = 'on the same connection';
const OTHER = 'on another connection';

const FAULTS: readonly Fault[] = [
  {
    name: 'deletes a record that is not there',
    answer: (ask) => step(ask, [ask.old, ask.young], []),
    why: /deletes a.* A record of new\..* that is not there/,
    axfr: SAME,
  },
  {
    name: 'adds a record that is there',
    answer: (ask) => step(ask, [], [ask.young, ask.old]),
    why: /adds a.* A record of host-7\..* that is there already/,
    axfr: SAME,
  },
  {
    name: 'deletes a record twice, far from each other',
    answer: (ask) => step(ask, [ask.old, ...hosts(ask.zone).slice(100, 300), ask.old], [ask.young]),
    why: /deletes a.* A record of host-7\..* that is not there/,
    axfr: SAME,
  },
  {
    name: 'adds a record twice',
    answer: (ask) => step(ask, [ask.old], [ask.young, ask.young]),
    why: /adds a.* A record of new\..* that is there already/,
    axfr: SAME,
  },
  {
    name: 'adds in its second step what it added in the first',
    answer: (ask) => {
      const { zone, from, to, young } = ask;
      const first = { from, to: 1000, added: [young] };
      return inMessages(ask, differences(zone, [first, { from: 1000, to, added: [young] }]));
    },
    why: /adds a.* A record of new\..* that is there already/,
    axfr: SAME,
  },
  {
    name: 'has a gap in its serials',
    answer: (ask) => {
      const steps = [
        { from: ask.from, to: 1000, added: [ask.young] },
        { from: 1001, to: ask.to, removed: [ask.old] },
      ];
      return inMessages(ask, differences(ask.zone, steps));
    },
    why: /do not follow each other/,
    axfr: OTHER,
  },
  {
    name: 'begins at a serial that is not ours',
    answer: (ask) => inMessages(ask, differences(ask.zone, [{ from: ask.from + 1000, to: ask.to }])),
    why: /do not follow each other/,
    axfr: OTHER,
  },
  {
    name: 'leads to a serial older than ours',
    answer: (ask) => inMessages(ask, differences(ask.zone, [{ from: ask.from, to: 0xffff_fff0, added: [ask.young] }])),
    why: /not newer than the one they begin at/,
    axfr: OTHER,
  },
  {
    name: 'ends before the serial that it began with, and says nothing more',
    answer: function* (ask) {
      yield send(ask, [soaRecord(ask.zone, ask.to), ...differences(ask.zone, [{ from: ask.from, to: 1000 }]).slice(1)]);
      yield { stall: true };
    },
    why: /no progress/,
    axfr: OTHER,
  },
  {
    name: 'ends before the serial that it began with, and closes',
    answer: function* (ask) {
      yield send(ask, differences(ask.zone, [{ from: ask.from, to: ask.to, added: [ask.young] }]).slice(0, -1));
      yield { close: true };
    },
    why: /closed the connection after \d+ octets/,
    axfr: OTHER,
  },
  {
    name: 'is closed in the middle of a message',
    answer: function* (ask) {
      const records = differences(ask.zone, [{ from: ask.from, to: ask.to, removed: hosts(ask.zone).slice(0, 300) }]);
      const messages = [...inMessages(ask, records)].flatMap((one) => ('send' in one ? [one.send] : []));
      const octets = Buffer.concat(messages);
      yield { send: octets.subarray(0, octets.length - 40) };
      yield { close: true };
    },
    why: /closed the connection in the middle of a message after \d+ octets/,
    axfr: OTHER,
  },
  {
    name: 'is closed in the middle of its first message',
    answer: (ask) => {
      const message = framed(encodeMessage({ id: ask.id, answers: hosts(ask.zone).slice(0, 100) }));
      return [{ send: message.subarray(0, 100) }, { close: true }];
    },
    why: /closed the connection in the middle of a message/,
    axfr: OTHER,
  },
  {
    name: 'stalls in the middle of a message',
    answer: function* (ask) {
      const octets = framed(encodeMessage({ id: ask.id, answers: hosts(ask.zone).slice(0, 100) }));
      yield send(ask, [soaRecord(ask.zone, ask.to), soaRecord(ask.zone, ask.from)]);
      yield { send: octets.subarray(0, octets.length - 40) };
      yield { stall: true };
    },
    why: /no progress/,
    axfr: OTHER,
  },
  {
    name: 'is one SOA that is newer, and nothing more',
    answer: function* (ask) {
      yield send(ask, [soaRecord(ask.zone, ask.to)]);
      yield { stall: true };
    },
    why: /no progress/,
    axfr: OTHER,
  },
  {
    name: 'is one SOA of our serial, when the SOA query told a newer one',
    answer: (ask) => [send(ask, [soaRecord(ask.zone, ask.from)])],
    why: /has serial [23] by its SOA, and by IXFR nothing newer than 1/,
    axfr: SAME,
    isLearned: true,
  },
  {
    name: 'is one SOA that is older than ours',
    answer: (ask) => [send(ask, [soaRecord(ask.zone, 0)])],
    why: /by IXFR nothing newer than 1/,
    axfr: SAME,
    isLearned: true,
  },
  {
    name: 'is a whole zone that is older than ours',
    answer: (ask) => [send(ask, [soaRecord(ask.zone, 0), ask.young, soaRecord(ask.zone, 0)])],
    why: /has serial 2 by its SOA, and sent 0, not newer than ours, 1/,
    axfr: 'none',
  },
  {
    name: 'holds a record of another zone',
    answer: (ask) => step(ask, [], [addressRecord('www.example.net', 1)]),
    why: /outside the zone/,
    axfr: OTHER,
  },
  {
    name: 'holds a record of class CH',
    answer: (ask) => step(ask, [], [{ ...ask.young, class: 3 }]),
    why: /not of class IN/,
    axfr: OTHER,
  },
  {
    name: 'holds an address of three octets',
    answer: (ask) => step(ask, [], [{ ...ask.young, rdata: Buffer.of(1, 2, 3) }]),
    why: /does not fit its type/,
    axfr: OTHER,
  },
  {
    name: 'adds a record that is as long as a message',
    answer: (ask) => {
      const rdata = Buffer.alloc(65_535 - 12 - (ask.young.owner.length + 2 + 10));
      return step({ ...ask, options: { perMessage: 1 } }, [], [{ ...ask.young, type: 65_280, rdata }]);
    },
    why: /fits no message together with OPT and TSIG/,
    axfr: SAME,
  },
  {
    name: 'adds a SOA record below the apex',
    answer: (ask) => step(ask, [], [{ ...soaRecord(ask.zone, 9), owner: `sub.${ask.zone}` }]),
    why: /not at the apex/,
    axfr: SAME,
  },
  {
    name: 'ends with another SOA of the same serial',
    answer: (ask) => {
      const records = differences(ask.zone, [{ from: ask.from, to: ask.to, added: [ask.young] }]);
      return [send(ask, [...records.slice(0, -1), soaRecord(ask.zone, ask.to, 60)])];
    },
    why: /differ/,
    axfr: OTHER,
  },
  {
    name: 'goes on after its end',
    answer: (ask) => [
      send(ask, [...differences(ask.zone, [{ from: ask.from, to: ask.to }]), soaRecord(ask.zone, 9), ask.young]),
    ],
    why: /after the SOA/,
    axfr: OTHER,
  },
  {
    name: 'is a whole zone with a record of another zone',
    answer: (ask) => [
      send(ask, [
        soaRecord(ask.zone, ask.to),
        ask.young,
        addressRecord('a.example.net', 1),
        soaRecord(ask.zone, ask.to),
      ]),
    ],
    why: /outside the zone/,
    axfr: OTHER,
  },
  {
    name: 'is a whole zone that ends early',
    answer: function* (ask) {
      yield send(ask, [soaRecord(ask.zone, ask.to), ...hosts(ask.zone).slice(0, 50)]);
      yield { close: true };
    },
    why: /closed the connection after \d+ octets/,
    axfr: OTHER,
  },
  {
    name: 'is empty',
    answer: (ask) => [send(ask, [])],
    why: /holds no records/,
    axfr: OTHER,
    isLearned: true,
  },
  {
    name: 'has the question of an AXFR',
    answer: (ask) => [send(ask, differences(ask.zone, [{ from: ask.from, to: ask.to }]), false)],
    why: /no progress.*; messages that answer nothing: 1/,
    axfr: OTHER,
  },
  { name: 'is FORMERR', answer: (ask) => [error(ask, 1)], why: /FORMERR/, axfr: SAME, isLearned: true },
  { name: 'is SERVFAIL', answer: (ask) => [error(ask, 2)], why: /SERVFAIL/, axfr: SAME },
  { name: 'is NOTIMP', answer: (ask) => [error(ask, 4)], why: /NOTIMP/, axfr: SAME, isLearned: true },
  { name: 'is REFUSED', answer: (ask) => [error(ask, 5)], why: /REFUSED.*REFUSED/, axfr: SAME, isLearned: true },
  {
    name: 'is a closed connection',
    answer: () => [{ close: true }],
    why: /closed the connection/,
    axfr: OTHER,
    isLearned: true,
  },
  {
    name: 'is not signed',
    answer: (ask) => inMessages(ask, differences(ask.zone, [{ from: ask.from, to: ask.to }])),
    why: /first message is not signed/,
    axfr: OTHER,
    key: KEY,
  },
  {
    name: 'is not signed in its last message',
    answer: (ask) => signedDifferences(ask, (index, count) => (index === count - 1 ? 'pass' : 'sign')),
    why: /last message is not signed/,
    axfr: OTHER,
    key: KEY,
  },
  {
    name: 'has a wrong signature in the middle',
    answer: (ask) => signedDifferences(ask, (index) => (index === 1 ? 'break' : 'sign')),
    why: /signature of a message is wrong/,
    axfr: OTHER,
    key: KEY,
  },
];

/** Three messages. */
const signedDifferences = (ask: Ask, seal: NonNullable<MessageOptions['seal']>): Iterable<Step> => {
  const records = differences(ask.zone, [{ from: ask.from, to: ask.to, removed: hosts(ask.zone).slice(0, 256) }]);
  return inMessages(ask, records, { key: KEY, seal });
};

interface Habit {
  readonly name: string;
  readonly answer: (ask: Ask) => Iterable<Step>;
  readonly how: 'IXFR' | 'AXFR';
  /** Of the zone afterwards. */
  readonly records: (base: readonly TestRecord[], ask: Pick<Ask, 'old' | 'young'>) => readonly TestRecord[];
  /** Records that zonegate deletes and adds in its own IXFR. */
  readonly differences: number;
  readonly event?: Record<string, unknown>;
  readonly key?: TestKey;
}

const without = (base: readonly TestRecord[], ...gone: readonly TestRecord[]): TestRecord[] =>
  base.filter(({ owner }) => !gone.some((record) => record.owner === owner));
const exchanged: Habit['records'] = (base, { old, young }) => [...without(base, old), young];
const whole = (ask: Ask): TestRecord[] => {
  const soa = soaRecord(ask.zone, ask.to);
  return [soa, ...without(hosts(ask.zone), ask.old), ask.young, soa];
};

const HABITS: readonly Habit[] = [
  {
    name: 'is one step',
    answer: (ask) => step(ask, [ask.old], [ask.young]),
    how: 'IXFR',
    records: exchanged,
    differences: 2,
  },
  {
    name: 'has one record per message, the first of which is a newer SOA alone',
    answer: (ask) => step({ ...ask, options: { perMessage: 1 } }, [ask.old], [ask.young]),
    how: 'IXFR',
    records: exchanged,
    differences: 2,
  },
  {
    name: 'has its records in no order',
    answer: (ask) => step(ask, hosts(ask.zone).slice(0, 600).reverse(), [ask.young]),
    how: 'IXFR',
    records: (base, { young }) => [...base.slice(600), young],
    differences: 601,
  },
  {
    name: 'has messages between that hold nothing but an OPT record',
    answer: function* (ask) {
      const empty = encodeMessage({ id: ask.id, additionals: [Buffer.from('0000290400000000000000', 'hex')] });
      for (const one of step({ ...ask, options: { perMessage: 2 } }, [ask.old], [ask.young])) {
        yield one;
        yield { send: framed(empty) };
      }
    },
    how: 'IXFR',
    records: exchanged,
    differences: 2,
  },
  {
    name: 'has messages of 65,535 octets',
    answer: function* (ask) {
      const [lead, from, ...rest] = differences(ask.zone, [{ from: ask.from, to: ask.to, added: LARGE(ask.zone) }]);
      yield send(ask, [lead as TestRecord, from as TestRecord, rest[0] as TestRecord]);
      const message = encodeMessage({ id: ask.id, answers: LARGE(ask.zone) });
      assert.equal(message.length, 65_535);
      yield { send: framed(message) };
      yield { send: framed(encodeMessage({ id: ask.id, answers: rest.slice(-1) })) };
    },
    how: 'IXFR',
    records: (base) => [...base, ...LARGE(zoneOf(base))],
    differences: 2,
  },
  {
    name: 'deletes with another TTL',
    answer: (ask) => step(ask, [{ ...ask.old, ttl: 5 }], [ask.young]),
    how: 'IXFR',
    records: exchanged,
    differences: 2,
    event: { 'other-ttls': 1 },
  },
  {
    name: 'changes a TTL',
    answer: (ask) => step(ask, [ask.old], [{ ...ask.old, ttl: 5 }]),
    how: 'IXFR',
    records: (base, { old }) => [...without(base, old), { ...old, ttl: 5 }],
    differences: 2,
  },
  {
    name: 'changes the case of a name and nothing else',
    answer: (ask) => step(ask, [ask.old], [{ ...ask.old, owner: ask.old.owner.toUpperCase() }]),
    how: 'IXFR',
    records: (base) => base,
    differences: 0,
  },
  {
    name: 'deletes and adds the same record',
    answer: (ask) => step(ask, [ask.old], [ask.old]),
    how: 'IXFR',
    records: (base) => base,
    differences: 0,
  },
  {
    name: 'adds in a step and takes back in the next',
    answer: (ask) => {
      const { zone, from, to, old, young } = ask;
      const first = { from, to: 1000, removed: [old], added: [young] };
      return inMessages(ask, differences(zone, [first, { from: 1000, to, removed: [young], added: [old] }]));
    },
    how: 'IXFR',
    records: (base) => base,
    differences: 0,
  },
  {
    name: 'spells the SOA in capitals at its end',
    answer: (ask) => {
      const records = differences(ask.zone, [{ from: ask.from, to: ask.to, added: [ask.young] }]);
      const last = soaRecord(ask.zone, ask.to, 3600, `NS1.${ask.zone.toUpperCase()}`);
      return inMessages(ask, [...records.slice(0, -1), { ...last, owner: ask.zone.toUpperCase() }]);
    },
    how: 'IXFR',
    records: (base, { young }) => [...base, young],
    differences: 1,
  },
  {
    name: 'is signed in each message',
    answer: (ask) => step({ ...ask, options: { perMessage: 1, key: KEY } }, [ask.old], [ask.young]),
    how: 'IXFR',
    records: exchanged,
    differences: 2,
    key: KEY,
  },
  {
    name: 'is signed in its first message and its last',
    answer: (ask) => {
      const seal = (index: number, count: number) => (index === 0 || index === count - 1 ? 'sign' : 'pass');
      return step({ ...ask, options: { perMessage: 1, key: KEY, seal } }, [ask.old], [ask.young]);
    },
    how: 'IXFR',
    records: exchanged,
    differences: 2,
    key: KEY,
  },
  {
    name: 'is a whole zone in one message',
    answer: (ask) => inMessages(ask, whole(ask), { perMessage: 2000 }),
    how: 'AXFR',
    records: exchanged,
    differences: 2,
  },
  {
    name: 'is a whole zone in many messages',
    answer: (ask) => inMessages(ask, whole(ask), { perMessage: 7 }),
    how: 'AXFR',
    records: exchanged,
    differences: 2,
  },
  {
    name: 'is a whole zone, one record per message',
    answer: (ask) => inMessages(ask, whole(ask), { perMessage: 1 }),
    how: 'AXFR',
    records: exchanged,
    differences: 2,
  },
  {
    name: 'is a whole zone, spelling the SOA in capitals at its end',
    answer: (ask) => {
      const last = soaRecord(ask.zone, ask.to, 3600, `NS1.${ask.zone.toUpperCase()}`);
      return inMessages(ask, [...whole(ask).slice(0, -1), { ...last, owner: ask.zone.toUpperCase() }]);
    },
    how: 'AXFR',
    records: exchanged,
    differences: 2,
  },
  {
    name: 'is a whole zone, one record per message, each signed',
    answer: (ask) => inMessages(ask, whole(ask), { perMessage: 1, key: KEY }),
    how: 'AXFR',
    records: exchanged,
    differences: 2,
    key: KEY,
  },
  {
    name: 'is a whole zone of its SOA alone',
    answer: (ask) => inMessages(ask, [soaRecord(ask.zone, ask.to), soaRecord(ask.zone, ask.to)]),
    how: 'AXFR',
    records: () => [],
    differences: 0,
  },
];

const zoneOf = (base: readonly TestRecord[]): string => (base[0] as TestRecord).owner.replace('host-0.', '');
/** The two fill a message. */
function LARGE(zone: string): TestRecord[] {
  const octets = 65_535 - 12 - 2 * (`a.${zone}`.length + 2 + 10);
  return ['a', 'b'].map((label) => {
    const length = label === 'a' ? 40_000 : octets - 40_000;
    return { owner: `${label}.${zone}`, type: 65_280, rdata: Buffer.alloc(length, label) };
  });
}

const zones = new Map<Fault | Habit, string>([...FAULTS, ...HABITS].map((row, i) => [row, `row-${i}.example`]));
let world: PrimaryWorld;

before(async () => {
  world = await startPrimaryWorld(
    [...zones].map(([{ key }, zone]) => ({ zone, serial: 1, records: hosts(zone), key })),
  );
});

after(() => world.stop());

const askOf = (zone: string, from: number, to: number, key: TestKey | undefined): Omit<Ask, keyof AxfrRequest> => ({
  from,
  to,
  old: addressRecord(`host-7.${zone}`, 7),
  young: addressRecord(`new.${zone}`, 1),
  options: { key },
});

for (const fault of FAULTS) {
  test(`an answer to IXFR that ${fault.name} changes nothing; AXFR: ${fault.axfr}; the next good one is taken`, async () => {
    const { service, renew } = world;
    const zone = zones.get(fault) as string;
    const primary = world.primaries.get(zone) as ScriptedPrimary;
    const { key } = fault;
    const base = hosts(zone);
    const before = await takeServed(service.port, zone);
    const respond = (to: number): void => {
      primary.ixfr = (request) => fault.answer({ ...request, ...askOf(zone, 1, to, key) });
    };

    // Nothing good comes.
    respond(2);
    primary.script = (request) => [{ send: framed(encodeMessage({ id: request.id, rcode: 5 })) }];
    const bad = await renew(zone, 2);
    const still = await takeServed(service.port, zone);

    assert.notEqual(bad.event.event, 'zone-updated', JSON.stringify(bad.event));
    assert.match(String(bad.event['why']), fault.why);
    assert.deepEqual(still, before);
    assert.equal(namesOf(bad.asked).at(-1), fault.axfr === 'none' ? 'IXFR' : 'AXFR');

    // By IXFR nothing, the whole zone does.
    if (fault.axfr !== 'none') {
      respond(3);
      primary.script = (request) => inMessages(request, wholeRecords(zone, 3, base.slice(1)), { key });
      const fallen = await renew(zone, 3);
      const third = await takeServed(service.port, zone);

      assert.deepEqual([fallen.event.event, fallen.event['how'], fallen.event['to']], ['zone-updated', 'AXFR', 3]);
      assert.match(String(fallen.event['ixfr-failed']), fault.isLearned ? /./ : fault.why);
      const [ixfr, axfr] = [fallen.asked.at(-2), fallen.asked.at(-1)];
      assert.deepEqual(namesOf(fallen.asked).slice(-2), ['IXFR', 'AXFR']);
      assert.equal(ixfr?.connection === axfr?.connection ? SAME : OTHER, fault.axfr);
      assert.deepEqual(third.content, contentOf(base.slice(1)));
    }

    // And the next, as it should be.
    const from = fault.axfr === 'none' ? 1 : 3;
    const added = addressRecord(`later.${zone}`, 4);
    const now = fault.axfr === 'none' ? base : base.slice(1);
    primary.ixfr = (request) => inMessages(request, differences(zone, [{ from, to: 4, added: [added] }]), { key });
    primary.script = (request) => inMessages(request, wholeRecords(zone, 4, [...now, added]), { key });
    const good = await renew(zone, 4);
    const last = await takeServed(service.port, zone);
    const followed = await followServed(service.port, zone, 1, before.content);

    const how = fault.isLearned ? 'AXFR' : 'IXFR';
    assert.deepEqual([good.event.event, good.event['how'], good.event['to']], ['zone-updated', how, 4]);
    assert.deepEqual(namesOf(good.asked), [how]);
    assert.equal(last.serial, 4);
    assert.deepEqual(last.content, contentOf([...now, added]));
    assert.deepEqual([followed.sentAs, followed.serial], ['IXFR', 4]);
    assert.deepEqual(followed.content, last.content);
  });
}

for (const habit of HABITS) {
  test(`an answer to IXFR that ${habit.name} is taken as ${habit.how}, with no other question`, async () => {
    const { service, renew } = world;
    const zone = zones.get(habit) as string;
    const primary = world.primaries.get(zone) as ScriptedPrimary;
    const base = hosts(zone);
    const ask = askOf(zone, 1, 2, habit.key);
    primary.ixfr = (request) => habit.answer({ ...request, ...ask });
    primary.script = () => [{ stall: true }];

    const { event, asked } = await renew(zone, 2);
    const taken = await takeServed(service.port, zone);
    const followed = await followServed(service.port, zone, 1, contentOf(base));

    assert.deepEqual([event.event, event['how'], event['to']], ['zone-updated', habit.how, 2], JSON.stringify(event));
    assert.deepEqual(namesOf(asked), ['IXFR']);
    assert.deepEqual([event['other-ttls'], event['ixfr-failed']], [habit.event?.['other-ttls'], undefined]);
    assert.equal(taken.serial, 2);
    assert.deepEqual(taken.content, contentOf(habit.records(base, ask)));
    assert.deepEqual(followed.content, taken.content);
    if (taken.content.size > 0) assert.deepEqual([followed.sentAs, followed.differences], ['IXFR', habit.differences]);
  });
}
