/**
 * Takes in the answer to one AXFR: its messages are copied to shared memory, and handed to the pool batch by batch while
 * the rest is on its way. Control looks at nothing but where a batch may end.
 */
import type { Milliseconds } from '../base/clock.ts';
import type { ZonegateError } from '../base/errors.ts';
import type { ZoneConfig } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { IngestFailure } from '../xfr/answer-reader.ts';
import { EMPTY_MESSAGES_TEXT, MOST_EMPTY_MESSAGES } from '../xfr/client-failure.ts';
import type { BuiltQuery } from '../xfr/client-query.ts';
import type { Batch, BatchOptions } from '../xfr/ingest.ts';
import { isSameSoa } from '../xfr/soa-record.ts';
import type { BatchTaskResult } from '../xfr/tasks.ts';
import { SLAB_SIZE, type SlabHandle } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { SlabUsage, VersionHandle } from '../zone/version.ts';
import type { Asker, TransferHandle, Verdict } from './link-exchange.ts';

/** A slab is left for the next one from here on, if it can be cut; TSIG may let up to 6.5 MB come without a cut. */
const SLAB_FILL = 1 << 20;
/** A batch goes to the pool when it is this large, or at once where the pool has nothing of this transfer to do. */
const BATCH_OCTETS = 1 << 19;
/** Slabs with octets that are not worked on yet: beyond, the primary waits. */
const MOST_SLABS = 3;
export type Received =
  | {
      readonly kind: 'done';
      readonly batches: readonly Batch[];
      readonly usage: readonly SlabUsage[];
      readonly octets: number;
    }
  | { readonly kind: 'failed'; readonly failure: IngestFailure };

interface Slab {
  readonly handle: SlabHandle;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Octets received. */
  filled: number;
  /** Everything before it was handed to the pool. */
  dispatched: number;
  /** Everything before it may be cut off. */
  cut: number;
  batches: number;
  isLeft: boolean;
}

export interface ReceiverDeps {
  readonly pool: Pool;
  /** Along whose fences a whole zone is packed. */
  readonly base?: VersionHandle | undefined;
  readonly registry: SlabRegistry;
  readonly now: () => Milliseconds;
}

export class Receiver implements Asker {
  readonly #pool: Pool;
  readonly #registry: SlabRegistry;
  readonly #now: () => Milliseconds;
  readonly #zone: ZoneConfig;
  readonly #key: TsigKey | undefined;
  readonly #base: VersionHandle | undefined;
  #asked: 'AXFR' | 'IXFR' = 'AXFR';
  readonly #build: (id: number) => BuiltQuery;
  readonly #done: (received: Received) => void;
  #handle: TransferHandle | undefined;
  #id = 0;
  /** From the first message on: many transfers wait in line, and hold nothing. */
  #slab: Slab | undefined;
  #slabsHeld = 0;
  /** MAC of the last signed message before the cut. */
  #mac: Uint8Array = new Uint8Array(0);
  #cutMac: Uint8Array = this.#mac;
  #isFirst = true;
  #inFlight = 0;
  #results: (BatchTaskResult | undefined)[] = [];
  #octets = 0;
  #records = 0;
  #emptyMessages = 0;
  #isPaused = false;
  #isOver = false;
  #hasEnd = false;
  #endedBy: ZonegateError | undefined;

  constructor(
    deps: ReceiverDeps,
    zone: ZoneConfig,
    key: TsigKey | undefined,
    build: (id: number) => BuiltQuery,
    done: (received: Received) => void,
  ) {
    this.#pool = deps.pool;
    this.#registry = deps.registry;
    this.#now = deps.now;
    this.#base = deps.base;
    this.#zone = zone;
    this.#key = key;
    this.#build = build;
    this.#done = done;
  }

  /** Asks: `ask` is given the receiver and gives what to hold the transfer by. */
  start(ask: (asker: Asker) => TransferHandle): void {
    this.#handle = ask(this);
  }

  /** The answer to an IXFR that was asked already turns out to be a whole zone. */
  takeOver(handle: TransferHandle | undefined, id: number): void {
    this.#handle = handle;
    this.#asked = 'IXFR';
    this.query(id);
  }

  query(id: number): Uint8Array {
    const { message, mac } = this.#build(id);
    this.#id = id;
    this.#mac = new Uint8Array(mac);
    this.#cutMac = this.#mac;
    return message;
  }

