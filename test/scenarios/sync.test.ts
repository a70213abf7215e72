/** When the service looks at its primaries, and what it makes of what it sees. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { type ScriptedPrimary, startScriptedPrimary, wholeZone } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';
import { addressRecord, encodeMessage, soaRecord, TYPE_NUMBERS } from '../support/transfer-messages.ts';

const ZONE = 'example.org';
const ALLOW = [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }];
const QUICK = { 'refresh-min': '200ms', 'refresh-max': '200ms', 'retry-min': '200ms', 'retry-max': '200ms' };

async function withPrimary(
  serial: number,
  timers: Record<string, string>,
  run: (primary: ScriptedPrimary, service: RunningService) => Promise<void>,
): Promise<void> {
  const primary = await startScriptedPrimary(ZONE, serial);
  const service = await startService({
    config: {
      primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
      zones: { [ZONE]: { primary: 'one', timers, 'refresh-jitter': '0%' } },
      rules: ALLOW,
    },
  });
  try {
    await service.event('zone-updated');
    await run(primary, service);
  } finally {
    await service.stop();
    await primary.stop();
  }
}

async function notifyFrom(address: string, port: number, serial?: number): Promise<number> {
  const answers = serial === undefined ? [] : [soaRecord(ZONE, serial)];
  const message = encodeMessage({ flags: 0x2400, question: { name: ZONE, type: TYPE_NUMBERS.SOA }, answers });
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  socket.send(message, port, '127.0.0.1');
  const answer = await new Promise<Buffer>((resolve) => socket.once('message', resolve));
  socket.close();
  return answer.readUInt16BE(2) & 0xf;
}

const STEPS: readonly { from: number; to: number; name: string }[] = [
  { from: 1, to: 2, name: 'one more' },
  { from: 0xffff_ffff, to: 5, name: 'past the wrap' },
  { from: 10, to: 10 + 0x7fff_ffff, name: 'as far as RFC 1982 goes' },
];

for (const { from, to, name } of STEPS) {
  test(`a serial that is newer (${name}) is taken at the next refresh`, async () => {
    await withPrimary(from, QUICK, async (primary, service) => {
      primary.serial = to;

      const updated = await service.event('zone-updated', (fields) => fields['to'] === to);

      assert.equal(updated['from'], from);
      assert.equal((await takeZone(service.port, ZONE)).serial, to);
    });
  });
}

const HELD: readonly { from: number; to: number; name: string; why: RegExp }[] = [
  { from: 10, to: 9, name: 'older', why: /older than ours/ },
  { from: 10, to: (10 + 0x8000_0000) >>> 0, name: 'at the undefined distance of 2^31', why: /RFC 1982/ },
];

for (const { from, to, name, why } of HELD) {
  test(`a serial that is ${name} is held, with an alarm`, async () => {
    await withPrimary(from, QUICK, async (primary, service) => {
      primary.serial = to;

      const alarm = await service.event('serial-went-back');

      assert.match(String(alarm['why']), why);
      assert.equal((await takeZone(service.port, ZONE)).serial, from);
      assert.equal(primary.queries.filter((type) => type === TYPE_NUMBERS.AXFR).length, 1);
    });
  });
}

test('a NOTIFY from the primary is answered and followed at once, and folded while a transfer runs', async () => {
  await withPrimary(1, {}, async (primary, service) => {
    primary.serial = 2;

    const rcodes = await Promise.all(Array.from({ length: 20 }, () => notifyFrom('127.0.0.1', service.port, 2)));
    await service.event('zone-updated', ({ to }) => to === 2);

    assert.deepEqual(new Set(rcodes), new Set([0]));
    assert.equal(primary.queries.filter((type) => type !== TYPE_NUMBERS.SOA).length, 2);
    assert.ok(primary.queries.filter((type) => type === TYPE_NUMBERS.SOA).length <= 3, String(primary.queries));
  });
});

test('a flood of NOTIFYs costs the primary a bounded number of looks, and no second transfer of what was refused', async () => {
  await withPrimary(1, {}, async (primary, service) => {
    primary.serial = 2;
    primary.script = ({ id }) => wholeZone(id, ZONE, 2, [addressRecord('www.example.net', 1)]);
    const before = primary.queries.length;

    for (let i = 0; i < 40; i++)
      await Promise.all(Array.from({ length: 10 }, () => notifyFrom('127.0.0.1', service.port)));
    await service.event('zone-rejected');
    const asked = primary.queries.slice(before);

    assert.equal(asked.filter((type) => type === TYPE_NUMBERS.AXFR).length, 1);
    assert.ok(asked.length <= 50, `${asked.length} queries for 400 NOTIFYs`);
    assert.equal(service.events.filter(({ event }) => event === 'zone-rejected').length, 1);

    primary.serial = 3;
    primary.script = ({ id }) => wholeZone(id, ZONE, 3, []);
    await notifyFrom('127.0.0.1', service.port, 3);
    await service.event('zone-updated', ({ to }) => to === 3);
  });
});

test('a NOTIFY from elsewhere is refused and moves nothing', async () => {
  await withPrimary(1, {}, async (primary, service) => {
    primary.serial = 2;
    const before = primary.queries.length;

    const rcode = await notifyFrom('127.0.0.9', service.port, 2);
    const refused = await service.event('refused', ({ type }) => type === 'SOA');

    assert.equal(rcode, 5);
    assert.match(String(refused['client']), /127\.0\.0\.9/);
    assert.equal(primary.queries.length, before);
  });
});

test('however many clients ask, the primary sees one transfer for a serial', async () => {
  await withPrimary(1, QUICK, async (primary, service) => {
    const taken = await Promise.all(
      Array.from({ length: 40 }, (_, i) => takeZone(service.port, ZONE, { localAddress: `127.0.0.${i + 2}` })),
    );

    assert.deepEqual(new Set(taken.map(({ serial }) => serial)), new Set([1]));
    assert.equal(primary.queries.filter((type) => type === TYPE_NUMBERS.AXFR).length, 1);
  });
});

test('addresses of a primary are tried in order: the second serves while the first is down', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const deadPort = (closed.address() as { port: number }).port;
  await new Promise((resolve) => closed.close(resolve));
  const primary = await startScriptedPrimary(ZONE, 7);
  primary.script = ({ id }) => wholeZone(id, ZONE, primary.serial, [addressRecord(`www.${ZONE}`, 1)]);
  const service = await startService({
    config: {
      primaries: { two: { addresses: [`127.0.0.1:${deadPort}`, `127.0.0.1:${primary.port}`] } },
      zones: { [ZONE]: { primary: 'two' } },
      rules: ALLOW,
    },
  });

  const updated = await service.event('zone-updated');

  assert.equal(updated['to'], 7);
  assert.equal(updated['primary'], `127.0.0.1#${primary.port}`);
  await service.stop();
  await primary.stop();
});

test('a zone whose primary is gone past its expiry is served no more, and again when the primary is back', async () => {
  const timers = { ...QUICK, 'expire-min': '800ms', 'expire-max': '800ms' };
  await withPrimary(3, timers, async (primary, service) => {
    const { port } = primary;
    await primary.stop();

    const expired = await service.event('zone-expired');
    await assert.rejects(takeZone(service.port, ZONE), /SERVFAIL/);
    const ready = await fetch(`${service.adminUrl}/readyz`);
    const back = await startScriptedPrimary(ZONE, 3, port);

    assert.equal(expired['zone'], ZONE);
    assert.equal(ready.status, 503);
    const deadline = Date.now() + 10_000;
    let taken: number | undefined;
    while (taken === undefined && Date.now() < deadline) {
      taken = await takeZone(service.port, ZONE).then(
        ({ serial }) => serial,
        () => undefined,
      );
    }
    assert.equal(taken, 3);
    await back.stop();
  });
});

test('a NOTIFY with our own serial brings an expired zone back at once: the primary is there again', async () => {
  const timers = { 'retry-min': '1h', 'retry-max': '1h', 'refresh-min': '500ms', 'refresh-max': '500ms' };
  await withPrimary(3, { ...timers, 'expire-min': '800ms', 'expire-max': '800ms' }, async (primary, service) => {
    const { port } = primary;
    await primary.stop();
    await service.event('zone-expired');
    const back = await startScriptedPrimary(ZONE, 3, port);
    await notifyFrom('127.0.0.1', service.port, 3);
    const deadline = Date.now() + 5_000;
    let taken: number | undefined;
    while (taken === undefined && Date.now() < deadline) {
      taken = await takeZone(service.port, ZONE).then(
        ({ serial }) => serial,
        () => undefined,
      );
    }
    await back.stop();

    assert.equal(taken, 3);
  });
});
