/**
 * Takes in the answer to one IXFR, whatever its form turns out to be: differences, a whole zone, or word that there is
 * nothing newer. Differences are read here as they come, for their end and their TSIG; applied they are in the pool.
 */

import type { ZonegateError } from '../base/errors.ts';
import type { ZoneConfig } from '../config/config.ts';
import { type ClientStep, TransferClient } from '../xfr/client.ts';
import type { ClientQuery } from '../xfr/client-query.ts';
import type { IxfrOptions } from '../xfr/ixfr-change.ts';
import { SLAB_SIZE, type SlabHandle, type SlabRange } from '../zone/slab.ts';
import type { Asker, TransferHandle, Verdict } from './link-exchange.ts';
import { brokenOff, type Received, Receiver, type ReceiverDeps } from './receiver.ts';

/** Differences of an IXFR as they came: whole messages, checked for TSIG, not yet for what they say. */
export interface Differences {
  readonly kind: 'differences';
  /** Serial that they lead to. */
  readonly serial: number;
  readonly pieces: readonly SlabRange[];
  readonly slabs: readonly SlabHandle[];
  readonly options: IxfrOptions;
  readonly octets: number;
  /** To be called when they are applied, or given up. */
  readonly release: () => void;
}

export type IxfrReceived =
  | Received
  | Differences
  /** One SOA: `serial` is what the primary has. */
  | { readonly kind: 'current'; readonly serial: number };

export interface IxfrQuery extends Omit<ClientQuery, 'kind' | 'id' | 'serial'> {
  readonly serial: number;
}

export class IxfrReceiver implements Asker {
  readonly #deps: ReceiverDeps;
  readonly #zone: ZoneConfig;
  readonly #query: IxfrQuery;
  readonly #done: (received: IxfrReceived) => void;
  readonly #slabs: SlabHandle[] = [];
  readonly #pieces: { slab: number; offset: number; length: number }[] = [];
  #handle: TransferHandle | undefined;
  #client: TransferClient | undefined;
  #id = 0;
  #octets = 0;
  /** From where it is clear that the answer is a whole zone. */
  #whole: Receiver | undefined;
  #hasBegun = false;
  #isOver = false;

  constructor(deps: ReceiverDeps, zone: ZoneConfig, query: IxfrQuery, done: (received: IxfrReceived) => void) {
    this.#deps = deps;
    this.#zone = zone;
    this.#query = query;
    this.#done = done;
  }

  start(ask: (asker: Asker) => TransferHandle): TransferHandle {
    this.#handle = ask(this);
    return this.#handle;
  }

  /** An answer has come, or a part of one: IXFR is known there. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  query(id: number): Uint8Array {
    this.#release();
    this.#id = id;
    this.#client = new TransferClient({ ...this.#query, kind: 'IXFR', id, now: this.#seconds });
    return this.#client.query();
  }

  message(framed: Uint8Array<ArrayBuffer>): Verdict {
    this.#hasBegun = true;
    if (this.#whole !== undefined) return this.#whole.message(framed);
    const client = this.#client as TransferClient;
    const step = client.take(framed.subarray(2), this.#seconds);
    if (step.kind === 'failed') return this.#fail(step);
    this.#keep(framed);
    if (client.sentAs === 'AXFR') return this.#takeWhole(client);
    if (step.kind === 'more') {
      if (this.#octets <= this.#zone.maxBytes) return 'more';
      const text = `the differences are larger than max-bytes (${this.#zone.maxBytes})`;
      return this.#end({ kind: 'failed', failure: { code: 'TOO_LARGE', text } }, 'abort');
    }
    const serial = client.serial as number;
    if (client.sentAs !== 'IXFR') return this.#end({ kind: 'current', serial }, 'done');
    this.#isOver = true;
    this.#done({
      kind: 'differences',
      serial,
      pieces: this.#pieces,
      slabs: this.#slabs,
      octets: this.#octets,
      options: this.#options(),
      release: () => this.#release(),
    });
    return 'done';
  }

  ended(error: ZonegateError): void {
    this.#hasBegun ||= error.fields['reason'] === 'cut';
    if (this.#whole !== undefined) this.#whole.ended(error);
    else this.#end({ kind: 'failed', failure: brokenOff(error) }, 'abort');
  }

  isBusy(): boolean {
    return this.#whole?.isBusy() ?? false;
  }

  /** A whole zone in answer: taken like an AXFR, from its beginning. */
  #takeWhole(client: TransferClient): Verdict {
    const { key } = this.#query;
    const asked = { id: this.#id, mac: client.requestMac };
    const whole = new Receiver(
      this.#deps,
      this.#zone,
      key,
      () => ({ message: client.query(), mac: asked.mac }),
      this.#done,
    );
    whole.takeOver(this.#handle, asked.id);
    this.#whole = whole;
    this.#isOver = true;
    let verdict: Verdict = 'more';
    for (const { slab, offset, length } of this.#pieces) {
      const handle = this.#slabs.find(({ id }) => id === slab) as SlabHandle;
      const messages = new Uint8Array(handle.buffer, offset, length);
      for (let at = 0; at < length && verdict !== 'abort'; ) {
        const end = at + 2 + (((messages[at] as number) << 8) | (messages[at + 1] as number));
        verdict = whole.message(messages.slice(at, end));
        at = end;
      }
    }
    this.#release();
    return verdict;
  }

  /** Copied to shared memory, as the pool reads it there. */
  #keep(framed: Uint8Array): void {
    let piece = this.#pieces.at(-1);
    if (piece === undefined || piece.offset + piece.length + framed.length > SLAB_SIZE) {
      const slab = this.#deps.registry.take();
      this.#slabs.push(slab);
      piece = { slab: slab.id, offset: 0, length: 0 };
      this.#pieces.push(piece);
    }
    new Uint8Array((this.#slabs.at(-1) as SlabHandle).buffer).set(framed, piece.offset + piece.length);
    piece.length += framed.length;
    this.#octets += framed.length;
  }

  #fail({ failure }: ClientStep & { kind: 'failed' }): Verdict {
    const { rcode, code, text } = failure;
    // After an error nothing more comes: the connection is as good as before.
    return this.#end(
      { kind: 'failed', failure: { code, text, ...(rcode !== undefined && { rcode }) } },
      rcode === undefined ? 'abort' : 'done',
    );
  }

  #end(received: IxfrReceived, verdict: Verdict): Verdict {
    if (this.#isOver) return verdict;
    this.#isOver = true;
    this.#release();
    this.#done(received);
    return verdict;
  }

  #options(): IxfrOptions {
    const { apex, frameSize, outOfZone } = this.#zone;
    const known = this.#query.serial;
    // TSIG was verified message by message: the pool need not do it again.
    const answer = { apex, id: this.#id, query: 'IXFR', isFirst: true, tsig: undefined, now: this.#seconds } as const;
    return { ...answer, frameSize, outOfZone, known };
  }

  #release(): void {
    for (const slab of this.#slabs.splice(0)) this.#deps.registry.giveBack(slab);
    this.#pieces.length = 0;
    this.#octets = 0;
  }

  get #seconds(): number {
    return Math.floor(this.#deps.now() / 1000);
  }
}
