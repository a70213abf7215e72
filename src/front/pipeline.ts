/**
 * From a request's octets to what is done about it, in the order of INTERFACE.md's "What bad input gets": form, then
 * where it comes from, then who sent it, then what it may have, then whether it may have it now.
 */
import type { Bytes } from '../base/bytes.ts';
import { takeToken } from '../policy/limits/rate.ts';
import { type AddressBytes, isInPrefix, type Prefix } from '../policy/prefix.ts';
import type { Rule } from '../policy/rule.ts';
import type { RequestType } from '../policy/rule-config.ts';
import { findAlgorithm } from '../tsig/algorithm.ts';
import { unsignedTsig } from '../tsig/signer.ts';
import { isImpossibleMac, verifyRequest } from '../tsig/verifier.ts';
import { gateHeader, readHeader } from '../wire/header.ts';
import { type Message, parseMessage, type TsigRecord } from '../wire/message.ts';
import { zoneLabel } from '../wire/name.ts';
import { CLASS, EDE, type EdeCode, OPCODE, RCODE, type Rcode, TSIG_ERROR, TYPE, typeToText } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import { Writer } from '../wire/writer.ts';
import { isNewer } from '../zone/serial.ts';
import { type AnswerParts, buildAnswer, buildFormatError, buildSoaAnswer, type SignWith, udpLimit } from './answer.ts';
import type { ReceivedNotify, RefusalReason, SoaTold } from './messages.ts';
import type { Peer } from './peer.ts';
import type { PolicyState } from './policy-state.ts';
import type { FrontZones, ServedVersion } from './zones.ts';

export interface Refusal {
  readonly why: RefusalReason;
  readonly zone: string;
  readonly type: string;
  readonly identity: string | null;
  readonly rule: string;
}

/** A transfer that may begin. */
export interface AcceptedTransfer {
  readonly zone: string;
  readonly type: 'AXFR' | 'IXFR';
  readonly query: Message;
  readonly version: ServedVersion;
  readonly sign: SignWith | undefined;
  readonly identity: string | null;
  readonly rule: string;
  /** Serial that an IXFR asks from. */
  readonly from: number | null;
  /** The client is current: one SOA is the answer. */
  readonly isCurrent: boolean;
}

export type Outcome =
  | { readonly kind: 'silence' }
  | { readonly kind: 'close' }
  | {
      readonly kind: 'answer';
      readonly message: Uint8Array<ArrayBuffer>;
      readonly refusal?: Refusal;
      readonly told?: SoaTold;
    }
  | { readonly kind: 'notify'; readonly message: Uint8Array<ArrayBuffer>; readonly notify: ReceivedNotify }
  | { readonly kind: 'transfer'; readonly transfer: AcceptedTransfer };

/** Decides about one request. `now` in milliseconds. */
export function handleRequest(bytes: Bytes, peer: Peer, state: PolicyState, zones: FrontZones, now: number): Outcome {
  const header = readHeader(bytes);
  if (header === undefined) return { kind: 'close' };
  const gate = gateHeader(header);
  if (gate === 'drop') return { kind: 'silence' };
  const parsed = gate === 'accept' ? parseMessage(bytes) : undefined;
  if (parsed === undefined || !parsed.ok) {
    return {
      kind: 'answer',
      message: buildFormatError(header.id, header.opcode),
      refusal: { why: 'malformed', zone: '', type: '', identity: null, rule: 'none' },
    };
  }
  return new RequestHandler(bytes, parsed.message, peer, state, zones, now).handle();
}

class RequestHandler {
  readonly #bytes: Bytes;
  readonly #query: Message;
  readonly #peer: Peer;
  readonly #state: PolicyState;
  readonly #zones: FrontZones;
  readonly #now: number;
  readonly #zone: string;
  #identity: string | null = null;
  #rule = 'none';
  #sign: SignWith | undefined;

  constructor(bytes: Bytes, query: Message, peer: Peer, state: PolicyState, zones: FrontZones, now: number) {
    this.#bytes = bytes;
    this.#query = query;
    this.#peer = peer;
    this.#state = state;
    this.#zones = zones;
    this.#now = now;
    this.#zone = query.question === undefined ? '' : zoneLabel(query.question.name);
  }

