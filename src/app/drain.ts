/** The end of a service: how long it waits, and what becomes of those it does not wait for. */
import type { Milliseconds } from '../base/clock.ts';
import type { RunningTransfer, TransferEvent } from '../front/messages.ts';

/** Whether the work ends in time; it goes on where it does not. */
export async function endsWithin(work: Promise<void>, ms: Milliseconds): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isDone = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}

type Facts = Omit<
  TransferEvent,
  'event' | 'outcome' | 'sent-as' | 'rule' | 'from' | 'messages' | 'secondaries' | 'proof'
>;

/** `transfer` of INTERFACE.md, with what control knows of a transfer that its front has not told the end of. */
export const cutTransfer = (running: RunningTransfer): Facts & { readonly outcome: 'cut-by-drain' } => ({
  zone: running.zone,
  type: running.type,
  transport: running.transport,
  client: running.client,
  identity: running.identity,
  to: running.serial,
  records: 0,
  bytes: running.bytes,
  ms: running.ms,
  outcome: 'cut-by-drain',
});
