/** Whatever a primary sends, the version served stays as it is until a whole and valid one has come. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import {
  type AxfrRequest,
  framed,
  type ScriptedPrimary,
  type Step,
  startScriptedPrimary,
  wholeZone,
} from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { type TakenZone, takeZone } from '../support/take-zone.ts';
import { addressRecord, encodeMessage, soaRecord, type TestRecord } from '../support/transfer-messages.ts';

const ZONE = 'example.org';
const GOOD: readonly TestRecord[] = Array.from({ length: 400 }, (_, i) => addressRecord(`host-${i}.${ZONE}`, i % 250));

let primary: ScriptedPrimary;
let service: RunningService;
let served: TakenZone;

before(async () => {
  primary = await startScriptedPrimary(ZONE, 1);
  primary.script = ({ id }) => wholeZone(id, ZONE, primary.serial, GOOD);
  service = await startService({
    config: {
      primaries: { faulty: { addresses: [`127.0.0.1:${primary.port}`], 'stall-timeout': '500ms' } },
      zones: {
        [ZONE]: { primary: 'faulty', timers: { 'retry-min': '100ms', 'retry-max': '100ms' }, 'refresh-jitter': '0%' },
      },
      rules: [
        { name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' },
        { name: 'notify', match: { source: '127.0.0.0/8', type: 'NOTIFY' }, action: 'allow' },
      ],
    },
  });
  await service.event('zone-updated');
  served = await takeZone(service.port, ZONE);
});

after(async () => {
  await service.stop();
  await primary.stop();
});

/** NOTIFY with a newer serial: the service looks at once. */
async function notify(): Promise<void> {
  const message = encodeMessage({ flags: 0x2400, question: { name: ZONE, type: 6 } });
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.send(message, service.port, '127.0.0.1', resolve));
  await new Promise((resolve) => socket.once('message', resolve));
  socket.close();
}

const send = (id: number, answers: readonly TestRecord[]): Step => ({ send: framed(encodeMessage({ id, answers })) });

interface Fault {
  readonly name: string;
  readonly script: (request: AxfrRequest) => Iterable<Step>;
  readonly event: 'zone-rejected' | 'primary-failed';
  readonly why: RegExp;
}

const soa = (serial = primary.serial): TestRecord => soaRecord(ZONE, serial);

const FAULTS: readonly Fault[] = [
  {
    name: 'stalls in the middle',
    script: function* ({ id }) {
      yield send(id, [soa(), ...GOOD.slice(0, 50)]);
      yield { stall: true };
    },
    event: 'primary-failed',
    why: /no progress/,
  },
  {
    name: 'closes between two messages',
    script: function* ({ id }) {
      yield send(id, [soa(), ...GOOD.slice(0, 50)]);
      yield { close: true };
    },
    event: 'primary-failed',
    why: /closed the connection/,
  },
  {
    name: 'closes in the middle of a message',
    script: function* ({ id }) {
      const message = framed(encodeMessage({ id, answers: [soa(), ...GOOD] }));
      yield { send: message.subarray(0, message.length - 30) };
      yield { close: true };
    },
    event: 'primary-failed',
    why: /closed the connection/,
  },
  {
    name: 'closes without a word',
    script: function* () {
      yield { close: true };
    },
    event: 'primary-failed',
    why: /closed the connection/,
  },
  {
    name: 'ends with another serial than it began with',
    script: ({ id }) => [send(id, [soa(), ...GOOD, soaRecord(ZONE, primary.serial + 1)])],
    event: 'zone-rejected',
    why: /different serials|differ/,
  },
  {
    name: 'ends with another SOA of the same serial',
    script: ({ id }) => [send(id, [soa(), ...GOOD, soaRecord(ZONE, primary.serial, 60)])],
    event: 'zone-rejected',
    why: /differ/,
  },
  {
    name: 'goes on after the end, in the same message',
    script: ({ id }) => [send(id, [soa(), ...GOOD, soa(), addressRecord(`late.${ZONE}`, 1)])],
    event: 'zone-rejected',
    why: /after the SOA/,
  },
  {
    name: 'begins with something else than the SOA',
    script: ({ id }) => [send(id, [...GOOD, soa()])],
    event: 'zone-rejected',
    why: /begin with the SOA/,
  },
  {
    name: 'sends a record of another zone',
    script: ({ id }) => [send(id, [soa(), ...GOOD, addressRecord('www.example.net', 1), soa()])],
    event: 'zone-rejected',
    why: /outside the zone/,
  },
  {
    name: 'sends a SOA below the apex',
    script: ({ id }) => [send(id, [soa(), { ...soa(), owner: `sub.${ZONE}` }, soa()])],
    event: 'zone-rejected',
    why: /apex/,
  },
  {
    name: 'answers with another id',
    script: ({ id }) => [send((id + 1) & 0xffff, [soa(), ...GOOD, soa()])],
    event: 'primary-failed',
    why: /no progress .*; messages that answer nothing: 1$/,
  },
  {
    name: 'refuses the transfer',
    script: ({ id }) => [{ send: framed(encodeMessage({ id, rcode: 5 })) }],
    event: 'zone-rejected',
    why: /REFUSED/,
  },
  {
    name: 'sends an address of three octets',
    script: ({ id }) => [send(id, [soa(), { ...addressRecord(`a.${ZONE}`, 1), rdata: Buffer.of(1, 2, 3) }, soa()])],
    event: 'zone-rejected',
    why: /does not fit its type/,
  },
  {
    name: 'sends a record of class CH',
    script: ({ id }) => [send(id, [soa(), { ...addressRecord(`a.${ZONE}`, 1), class: 3 }, soa()])],
    event: 'zone-rejected',
    why: /class IN/,
  },
  {
    name: 'counts more records than it sends',
    script: ({ id }) => {
      const message = encodeMessage({ id, answers: [soa(), ...GOOD, soa()] });
      message.writeUInt16BE(message.readUInt16BE(6) + 1, 6);
      return [{ send: framed(message) }];
    },
    event: 'zone-rejected',
    why: /past the end|after the SOA/,
  },
  {
    name: 'sends garbage',
    script: () => [{ send: framed(Buffer.alloc(300, 0xc1)) }],
    event: 'primary-failed',
    why: /no progress .*; messages that answer nothing: 1$/,
  },
  {
    name: 'sends a compression pointer that points at itself',
    script: ({ id }) => {
      const head = encodeMessage({ id });
      head.writeUInt16BE(1, 6);
      return [{ send: framed(Buffer.concat([head, Buffer.from('c00c00010001000000000004c0000201', 'hex')])) }];
    },
    event: 'zone-rejected',
    why: /name is malformed/,
  },
];

