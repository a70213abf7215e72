/**
 * A legitimate secondary under attack: its transfer time against its quiet time, refusals, and the server's memory, of
 * zonegate, BIND and NSD side by side. Server on core 0; secondary and, in its idle time, the attackers on core 1.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createCertificate } from '../../src/net/certificates.ts';
import type { Peer } from '../../test/support/dns-peer.ts';
import { isInstalled, startBind, startNsd } from '../../test/support/dns-peers.ts';
import { ATTACK_NAMES, ATTACKS, type AttackName, type AttackTally, startAttack } from '../support/attacks.ts';
import { pinAll } from '../support/pin.ts';
import { cpuMs, pinned, residentOctets } from '../support/process.ts';
import type { SiegeClientResult, SiegeClientTask } from '../support/siege-client.ts';
import { summarize, table } from '../support/statistics.ts';
import { zoneFile } from '../support/synthetic.ts';
import { BENCH_KEY, startZonegate } from '../support/zonegate.ts';

export interface SiegeOptions {
  /** Of the zone that the secondary takes. */
  readonly records: number;
  /** Of the one that is hammered. */
  readonly largeRecords: number;
  /** How long each attack is measured. */
  readonly attackMs: number;
  /** 1: the full counts. */
  readonly scale: number;
  readonly attacks: readonly string[];
  readonly servers: readonly string[];
}

const ZONE = 'example.org';
const LARGE = 'large.example';
/** In the same /24 as one of the sources of the first attack. */
const SECONDARY = '127.32.7.200';
const FIRST_NETWORK = 32;
const QUIET_MS = 1500;
const SETTLE_MS = 500;

interface Target {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly tlsPort: number | undefined;
  stop(): Promise<unknown>;
}

export async function siege(options: SiegeOptions): Promise<unknown> {
  const names = (options.attacks.length > 0 ? options.attacks : ATTACK_NAMES) as AttackName[];
  const wrong = names.filter((name) => !ATTACK_NAMES.includes(name));
  if (wrong.length > 0) throw new Error(`no attack ${wrong.join(', ')}; there are: ${ATTACK_NAMES.join(', ')}`);
  const primary = await startNsd({
    zones: [
      { name: ZONE, text: [...zoneFile(ZONE, options.records)].join('') },
      { name: LARGE, text: [...zoneFile(LARGE, options.largeRecords)].join('') },
    ],
  });
  pinAll(primary.pid, 1);
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-siege-'));
  const targets = await startTargets(primary.port, dir, options.servers);
  const rows: Row[] = [];
  try {
    const secondaries = await Promise.all(targets.map((target) => Secondary.start(target, options.records)));
    for (const name of names) {
      for (const [i, target] of targets.entries()) {
        rows.push(await measure(name, target, secondaries[i] as Secondary, options));
        console.log(JSON.stringify(rows.at(-1)));
      }
    }
    for (const secondary of secondaries) secondary.end();
  } finally {
    for (const { stop } of targets) await stop();
    await primary.stop();
    rmSync(dir, { recursive: true });
  }
  console.log(`\n${table(rows.map(columns))}\n`);
  for (const name of names) console.log(`${name}: ${ATTACKS[name]}`);
  return { ...options, rows };
}

/** All have the zones from one primary, and allow the same: the secondary by key, and two networks of attackers. */
async function startTargets(primaryPort: number, dir: string, servers: readonly string[]): Promise<readonly Target[]> {
  const networkOf = (name: AttackName): string => `127.${FIRST_NETWORK + ATTACK_NAMES.indexOf(name)}.0.0/16`;
  // Of all sources together, where by themselves each has so much.
  const together = { concurrent: { value: 50, per: 'zone' }, bandwidth: { value: '50MB/s', per: 'zone' } };
  const zonegate = await startZonegate(ZONE, primaryPort, 0, 'memory', {
    secondaries: { sec: { sources: [SECONDARY], key: BENCH_KEY.name } },
    zones: { [ZONE]: { primary: 'peer', secondaries: 'sec' }, [LARGE]: { primary: 'peer' } },
    rules: [
      { name: 'secondary', match: { source: SECONDARY, key: BENCH_KEY.name }, action: 'allow' },
      {
        name: 'hammer',
        match: { source: networkOf('hammer') },
        action: 'allow',
        limits: { rate: '10/m', ...together },
      },
      {
        name: 'slow',
        match: { source: networkOf('slow-readers') },
        action: 'allow',
        limits: together,
      },
    ],
    // Theirs but for one: the secondary of this bench comes far more often than any does.
    limits: { 'handshakes-per-source': '200/s' },
    bans: {},
  });
  for (const zone of [ZONE, LARGE]) await zonegate.event('zone-updated', (fields) => fields['zone'] === zone);
  const targets: Target[] = [{ ...zonegate, name: 'zonegate' }];
  const { certPem, keyPem } = createCertificate({ kind: 'server', names: ['localhost'], days: 2, now: new Date() });
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  writeFileSync(certFile, certPem);
  writeFileSync(keyFile, keyPem);
  const transferFrom = [networkOf('hammer'), networkOf('slow-readers')];
  const from = (name: string) => ({ name, primary: { port: primaryPort }, transferKey: BENCH_KEY.name, transferFrom });
  const peer = { keys: [BENCH_KEY], tls: { certFile, keyFile }, secondaryZones: [from(ZONE), from(LARGE)] };
  const add = async (name: string, started: Promise<Peer>): Promise<void> => {
    const running = await started;
    pinAll(running.pid, 0);
    for (const zone of [ZONE, LARGE]) await running.untilSerial(zone, 1, 60_000);
    const { pid, port, tlsPort } = running;
    targets.push({ name, pid, port, tlsPort, stop: () => running.stop() });
  };
  // As many connections and transfers as zonegate lets in: by their defaults they are full with 150 and 100 idle ones.
  if (servers.includes('BIND') && isInstalled('named')) {
    const extra = 'tcp-clients 10000; transfers-out 1000; tcp-listen-queue 1000;';
    await add('BIND', startBind({ ...peer, extra }));
  }
  if (servers.includes('NSD') && isInstalled('nsd'))
    await add('NSD', startNsd({ ...peer, extra: '  tcp-count: 10000\n' }));
  return targets;
}

