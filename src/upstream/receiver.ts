/**
 * Takes in the octets of one AXFR: they land in shared memory, and whole messages are handed to the pool batch by batch
 * while the rest is on its way. Control looks at length prefixes only.
 */
import type { Milliseconds } from '../base/clock.ts';
import type { ZoneConfig } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { TsigKey } from '../tsig/key.ts';
import { EMPTY_MESSAGES_TEXT, MOST_EMPTY_MESSAGES } from '../xfr/client-failure.ts';
import type { IngestFailure } from '../xfr/answer-reader.ts';
import type { Batch, BatchOptions } from '../xfr/ingest.ts';
import type { BatchTaskResult } from '../xfr/tasks.ts';
import { SLAB_SIZE, type SlabHandle } from '../zone/slab.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { SlabUsage } from '../zone/version.ts';
import type { Intake } from './connection.ts';

/** A slab is left for the next one from here on, if it can be cut; TSIG may let up to 6.5 MB come without a cut. */
const SLAB_FILL = 1 << 20;
/** A batch goes to the pool when it is this large, or at once where the pool has nothing of this transfer to do. */
const BATCH_OCTETS = 1 << 19;
/** Slabs with octets that are not worked on yet: beyond, the primary waits. */
const MOST_SLABS = 3;
const ROOM = 256 * 1024;

export type Received =
  | {
      readonly kind: 'done';
      readonly batches: readonly Batch[];
      readonly usage: readonly SlabUsage[];
      readonly octets: number;
    }
  | { readonly kind: 'failed'; readonly failure: IngestFailure };

/** What the answer must fit: the id, and the MAC that its first MAC covers. */
export interface SentQuery {
  readonly id: number;
  readonly mac: Uint8Array;
}

interface Slab {
  readonly handle: SlabHandle;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Octets received. */
  filled: number;
  /** Everything before it was handed to the pool. */
  dispatched: number;
  /** Where the next message begins that is not seen whole yet. */
  scanned: number;
  /** Everything before it may be cut off. */
  cut: number;
  batches: number;
  isLeft: boolean;
}

export class Receiver implements Intake {
  readonly #pool: Pool;
  readonly #registry: SlabRegistry;
  readonly #zone: ZoneConfig;
  readonly #query: SentQuery;
  readonly #key: TsigKey | undefined;
  readonly #done: (received: Received) => void;
  readonly #close: () => void;
  readonly #now: () => Milliseconds;
  #slab: Slab;
  #slabsHeld = 1;
  /** MAC of the last signed message before the cut. */
  #mac: Uint8Array;
  #cutMac: Uint8Array;
  #isFirst = true;
  #inFlight = 0;
  #results: (BatchTaskResult | undefined)[] = [];
  #octets = 0;
  #records = 0;
  #emptyMessages = 0;
  #isOver = false;
  #hasEnd = false;
  /** Called when octets may come again. */
  onRoom: () => void = () => undefined;
  lastProgress: Milliseconds;

  constructor(
    deps: { readonly pool: Pool; readonly registry: SlabRegistry; readonly now: () => Milliseconds },
    zone: ZoneConfig,
    query: SentQuery,
    key: TsigKey | undefined,
    handlers: {
      readonly done: (received: Received) => void;
      /** Ends the connection. Called before any slab is given back: the socket must not write to it any more. */
      readonly close: () => void;
    },
  ) {
    this.#pool = deps.pool;
    this.#registry = deps.registry;
    this.#now = deps.now;
    this.#zone = zone;
    this.#query = query;
    this.#key = key;
    this.#done = handlers.done;
    this.#close = handlers.close;
    this.#mac = new Uint8Array(query.mac);
    this.#cutMac = this.#mac;
    this.#slab = this.#takeSlab();
    this.lastProgress = deps.now();
  }

  get octets(): number {
    return this.#octets;
  }

  space(): Uint8Array {
    if (this.#isOver) return new Uint8Array(1024);
    const slab = this.#slab;
    return slab.bytes.subarray(slab.filled, Math.min(slab.filled + ROOM, SLAB_SIZE));
  }

  received(length: number): boolean {
    if (this.#isOver) return true;
    const slab = this.#slab;
    slab.filled += length;
    this.#octets += length;
    this.lastProgress = this.#now();
    this.#scan(slab);
    if (this.#octets > this.#zone.maxBytes) {
      this.#fail({ code: 'TOO_LARGE', text: `the transfer is larger than max-bytes (${this.#zone.maxBytes})` });
      return true;
    }
    if (slab.filled >= SLAB_FILL && slab.cut > slab.dispatched) this.#leaveSlab();
    else this.#dispatchIfWorthIt();
    if (this.#slab.filled === SLAB_SIZE) {
      this.#fail({
        code: 'TSIG_TOO_MANY_UNSIGNED',
        text: 'no message was signed in more octets than 100 messages can have',
      });
    }
    return this.#slabsHeld <= MOST_SLABS;
  }

