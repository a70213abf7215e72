/** Under attack: the legitimate secondary goes on, octet for octet, nobody innocent is banned, and nothing leaks. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { ATTACK_NAMES, type AttackName, sourceOf, startAttack } from '../../bench/support/attacks.ts';
import { residentOctets } from '../../bench/support/process.ts';
import { decodeMessage } from '../support/message-decoder.ts';
import { newSplitter } from '../support/message-splitter.ts';
import { framed, rawMessage, rawQuestion } from '../support/raw-messages.ts';
import { type ScriptedPrimary, startScriptedPrimary, wholeZone } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { addressRecord, type TestKey, wireName } from '../support/transfer-messages.ts';
import { signRequest } from '../support/tsig-messages.ts';

const ZONE = 'example.org';
const LARGE = 'large.example';
const KEY: TestKey = { name: 'sec', hash: 'sha256', secret: Buffer.alloc(32, 5) };
const FIRST_NETWORK = 32;
const networkOf = (name: AttackName): number => FIRST_NETWORK + ATTACK_NAMES.indexOf(name);
/** In one /24 with a source of the garbage, which comes to be full of offenders. */
const SECONDARY = `127.${networkOf('garbage')}.0.200`;
/** What each attack must bring on those who make it; those not named here do nothing that an honest client may not. */
const BANNED: Partial<Record<AttackName, string>> = {
  garbage: 'malformed',
  'unknown-keys': 'refused',
  loops: 'malformed',
  hammer: 'limit',
};
const ATTACK_MS = 2000;
/** A tenth of the bench's, but for what is only there: whole processors are not ours in a test. */
const SCALE: Partial<Record<AttackName, number>> = { idle: 0.25, hammer: 0.1, notify: 0.2 };

const zoneOf = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => addressRecord(`host-${String(i).padStart(6, '0')}.${name}`, i % 250));
const RECORDS = { [ZONE]: zoneOf(ZONE, 10_000), [LARGE]: zoneOf(LARGE, 100_000) };

const primaries: ScriptedPrimary[] = [];
let service: RunningService;
let expected: string;
let quietMs: number;

before(async () => {
  for (const [zone, records] of Object.entries(RECORDS)) {
    const primary = await startScriptedPrimary(zone, 1);
    primary.script = ({ id }) => wholeZone(id, zone, primary.serial, records, 400);
    primaries.push(primary);
  }
  const [one, two] = primaries.map(({ port }) => ({ addresses: [`127.0.0.1:${port}`] }));
  const sourcesOf = (name: AttackName): string => `127.${networkOf(name)}.0.0/16`;
  const together = { concurrent: { value: 10, per: 'zone' }, bandwidth: { value: '20MB/s', per: 'zone' } };
  service = await startService({
    config: {
      primaries: { one, two },
      keys: { sec: { algorithm: 'hmac-sha256', secret: KEY.secret.toString('base64') } },
      secondaries: { sec: { sources: [SECONDARY], key: 'sec' } },
      zones: { [ZONE]: { primary: 'one', secondaries: 'sec' }, [LARGE]: { primary: 'two' } },
      rules: [
        { name: 'secondary', match: { source: SECONDARY, key: 'sec' }, action: 'allow' },
        {
          name: 'hammer',
          match: { source: sourcesOf('hammer') },
          action: 'allow',
          limits: { rate: '3/m', ...together },
        },
        { name: 'slow', match: { source: sourcesOf('slow-readers') }, action: 'allow', limits: together },
      ],
      bans: {},
      limits: { 'idle-timeout': '3s', 'first-message-timeout': '3s', 'message-timeout': '3s' },
    },
  });
  for (const wanted of Object.keys(RECORDS)) await service.event('zone-updated', ({ zone }) => zone === wanted);
  expected = contentOf(await transfer(false));
  assert.equal(expected.split('\n').length, RECORDS[ZONE].length + 2);
  const times: number[] = [];
  for (let i = 0; i < 20; i++) times.push((await timed(i % 2 === 1)).ms);
  quietMs = median(times);
});

after(async () => {
  await service?.stop();
  for (const primary of primaries) await primary.stop();
});

for (const name of ATTACK_NAMES) {
  test(`under ${name} the secondary transfers on, whole and right, and only the attackers are banned`, async (t) => {
    const since = service.events.length;
    const octetsBefore = residentOctets(service.pid);
    const { port, tlsPort } = service;
    const attack = await startAttack({
      ...{ name, network: networkOf(name), scale: SCALE[name] ?? 0.1, mostMs: 30_000 },
      target: { port, tlsPort, zone: ZONE, largeZone: LARGE },
    });
    const times: number[] = [];
    let peak = 0;
    for (const end = Date.now() + ATTACK_MS; Date.now() < end || times.length < 4; ) {
      const { ms, messages } = await timed(times.length % 2 === 1);
      times.push(ms);
      assert.ok(contentOf(messages) === expected, 'a transfer is not what the zone is');
      if (times.length % 8 === 0) peak = Math.max(peak, residentOctets(service.pid));
      await sleep(10);
    }
    const tally = await attack.stop();
    await untilAlone(t);

    assert.ok(tally.opened > 0 || tally.sent > 0, 'there was an attack');
    const mine = service.events.slice(since);
    assertNotHarmed(mine);
    await assertBans(name, mine);
    const grown = Math.max(peak, residentOctets(service.pid)) - octetsBefore;
    assert.ok(grown < 200e6, `${(grown / 1e6).toFixed(0)} MB more`);
    t.diagnostic(
      `${name}: ${times.length} transfers, median ${median(times).toFixed(1)} ms, quiet ${quietMs.toFixed(1)} ms; ` +
        `${(grown / 1e6).toFixed(0)} MB more; ${JSON.stringify(tally)}`,
    );
  });
}