  message(framed: Uint8Array<ArrayBuffer>): Verdict {
    const slab = this.#roomFor(framed.length);
    if (slab === undefined) return 'abort';
    const at = slab.filled;
    slab.bytes.set(framed, at);
    slab.filled += framed.length;
    this.#octets += framed.length;
    const mac = this.#key === undefined ? undefined : macAtEnd(framed, this.#key.algorithm.macLength);
    // An error ends it, signed or not: nothing signed would follow, which it could wait for.
    const isError = ((framed[5] as number) & 0xf) !== 0;
    if (this.#key === undefined || mac !== undefined || isError) {
      slab.cut = slab.filled;
      this.#cutMac = mac ?? this.#cutMac;
    }
    if (this.#octets > this.#zone.maxBytes) {
      this.#fail({ code: 'TOO_LARGE', text: `the transfer is larger than max-bytes (${this.#zone.maxBytes})` });
      return 'abort';
    }
    if (slab.filled >= SLAB_FILL && slab.cut > slab.dispatched) this.#leaveSlab(slab);
    else this.#dispatchIfWorthIt();
    this.#isPaused = this.#slabsHeld > MOST_SLABS;
    return this.#isPaused ? 'pause' : 'more';
  }

  /** What has come is worked on to its end, which it may hold: then the primary is not to be blamed for what it does. */
  isBusy(): boolean {
    return this.#inFlight > 0;
  }

