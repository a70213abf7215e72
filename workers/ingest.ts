/** Pool thread: makes zone versions. One slab writer a thread, so that tasks go on in the slab of the one before. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Result } from '../src/base/result.ts';
import { readCatalog } from '../src/catalog/read.ts';
import { renderCatalog } from '../src/catalog/render.ts';
import { type Judgement, judgeVersion } from '../src/guard/judge.ts';
import { type PrefixList, readPrefixList } from '../src/policy/prefix-list.ts';
import type { GenerateRequest } from '../src/pool/generate-task.ts';
import type {
  CatalogTask,
  CatalogTaskResult,
  JudgeTask,
  PrefixListRequest,
  ZoneTextTask,
} from '../src/pool/read-tasks.ts';
import { assembleVersion } from '../src/xfr/assemble.ts';
import { type BatchResult, ingestBatch } from '../src/xfr/ingest.ts';
import { renderIxfr } from '../src/xfr/ixfr-answer.ts';
import { relocate } from '../src/xfr/relocate.ts';
import type {
  AssembleRequest,
  AssembleTaskResult,
  BatchRequest,
  BatchTaskResult,
  BatchValue,
  ContentRequest,
  IxfrRequest,
  RelocateRequest,
  RelocateTaskResult,
  RenderRequest,
  RenderTaskResult,
  RunsRequest,
  SlabSupply,
  Task,
  TaskResult,
  UpdateTaskResult,
  ZoneFileTask,
  ZoneFileTaskResult,
  ZoneRenderRequest,
} from '../src/xfr/tasks.ts';
import { type UpdateResult, updateByContent, updateByIxfr, updateByRuns } from '../src/xfr/update.ts';
import { usageOfRun } from '../src/xfr/version-maker.ts';
import { ingestZoneFile } from '../src/xfr/zone-file.ts';
import { renderZone } from '../src/xfr/zone-render.ts';
import { SlabDirectory, SlabWriter } from '../src/zone/slab.ts';
import { type VersionHandle, VersionReader } from '../src/zone/version.ts';
import { zoneText } from '../src/zone/zone-text.ts';
import { filesBelow } from './files.ts';

const directory = new SlabDirectory();
const slabs = new SlabWriter(directory);

export const batch = ({ supply, input, options, base }: Task<BatchRequest>): BatchTaskResult =>
  withSlabs(supply, () => {
    const { slab, offset, length } = input;
    return withUsage(ingestBatch(directory.bytes(slab), offset, offset + length, options, slabs, readerOf(base)));
  });

export function zoneFile({ supply, request }: ZoneFileTask): ZoneFileTaskResult {
  const source = filesBelow(request.includeBelow);
  const result = withSlabs(supply, () =>
    withUsage(ingestZoneFile(request.file, request, source.read, slabs, readerOf(request.base))),
  );
  return { result, files: source.files };
}

export const generate = ({ supply, apex, serial, zones, frameSize, base }: Task<GenerateRequest>): BatchTaskResult =>
  withSlabs(supply, () => {
    const messages = renderCatalog(apex, serial, zones);
    const query = { id: 0, query: 'AXFR', isFirst: true, tsig: undefined, now: 0 } as const;
    const options = { ...query, apex, frameSize, outOfZone: 'reject' } as const;
    return withUsage(ingestBatch(messages, 0, messages.length, options, slabs, readerOf(base)));
  });

export const assemble = ({ supply, options }: Task<AssembleRequest>): AssembleTaskResult =>
  withSlabs(supply, () => ({ ok: true, value: assembleVersion(options, slabs, directory) }));

export const ixfr = ({ supply, pieces, ixfr, options }: Task<IxfrRequest>): UpdateTaskResult =>
  withSlabs(supply, () => {
    const memory = pieces.map(({ slab, offset, length }) => ({
      bytes: directory.bytes(slab),
      start: offset,
      end: offset + length,
    }));
    return asValue(updateByIxfr(memory, ixfr, options, slabs, directory));
  });

export const runs = ({ supply, runs, soa, options }: Task<RunsRequest>): UpdateTaskResult =>
  withSlabs(supply, () => asValue(updateByRuns(runs, soa, options, slabs, directory)));

export const content = ({ supply, root, soa, options }: Task<ContentRequest>): UpdateTaskResult =>
  withSlabs(supply, () => asValue(updateByContent(root, soa, options, slabs, directory)));

export const render = ({ supply, steps, options }: Task<RenderRequest>): RenderTaskResult =>
  withSlabs(supply, () => ({ ok: true, value: renderIxfr(steps, options, slabs, directory) }));

export const renderWhole = ({ supply, version, options }: Task<ZoneRenderRequest>): RenderTaskResult =>
  withSlabs(supply, () => ({ ok: true, value: renderZone(version, options, slabs, directory) }));

export const moveOut = ({ supply, options }: Task<RelocateRequest>): RelocateTaskResult =>
  withSlabs(supply, () => ({ ok: true, value: relocate(options, slabs, directory) }));

export function judge({ readable, candidate, before, apex, rules, now }: JudgeTask): Judgement {
  directory.add(readable);
  return judgeVersion(candidate, before, apex, rules, now, directory);
}

export function text({ readable, version, apex, file }: ZoneTextTask): void {
  directory.add(readable);
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    const reader = new VersionReader(version.root, directory);
    for (const piece of zoneText(reader, apex, version.soaRecord)) writeSync(descriptor, piece);
  } finally {
    closeSync(descriptor);
  }
}

export const prefixList = ({ text: lines, maxPrefixes }: PrefixListRequest): Result<PrefixList, string> =>
  readPrefixList(lines, maxPrefixes);

export function catalog({ readable, version, apex, maxMembers }: CatalogTask): CatalogTaskResult {
  directory.add(readable);
  const reading = readCatalog(new VersionReader(version.root, directory), apex, maxMembers);
  if (!reading.ok) return reading;
  const { members } = reading;
  return {
    ok: true,
    columns: {
      zones: members.map(({ zone }) => zone),
      labels: members.map(({ label }) => label),
      groups: new Map(members.flatMap(({ groups }, i) => (groups.length === 0 ? [] : [[i, groups]]))),
      coos: new Map(members.flatMap(({ coo }, i) => (coo === undefined ? [] : [[i, coo]]))),
    },
  };
}

const readerOf = (version: VersionHandle | undefined): VersionReader | undefined =>
  version && new VersionReader(version.root, directory);

function withUsage(result: BatchResult): Outcome<BatchValue> {
  return result.ok ? { ok: true, value: { batch: result.batch, usage: usageOfRun(result.batch.run) } } : result;
}

const asValue = (result: UpdateResult): Outcome<(UpdateResult & { ok: true })['updated']> =>
  result.ok ? { ok: true, value: result.updated } : result;

type Outcome<T> = Omit<TaskResult<T> & { ok: true }, 'slabs'> | Omit<TaskResult<T> & { ok: false }, 'slabs'>;

function withSlabs<T>(supply: SlabSupply, work: () => Outcome<T>): TaskResult<T> {
  directory.add(supply.readable);
  slabs.begin(supply.ids, supply.spares);
  const outcome = work();
  return { ...outcome, slabs: slabs.report() } as TaskResult<T>;
}
