/**
 * Answers to IXFR as finished messages, made once and sent to all (RFC 1995 §4): the steps one after the other, or
 * their sum, whichever takes fewer octets.
 */
import { TYPE } from '../wire/registry.ts';
import { compareRecords, RecordCursor, runFrames } from '../zone/cursor.ts';
import { ChangeWriter } from '../zone/diff.ts';
import type { Run } from '../zone/run-writer.ts';
import type { SlabDirectory, SlabWriter } from '../zone/slab.ts';
import { MessageWriter, type RenderOptions } from './message-writer.ts';
import type { SoaRecord } from './soa-record.ts';
import type { TransferAnswer } from './transfer-answer.ts';

/** From one version of a zone to the next. */
export interface IxfrStep {
  readonly from: SoaRecord;
  readonly to: SoaRecord;
  readonly removed: Run | undefined;
  readonly added: Run | undefined;
}

export function renderIxfr(
  steps: readonly IxfrStep[],
  options: RenderOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): TransferAnswer {
  const chain = renderSteps(steps, 'chain', options, slabs, directory);
  if (steps.length === 1) return chain;
  const condensed = renderSteps([condense(steps, options, slabs, directory)], 'condensed', options, slabs, directory);
  return condensed.octets < chain.octets ? condensed : chain;
}

/** The one step that does what several do. */
export function condense(
  steps: readonly IxfrStep[],
  { apex, frameSize }: RenderOptions,
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
  form: TransferAnswer['form'],
  options: RenderOptions,
  slabs: SlabWriter,
  directory: SlabDirectory,
): TransferAnswer {
  const messages = new MessageWriter(TYPE.IXFR, options, slabs, directory);
  const current = (steps.at(-1) as IxfrStep).to;
  messages.soa(current);
  for (const { from, to, removed, added } of steps) {
    messages.soa(from);
    if (removed !== undefined) messages.records(runFrames([removed]));
    messages.soa(to);
    if (added !== undefined) messages.records(runFrames([added]));
  }
  messages.soa(current);
  return messages.finish(form);
}
