/**
 * Answers to IXFR as finished messages, made once and sent to all (RFC 1995 §4): the steps one after the other, or
 * their sum, whichever takes fewer octets. The first message holds the question, whose octets are each client's own.
 */
import type { Bytes } from '../base/bytes.ts';
import { CLASS, TYPE } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';
import { compareRecords, RecordCursor, runFrames } from '../zone/cursor.ts';
import { ChangeWriter } from '../zone/diff.ts';
import { FrameListBuilder } from '../zone/frame-list.ts';
import { compareRanges } from '../zone/order.ts';
import { FramePacker } from '../zone/packer.ts';
import type { PackedRecord, Run } from '../zone/run-writer.ts';
import type { SlabDirectory, SlabRange, SlabWriter } from '../zone/slab.ts';
import { UsageSum } from '../zone/usage.ts';
import type { SlabUsage } from '../zone/version.ts';
import type { SoaRecord } from './soa-record.ts';

/** From one version of a zone to the next. */
export interface IxfrStep {
  readonly from: SoaRecord;
  readonly to: SoaRecord;
  readonly removed: Run | undefined;
  readonly added: Run | undefined;
}

export interface IxfrAnswer {
  /** A frame table (see frame-list.ts) of whole messages. The first has a question in it. */
  readonly messages: SlabRange;
  readonly count: number;
  /** Of the messages, length prefixes included. */
  readonly octets: number;
  readonly records: number;
  readonly form: 'chain' | 'condensed';
  readonly usage: readonly SlabUsage[];
}

export interface IxfrAnswerOptions {
  /** Wire form, lower case. */
  readonly apex: Bytes;
  readonly frameSize: number;
}

export function renderIxfr(
  steps: readonly IxfrStep[],
  options: IxfrAnswerOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): IxfrAnswer {
  const chain = renderSteps(steps, 'chain', options, slabs, directory);
  if (steps.length === 1) return chain;
  const condensed = renderSteps([condense(steps, options, slabs, directory)], 'condensed', options, slabs, directory);
  return condensed.octets < chain.octets ? condensed : chain;
}

/** The one step that does what several do. */
export function condense(
  steps: readonly IxfrStep[],
  { apex, frameSize }: IxfrAnswerOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): IxfrStep {
  // In this order they stand at one record, too: removed comes before added in each step.
  const sides = steps.flatMap(({ removed, added }) => [removed, added]);
  const cursors = sides.map((run) => new RecordCursor(runFrames(run ? [run] : []), apex, directory));
  const removed = new ChangeWriter(slabs, frameSize);
  const added = new ChangeWriter(slabs, frameSize);
  for (;;) {
    const at = atLeast(cursors);
    const [first, last] = [at[0], at.at(-1)];
    if (first === undefined || last === undefined) break;
    const wasThere = cursors.indexOf(first) % 2 === 0;
    const isThere = cursors.indexOf(last) % 2 === 1;
    const isSame = wasThere && isThere && first.reader.ttl === last.reader.ttl;
    if (wasThere && !isSame) removed.add(first.record);
    if (isThere && !isSame) added.add(last.record);
    for (const cursor of at) cursor.next();
  }
  const [from, to] = [(steps[0] as IxfrStep).from, (steps.at(-1) as IxfrStep).to];
  return { from, to, removed: removed.finish(), added: added.finish() };
}

/** The cursors that are at the smallest record. */
function atLeast(cursors: readonly RecordCursor[]): RecordCursor[] {
  let least: RecordCursor[] = [];
  for (const cursor of cursors) {
    if (cursor.isAtEnd) continue;
    const order = least[0] === undefined ? -1 : compareRecords(cursor.reader, least[0].reader);
    if (order < 0) least = [cursor];
    else if (order === 0) least.push(cursor);
  }
  return least;
}

function renderSteps(
  steps: readonly IxfrStep[],
  form: IxfrAnswer['form'],
  { apex, frameSize }: IxfrAnswerOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): IxfrAnswer {
  const messages = new MessageWriter(new FramePacker(slabs, frameSize), apex);
  const current = (steps.at(-1) as IxfrStep).to;
  messages.soa(current);
  for (const { from, to, removed, added } of steps) {
    messages.soa(from);
    messages.records(removed, directory);
    messages.soa(to);
    messages.records(added, directory);
  }
  messages.soa(current);
  return messages.finish(form, slabs);
}

class MessageWriter {
  readonly #packer: FramePacker;
  readonly #apex: Bytes;
  #owner: Bytes = new Uint8Array(0);

  constructor(packer: FramePacker, apex: Bytes) {
    this.#packer = packer;
    this.#apex = apex;
    packer.question = new Writer(apex.length + 4).octets(apex).uint16(TYPE.IXFR).uint16(CLASS.IN).view();
  }

  soa({ owner, ttl, rdata }: SoaRecord): void {
    this.#add(owner, owner.length, TYPE.SOA, ttl, rdata, 0, rdata.length);
  }

  records(run: Run | undefined, directory: SlabDirectory): void {
    if (run === undefined) return;
    const cursor = new RecordCursor(runFrames([run]), this.#apex, directory);
    for (; !cursor.isAtEnd; cursor.next()) this.#record(cursor.record);
  }

  finish(form: IxfrAnswer['form'], slabs: SlabWriter): IxfrAnswer {
    const { records } = this.#packer;
    const frames = this.#packer.take();
    const builder = new FrameListBuilder();
    const usage = new UsageSum();
    let octets = 0;
    for (const frame of frames) {
      builder.add(frame);
      usage.add(frame.slab, frame.length);
      octets += frame.length;
    }
    const messages = slabs.store(builder.finish());
    usage.addRange(messages);
    return { messages, count: frames.length, octets, records, form, usage: usage.list() };
  }

  #record({ owner, ownerLength, type, ttl, rdata, rdataStart, rdataLength }: PackedRecord): void {
    this.#add(owner, ownerLength, type, ttl, rdata, rdataStart, rdataLength);
  }

  #add(
    owner: Bytes,
    ownerLength: number,
    type: number,
    ttl: number,
    rdata: Bytes,
    rdataStart: number,
    rdataLength: number,
  ): void {
    const isSameOwner = compareRanges(this.#owner, 0, this.#owner.length, owner, 0, ownerLength) === 0;
    if (!isSameOwner) this.#owner = owner.slice(0, ownerLength);
    this.#packer.add(owner, ownerLength, isSameOwner, type, ttl, rdata, rdataStart, rdataLength);
  }
}
