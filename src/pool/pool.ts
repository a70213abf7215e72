/** The pool threads: ingest and encoding. The only importer of piscina. */
import { Piscina } from 'piscina';
import type { Result } from '../base/result.ts';
import type { Judgement } from '../guard/judge.ts';
import type { PrefixList } from '../policy/prefix-list.ts';
import type { Assembled, AssembleOptions } from '../xfr/assemble.ts';
import type { BatchOptions } from '../xfr/ingest.ts';
import type { Relocated, RelocateOptions } from '../xfr/relocate.ts';
import type {
  AssembleRequest,
  AssembleTaskResult,
  BatchRequest,
  BatchTaskResult,
  BatchValue,
  ContentRequest,
  IxfrRequest,
  RelocateRequest,
  RenderRequest,
  RenderTaskResult,
  RunsRequest,
  SlabSupply,
  Task,
  TaskResult,
  UpdateTaskResult,
  ZoneFileRequest,
  ZoneFileTask,
  ZoneFileTaskResult,
  ZoneRenderRequest,
} from '../xfr/tasks.ts';
import type { TransferAnswer } from '../xfr/transfer-answer.ts';
import type { Updated } from '../xfr/update.ts';
import { usageOfRun } from '../xfr/version-maker.ts';
import type { SlabHandle, SlabRange, SlabReport } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { SlabUsage, VersionHandle } from '../zone/version.ts';
import type { GenerateRequest } from './generate-task.ts';
import type {
  CatalogRequest,
  CatalogTask,
  CatalogTaskResult,
  JudgeRequest,
  JudgeTask,
  PrefixListRequest,
  ZoneTextRequest,
  ZoneTextTask,
} from './read-tasks.ts';
import { workerUrl } from './worker-url.ts';

/** Free slabs that a task is given: more would keep them from other threads, and it can make its own. */
const SPARES = 2;

export interface PoolStats {
  readonly threads: number;
  readonly queued: number;
  readonly completed: number;
  /** Milliseconds from dispatch to begin, 99th percentile. */
  readonly waitP99Ms: number;
}

/** Memory that a task made is retained: whoever asked for it releases it. */
export class Pool {
  readonly #piscina: Piscina;
  readonly #registry: SlabRegistry;