  ended(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#dispatch(this.#slab);
    if (this.#inFlight > 0) {
      // What is being worked on may hold the end.
      this.#closedEarly = error ?? CLOSED;
      return;
    }
    this.#fail(closedFailure(error ?? CLOSED, this.#octets));
  }

  /** Gives up: a time limit, or the zone is gone. */
  abort(failure: IngestFailure): void {
    this.#fail(failure);
  }

  #closedEarly: Error | undefined;

  #scan(slab: Slab): void {
    const { bytes } = slab;
    for (;;) {
      const at = slab.scanned;
      if (slab.filled - at < 2) return;
      const end = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
      if (end > slab.filled) return;
      slab.scanned = end;
      const mac = this.#key === undefined ? undefined : macAtEnd(bytes, at + 2, end, this.#key.algorithm.macLength);
      if (this.#key === undefined || mac !== undefined) {
        slab.cut = end;
        this.#cutMac = mac ?? this.#cutMac;
      }
    }
  }

  #dispatchIfWorthIt(): void {
    const waiting = this.#slab.cut - this.#slab.dispatched;
    if (waiting > 0 && (waiting >= BATCH_OCTETS || this.#inFlight === 0)) this.#dispatch(this.#slab);
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
      id: this.#query.id,
      query: 'AXFR',
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
      .batch({ slab: slab.handle.id, offset, length }, slab.handle, options)
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
    this.lastProgress = this.#now();
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
    else if (this.#closedEarly !== undefined) this.#fail(closedFailure(this.#closedEarly, this.#octets));
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
    this.#close();
    this.#leave(this.#slab);
    const usage = results.flatMap((result) => result.usage);
    this.#done({ kind: 'done', batches, usage, octets: this.#octets });
  }

  /** What no batch can see by itself: the end is in the last one, and both SOAs are the same record. */
  #checkWhole(batches: readonly Batch[]): IngestFailure | undefined {
    const last = batches.at(-1);
    const isAfterEnd = batches.slice(0, -1).some((batch) => batch.lastSoa !== undefined);
    if (isAfterEnd || this.#slab.filled > this.#slab.dispatched) {
      return { code: 'RECORD_AFTER_END', text: 'the transfer goes on after the SOA record that ends it' };
    }
    const first = batches[0]?.firstSoa;
    if (first === undefined || last?.lastSoa === undefined) {
      return { code: 'NO_FIRST_SOA', text: 'the transfer does not begin with the SOA record of the zone' };
    }
    if (first.ttl !== last.lastSoa.ttl || Buffer.compare(first.rdata, last.lastSoa.rdata) !== 0) {
      return { code: 'SERIAL_CHANGED', text: 'the SOA records at the beginning and the end differ' };
    }
    if (!last.isSealed) return { code: 'TSIG_NOT_SEALED', text: 'the last message is not signed' };
    return undefined;
  }

  #fail(failure: IngestFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#close();
    for (const result of this.#results) if (result?.ok) this.#registry.release(result.value.usage);
    this.#leave(this.#slab);
    this.#done({ kind: 'failed', failure });
  }

  #takeSlab(): Slab {
    const handle = this.#registry.take();
    const bytes = new Uint8Array(handle.buffer);
    return { handle, bytes, filled: 0, dispatched: 0, scanned: 0, cut: 0, batches: 0, isLeft: false };
  }

  /** Goes on in another slab; what is not cut yet moves along. */
  #leaveSlab(): void {
    const old = this.#slab;
    this.#dispatch(old);
    const next = this.#takeSlab();
    next.bytes.set(old.bytes.subarray(old.cut, old.filled));
    next.filled = old.filled - old.cut;
    next.scanned = old.scanned - old.cut;
    this.#slab = next;
    this.#slabsHeld++;
    this.#leave(old);
  }

  #leave(slab: Slab): void {
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
    this.onRoom();
  }
}

const CLOSED = new Error('closed');

function closedFailure(error: Error, octets: number): IngestFailure {
  const why = error === CLOSED ? 'closed the connection' : `broke the connection (${error.message})`;
  return { code: 'CLOSED_EARLY', text: `the primary ${why} after ${octets} octets, before the end of the zone` };
}

/**
 * The MAC of a message that ends with a TSIG record without other data, found from the end: MAC size, MAC, original id,
 * error, other length. A guess that is wrong cannot pass: the next batch is verified with it.
 */
function macAtEnd(bytes: Uint8Array, start: number, end: number, macLength: number): Uint8Array | undefined {
  const macStart = end - 6 - macLength;
  if (macStart - 2 < start + 12) return undefined;
  const additionals = ((bytes[start + 10] as number) << 8) | (bytes[start + 11] as number);
  const size = ((bytes[macStart - 2] as number) << 8) | (bytes[macStart - 1] as number);
  const other = ((bytes[end - 2] as number) << 8) | (bytes[end - 1] as number);
  const hasTsig = additionals > 0 && size === macLength && other === 0;
  return hasTsig ? new Uint8Array(bytes.subarray(macStart, macStart + macLength)) : undefined;
}
