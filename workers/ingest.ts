/** Pool thread: makes zone versions. One slab writer a thread, so that tasks go on in the slab of the one before. */
import { assembleVersion, usageOfRun } from '../src/xfr/assemble.ts';
import { ingestBatch } from '../src/xfr/ingest.ts';
import type {
  AssembleTask,
  AssembleTaskResult,
  BatchTask,
  BatchTaskResult,
  SlabSupply,
  TaskResult,
} from '../src/xfr/tasks.ts';
import { SlabDirectory, SlabWriter } from '../src/zone/slab.ts';

const directory = new SlabDirectory();
const slabs = new SlabWriter(directory);

export function batch(task: BatchTask): BatchTaskResult {
  return withSlabs(task.supply, () => {
    const { slab, offset, length } = task.input;
    const result = ingestBatch(directory.bytes(slab), offset, offset + length, task.options, slabs);
    if (!result.ok) return result;
    const { run } = result.batch;
    return { ok: true, value: { batch: result.batch, usage: run === undefined ? [] : usageOfRun(run) } };
  });
}

export function assemble(task: AssembleTask): AssembleTaskResult {
  return withSlabs(task.supply, () => ({ ok: true, value: assembleVersion(task.options, slabs, directory) }));
}

type Outcome<T> = Omit<TaskResult<T> & { ok: true }, 'slabs'> | Omit<TaskResult<T> & { ok: false }, 'slabs'>;

function withSlabs<T>(supply: SlabSupply, work: () => Outcome<T>): TaskResult<T> {
  directory.add(supply.readable);
  slabs.begin(supply.ids, supply.spares);
  const outcome = work();
  return { ...outcome, slabs: slabs.report() } as TaskResult<T>;
}
