/**
 * `npm run bench -- NAME... [--records N] [--rounds N] [--changes N] [--sizes N,N,...] [--zones N]
 * [--attacks NAME,... --servers NAME,... --attack-ms N --scale N]`: scenarios beside the
 * real peers. Tables on standard output, JSON with the machine's facts in `bench/results/`. Without a name, all of them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { axfr } from './macro/axfr.ts';
import { ingest } from './macro/ingest.ts';
import { many } from './macro/many.ts';
import { memory } from './macro/memory.ts';
import { siege } from './macro/siege.ts';
import { update } from './macro/update.ts';

const { values: wanted, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    /** 1,000,000; of `siege` 10,000. */
    records: { type: 'string' },
    /** Of `axfr`, 50, and `ingest`, 5. */
    rounds: { type: 'string' },
    /** Of `update`, 10, and `memory`, 10,000. */
    changes: { type: 'string' },
    /** Of the zones in which `update` looks how the cost grows. */
    sizes: { type: 'string', default: '10000,100000,1000000,10000000' },
    zones: { type: 'string', default: '100000' },
    /** Of `siege`: which, all of them by default; how long each; a share of its counts; records of the zone hammered. */
    attacks: { type: 'string', default: '' },
    servers: { type: 'string', default: 'zonegate,BIND,NSD' },
    'attack-ms': { type: 'string', default: '5000' },
    scale: { type: 'string', default: '1' },
    'large-records': { type: 'string', default: '200000' },
  },
});
const records = Number(wanted.records ?? 1_000_000);
const rounds = (otherwise: number): number => Number(wanted.rounds ?? otherwise);
const changes = (otherwise: number): number => Number(wanted.changes ?? otherwise);

const SCENARIOS: Readonly<Record<string, () => Promise<unknown>>> = {
  axfr: () => axfr({ records, rounds: rounds(50) }),
  ingest: () => ingest({ records, rounds: rounds(5) }),
  update: () => update({ records, changes: changes(10), sizes: wanted.sizes.split(',').map(Number) }),
  many: () => inFolder((dir) => many({ zones: Number(wanted.zones), dir })),
  memory: () => memory({ records, changes: changes(10_000) }),
  siege: () =>
    siege({
      records: Number(wanted.records ?? 10_000),
      largeRecords: Number(wanted['large-records']),
      attackMs: Number(wanted['attack-ms']),
      scale: Number(wanted.scale),
      attacks: wanted.attacks.split(',').filter(Boolean),
      servers: wanted.servers.split(','),
    }),
};

async function inFolder(work: (dir: string) => Promise<unknown>): Promise<unknown> {
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-bench-'));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const unknown = names.filter((name) => SCENARIOS[name] === undefined);
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(', ')}; there are: ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(1);
}

const machine = {
  node: process.version,
  cores: availableParallelism(),
  cpu: cpus()[0]?.model ?? '',
  date: new Date().toISOString(),
};
mkdirSync('bench/results', { recursive: true });
for (const name of names.length > 0 ? names : Object.keys(SCENARIOS)) {
  const result = await SCENARIOS[name]?.();
  writeFileSync(`bench/results/${name}.json`, `${JSON.stringify({ name, machine, result }, null, 2)}\n`);
}