  handle(): Outcome {
    if (this.#isMalformed()) return this.#malformed();
    const type = this.#requestType();
    if (typeof type !== 'string') return type;
    const candidates = this.#state.candidates(this.#peer);
    const isPrimary = type === 'NOTIFY' && this.#isNotifySource();
    if (candidates.length === 0 && !isPrimary) return this.#prohibit('no-rule');

    const failed = this.#authenticate();
    if (failed !== undefined) return failed;

    if (!isPrimary) {
      const key = this.#identity ?? undefined;
      const decision = this.#state.policy.decide(candidates, key, this.#zone, type);
      this.#rule = this.#state.policy.ruleName(decision.rule);
      if (decision.kind === 'drop') return { kind: 'close' };
      if (decision.kind === 'refuse') return this.#prohibit(decision.rule < 0 ? 'no-rule' : 'rule');
      if (this.#zones.get(this.#zone) !== undefined && (type === 'AXFR' || type === 'IXFR')) {
        const limited = this.#limit(decision.rule);
        if (limited !== undefined) return limited;
      }
    }
    return type === 'NOTIFY' ? this.#notify() : this.#answer(type);
  }

  /** What reads well and cannot be meant. A MAC of an impossible length is so for any key of its algorithm. */
  #isMalformed(): boolean {
    const { question, header, tsig } = this.#query;
    const algorithm = tsig && findAlgorithm(tsig.algorithm);
    if (tsig !== undefined && algorithm !== undefined && isImpossibleMac(tsig.mac, algorithm)) return true;
    if (header.opcode !== OPCODE.QUERY) return false;
    if (question?.type === TYPE.AXFR) return this.#peer.transport === 'udp';
    return question?.type === TYPE.IXFR && this.#queriedSerial() === undefined;
  }

