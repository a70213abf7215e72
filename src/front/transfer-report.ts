/** What is told of transfers: those that run, and those that ended. */
import type { Facts } from '../policy/decision.ts';
import type { Proof, RunningTransfer, TransferEvent } from './messages.ts';
import type { AcceptedTransfer } from './outcome.ts';
import type { Peer } from './peer.ts';
import type { TransferStream } from './stream.ts';

export const clientOf = ({ addressText, port }: Peer): string => `${addressText}#${port}`;

type SentFacts = Pick<RunningTransfer, 'bytes' | 'totalBytes' | 'ms' | 'state'>;

export const runningTransfer = (transfer: AcceptedTransfer, peer: Peer, sent: SentFacts): RunningTransfer => ({
  zone: transfer.zone,
  type: transfer.type,
  transport: peer.transport,
  client: clientOf(peer),
  identity: transfer.identity,
  serial: transfer.version.handle.serial,
  ...sent,
});

export type TransferFacts = Pick<TransferEvent, 'messages' | 'records' | 'bytes' | 'ms' | 'outcome' | 'sent-as'>;

export const transferEvent = (transfer: AcceptedTransfer, peer: Peer, facts: TransferFacts): TransferEvent => ({
  event: 'transfer',
  zone: transfer.zone,
  type: transfer.type,
  'sent-as': facts['sent-as'],
  transport: peer.transport,
  client: clientOf(peer),
  identity: transfer.identity,
  rule: transfer.rule,
  from: transfer.from,
  to: transfer.version.handle.serial,
  messages: facts.messages,
  records: facts.records,
  bytes: facts.bytes,
  ms: facts.ms,
  outcome: facts.outcome,
  secondaries: transfer.secondaries,
  proof: proofOf(transfer.facts),
});

export const proofOf = ({ key, sig0, certificate }: Pick<Facts, 'key' | 'sig0' | 'certificate'>): Proof => ({
  tsig: key ?? null,
  sig0: sig0 ?? null,
  certificate: certificate ?? null,
});

/** Of a stream that ended so. */
export function streamFacts(stream: TransferStream, outcome: TransferEvent['outcome'], ms: number): TransferFacts {
  const { transfer, answer, messages, bytes } = stream;
  // The SOA goes out twice.
  const records = answer?.answer.records ?? transfer.version.handle.records + 1;
  return { messages, records: outcome === 'done' ? records : 0, bytes, ms, outcome, 'sent-as': stream.sentAs };
}