  ended(error: ZonegateError): void {
    if (this.#isOver) return;
    if (this.#slab !== undefined) this.#dispatch(this.#slab);
    if (this.#inFlight > 0) this.#endedBy = error;
    else this.#fail(brokenOff(error));
  }

  #roomFor(length: number): Slab | undefined {
    this.#slab ??= this.#takeSlab();
    if (this.#slab.filled + length <= SLAB_SIZE) return this.#slab;
    this.#fail({
      code: 'TSIG_TOO_MANY_UNSIGNED',
      text: 'no message was signed in more octets than 100 messages can have',
    });
    return undefined;
  }

  #dispatchIfWorthIt(): void {
    const slab = this.#slab;
    if (slab === undefined) return;
    const waiting = slab.cut - slab.dispatched;
    if (waiting > 0 && (waiting >= BATCH_OCTETS || this.#inFlight === 0)) this.#dispatch(slab);
  }

  #dispatch(slab: Slab): void {
    const offset = slab.dispatched;
    const length = slab.cut - offset;
    if (length === 0 || this.#isOver) return;
    slab.dispatched = slab.cut;
    slab.batches++;
    this.#inFlight++;
    const options: BatchOptions = {
      apex: this.#zone.apex,
      frameSize: this.#zone.frameSize,
      id: this.#id,
      query: this.#asked,
      isFirst: this.#isFirst,
      outOfZone: this.#zone.outOfZone,
      tsig: this.#key && { key: this.#key, priorMac: this.#mac },
      now: Math.floor(this.#now() / 1000),
    };
    this.#isFirst = false;
    this.#mac = this.#cutMac;
    const index = this.#results.length;
    this.#results.push(undefined);
    this.#pool
      .batch({ slab: slab.handle.id, offset, length }, slab.handle, options, this.#base)
      .then((result) => this.#finished(slab, index, result))
      .catch((error: unknown) => {
        this.#inFlight--;
        this.#release(slab);
        this.#fail({ code: 'WORKER_FAILED', text: `a pool thread failed: ${error}` });
      });
  }

  #finished(slab: Slab, index: number, result: BatchTaskResult): void {
    this.#inFlight--;
    this.#release(slab);
    if (this.#isOver) {
      if (result.ok) this.#registry.release(result.value.usage);
      return;
    }
    this.#results[index] = result;
    if (!result.ok) {
      this.#fail(result.failure);
      return;
    }
    const { records, messages } = result.value.batch;
    this.#emptyMessages = records === 0 ? this.#emptyMessages + messages : 0;
    if (this.#emptyMessages > MOST_EMPTY_MESSAGES) {
      this.#fail({ code: 'EMPTY_MESSAGES', text: EMPTY_MESSAGES_TEXT });
      return;
    }
    this.#records += records;
    if (this.#records > this.#zone.maxRecords) {
      this.#fail({ code: 'TOO_MANY_RECORDS', text: `the zone has more than max-records (${this.#zone.maxRecords})` });
      return;
    }
    if (result.value.batch.lastSoa !== undefined) this.#hasEnd = true;
    this.#dispatchIfWorthIt();
    if (this.#inFlight > 0) return;
    if (this.#hasEnd) this.#complete();
    else if (this.#endedBy !== undefined) this.#fail(brokenOff(this.#endedBy));
  }

  #complete(): void {
    const results = this.#results.flatMap((result) => (result?.ok ? [result.value] : []));
    const batches = results.map(({ batch }) => batch);
    const problem = this.#checkWhole(batches);
    if (problem !== undefined) {
      this.#fail(problem);
      return;
    }
    this.#isOver = true;
    this.#handle?.done();
    this.#leave(this.#slab);
    const usage = results.flatMap((result) => result.usage);
    this.#done({ kind: 'done', batches, usage, octets: this.#octets });
  }

  /** What no batch can see by itself: the end is in the last one, and both SOAs are the same record. */
  #checkWhole(batches: readonly Batch[]): IngestFailure | undefined {
    const last = batches.at(-1);
    const isAfterEnd = batches.slice(0, -1).some((batch) => batch.lastSoa !== undefined);
    if (isAfterEnd || (this.#slab !== undefined && this.#slab.filled > this.#slab.dispatched)) {
      return { code: 'RECORD_AFTER_END', text: 'the transfer goes on after the SOA record that ends it' };
    }
    const first = batches[0]?.firstSoa;
    if (first === undefined || last?.lastSoa === undefined) {
      return { code: 'NO_FIRST_SOA', text: 'the transfer does not begin with the SOA record of the zone' };
    }
    if (!isSameSoa(first, last.lastSoa)) {
      return { code: 'SERIAL_CHANGED', text: 'the SOA records at the beginning and the end differ' };
    }
    if (!last.isSealed) return { code: 'TSIG_NOT_SEALED', text: 'the last message is not signed' };
    return undefined;
  }

  #fail(failure: IngestFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // After an error nothing more comes: the connection is as good as before.
    if (failure.rcode === undefined) this.#handle?.abort();
    else this.#handle?.done();
    for (const result of this.#results) if (result?.ok) this.#registry.release(result.value.usage);
    this.#leave(this.#slab);
    this.#done({ kind: 'failed', failure });
  }

  #takeSlab(): Slab {
    const handle = this.#registry.take();
    const bytes = new Uint8Array(handle.buffer);
    this.#slabsHeld++;
    return { handle, bytes, filled: 0, dispatched: 0, cut: 0, batches: 0, isLeft: false };
  }

  /** Goes on in another slab; what is not cut yet moves along. */
  #leaveSlab(old: Slab): void {
    this.#dispatch(old);
    const next = this.#takeSlab();
    next.bytes.set(old.bytes.subarray(old.cut, old.filled));
    next.filled = old.filled - old.cut;
    this.#slab = next;
    this.#leave(old);
  }

  #leave(slab: Slab | undefined): void {
    if (slab === undefined) return;
    slab.isLeft = true;
    this.#freeIfDone(slab);
  }

  #release(slab: Slab): void {
    slab.batches--;
    this.#freeIfDone(slab);
  }

  #freeIfDone(slab: Slab): void {
    if (!slab.isLeft || slab.batches > 0) return;
    this.#registry.giveBack(slab.handle);
    this.#slabsHeld--;
    if (!this.#isPaused || this.#slabsHeld > MOST_SLABS) return;
    this.#isPaused = false;
    this.#handle?.resume();
  }
}

/** As its link says it, address and all. */
export const brokenOff = ({ code, message }: ZonegateError): IngestFailure => ({ code, text: message });

/**
 * The MAC of a message that ends with a TSIG record without other data, found from the end: MAC size, MAC, original id,
 * error, other length. A guess that is wrong cannot pass: the next batch is verified with it.
 */
function macAtEnd(framed: Uint8Array, macLength: number): Uint8Array | undefined {
  const macStart = framed.length - 6 - macLength;
  if (macStart - 2 < 14) return undefined;
  const uint16 = (at: number): number => ((framed[at] as number) << 8) | (framed[at + 1] as number);
  const hasTsig = uint16(12) > 0 && uint16(macStart - 2) === macLength && uint16(framed.length - 2) === 0;
  return hasTsig ? new Uint8Array(framed.subarray(macStart, macStart + macLength)) : undefined;
}
