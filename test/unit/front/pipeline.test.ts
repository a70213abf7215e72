import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AXFR,
  answerOf,
  ask,
  IXFR,
  KEY,
  loading,
  macOf,
  messageOf,
  NOTIFY,
  SOA,
  sign,
  soaOf,
  unheld,
  withOpt,
  world,
  ZONE,
} from '../../support/bad-input.ts';
import { FrontWorld, NOW, peer, readAnswer, SECONDS } from '../../support/front-world.ts';
import { labels } from '../../support/raw-messages.ts';
import { atRate, rule } from '../../support/rules.ts';
import { TestVerifier } from '../../support/tsig-messages.ts';
import { testKey } from '../../support/tsig-vectors.ts';
import { zoneSoa } from '../../support/zone-building.ts';

test('fewer than twelve octets close the connection, a response gets silence, a drop rule a close', () => {
  assert.deepEqual(world().ask(ask(AXFR).subarray(0, 11)), { kind: 'close' });
  assert.deepEqual(world().ask(ask(AXFR, ZONE, { flags: 0x8000 })), { kind: 'silence' });
  assert.equal(world().ask(ask(AXFR), peer('192.0.2.67')).kind, 'close');
});

test('refusals of what could be read repeat the question octet for octet', () => {
  const name = labels('ExAmPlE', 'NeT');

  const { decoded } = answerOf(world().ask(ask(AXFR, name)));

  assert.deepEqual(decoded.questions, [{ name, type: AXFR, class: 1 }]);
});

test("BADTIME carries the client's time, and ours in the other data", () => {
  const { tsig } = answerOf(world().ask(sign(ask(AXFR), { time: SECONDS - 5000 })));

  assert.equal(tsig?.time, SECONDS - 5000);
  assert.equal(tsig?.otherData.readUIntBE(0, 6), SECONDS);
});

test('a key that a rule wants opens the way, and only with a MAC that holds', () => {
  const from = peer('192.0.2.2');

  const without = world().ask(ask(AXFR, labels('example', 'net')), from);
  const signed = world().ask(sign(ask(AXFR)), from);

  assert.equal(without.kind === 'answer' ? without.refusal?.why : '', 'no-rule');
  assert.ok(signed.kind === 'transfer');
  assert.deepEqual([signed.transfer.rule, signed.transfer.identity], ['signed', 'key1.example']);
});

test('over the rate a transfer gets SERVFAIL with a text, SOA queries and zones not held do not count', () => {
  const busy = world();
  const from = peer('192.0.2.3');

  const kinds = [ask(AXFR, unheld), ask(SOA), ask(SOA), ask(AXFR)].map((request) => busy.ask(request, from).kind);
  const limited = busy.ask(sign(ask(AXFR, ZONE, withOpt)), from);
  const later = busy.ask(ask(AXFR), from, NOW + 60_000);

  assert.deepEqual(kinds, ['answer', 'answer', 'answer', 'transfer']);
  const { rcode, opt, tsig } = answerOf(limited);
  assert.deepEqual([rcode, opt?.ede?.code, tsig?.error], [2, 0, 0]);
  assert.ok((opt?.ede?.text.length ?? 0) > 5);
  assert.equal(later.kind, 'transfer');
});

test('the limit goes before the state of the zone', () => {
  const busy = world();
  const from = peer('192.0.2.3');
  busy.ask(ask(AXFR, loading), from);

  const second = busy.ask(ask(AXFR, loading, withOpt), from);

  assert.equal(answerOf(second).opt?.ede?.code, 0);
});

test('IPv6 sources share a bucket within their /56', () => {
  const busy = new FrontWorld({ rules: [rule('once', {}, 'allow', atRate({ count: 1, perMs: 1000 }))] });
  busy.serve('example.org', ZONE, []);

  const kinds = ['2001:db8:0:aa00::1', '2001:db8:0:aaff::2', '2001:db8:0:ab00::1'].map(
    (source) => busy.ask(ask(AXFR), peer(source)).kind,
  );

  assert.deepEqual(kinds, ['transfer', 'answer', 'transfer']);
});

test('RD comes back, AD and CD do not', () => {
  const { decoded } = answerOf(world().ask(ask(SOA, ZONE, { flags: 0x0130 })));

  assert.equal(decoded.flags, 0x8500);
});

test('a SOA query is answered from memory, signed and with OPT as it was asked', () => {
  const request = sign(ask(SOA, ZONE, withOpt));

  const outcome = world().ask(request);

  const { decoded, opt, rcode } = answerOf(outcome);
  assert.equal(rcode, 0);
  assert.deepEqual(decoded.answers[0]?.rdata, zoneSoa(ZONE, 7).rdata);
  assert.equal(opt?.udpSize, 1232);
  new TestVerifier(testKey(KEY), macOf(request)).take(Buffer.from(messageOf(outcome)));
});

test('an IXFR is a transfer from its serial, or a SOA where the client is current or asks over UDP', () => {
  const made = world();
  for (const [serial, transport, isCurrent] of [
    [6, 'tcp', false],
    [7, 'tcp', true],
    [8, 'tcp', true],
    [0x8000_0007, 'tcp', true],
    [0xffff_ffff, 'tcp', false],
    [6, 'udp', false],
    [7, 'udp', true],
  ] as const) {
    const outcome = made.ask(ask(IXFR, ZONE, { authorities: [soaOf(serial)] }), peer('192.0.2.1', transport));

    assert.ok(outcome.kind === 'transfer');
    assert.deepEqual([outcome.transfer.from, outcome.transfer.isCurrent], [serial, isCurrent]);
  }
});

test('a NOTIFY is let in from its primaries without a rule, and from others by rule', () => {
  for (const from of [peer('198.51.100.1', 'udp'), peer('192.0.2.1')]) {
    const outcome = world().ask(ask(SOA, ZONE, { flags: NOTIFY, answers: [soaOf(99)] }), from);

    assert.ok(outcome.kind === 'notify');
    assert.deepEqual(outcome.notify, { zone: 'example.org', serial: 99, source: from.addressText });
    assert.equal(readAnswer(outcome.message).decoded.flags, 0xa400);
  }
  const bare = world().ask(ask(SOA, ZONE, { flags: NOTIFY }), peer('198.51.100.1'));
  assert.equal(bare.kind === 'notify' ? bare.notify.serial : 0, undefined);
  const query = world().ask(ask(SOA), peer('198.51.100.1'));
  assert.equal(query.kind === 'answer' ? query.refusal?.why : '', 'no-rule');
});

test('a SOA answer too large for UDP says so, with its TSIG', () => {
  const long = labels(...[60, 60, 60, 60].map((length) => Buffer.alloc(length, 0x61)));
  const made = new FrontWorld({ rules: [rule('all')], keys: [KEY] });
  const name = [60, 60, 60, 60].map((length) => 'a'.repeat(length)).join('.');
  made.serve(name, long, []);
  const request = sign(ask(SOA, long));

  const small = made.ask(request, peer('192.0.2.1', 'udp'));
  const large = made.ask(sign(ask(SOA, long, withOpt)), peer('192.0.2.1', 'udp'));

  const { decoded } = answerOf(small);
  assert.equal(decoded.flags & 0x0200, 0x0200);
  assert.equal(decoded.answers.length, 0);
  new TestVerifier(testKey(KEY), macOf(request)).take(Buffer.from(messageOf(small)));
  assert.equal(answerOf(large).decoded.answers.length, 1);
});
