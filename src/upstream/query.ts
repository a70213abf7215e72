/** Queries to a primary, and the answer to a SOA query. */
import { randomInt } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { fail, type Result, succeed } from '../base/result.ts';
import type { TsigKey } from '../tsig/key.ts';
import { TsigSigner } from '../tsig/signer.ts';
import { TsigStreamVerifier } from '../tsig/stream-verifier.ts';
import { writeOpt } from '../wire/edns.ts';
import { HEADER_LENGTH, writeHeader } from '../wire/header.ts';
import { parseMessage } from '../wire/message.ts';
import { equalNames } from '../wire/name.ts';
import { CLASS, FLAG, rcodeToText, TYPE } from '../wire/registry.ts';
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import { Writer } from '../wire/writer.ts';

const UDP_SIZE = 1232;

export interface Query {
  readonly id: number;
  /** Without length prefix. */
  readonly message: Uint8Array<ArrayBuffer>;
  /** The request's MAC where it is signed: the first MAC of the answer covers it. */
  readonly mac: Bytes | undefined;
}

/** `now` in seconds. RFC 5936 §2.1: one question, every other section but the additional empty, no flags. */
export function buildQuery(
  zone: Bytes,
  type: typeof TYPE.SOA | typeof TYPE.AXFR,
  options: { readonly key: TsigKey | undefined; readonly edns: boolean; readonly now: number },
): Query {
  const id = randomInt(0x1_0000);
  const writer = new Writer(HEADER_LENGTH + zone.length + 4 + 160);
  writeHeader(writer, id, 0, { questions: 1, additionals: options.edns ? 1 : 0 });
  writer.octets(zone).uint16(type).uint16(CLASS.IN);
  if (options.edns) writer.octets(writeOpt({ udpSize: UDP_SIZE }));
  if (options.key === undefined) return { id, message: writer.view(), mac: undefined };
  const signer = new TsigSigner(options.key);
  const tsig = signer.sign([writer.view()], id, options.now);
  writer.octets(tsig).patchUint16(10, options.edns ? 2 : 1);
  return { id, message: writer.view(), mac: signer.mac };
}

/** What went wrong with an answer: `isEdns` when a query without OPT may do better (RFC 6891 §7). */
export interface AnswerFailure {
  readonly text: string;
  readonly isEdns: boolean;
}

/** Reads the answer to a SOA query. `now` in seconds. */
export function readSoaAnswer(
  answer: Bytes,
  query: Query,
  zone: Bytes,
  key: TsigKey | undefined,
  now: number,
): Result<SoaTimers, AnswerFailure> {
  const bad = (text: string, isEdns = false): Result<SoaTimers, AnswerFailure> => fail({ text, isEdns });
  const parsed = parseMessage(answer);
  if (!parsed.ok) return bad(`the answer is malformed (${parsed.failure.code})`);
  const { header, question, answers, tsig } = parsed.message;
  if (header.id !== query.id || (header.flags & FLAG.QR) === 0) return bad('the answer is not to our query');
  if (question !== undefined && !equalNames(question.name, zone)) return bad('the answer is about another name');
  if (key !== undefined && query.mac !== undefined) {
    const failure = new TsigStreamVerifier(key, query.mac).take(answer, tsig, now);
    // An unsigned refusal is a refusal all the same; nothing is taken from it.
    if (failure !== undefined && header.rcode === 0) return bad(`TSIG of the answer: ${failure}`);
    if (tsig !== undefined && tsig.error !== 0) return bad(`the primary answered with TSIG error ${tsig.error}`);
  }
  if (header.rcode !== 0) {
    const text = rcodeToText(header.rcode);
    return bad(`the primary answered ${text}`, text === 'FORMERR' || text === 'NOTIMP');
  }
  const soa = answers.find((record) => record.type === TYPE.SOA && equalNames(record.owner, zone));
  const timers = soa && readSoaTimers(soa.rdata);
  return timers === undefined ? bad('the primary does not have the zone (no SOA in its answer)') : succeed(timers);
}
