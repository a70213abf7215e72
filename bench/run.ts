/**
 * `npm run bench -- NAME...`: scenarios beside the real peers. Tables on standard output, JSON with the machine's facts
 * in `bench/results/`. Without a name, all of them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { axfr } from './macro/axfr.ts';
import { ingest } from './macro/ingest.ts';
import { memory, update } from './macro/update.ts';

const SCENARIOS: Readonly<Record<string, () => Promise<unknown>>> = {
  axfr: () => axfr({ records: 1_000_000, rounds: 50 }),
  ingest: () => ingest({ records: 1_000_000, rounds: 5 }),
  update: () => update({ records: 1_000_000, changes: 10 }),
  memory: () => memory({ records: 1_000_000, changes: 10_000 }),
};

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
