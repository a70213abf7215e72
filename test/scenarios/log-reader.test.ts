/** Who reads the log may stop, or go; the parent may be killed: the service serves on, or ends, and never spins. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ScriptedPrimary, startScriptedPrimary } from '../support/scripted-primary.ts';
import { type RunningService, startService } from '../support/service.ts';
import { takeZone } from '../support/take-zone.ts';

const ZONE = 'example.org';
let primary: ScriptedPrimary;
before(async () => {
  primary = await startScriptedPrimary(ZONE, 1);
});
after(() => primary.stop());

const start = async (): Promise<RunningService> => {
  const service = await startService({
    config: {
      primaries: { one: { addresses: [`127.0.0.1:${primary.port}`] } },
      zones: { [ZONE]: { primary: 'one' } },
      rules: [{ name: 'a-name-that-makes-lines-long-'.repeat(40), match: { source: '127.0.0.1' }, action: 'allow' }],
      limits: { 'drain-timeout': '1s', 'new-connections-per-source': '1000000/s' },
    },
  });
  await service.event('zone-updated');
  return service;
};

const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);

/** Of its own and of the kernel's, in hundredths of a second. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

async function isIdle(pid: number): Promise<boolean> {
  await sleep(300);
  const before = processorTime(pid);
  await sleep(1_000);
  return processorTime(pid) - before < 50;
}

/** Some 1.3 KB of log each. */
async function transfer(service: RunningService, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await takeZone(service.port, ZONE);
}

/** False where it still runs after a while. */
async function hasEnded(pid: number): Promise<boolean> {
  for (let i = 0; i < 80; i++) {
    try {
      process.kill(pid, 0);
      if (readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) return true;
    } catch {
      return true;
    }
    await sleep(100);
  }
  return false;
}

test('a reader of the log that hangs up: the service serves on, and ends with status 0', async () => {
  const service = await start();
  service.output.destroy();
  await transfer(service, 50);
  const idle = await isIdle(childOf(service.pid));
  const { serial } = await takeZone(service.port, ZONE);

  assert.equal(idle, true);
  assert.equal(serial, 1);
  assert.equal(await service.stop(), 0);
});

test('a reader of the log that hangs: the service serves on, says later how many lines it missed, and ends', async () => {
  const service = await start();
  service.output.pause();
  await transfer(service, 1_500);
  const { status } = await fetch(`${service.adminUrl}/healthz`, { signal: AbortSignal.timeout(5_000) });
  const idle = await isIdle(childOf(service.pid));
  service.output.resume();
  await sleep(500);
  await transfer(service, 1);
  const missed = await service.event('log-overflow');
  await service.event('transfer', () => true, service.events.indexOf(missed));
  const lines = service.events.filter(({ event }) => event === 'transfer').length;
  service.output.pause();
  await transfer(service, 200);
  const code = await service.stop();

  assert.equal(status, 200);
  assert.equal(idle, true);
  assert.ok(Number(missed['lines']) > 0);
  assert.equal(lines + Number(missed['lines']), 1_501);
  assert.equal(code, 0);
});

test('the parent is killed, and the reader of the log with it: the service ends by itself', async () => {
  const service = await start();
  const child = childOf(service.pid);
  service.output.destroy();
  process.kill(service.pid, 'SIGKILL');

  assert.equal(await hasEnded(child), true);
});
