/** NOTIFY on the wire (RFC 1996 §3): the request, and what its answer says. */
import type { Bytes } from '../base/bytes.ts';
import type { TsigKey } from '../tsig/key.ts';
import { TsigSigner } from '../tsig/signer.ts';
import { TsigStreamVerifier } from '../tsig/stream-verifier.ts';
import { writeOpt } from '../wire/edns.ts';
import { opcodeFlags, writeHeader } from '../wire/header.ts';
import { parseMessage } from '../wire/message.ts';
import { equalNames } from '../wire/name.ts';
import { CLASS, FLAG, OPCODE, RCODE, TSIG_ERROR, TYPE } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';

export interface NotifyRequest {
  readonly id: number;
  /** Wire form. */
  readonly apex: Bytes;
  /** Whole, uncompressed. */
  readonly soaRecord: Bytes;
  readonly key: TsigKey | undefined;
  readonly edns: boolean;
  /** Octets that the message may have. */
  readonly limit: number;
}

export interface BuiltNotify {
  readonly message: Uint8Array<ArrayBuffer>;
  /** What the answer's MAC covers; empty without a key. */
  readonly mac: Bytes;
}

/** UDP payload that we say we can take. */
const UDP_SIZE = 1232;

/** `now` in seconds. The SOA is a hint (RFC 1996 §3.7): where it does not fit, the message goes without. */
export function buildNotify(request: NotifyRequest, now: number): BuiltNotify {
  const whole = build(request, request.soaRecord, now);
  return whole.message.length <= request.limit ? whole : build(request, undefined, now);
}

function build({ id, apex, key, edns }: NotifyRequest, soaRecord: Bytes | undefined, now: number): BuiltNotify {
  const additionals = edns ? 1 : 0;
  const writer = writeHeader(new Writer(512), id, opcodeFlags(OPCODE.NOTIFY) | FLAG.AA, {
    questions: 1,
    answers: soaRecord === undefined ? 0 : 1,
    additionals,
  });
  writer.octets(apex).uint16(TYPE.SOA).uint16(CLASS.IN);
  if (soaRecord !== undefined) writer.octets(soaRecord);
  if (edns) writer.octets(writeOpt({ udpSize: UDP_SIZE }));
  if (key === undefined) return { message: writer.view(), mac: new Uint8Array(0) };
  const signer = new TsigSigner(key);
  writer.octets(signer.sign([writer.view()], id, now)).patchUint16(10, additionals + 1);
  return { message: writer.view(), mac: signer.mac };
}

export type NotifyReply =
  | { readonly kind: 'answer'; readonly rcode: number }
  /** Nothing to go by: somebody else's, or one that cannot be trusted. */
  | { readonly kind: 'foreign'; readonly why: string };

/** What was sent, as far as its answer is judged by it. */
export interface SentNotify {
  readonly id: number;
  readonly apex: Bytes;
  readonly key: TsigKey | undefined;
  readonly mac: Bytes;
}

/** Reads a message that came from where the NOTIFY went; `now` in seconds. */
export function readReply(bytes: Bytes, sent: SentNotify, now: number): NotifyReply {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) return foreign('its answer cannot be read');
  const { header, question, edns, tsig } = parsed.message;
  if ((header.flags & FLAG.QR) === 0 || header.opcode !== OPCODE.NOTIFY || header.id !== sent.id) {
    return foreign('what it sent is not an answer to NOTIFY');
  }
  const rcode = ((edns?.extendedRcode ?? 0) << 4) | header.rcode;
  // Who cannot read a NOTIFY may not repeat its question either.
  const isBare = question === undefined && (rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP);
  const isOurs = question?.type === TYPE.SOA && question.class === CLASS.IN && equalNames(question.name, sent.apex);
  if (!isOurs && !isBare) return foreign('its answer has another question');
  if (sent.key !== undefined) {
    const failure = new TsigStreamVerifier(sent.key, sent.mac).take(bytes, tsig, now);
    if (failure === 'NOT_SIGNED') return foreign('its answer is not signed');
    if (failure !== undefined) return foreign(`its answer has a bad TSIG (${tsigErrorText(tsig?.error) ?? failure})`);
  }
  return { kind: 'answer', rcode };
}

const foreign = (why: string): NotifyReply => ({ kind: 'foreign', why });

/** The error that a server sends with BADKEY and BADSIG is not signed: worth telling, not worth believing. */
function tsigErrorText(error = 0): string | undefined {
  return Object.entries(TSIG_ERROR).find(([name, code]) => code === error && name !== 'NONE')?.[0];
}