interface Times {
  readonly median: number;
  readonly max: number;
  readonly count: number;
  readonly failures: readonly string[];
}

interface Row {
  readonly attack: AttackName;
  readonly server: string;
  readonly quiet: Record<'tcp' | 'tls', Times>;
  readonly siege: Record<'tcp' | 'tls', Times>;
  readonly quietOctets: number;
  readonly peakOctets: number;
  /** Share of its core. */
  readonly load: number;
  readonly tally: AttackTally;
}

async function measure(name: AttackName, target: Target, secondary: Secondary, options: SiegeOptions): Promise<Row> {
  const quiet = await secondary.takeFor(QUIET_MS);
  const quietOctets = residentOctets(target.pid);
  const network = FIRST_NETWORK + ATTACK_NAMES.indexOf(name);
  const { port, tlsPort } = target;
  const attack = await startAttack(
    {
      ...{ name, network, scale: options.scale, mostMs: options.attackMs + 60_000 },
      target: { port, tlsPort, zone: ZONE, largeZone: LARGE },
    },
    availableParallelism() > 1 ? 1 : undefined,
  );
  await sleep(SETTLE_MS);
  let peakOctets = quietOctets;
  const timer = setInterval(() => {
    peakOctets = Math.max(peakOctets, residentOctets(target.pid));
  }, 500);
  const [usedBefore, began] = [cpuMs(target.pid), performance.now()];
  const siege = await secondary.takeFor(options.attackMs);
  const load = (cpuMs(target.pid) - usedBefore) / (performance.now() - began);
  clearInterval(timer);
  peakOctets = Math.max(peakOctets, residentOctets(target.pid));
  const tally = await attack.stop();
  await sleep(SETTLE_MS);
  const timesOf = (result: SiegeClientResult) => ({ tcp: times(result.tcp), tls: times(result.tls) });
  return {
    ...{ attack: name, server: target.name, quiet: timesOf(quiet), siege: timesOf(siege) },
    ...{ quietOctets, peakOctets, load, tally },
  };
}

function times({ ms, failures }: SiegeClientResult['tcp']): Times {
  const { median, max } = ms.length === 0 ? { median: Number.NaN, max: Number.NaN } : summarize(ms);
  return { median, max, count: ms.length, failures };
}

function columns({ attack, server, quiet, siege, quietOctets, peakOctets, load }: Row): Record<string, string> {
  const against = (kind: 'tcp' | 'tls'): string => {
    const [before, during] = [quiet[kind], siege[kind]];
    if (during.count === 0) return during.failures.length === 0 ? 'no TLS' : 'none came';
    return `${before.median.toFixed(1)} → ${during.median.toFixed(1)} (${(during.median / before.median).toFixed(1)}×)`;
  };
  const failed = siege.tcp.failures.length + siege.tls.failures.length;
  return {
    attack,
    server,
    'TCP, ms, quiet → under attack': against('tcp'),
    'TLS, ms': against('tls'),
    'failed, of': `${failed}, ${failed + siege.tcp.count + siege.tls.count}`,
    'MB, quiet → peak': `${(quietOctets / 1e6).toFixed(0)} → ${(peakOctets / 1e6).toFixed(0)}`,
    'its core': `${(load * 100).toFixed(0)} %`,
  };
}

/** The process of the secondary, on core 1. */
class Secondary {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error('no standard output');
    this.#lines = createInterface({ input: child.stdout });
  }

  static async start({ port, tlsPort }: Target, records: number): Promise<Secondary> {
    const task: SiegeClientTask = {
      ...{ port, tlsPort, records, source: SECONDARY, zone: ZONE },
      key: { name: BENCH_KEY.name, secret: BENCH_KEY.secret },
    };
    const script = fileURLToPath(new URL('../support/siege-client.js', import.meta.url));
    const [program, ...words] = pinned(1, [process.execPath, script, JSON.stringify(task)]);
    const secondary = new Secondary(spawn(program as string, words, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await secondary.#line();
    return secondary;
  }

  takeFor(ms: number): Promise<SiegeClientResult> {
    const answer = this.#line<SiegeClientResult>();
    this.#child.stdin?.write(`${ms}\n`);
    return answer;
  }

  end(): void {
    this.#child.stdin?.end();
  }

  #line<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const died = (code: number | null): void => reject(new Error(`the secondary ended with status ${code}`));
      this.#child.once('exit', died);
      this.#lines.once('line', (line) => {
        this.#child.off('exit', died);
        resolve(JSON.parse(line) as T);
      });
    });
  }
}
