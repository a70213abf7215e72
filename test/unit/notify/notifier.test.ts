/** NOTIFY out over UDP, to secondaries that answer, that do not, and that answer what they should not. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { NOTIFY_SECRET, NotifyWorld, settle, untilHolds } from '../../support/notify-world.ts';
import {
  type Answerer,
  acknowledge,
  bareAnswer,
  nothing,
  notifyAnswer,
  type ScriptedSecondary,
  startUdpSecondary,
  type TakenNotify,
} from '../../support/scripted-secondary.ts';
import { macOf, type TestKey, TestSigner, withTsigError } from '../../support/transfer-messages.ts';
import { readTsig, signRequest } from '../../support/tsig-messages.ts';

const KEY: TestKey = { name: 'sec-key', hash: 'sha256', secret: NOTIFY_SECRET };
const RETRY = { tries: 3, timeout: '10s', backoff: 2 };

const started: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of started.splice(0).reverse()) await stop();
});

async function begin(answer: Answerer, settings: object = {}, zones: readonly string[] = ['example.org']) {
  const secondary = await startUdpSecondary(answer);
  const address = `127.0.0.1:${secondary.port}`;
  const s = { address, 'notify-retry': RETRY, ...settings };
  const lists = Object.fromEntries(zones.map((zone) => [zone, ['s']]));
  const world = new NotifyWorld({ s }, lists);
  started.push(
    () => secondary.stop(),
    () => world.stop(),
  );
  return { secondary, world, settings: { s }, lists };
}

const taken = (secondary: ScriptedSecondary, count: number): Promise<void> =>
  untilHolds(`${count} NOTIFYs, not ${secondary.taken.length}`, () => secondary.taken.length >= count);
const outcome = (world: NotifyWorld, zone = 'example.org') => world.standings.notifyOf(zone, 's')?.outcome;
const last = ({ taken: all }: ScriptedSecondary): TakenNotify => all.at(-1) as TakenNotify;
const nowSeconds = (): number => Math.floor(Date.now() / 1000);

test('a version that is served is told: SOA in question and answer, AA, and an OPT', async () => {
  const { secondary, world } = await begin(acknowledge);

  world.serve('example.org', 7);
  await untilHolds('the answer', () => outcome(world) === 'acknowledged');

  const { decoded, serial, zone } = last(secondary);
  assert.equal(decoded.flags, 0x2400, 'opcode NOTIFY, AA');
  assert.deepEqual([zone, decoded.questions[0]?.type, decoded.questions[0]?.class], ['example.org', 6, 1]);
  assert.deepEqual([serial, decoded.answers.length, decoded.authorities.length], [7, 1, 0]);
  assert.deepEqual(
    decoded.additionals.map(({ type }) => type),
    [41],
  );
  assert.deepEqual([...world.notifier.pending()], []);
  assert.equal(world.standings.notifyOf('example.org', 's')?.rcode, 'NOERROR');
});

test('the same serial again, as after a move in memory, is not told again', async () => {
  const { secondary, world } = await begin(acknowledge);
  world.serve('example.org', 7);
  await untilHolds('the answer', () => outcome(world) === 'acknowledged');

  world.serve('example.org', 7);
  world.notifier.withdrawn('example.org');
  world.serve('example.org', 7);
  await settle();

  assert.equal(secondary.taken.length, 1);
});

test('ids are random', async () => {
  const zones = Array.from({ length: 20 }, (_, i) => `z${i}.example`);
  const { secondary, world } = await begin(acknowledge, {}, zones);

  for (const zone of zones) world.serve(zone, 1);
  await taken(secondary, 20);

  const ids = secondary.taken.map(({ decoded }) => decoded.id);
  const steps = new Set(ids.slice(1).map((id, i) => id - (ids[i] as number)));
  assert.ok(new Set(ids).size >= 19 && steps.size > 15, ids.join(' '));
});

test('silence: tried three times, each wait twice as long, then told once', async () => {
  const { secondary, world } = await begin(nothing, {}, ['example.org', 'example.net']);

  world.serve('example.org', 7);
  await taken(secondary, 1);
  world.pass(9_999);
  await settle();
  assert.equal(secondary.taken.length, 1);
  world.pass(1);
  await taken(secondary, 2);
  world.pass(19_999);
  await settle();
  assert.equal(secondary.taken.length, 2);
  world.pass(1);
  await taken(secondary, 3);
  world.pass(39_999);
  assert.deepEqual(world.events, []);
  world.pass(1);

  const failed = { event: 'notify-failed', zone: 'example.org', secondary: 's', serial: 7, tries: 3, why: 'no answer' };
  assert.deepEqual(world.events, [failed]);
  assert.equal(outcome(world), 'failed');
  assert.equal(world.notifier.results['no-answer'], 3);
  assert.equal(new Set(secondary.taken.map(({ decoded }) => decoded.id)).size, 1, 'copies of one message');
  world.pass(1_000_000);
  await settle();
  assert.equal(secondary.taken.length, 3);

  // Not for the next zone, and not again, until it has answered.
  world.serve('example.net', 1);
  for (const wait of [10_000, 20_000, 40_000]) {
    await untilHolds('the next try', () => outcome(world, 'example.net') === 'pending');
    await settle();
    world.pass(wait);
  }
  assert.deepEqual([outcome(world, 'example.net'), world.events.length], ['failed', 1]);
  secondary.answer = acknowledge;
  world.serve('example.net', 2);
  await untilHolds('the answer', () => outcome(world, 'example.net') === 'acknowledged');
  secondary.answer = nothing;
  world.serve('example.net', 3);
  for (const wait of [10_000, 20_000, 40_000]) {
    await settle();
    world.pass(wait);
  }
  assert.equal(world.events.length, 2);
});

test('an answer that comes late counts, even after the next copy', async () => {
  const { secondary, world } = await begin(nothing);
  world.serve('example.org', 7);
  await taken(secondary, 1);
  const first = last(secondary);
  world.pass(5_000);
  await settle();
  world.pass(5_000);
  await taken(secondary, 2);

  secondary.reply(notifyAnswer(first));
  await untilHolds('the answer', () => outcome(world) === 'acknowledged');
  world.pass(1_000_000);
  await settle();

  assert.equal(secondary.taken.length, 2);
  assert.deepEqual(world.events, []);
});

const wrong: readonly (readonly [string, (notify: TakenNotify) => Buffer, string])[] = [
  ['has another id', (notify) => withId(notifyAnswer(notify), notify.decoded.id ^ 1), 'no answer'],
  ['has another question', (notify) => withByte(notifyAnswer(notify), 14, 0x79), 'its answer has another question'],
  ['is a request', (notify) => notifyAnswer(notify, 0, 0x2400), 'what it sent is not an answer to NOTIFY'],
  ['has another opcode', (notify) => notifyAnswer(notify, 0, 0x8400), 'what it sent is not an answer to NOTIFY'],
  ['has no question', (notify) => bareAnswer(notify, 0), 'its answer has another question'],
  ['is cut short', (notify) => notifyAnswer(notify).subarray(0, 20), 'its answer cannot be read'],
  ['is one octet', () => Buffer.of(1), 'no answer'],
];
for (const [what, make, why] of wrong) {
  test(`an answer that ${what} is none`, async () => {
    const { secondary, world } = await begin((notify) => [make(notify)], { 'notify-retry': { ...RETRY, tries: 1 } });

    world.serve('example.org', 7);
    await taken(secondary, 1);
    await settle();
    assert.equal(outcome(world), 'pending');
    world.pass(2_000);
    world.pass(8_000);

    assert.deepEqual(
      world.events.map((event) => event['why']),
      [why],
    );
  });
}

test('an answer from another port is none', async () => {
  const { secondary, world } = await begin(nothing);
  world.serve('example.org', 7);
  await taken(secondary, 1);

  await secondary.replyFromElsewhere(notifyAnswer(last(secondary)));
  await settle();
  assert.equal(outcome(world), 'pending');
  secondary.reply(notifyAnswer(last(secondary)));

  await untilHolds('the answer', () => outcome(world) === 'acknowledged');
});

test('NOTIMP is as good as NOERROR, with or without the question', async () => {
  for (const make of [notifyAnswer, bareAnswer]) {
    const { world } = await begin((notify) => [make(notify, 4)]);

    world.serve('example.org', 7);
    await untilHolds('the answer', () => outcome(world) === 'not-implemented');

    assert.equal(world.standings.notifyOf('example.org', 's')?.rcode, 'NOTIMP');
    assert.deepEqual([...world.notifier.pending()], []);
  }
});

test('REFUSED: tried again at its time under another id, then told once for the zone until one succeeds', async () => {
  const { secondary, world } = await begin((notify) => [notifyAnswer(notify, 5)]);

  for (const serial of [7, 8]) {
    world.serve('example.org', serial);
    for (const [i, wait] of [10_000, 20_000, 40_000].entries()) {
      await untilHolds('a refusal', () => world.notifier.results.rejected === (serial - 7) * 3 + i + 1);
      world.pass(wait - 1);
      await settle();
      assert.equal(secondary.taken.length, (serial - 7) * 3 + i + 1);
      world.pass(1);
    }
  }

  assert.deepEqual(
    world.events.map(({ serial, why }) => [serial, why]),
    [[7, 'it answered REFUSED']],
  );
  assert.equal(new Set(secondary.taken.map(({ decoded }) => decoded.id)).size, 6);
  assert.equal(world.standings.notifyOf('example.org', 's')?.rcode, 'REFUSED');
  secondary.answer = acknowledge;
  world.serve('example.org', 9);
  await untilHolds('the answer', () => outcome(world) === 'acknowledged');
  secondary.answer = (notify) => [notifyAnswer(notify, 5)];
  world.serve('example.org', 10);
  for (const wait of [10_000, 20_000, 0]) {
    await settle();
    world.pass(wait);
  }
  await settle();
  assert.equal(world.events.length, 2);
});

test('FORMERR to OPT: again at once without it, and no more of it', async () => {
  const hasOpt = ({ decoded }: TakenNotify): boolean => decoded.additionals.length > 0;
  const answer: Answerer = (notify) => [hasOpt(notify) ? bareAnswer(notify, 1) : notifyAnswer(notify)];
  const { secondary, world } = await begin(answer);

  world.serve('example.org', 7);
  await untilHolds('the answer', () => outcome(world) === 'acknowledged');
  world.serve('example.org', 8);
  await taken(secondary, 3);

  assert.deepEqual(secondary.taken.map(hasOpt), [true, false, false]);
  assert.equal(world.standings.notifyOf('example.org', 's')?.tries, 1);
});

test('`edns: false` sends no OPT, and FORMERR is a failure then', async () => {
  const { secondary, world } = await begin((notify) => [bareAnswer(notify, 1)], {
    edns: false,
    'notify-retry': { ...RETRY, tries: 1 },
  });

  world.serve('example.org', 7);
  await untilHolds('the failure', () => outcome(world) === 'failed');

  assert.deepEqual(last(secondary).decoded.additionals, []);
  assert.deepEqual(
    world.events.map(({ why }) => why),
    ['it answered FORMERR'],
  );
});

test('with a key the NOTIFY is signed, and so must its answer be', async () => {
  const sign = (notify: TakenNotify, key = KEY): Buffer =>
    new TestSigner(key, macOf(notify.message, 32)).sign(notifyAnswer(notify), nowSeconds());
  const answers = new Map<string, (notify: TakenNotify) => Buffer>([
    ['its answer is not signed', notifyAnswer],
    ['its answer has a bad TSIG (BAD_MAC)', (notify) => sign(notify, { ...KEY, secret: Buffer.alloc(32, 'x') })],
    ['its answer has a bad TSIG (OTHER_KEY)', (notify) => sign(notify, { ...KEY, name: 'other' })],
    [
      'its answer has a bad TSIG (BADKEY)',
      (notify) => withTsigError(notifyAnswer(notify, 9), KEY.name, nowSeconds(), 17),
    ],
  ]);
  const { secondary, world } = await begin(nothing, { key: ['sec-key'], 'notify-retry': { ...RETRY, tries: 1 } });
  let serial = 7;
  for (const [why, make] of answers) {
    secondary.answer = (notify) => [make(notify)];
    world.serve('example.org', serial++);
    await taken(secondary, serial - 7);
    await settle();
    assert.equal(outcome(world), 'pending', why);
    world.pass(2_000);
    world.pass(8_000);
    assert.deepEqual([outcome(world), world.standings.notifyOf('example.org', 's')?.why], ['failed', why]);
  }

  secondary.answer = (notify) => [sign(notify)];
  world.serve('example.org', serial);
  await untilHolds('the answer', () => outcome(world) === 'acknowledged');

  const { message } = last(secondary);
  const tsig = readTsig(message);
  const unsigned = Buffer.from(message.subarray(0, tsig?.offset));
  unsigned.writeUInt16BE(unsigned.readUInt16BE(10) - 1, 10);
  assert.deepEqual(tsig?.mac, signRequest(unsigned, KEY, { time: tsig?.time ?? 0 }).mac);
});

test('a newer version takes the place of one that was not answered', async () => {
  const { secondary, world } = await begin(nothing);
  world.serve('example.org', 7);
  await taken(secondary, 1);
  world.serve('example.org', 8);
  await taken(secondary, 2);

  secondary.reply(notifyAnswer(secondary.taken[0] as TakenNotify));
  await settle();
  assert.equal(outcome(world), 'pending', 'the old one');
  secondary.reply(notifyAnswer(secondary.taken[1] as TakenNotify));

  await untilHolds('the answer', () => outcome(world) === 'acknowledged');
  world.pass(1_000_000);
  await settle();
  assert.deepEqual(
    secondary.taken.map(({ serial }) => serial),
    [7, 8],
  );
});

test('a delay is random, at most what was set, and a zone that changes all the time gets its turn', async () => {
  const zones = Array.from({ length: 40 }, (_, i) => `z${i}.example`);
  const { secondary, world } = await begin(acknowledge, { 'notify-delay': '100s' }, zones);

  for (const zone of zones) world.serve(zone, 1);
  for (let second = 1; second <= 50; second++) {
    world.pass(1_000);
    world.serve('z0.example', 1 + second);
  }
  await settle();
  const early = new Set(secondary.taken.map(({ zone }) => zone)).size;
  for (let second = 1; second <= 50; second++) world.pass(1_000);
  await untilHolds('all of them', () => new Set(secondary.taken.map(({ zone }) => zone)).size === 40);

  assert.ok(early > 5 && early < 35, `${early} in the first half`);
});

test('a delay is never longer than the refresh', async () => {
  const zones = Array.from({ length: 20 }, (_, i) => `z${i}.example`);
  const { secondary, world } = await begin(acknowledge, { 'notify-delay': '20d' }, zones);

  for (const zone of zones) world.serve(zone, 1);
  // The refresh of the tests' SOA records.
  for (let second = 0; second < 7_200; second += 60) {
    world.pass(60_000);
    // Sockets are opened in real time: an hour in one turn would be the end of all tries.
    await settle();
  }

  await taken(secondary, 20);
});

test('what flies is bounded: one that is silent gets a hundred at a time, and others go on', async () => {
  const zones = Array.from({ length: 1_000 }, (_, i) => `z${i}.example`);
  const { secondary, world, settings } = await begin(nothing, {}, zones);
  const other = await startUdpSecondary(acknowledge);
  started.push(() => other.stop());
  const lists = Object.fromEntries(zones.map((zone) => [zone, ['s', 't']]));
  world.configure({ ...settings, t: { address: `127.0.0.1:${other.port}` } }, lists);

  for (const zone of zones) world.serve(zone, 1);
  await taken(other, 1_000);
  await settle();
  assert.equal(secondary.taken.length, 100);
  world.pass(2_000);
  await taken(secondary, 200);
  await settle();

  assert.equal(secondary.taken.length, 200);
  assert.deepEqual([...world.notifier.pending()], [['s', 1_000]]);
});

test('a zone that is no longer served is not told of', async () => {
  const { secondary, world } = await begin(nothing);
  world.serve('example.org', 7);
  await taken(secondary, 1);

  world.standings.withdrawn('example.org');
  world.notifier.withdrawn('example.org');
  world.pass(1_000_000);
  await settle();

  assert.equal(secondary.taken.length, 1);
  assert.deepEqual(world.events, []);
});

test('a reload tells secondaries that are new, drops those that went, and tries what failed under other settings', async () => {
  const { secondary, world, settings, lists } = await begin((notify) => [notifyAnswer(notify, 5)], {
    'notify-retry': { ...RETRY, tries: 1 },
  });
  world.serve('example.org', 7);
  await untilHolds('the failure', () => outcome(world) === 'failed');
  const other = await startUdpSecondary(acknowledge);
  started.push(() => other.stop());
  secondary.answer = acknowledge;

  world.configure(settings, lists);
  await settle();
  assert.equal(secondary.taken.length, 1, 'nothing changed');
  const t = { address: `127.0.0.1:${other.port}` };
  world.configure({ s: { ...settings.s, edns: false }, t }, { 'example.org': ['s', 't'] });
  await untilHolds('the answer', () => outcome(world) === 'acknowledged');
  await taken(other, 1);
  secondary.answer = nothing;
  world.serve('example.org', 8);
  await taken(secondary, 3);
  world.configure({ t }, { 'example.org': ['t'] });
  world.pass(1_000_000);
  await settle();

  assert.equal(secondary.taken.length, 3);
  assert.equal(world.standings.notifyOf('example.org', 's'), undefined, 'forgotten');
});

test('a source address that is not ours is a failed try, and the next one is made', async () => {
  const { secondary, world } = await begin(acknowledge, { 'source-address': '192.0.2.99' });

  world.serve('example.org', 7);
  await untilHolds('the failure', () => world.notifier.results['not-sent'] === 1);
  for (const wait of [10_000, 20_000, 40_000]) {
    await settle();
    world.pass(wait);
  }

  assert.match(String(world.events[0]?.['why']), /EADDRNOTAVAIL/);
  assert.equal(world.notifier.results['not-sent'], 3);
  assert.equal(secondary.taken.length, 0);
});

test('NOTIFY leaves from the source address', async () => {
  const { secondary, world } = await begin(acknowledge, { 'source-address': '127.0.0.9' });

  world.serve('example.org', 7);

  await untilHolds('the answer', () => outcome(world) === 'acknowledged');
  assert.equal(secondary.taken.length, 1);
});

function withId(message: Buffer, id: number): Buffer {
  message.writeUInt16BE(id, 0);
  return message;
}

function withByte(message: Buffer, at: number, value: number): Buffer {
  message[at] = value;
  return message;
}