for (const fault of FAULTS) {
  test(`a primary that ${fault.name} changes nothing, and its next good version is taken`, async () => {
    const since = service.events.length;
    primary.serial++;
    primary.script = fault.script;

    await notify();
    const event = await service.event(fault.event, () => true, since);
    const still = await takeZone(service.port, ZONE);

    assert.match(String(event['why']), fault.why);
    assert.deepEqual(still, served);

    primary.serial++;
    primary.script = ({ id }) => wholeZone(id, ZONE, primary.serial, GOOD);
    await notify();
    await service.event('zone-updated', ({ to }) => to === primary.serial, since);
    served = await takeZone(service.port, ZONE);
    assert.equal(served.serial, primary.serial);
  });
}

interface Habit {
  readonly name: string;
  readonly script: (request: AxfrRequest) => Iterable<Step>;
}

const shuffled = [...GOOD].sort(
  (a, b) => a.rdata.compare(b.rdata) || a.owner.split('').reverse().join('').localeCompare(b.owner),
);

const HABITS: readonly Habit[] = [
  { name: 'sends one record a message', script: ({ id }) => wholeZone(id, ZONE, primary.serial, GOOD, 1) },
  { name: 'sends records in no order', script: ({ id }) => wholeZone(id, ZONE, primary.serial, shuffled, 37) },
  {
    name: 'sends records twice, near and far',
    script: ({ id }) =>
      wholeZone(
        id,
        ZONE,
        primary.serial,
        GOOD.flatMap((record, i) => [record, GOOD[(i * 7) % GOOD.length] as TestRecord]),
      ),
  },
  {
    name: 'spells the zone in capitals',
    script: ({ id }) => {
      const answers = [soa(), ...GOOD, soa()].map((record) => ({
        ...record,
        owner: record.owner.replace(ZONE, 'EXAMPLE.Org'),
      }));
      return [send(id, answers)];
    },
  },
  {
    name: 'sends messages that hold nothing but an OPT record',
    script: function* ({ id }) {
      const empty = framed(encodeMessage({ id, additionals: [Buffer.from('0000290400000000000000', 'hex')] }));
      for (const step of wholeZone(id, ZONE, primary.serial, GOOD, 100)) {
        yield step;
        yield { send: empty };
      }
    },
  },
];

for (const habit of HABITS) {
  test(`a primary that ${habit.name} is understood`, async () => {
    const since = service.events.length;
    primary.serial++;
    primary.script = habit.script;

    await notify();
    await service.event('zone-updated', ({ to }) => to === primary.serial, since);
    const taken = await takeZone(service.port, ZONE);

    const withoutSoa = (zone: TakenZone): string[] =>
      zone.records.filter((record) => !record.includes(' SOA ')).map((record) => record.toLowerCase());
    assert.equal(taken.serial, primary.serial);
    assert.deepEqual(withoutSoa(taken), withoutSoa(served));
    served = taken;
  });
}

test('messages of 65,535 octets are taken', async () => {
  const since = service.events.length;
  primary.serial++;
  const text = Buffer.concat(
    Array.from({ length: 250 }, () => Buffer.concat([Buffer.of(255), Buffer.alloc(255, 0x61)])),
  );
  const large: TestRecord = { owner: `large.${ZONE}`, type: 16, rdata: text };
  primary.script = function* ({ id }) {
    yield send(id, [soa()]);
    const filler = encodeMessage({ id, answers: [large] });
    const short = 65_535 - filler.length - (11 + `fill.${ZONE}`.length + 1);
    yield send(id, [large, { owner: `fill.${ZONE}`, type: 65_280, rdata: Buffer.alloc(short, 1) }]);
    yield send(id, [soa()]);
  };

  await notify();
  await service.event('zone-updated', ({ to }) => to === primary.serial, since);
  const taken = await takeZone(service.port, ZONE);

  assert.equal(taken.records.length, 3);
  served = taken;
});