test('after all of it the service ends in order, and has printed no error', async () => {
  const running = service;
  assert.equal(await running.stop(), 0);
  assert.equal(running.stderr(), '');
});

function assertNotHarmed(events: RunningService['events']): void {
  const ours = events.filter(({ client }) => String(client).startsWith(`${SECONDARY}#`));
  assert.deepEqual(
    ours.filter(({ event, outcome }) => event === 'refused' || (event === 'transfer' && outcome !== 'done')),
    [],
  );
  // A front that died, and all else that should not be, is an error in the log.
  assert.deepEqual(
    events.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  );
}

/** Whoever is banned is a source of this attack; a network as a whole is never the secondary's. */
async function assertBans(name: AttackName, events: RunningService['events']): Promise<void> {
  const bans = events.filter(({ event }) => event === 'banned');
  const why = BANNED[name];
  if (why === undefined) assert.deepEqual(bans, []);
  else assert.ok(bans.length > 0, 'nobody is banned');
  for (const ban of bans) {
    assert.match(String(ban['network']), new RegExp(`^127\\.${networkOf(name)}\\.`));
    assert.notEqual(ban['network'], `${SECONDARY}/32`);
    assert.notEqual(ban['network'], SECONDARY.replace(/\d+$/, '0/24'));
    assert.equal(ban['why'], why);
  }
  if (name === 'notify') assert.ok(await isAnswered(sourceOf(networkOf(name), 1)), 'a forged source is not banned');
}

/** Whether a connection from there is answered, and be it by REFUSED. */
const isAnswered = async (source: string): Promise<boolean> =>
  (await converse(false, framed(rawMessage({ questions: [rawQuestion(wireName(ZONE), 6)] })), source, () => true))
    .length > 0;

/** All connections are gone, ours and theirs: counted by the service itself. */
async function untilAlone(t: TestContext): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
    const open = [...metrics.matchAll(/^zonegate_connections_open(?:\{[^}]*\})? (\d+)$/gm)].map(([, count]) =>
      Number(count),
    );
    if (open.length > 0 && open.every((count) => count === 0)) return;
    if (Date.now() > deadline) assert.fail(`${open} connections are open; ${t.name}`);
    await sleep(100);
  }
}

async function timed(isTls: boolean): Promise<{ ms: number; messages: readonly Buffer[] }> {
  const started = performance.now();
  const messages = await transfer(isTls);
  return { ms: performance.now() - started, messages };
}

/** The secondary's AXFR, signed, on a connection of its own. */
function transfer(isTls: boolean): Promise<Buffer[]> {
  const query = rawMessage({ id: 9, questions: [rawQuestion(wireName(ZONE), 252)] });
  const { message } = signRequest(query, KEY, { time: Math.floor(Date.now() / 1000) });
  let records = 0;
  return converse(isTls, framed(message), SECONDARY, (answer) => {
    assert.equal(answer.readUInt16BE(2) & 0xf, 0, 'it is refused');
    records += answer.readUInt16BE(6);
    return records === RECORDS[ZONE].length + 2;
  });
}

function converse(
  isTls: boolean,
  query: Buffer,
  localAddress: string,
  isLast: (message: Buffer) => boolean,
): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: isTls ? service.tlsPort : service.port, localAddress };
    const socket = isTls
      ? connectTls({ ...options, ALPNProtocols: ['dot'], rejectUnauthorized: false })
      : connect({ ...options, noDelay: true });
    const split = newSplitter();
    const messages: Buffer[] = [];
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer in 20 s')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`closed after ${messages.length} messages`)));
    socket.on('data', (data: Buffer) => {
      try {
        for (const message of split(data)) {
          messages.push(message);
          if (!isLast(message)) continue;
          resolve(messages);
          socket.destroy();
        }
      } catch (error) {
        reject(error as Error);
        socket.destroy();
      }
    });
    socket.write(query);
  });
}

/** Records in their order, a line each. */
const contentOf = (messages: readonly Buffer[]): string =>
  messages
    .flatMap((message) => decodeMessage(message).answers)
    .map(({ owner, type, ttl, rdata }) => `${hex(owner)} ${type} ${ttl} ${hex(rdata)}`)
    .join('\n');

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
