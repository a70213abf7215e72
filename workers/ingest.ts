/** Pool thread: makes zone versions. One slab writer a thread, so that tasks go on in the slab of the one before. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { assembleVersion } from '../src/xfr/assemble.ts';
import { type BatchResult, ingestBatch } from '../src/xfr/ingest.ts';
import type {
  AssembleTask,
  AssembleTaskResult,
  BatchTask,
  BatchTaskResult,
  BatchValue,
  SlabSupply,
  TaskResult,
  ZoneFileTask,
  ZoneFileTaskResult,
} from '../src/xfr/tasks.ts';
import { usageOfRun } from '../src/xfr/version-maker.ts';
import { ingestZoneFile } from '../src/xfr/zone-file.ts';
import { SlabDirectory, SlabWriter } from '../src/zone/slab.ts';

const directory = new SlabDirectory();
const slabs = new SlabWriter(directory);

export function batch(task: BatchTask): BatchTaskResult {
  return withSlabs(task.supply, () => {
    const { slab, offset, length } = task.input;
    const result = ingestBatch(directory.bytes(slab), offset, offset + length, task.options, slabs);
    return withUsage(result);
  });
}

export function zoneFile(task: ZoneFileTask): ZoneFileTaskResult {
  const { file, includeBelow } = task.request;
  const files: string[] = [];
  const read = (path: string, from: string): { file: string; text: Uint8Array } | string => {
    const wanted = resolve(dirname(from), path);
    files.push(wanted);
    try {
      // By its real path, so that no link leads out.
      const real = realpathSync(wanted);
      if (!real.startsWith(realpathSync(includeBelow) + sep)) return `${path} lies outside ${includeBelow}`;
      // A pipe or a device would hold this thread for ever.
      if (!statSync(real).isFile()) return `${path} is not a file`;
      return { file: wanted, text: readFileSync(real) };
    } catch (error) {
      return `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}`;
    }
  };
  const result = withSlabs(task.supply, () => withUsage(ingestZoneFile(file, task.request, read, slabs)));
  return { result, files };
}

function withUsage(result: BatchResult): Outcome<BatchValue> {
  if (!result.ok) return result;
  const { run } = result.batch;
  return { ok: true, value: { batch: result.batch, usage: run === undefined ? [] : usageOfRun(run) } };
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
