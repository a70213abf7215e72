/**
 * AXFR of 1,000,000 records, zonegate beside its primary, NSD, and beside the limit of a bare Node server that writes
 * the same octets: rounds interleaved, server on core 0, client on core 1.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startNsd } from '../../test/support/dns-peers.ts';
import { pinAll } from '../support/pin.ts';
import { cpuMs, pinned, residentOctets, start, stop } from '../support/process.ts';
import { summarize, table } from '../support/statistics.ts';
import { zoneFile } from '../support/synthetic.ts';
import { BENCH_KEY, startZonegate } from '../support/zonegate.ts';

const ZONE = 'example.org';

export async function axfr(options: { readonly records: number; readonly rounds: number }): Promise<unknown> {
  const { records, rounds } = options;
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-axfr-'));
  console.log(`AXFR of ${records} records, ${rounds} rounds of each, interleaved`);
  const nsd = await startNsd({ zones: [{ name: ZONE, text: [...zoneFile(ZONE, records)].join('') }] });
  pinAll(nsd.pid, 0);

  // Not pinned to one core while it takes the zone in: ingest is another bench's.
  const zonegate = await startZonegate(ZONE, nsd.port, 0);
  const updated = await zonegate.event('zone-updated');
  const replayFile = join(dir, 'axfr.bin');
  writeFileSync(replayFile, await record(zonegate.port, updated));
  const replay = start(pinned(0, [process.execPath, script('../support/replay-server.js'), replayFile]));
  const replayPort = await portOf(replay.stdout as NodeJS.ReadableStream);

  const key = `key=${BENCH_KEY.algorithm}:${BENCH_KEY.name}:${BENCH_KEY.secret}`;
  const contestants = [
    { name: 'zonegate, plain', pid: zonegate.pid, client: new BenchClient(zonegate.port, []) },
    { name: 'NSD, plain', pid: nsd.pid, client: new BenchClient(nsd.port, []) },
    { name: 'bare Node, plain', pid: replay.pid ?? 0, client: new BenchClient(replayPort, ['counted']) },
    { name: 'zonegate, TLS 1.3', pid: zonegate.pid, client: new BenchClient(zonegate.tlsPort, ['tls']) },
    { name: 'zonegate, plain, EDNS', pid: zonegate.pid, client: new BenchClient(zonegate.port, ['edns']) },
    { name: 'zonegate, plain, TSIG', pid: zonegate.pid, client: new BenchClient(zonegate.port, [key]) },
    { name: 'zonegate, TLS, TSIG', pid: zonegate.pid, client: new BenchClient(zonegate.tlsPort, ['tls', key]) },
  ];
  const octets = new Map<string, number>();
  let whole = 0;
  for (const { name, client } of contestants) {
    const first = await client.begin(whole);
    octets.set(name, first.octets);
    whole ||= first.octets;
    if (first.records !== undefined && first.records !== records + 1)
      throw new Error(`${name} sent ${first.records} records`);
  }

  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  const cpu = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  const warmUp = 5;
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const { name, client, pid } of contestants) {
      const before = cpuMs(pid);
      const ms = await client.round();
      const used = cpuMs(pid) - before;
      if (round < warmUp) continue;
      times.get(name)?.push(ms);
      cpu.get(name)?.push(used);
    }
  }
  const rss = residentOctets(zonegate.pid);
  for (const { client } of contestants) client.end();
  await zonegate.stop();
  await stop(replay);
  await nsd.stop();
  rmSync(dir, { recursive: true });

  const rows = contestants.map(({ name }) => {
    const ms = summarize(times.get(name) ?? []);
    const used = summarize(cpu.get(name) ?? []);
    const gigabytes = (octets.get(name) ?? 0) / 1e9 / (ms.median / 1000);
    return {
      scenario: name,
      'ms, median (min to max)': `${ms.median.toFixed(1)} (${ms.min.toFixed(1)} to ${ms.max.toFixed(1)})`,
      'M records/s': (records / ms.median / 1000).toFixed(2),
      'GB/s': gigabytes.toFixed(2),
      'server CPU ms': used.median.toFixed(1),
    };
  });
  console.log(`\n${table(rows)}\n`);
  const rate = (name: string): number => records / summarize(times.get(name) ?? [1]).median;
  console.log(
    `zonegate against NSD, plain: ${(rate('zonegate, plain') / rate('NSD, plain')).toFixed(1)} times the records a second`,
  );
  console.log(
    `zonegate against bare Node, plain: ${((rate('zonegate, plain') / rate('bare Node, plain')) * 100).toFixed(0)} %`,
  );
  return { records, rounds, rows, rss };
}

const script = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The octets of one whole plain transfer. */
function record(port: number, updated: Record<string, unknown>): Promise<Buffer> {
  const wanted = Number(updated['bytes']);
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let received = 0;
    const socket = connect(port, '127.0.0.1', () => {
      const query = Buffer.from('001d0007000000010000000000000765786d6d706c65036f72670000fc0001', 'hex');
      Buffer.from('\x07example\x03org\x00', 'latin1').copy(query, 14);
      socket.write(query);
    });
    socket.on('data', (data) => {
      parts.push(data);
      received += data.length;
      // Lead and tail come on top of the frames: what is quiet after them is whole.
      if (received > wanted) setTimeout(() => socket.destroy(), 300);
    });
    socket.on('close', () => resolve(Buffer.concat(parts)));
  });
}

function portOf(stream: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve) => {
    createInterface({ input: stream }).once('line', (line) => resolve((JSON.parse(line) as { port: number }).port));
  });
}

interface FirstTransfer {
  readonly records?: number;
  readonly octets: number;
}

/** The measuring client on core 1, one transfer at a time at our word. */
class BenchClient {
  readonly #port: number;
  readonly #flags: readonly string[];
  #lines: Interface | undefined;
  #child: ReturnType<typeof spawn> | undefined;

  constructor(port: number, flags: readonly string[]) {
    this.#port = port;
    this.#flags = flags;
  }

  /** `octets`: how many to count where the server cannot answer a query of its own accord. */
  begin(octets: number): Promise<FirstTransfer> {
    const flags = this.#flags.map((flag) => (flag === 'counted' ? `counted=${octets}` : flag));
    const command = pinned(1, [
      process.execPath,
      script('../support/axfr-client.js'),
      '127.0.0.1',
      String(this.#port),
      ZONE,
      ...flags,
    ]);
    this.#child = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no standard output');
    this.#lines = createInterface({ input: this.#child.stdout });
    return this.#line();
  }

  async round(): Promise<number> {
    const answer = this.#line<{ ms: number }>();
    this.#child?.stdin?.write('\n');
    return (await answer).ms;
  }

  end(): void {
    this.#child?.stdin?.end();
  }

  #line<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const died = (code: number | null): void => reject(new Error(`the client ended with status ${code}`));
      this.#child?.once('exit', died);
      this.#lines?.once('line', (line) => {
        this.#child?.off('exit', died);
        resolve(JSON.parse(line) as T);
      });
    });
  }
}