  /** As many threads as given, always: a thread that ended would take its open slab with it. */
  constructor(threads: number, registry: SlabRegistry) {
    this.#registry = registry;
    this.#piscina = new Piscina({
      filename: workerUrl('ingest').href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
    });
  }

  /** Makes a run of frames from whole messages, along the fences of `base` if there is one. */
  batch(input: SlabRange, received: SlabHandle, options: BatchOptions, base?: VersionHandle): Promise<BatchTaskResult> {
    const readable = [received, ...this.#slabsOf(base)];
    const request: BatchRequest = { input, options, base };
    return this.#run('batch', request, readable, ({ usage }: BatchValue) => usage);
  }

  /** Reads a zone file and makes a run of it, as `batch` does of messages. */
  async zoneFile(request: ZoneFileRequest): Promise<ZoneFileTaskResult> {
    const task: ZoneFileTask = { supply: this.#supply(this.#slabsOf(request.base)), request };
    const done: ZoneFileTaskResult = await this.#piscina.run(task, { name: 'zoneFile' });
    this.#book(done.result.slabs, done.result.ok ? done.result.value.usage : []);
    return done;
  }

  /** Makes a run of a catalog zone of ours. */
  generate(request: GenerateRequest): Promise<BatchTaskResult> {
    return this.#run('generate', request, this.#slabsOf(request.base), ({ usage }: BatchValue) => usage);
  }

  /** Joins runs into a first version. The version's usage is retained; the runs' is still the caller's. */
  assemble(options: AssembleOptions): Promise<AssembleTaskResult> {
    const readable = this.#registry.handles(options.runs.flatMap(usageOfRun));
    return this.#run('assemble', { options } satisfies AssembleRequest, readable, ({ added }: Assembled) => added);
  }

  /** Applies differences to a version; `received` are the slabs they lie in. */
  ixfr(request: IxfrRequest, received: readonly SlabHandle[]): Promise<UpdateTaskResult> {
    return this.#run('ixfr', request, [...received, ...this.#slabsOf(request.options.base)], updateUsage);
  }

  /** Turns a version into what runs hold. */
  runs(request: RunsRequest): Promise<UpdateTaskResult> {
    const readable = this.#registry.handles([...request.options.base.usage, ...request.runs.flatMap(usageOfRun)]);
    return this.#run('runs', request, readable, updateUsage);
  }

  /** Turns a version into what another holds, whose slabs are in `usage`. */
  content(request: ContentRequest, usage: readonly SlabUsage[]): Promise<UpdateTaskResult> {
    const readable = this.#registry.handles([...request.options.base.usage, ...usage]);
    return this.#run('content', request, readable, updateUsage);
  }

  /** Makes the answer to an IXFR. */
  render(request: RenderRequest): Promise<RenderTaskResult> {
    const usage = request.steps.flatMap(({ removed, added }) => [...usageOfRun(removed), ...usageOfRun(added)]);
    return this.#run('render', request, this.#registry.handles(usage), (answer: TransferAnswer) => answer.usage);
  }

  /** Makes the answer to an AXFR in a format that versions are not kept in. */
  renderZone(request: ZoneRenderRequest): Promise<RenderTaskResult> {
    return this.#run('renderWhole', request, this.#slabsOf(request.version), (answer: TransferAnswer) => answer.usage);
  }

  /** Moves what lives in some slabs elsewhere; `usage` is where everything lies that is moved or kept. */
  relocate(options: RelocateOptions, usage: readonly SlabUsage[]): Promise<TaskResult<Relocated>> {
    const readable = this.#registry.handles(usage);
    const made = ({ versions, steps }: Relocated): SlabUsage[] => [
      ...versions.flatMap(({ added }) => added),
      ...steps.flatMap((step) => step.usage),
    ];
    // As many free slabs as are to be emptied, lest it makes new ones while those lie about.
    return this.#run('moveOut', { options } satisfies RelocateRequest, readable, made, options.victims.length);
  }

  /** What the guards say of a version. */
  judge(request: JudgeRequest): Promise<Judgement> {
    const readable = this.#registry.handles([...request.candidate.usage, ...(request.before?.usage ?? [])]);
    return this.#piscina.run({ ...request, readable } satisfies JudgeTask, { name: 'judge' });
  }

  /** Writes a version as a zone file. */
  zoneText(request: ZoneTextRequest): Promise<void> {
    const readable = this.#registry.handles(request.version.usage);
    return this.#piscina.run({ ...request, readable } satisfies ZoneTextTask, { name: 'text' });
  }

  /** What a catalog lists. */
  catalog(request: CatalogRequest): Promise<CatalogTaskResult> {
    const readable = this.#registry.handles(request.version.usage);
    return this.#piscina.run({ ...request, readable } satisfies CatalogTask, { name: 'catalog' });
  }

  /** Reads a prefix set: its table is in shared memory. */
  prefixList(text: string, maxPrefixes: number): Promise<Result<PrefixList, string>> {
    return this.#piscina.run({ text, maxPrefixes } satisfies PrefixListRequest, { name: 'prefixList' });
  }

  get stats(): PoolStats {
    return {
      threads: this.#piscina.threads.length,
      queued: this.#piscina.queueSize,
      completed: this.#piscina.completed,
      waitP99Ms: this.#piscina.histogram.waitTime.p99,
    };
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  async #run<Request extends object, Value>(
    name: string,
    request: Request,
    readable: readonly SlabHandle[],
    usageOf: (value: Value) => readonly SlabUsage[],
    spares = SPARES,
  ): Promise<TaskResult<Value>> {
    const task: Task<Request> = { ...request, supply: this.#supply(readable, spares) };
    const result: TaskResult<Value> = await this.#piscina.run(task, { name });
    this.#book(result.slabs, result.ok ? usageOf(result.value) : []);
    return result;
  }

  #slabsOf(version: VersionHandle | undefined): SlabHandle[] {
    return version === undefined ? [] : this.#registry.handles(version.usage);
  }

  #supply(readable: readonly SlabHandle[], spares = SPARES): SlabSupply {
    return { ids: this.#registry.ids, spares: this.#registry.spares(spares), readable };
  }

  #book(report: SlabReport, usage: readonly SlabUsage[]): void {
    this.#registry.apply(report);
    this.#registry.retain(usage);
    this.#registry.settle(report);
  }
}

const updateUsage = ({ added, made }: Updated): readonly SlabUsage[] => [...added, ...(made?.usage ?? [])];