  /** What is asked for; or the answer to what nobody can have. */
  #requestType(): RequestType | Outcome {
    const { question, header, edns } = this.#query;
    if (edns !== undefined && edns.version > 0) return this.#refuse('bad-version', { rcode: RCODE.BADVERS });
    if ((header.opcode !== OPCODE.QUERY && header.opcode !== OPCODE.NOTIFY) || question === undefined) {
      return this.#refuse('not-implemented', { rcode: RCODE.NOTIMP });
    }
    const { type } = question;
    const request =
      header.opcode === OPCODE.NOTIFY ? (type === TYPE.SOA ? 'NOTIFY' : undefined) : REQUEST_TYPES.get(type);
    if (request === undefined || question.class !== CLASS.IN) {
      const text = 'this server answers SOA, AXFR, IXFR and NOTIFY only';
      return this.#refuse('not-supported', { rcode: RCODE.REFUSED, ede: { code: EDE.NOT_SUPPORTED, text } });
    }
    return request;
  }

  /** Checks the TSIG, if any. Undefined when the request may go on. */
  #authenticate(): Outcome | undefined {
    const { tsig } = this.#query;
    if (tsig === undefined) return undefined;
    const seconds = Math.floor(this.#now / 1000);
    const verdict = verifyRequest(this.#bytes, tsig, this.#state.keys, seconds);
    switch (verdict.kind) {
      case 'valid':
        this.#identity = verdict.key.name;
        this.#sign = { key: verdict.key, mac: verdict.mac, now: seconds };
        return undefined;
      case 'malformed':
        return this.#malformed();
      case 'unsigned-error':
        return this.#refuseUnsigned(tsig, verdict.error);
      case 'signed-error': {
        const isTime = verdict.error === TSIG_ERROR.BADTIME;
        const otherData = isTime ? new Writer(6).uint48(seconds).view() : new Uint8Array(0);
        // BADTIME carries the client's time where the time goes, ours in the other data (RFC 8945 §5.2.3).
        const now = isTime ? tsig.timeSigned : seconds;
        this.#sign = { key: verdict.key, mac: verdict.mac, now, outcome: { error: verdict.error, otherData } };
        return this.#refuse(isTime ? 'bad-time' : 'bad-truncation', { rcode: RCODE.NOTAUTH });
      }
    }
  }

  #refuseUnsigned(tsig: TsigRecord, error: number): Outcome {
    const record = unsignedTsig(tsig.keyName, tsig.algorithm, tsig, this.#query.header.id, error);
    const why = error === TSIG_ERROR.BADKEY ? 'bad-key' : 'bad-signature';
    const message = buildAnswer(this.#query, { rcode: RCODE.NOTAUTH, udpSize: this.#peer.udpSize }, undefined, record);
    return { kind: 'answer', message, refusal: this.#refusal(why) };
  }

  #limit(ruleIndex: number): Outcome | undefined {
    const rule = this.#state.policy.rules[ruleIndex] as Rule;
    if (rule.rate === undefined) return undefined;
    const key = rateKey(rule.name, this.#peer.address);
    if (takeToken(this.#state.rates, key, rule.rate, this.#now)) return undefined;
    return this.#refuse('rate', {
      rcode: RCODE.SERVFAIL,
      ede: { code: EDE.OTHER, text: 'transfer rate limit reached' },
    });
  }

  #notify(): Outcome {
    if (this.#zones.get(this.#zone) === undefined) return this.#unknownZone();
    const soa = this.#query.answers.find((record) => record.type === TYPE.SOA);
    return {
      kind: 'notify',
      message: buildAnswer(
        this.#query,
        { rcode: RCODE.NOERROR, authoritative: true, udpSize: this.#peer.udpSize },
        this.#sign,
      ),
      notify: {
        zone: this.#zone,
        serial: soa && readSoaTimers(soa.rdata)?.serial,
        source: this.#peer.addressText,
      },
    };
  }

  #answer(type: 'SOA' | 'AXFR' | 'IXFR'): Outcome {
    const zone = this.#zones.get(this.#zone);
    if (zone === undefined) return this.#unknownZone();
    if (zone.kind === 'loading') {
      const ede = { code: EDE.NOT_READY, text: 'the zone is not loaded yet' };
      return this.#refuse('not-ready', { rcode: RCODE.SERVFAIL, ede });
    }
    if (zone.kind === 'expired') {
      const ede = { code: EDE.INVALID_DATA, text: 'the zone has expired' };
      return this.#refuse('expired', { rcode: RCODE.SERVFAIL, ede });
    }
    const { version } = zone;
    if (type === 'SOA') {
      const { transport, udpSize } = this.#peer;
      const limit = transport === 'udp' ? udpLimit(this.#query, udpSize) : undefined;
      return {
        kind: 'answer',
        message: buildSoaAnswer(this.#query, { ...soaOf(version, this.#now), udpSize, limit }, this.#sign),
        told: { zone: this.#zone, serial: version.handle.serial, identity: this.#identity },
      };
    }
    const from = type === 'IXFR' ? (this.#queriedSerial() ?? null) : null;
    const isCurrent = from !== null && !isNewer(version.handle.serial, from);
    return {
      kind: 'transfer',
      transfer: {
        zone: this.#zone,
        type,
        query: this.#query,
        version,
        sign: this.#sign,
        identity: this.#identity,
        rule: this.#rule,
        from,
        isCurrent,
      },
    };
  }

  /** Serial of the SOA in the authority section (RFC 1995 §3). */
  #queriedSerial(): number | undefined {
    const soa = this.#query.authorities.find((record) => record.type === TYPE.SOA);
    return soa && readSoaTimers(soa.rdata)?.serial;
  }

  #isNotifySource(): boolean {
    const prefixes: readonly Prefix[] = this.#state.notifyFrom.get(this.#zone) ?? [];
    return prefixes.some((prefix) => isInPrefix(this.#peer.address, prefix));
  }

  #unknownZone(): Outcome {
    const ede = { code: EDE.NOT_AUTHORITATIVE, text: 'this server does not hold the zone' };
    return this.#refuse('unknown-zone', { rcode: RCODE.NOTAUTH, ede });
  }

  #prohibit(why: RefusalReason): Outcome {
    return this.#refuse(why, { rcode: RCODE.REFUSED, ede: { code: EDE.PROHIBITED, text: '' } });
  }

  #malformed(): Outcome {
    this.#sign = undefined;
    return this.#refuse('malformed', { rcode: RCODE.FORMERR });
  }

  #refuse(why: RefusalReason, parts: { rcode: Rcode; ede?: { code: EdeCode; text: string } }): Outcome {
    const answer: AnswerParts = { ...parts, udpSize: this.#peer.udpSize };
    return { kind: 'answer', message: buildAnswer(this.#query, answer, this.#sign), refusal: this.#refusal(why) };
  }

  #refusal(why: RefusalReason): Refusal {
    const type = this.#query.question === undefined ? '' : typeToText(this.#query.question.type);
    return { why, zone: this.#zone, type, identity: this.#identity, rule: this.#rule };
  }
}

/** What an answer that takes its time needs of its query: id, flags, question, OPT. */
export const detachQuery = (query: Message): Message => ({ ...query, answers: [], authorities: [], tsig: undefined });

/** What a version's SOA is told with. */
export const soaOf = (version: ServedVersion, now: number): { soaRecord: Bytes; expire: number | undefined } => ({
  soaRecord: version.handle.soaRecord,
  expire: version.expiresIn(now),
});

const REQUEST_TYPES = new Map<number, RequestType>([
  [TYPE.SOA, 'SOA'],
  [TYPE.AXFR, 'AXFR'],
  [TYPE.IXFR, 'IXFR'],
]);

/** A bucket per rule and source: v4 /32, v6 /56. By the rule's name, so that a reload refills none. */
function rateKey(name: string, address: AddressBytes): Bytes {
  const isV4 = address[10] === 0xff && address[11] === 0xff && address.subarray(0, 10).every((octet) => octet === 0);
  return new Writer(64)
    .octets(Buffer.from(name))
    .octets(isV4 ? address : address.subarray(0, 7))
    .view();
}
