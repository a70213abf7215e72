/** The pool threads: ingest and encoding. The only importer of piscina. */
import { Piscina } from 'piscina';
import type { AssembleOptions } from '../xfr/assemble.ts';
import type { BatchOptions } from '../xfr/ingest.ts';
import type {
  AssembleTask,
  AssembleTaskResult,
  BatchTask,
  BatchTaskResult,
  SlabSupply,
  ZoneFileRequest,
  ZoneFileTask,
  ZoneFileTaskResult,
} from '../xfr/tasks.ts';
import type { SlabHandle, SlabRange, SlabReport } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { SlabUsage } from '../zone/version.ts';
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

  /** Makes a run of frames from whole messages. What it made is retained: release `usage` when done with it. */
  async batch(input: SlabRange, received: SlabHandle, options: BatchOptions): Promise<BatchTaskResult> {
    const task: BatchTask = { supply: this.#supply([received]), input, options };
    const result: BatchTaskResult = await this.#piscina.run(task, { name: 'batch' });
    this.#book(result.slabs, result.ok ? result.value.usage : []);
    return result;
  }

  /** Reads a zone file and makes a run of it, as `batch` does of messages. */
  async zoneFile(request: ZoneFileRequest): Promise<ZoneFileTaskResult> {
    const task: ZoneFileTask = { supply: this.#supply([]), request };
    const done: ZoneFileTaskResult = await this.#piscina.run(task, { name: 'zoneFile' });
    this.#book(done.result.slabs, done.result.ok ? done.result.value.usage : []);
    return done;
  }

  /** Joins runs into a version. The version's usage is retained; the runs' is still the caller's. */
  async assemble(options: AssembleOptions, usage: readonly SlabUsage[]): Promise<AssembleTaskResult> {
    const task: AssembleTask = { supply: this.#supply(this.#registry.handles(usage)), options };
    const result: AssembleTaskResult = await this.#piscina.run(task, { name: 'assemble' });
    this.#book(result.slabs, result.ok ? result.value.version.usage : []);
    return result;
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

  #supply(readable: readonly SlabHandle[]): SlabSupply {
    return { ids: this.#registry.ids, spares: this.#registry.spares(SPARES), readable };
  }

  #book(report: SlabReport, usage: readonly SlabUsage[]): void {
    this.#registry.apply(report);
    this.#registry.retain(usage);
    this.#registry.settle(report);
  }
}
