/**
 * `npm run bench -- NAME...`: scenarios beside the real peers. Tables on standard output, JSON with the machine's facts
 * in `bench/results/`. Without a name, all of them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { axfr } from './macro/axfr.ts';
import { ingest } from './macro/ingest.ts';
import { many } from './macro/many.ts';
import { memory, update } from './macro/update.ts';

const SCENARIOS: Readonly<Record<string, () => Promise<unknown>>> = {
  axfr: () => axfr({ records: 1_000_000, rounds: 50 }),
  ingest: () => ingest({ records: 1_000_000, rounds: 5 }),
  update: () => update({ records: 1_000_000, changes: 10 }),
  many: () => inFolder((dir) => many({ zones: 100_000, dir })),
  memory: () => memory({ records: 1_000_000, changes: 10_000 }),
};

async function inFolder(work: (dir: string) => Promise<unknown>): Promise<unknown> {
  const dir = mkdtempSync(join(tmpdir(), 'zonegate-bench-'));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const names = process.argv.slice(2);
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
