/**
 * From a request's octets to what is done about it, in the order of INTERFACE.md's "What bad input gets": form, then
 * where it comes from, then who sent it, then what it may have, then whether it may have it now.
 */
import type { Bytes } from '../base/bytes.ts';
import type { Milliseconds } from '../base/clock.ts';
import type { Facts } from '../policy/decision.ts';
import { isInOrder } from '../policy/limits/last-signed.ts';
import { limitKey } from '../policy/limits/limit-key.ts';
import { takeToken } from '../policy/limits/rate.ts';
import type { OriginView } from '../policy/policy.ts';
import { isInPrefix, type Prefix } from '../policy/prefix.ts';
import type { Rule } from '../policy/rule.ts';
import type { RefusalAnswer, RequestType } from '../policy/rule-config.ts';
import { findAlgorithm } from '../tsig/algorithm.ts';
import { unsignedTsig } from '../tsig/signer.ts';
import { isImpossibleMac, verifyRequest } from '../tsig/verifier.ts';
import { gateHeader, readHeader } from '../wire/header.ts';
import { type Message, parseMessage, type Sig0Record, type TsigRecord } from '../wire/message.ts';
import { zoneLabel } from '../wire/name.ts';
import { CLASS, EDE, OPCODE, RCODE, TSIG_ERROR, TYPE, typeToText } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import { Writer } from '../wire/writer.ts';
import { isNewer } from '../zone/serial.ts';
import {
  type AnswerParts,
  buildAnswer,
  buildFormatError,
  buildSoaAnswer,
  type Manner,
  type SignWith,
  udpLimit,
} from './answer.ts';
import type { RefusalReason } from './messages.ts';
import { type Outcome, type Refusal, type RequestContext, soaOf, type TransferFacts } from './outcome.ts';
import type { Peer } from './peer.ts';
import type { PolicyState } from './policy-state.ts';
import type { RelayTarget } from './relay.ts';
import { proofOf } from './transfer-report.ts';
import type { FrontZones } from './zones.ts';

/** Decides about one request. */
export function handleRequest(bytes: Bytes, context: RequestContext): Outcome {
  const header = readHeader(bytes);
  if (header === undefined) return { kind: 'close' };
  const gate = gateHeader(header);
  if (gate === 'drop') return { kind: 'silence' };
  const parsed = gate === 'accept' ? parseMessage(bytes) : undefined;
  if (parsed === undefined || !parsed.ok) {
    return {
      kind: 'answer',
      message: buildFormatError(header.id, header.opcode),
      refusal: { why: 'malformed', zone: '', type: '', identity: null, rule: 'none', secondaries: [] },
    };
  }
  const outcome = new RequestHandler(bytes, parsed.message, context).handle();
  return context.keepalive === 0 && parsed.message.edns?.keepalive ? { ...outcome, isLast: true } : outcome;
}

class RequestHandler {
  readonly #bytes: Bytes;
  #query: Message;
  readonly #context: RequestContext;
  readonly #peer: Peer;
  readonly #state: PolicyState;
  readonly #zones: FrontZones;
  readonly #now: Milliseconds;
  readonly #zone: string;
  readonly #manner: Manner;
  /** Canonical name of the key whose MAC held. */
  #key: string | undefined;
  /** Canonical name of the SIG(0) key whose signature held. */
  #sig0: string | undefined;
  #rule = 'none';
  #sign: SignWith | undefined;

  constructor(bytes: Bytes, query: Message, context: RequestContext) {
    this.#bytes = bytes;
    this.#query = query;
    this.#context = context;
    this.#peer = context.peer;
    this.#state = context.state;
    this.#zones = context.zones;
    this.#now = context.now;
    this.#zone = query.question === undefined ? '' : zoneLabel(query.question.name);
    const { transport, udpSize } = this.#peer;
    const padding = transport === 'tls' ? this.#state.paddingOf(this.#zone) : undefined;
    this.#manner = { udpSize, keepalive: context.keepalive, padding };
  }

  handle(): Outcome {
    if (this.#isMalformed()) return this.#malformed();
    const type = this.#requestType();
    if (typeof type !== 'string') return type;
    this.#leaveOutOpt();
    const view = this.#state.view(this.#peer);
    if (type === 'NOTIFY' && this.#isNotifySource()) return this.#authenticate() ?? this.#notify();
    if (!view.isKnown) return this.#refuseStranger(view, type);
    return this.#authenticate() ?? this.#decide(view, type);
  }

  /** No rule matches it, whoever it is. */
  #refuseStranger(view: OriginView, type: RequestType): Outcome {
    if (view.isShadowed && this.#authenticate() === undefined) {
      this.#tell(this.#state.policy.decide(view, this.#facts(type)).shadows, type);
    }
    this.#key = undefined;
    this.#sig0 = undefined;
    this.#sign = undefined;
    return this.#prohibit('no-rule');
  }

  #decide(view: OriginView, type: RequestType): Outcome {
    const { policy, tallies } = this.#state;
    const facts = this.#facts(type);
    const { kind, rule: place, shadows } = policy.decide(view, facts);
    this.#tell(shadows, type);
    this.#rule = policy.ruleName(place);
    const rule = policy.rules[place];
    if (rule === undefined) return this.#prohibit('no-rule');
    if (!this.#context.isDelayed) tallies.hit(place, this.#now);
    switch (kind === 'delay' && this.#context.isDelayed ? rule.config.delay?.next : kind) {
      case 'drop':
        return { kind: 'close', refusal: this.#refusal('dropped') };
      case 'delay':
        return {
          kind: 'delay',
          ...(rule.config.delay ?? NO_DELAY),
          rule: rule.name,
          refusal: this.#refusal('dropped'),
        };
      case 'allow':
        return this.#allow(rule, facts, type);
      default:
        return this.#refuseAsTold(rule.config.answer);
    }
  }

  #allow(rule: Rule, facts: Facts, type: RequestType): Outcome {
    if (type === 'NOTIFY') return this.#notify();
    const relay = this.#relay;
    const isLimited = type !== 'SOA' && (relay !== undefined || this.#zones.get(this.#zone) !== undefined);
    const limited = isLimited ? this.#limit(rule, facts) : undefined;
    if (limited !== undefined) return limited;
    return relay === undefined ? this.#answer(type, rule, facts) : this.#pass(type, relay, rule, facts);
  }

  #tell(shadows: readonly number[], type: RequestType): void {
    // They were told of when the request came.
    if (this.#context.isDelayed) return;
    for (const place of shadows) {
      const rule = this.#state.policy.rules[place] as Rule;
      this.#state.tallies.shadowHit(place, this.#now);
      const hit = { action: rule.config.action, zone: this.#zone, type, identity: this.#identity, rule: rule.name };
      this.#context.onShadow(hit);
    }
  }

  #facts(type: RequestType): Facts {
    const { address: source, transport, listener, certificate } = this.#peer;
    const asked = { zone: this.#zone, type, now: this.#now };
    return { source, transport, listener, certificate, key: this.#key, sig0: this.#sig0, ...asked };
  }

  /** What the client has proved to be, for logs. */
  get #identity(): string | null {
    const { certificate } = this.#peer;
    return this.#key ?? this.#sig0 ?? certificate?.names[0] ?? certificate?.pin ?? null;
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
    if (edns !== undefined && edns.version > 0) {
      const ede = { code: EDE.OTHER, text: 'EDNS version 0 only' };
      return this.#refuse('bad-version', { rcode: RCODE.BADVERS, ede });
    }
    if ((header.opcode !== OPCODE.QUERY && header.opcode !== OPCODE.NOTIFY) || question === undefined) {
      const ede = { code: EDE.NOT_SUPPORTED, text: 'queries and NOTIFY only' };
      return this.#refuse('not-implemented', { rcode: RCODE.NOTIMP, ede });
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

  /** For a secondary that cannot read it: the query is then answered as if it had none. */
  #leaveOutOpt(): void {
    if (!this.#state.hasPlainSecondaries || this.#query.edns === undefined) return;
    if (!this.#state.termsOf(this.#secondaries).edns) this.#query = { ...this.#query, edns: undefined };
  }

  /** Checks the TSIG, if any. Undefined when the request may go on. */
  #authenticate(): Outcome | undefined {
    const { tsig, sig0 } = this.#query;
    if (sig0 !== undefined) return this.#authenticateSig0(sig0);
    if (tsig === undefined) return undefined;
    const seconds = Math.floor(this.#now / 1000);
    const verdict = verifyRequest(
      this.#bytes,
      tsig,
      this.#state.keys,
      seconds,
      (key, time) => this.#context.isDelayed === true || isInOrder(this.#state.signedTimes, key, time),
    );
    switch (verdict.kind) {
      case 'valid':
        this.#key = verdict.key.name;
        this.#sign = { key: verdict.key, mac: verdict.mac, now: seconds };
        // Only now it is known who that is.
        this.#leaveOutOpt();
        return undefined;
      case 'malformed':
        return this.#malformed();
      case 'unsigned-error':
        // A key of theirs that is none of ours is between them and the primary (RFC 8945 §5.5).
        if (verdict.error === TSIG_ERROR.BADKEY && this.#relay?.unknownKeys === 'forward') return undefined;
        return this.#refuseUnsigned(tsig, verdict.error);
      case 'signed-error': {
        const isTime = verdict.error === TSIG_ERROR.BADTIME;
        const otherData = isTime ? new Writer(6).uint48(seconds).view() : new Uint8Array(0);
        // BADTIME carries the client's time where the time goes, ours in the other data (RFC 8945 §5.2.3).
        const now = isTime ? tsig.timeSigned : seconds;
        this.#sign = { key: verdict.key, mac: verdict.mac, now, outcome: { error: verdict.error, otherData } };
        const ede = { code: EDE.OTHER, text: isTime ? 'TSIG: BADTIME' : 'TSIG: BADTRUNC' };
        return this.#refuse(isTime ? 'bad-time' : 'bad-truncation', { rcode: RCODE.NOTAUTH, ede });
      }
    }
  }

  /** RFC 2931 has no errors of its own: what TSIG's are called, and why. The answer is not signed. */
  #authenticateSig0(sig0: Sig0Record): Outcome | undefined {
    const verdict = this.#state.sig0Keys.verify(this.#bytes, sig0, Math.floor(this.#now / 1000));
    if (verdict.kind === 'valid') {
      this.#sig0 = verdict.key;
      return undefined;
    }
    if (verdict.why === 'unknown-key' && this.#relay?.unknownKeys === 'forward') return undefined;
    const why = verdict.why === 'unknown-key' ? 'bad-key' : verdict.why;
    const ede = { code: EDE.OTHER, text: `SIG(0): ${SIG0_TEXTS[verdict.why]}` };
    return this.#refuse(why, { rcode: RCODE.NOTAUTH, ede });
  }

  #refuseUnsigned(tsig: TsigRecord, error: number): Outcome {
    const record = unsignedTsig(tsig.keyName, tsig.algorithm, tsig, this.#query.header.id, error);
    const why = error === TSIG_ERROR.BADKEY ? 'bad-key' : 'bad-signature';
    const ede = { code: EDE.OTHER, text: error === TSIG_ERROR.BADKEY ? 'TSIG: BADKEY' : 'TSIG: BADSIG' };
    const message = buildAnswer(this.#query, { rcode: RCODE.NOTAUTH, ede, manner: this.#manner }, undefined, record);
    return { kind: 'answer', message, refusal: this.#refusal(why) };
  }

  #limit({ name, config }: Rule, facts: Facts): Outcome | undefined {
    const { rate } = config.limits;
    if (rate === undefined) return undefined;
    if (takeToken(this.#state.rates, limitKey('rate', name, rate.per, facts), rate, this.#now)) return undefined;
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
        { rcode: RCODE.NOERROR, authoritative: true, manner: this.#manner },
        this.#sign,
      ),
      notify: {
        zone: this.#zone,
        serial: soa && readSoaTimers(soa.rdata)?.serial,
        source: this.#peer.addressText,
      },
    };
  }

  #answer(type: 'SOA' | 'AXFR' | 'IXFR', rule: Rule, facts: Facts): Outcome {
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
        message: buildSoaAnswer(this.#query, { ...soaOf(version, this.#now), manner: this.#manner, limit }, this.#sign),
        told: {
          zone: this.#zone,
          serial: version.handle.serial,
          secondaries: this.#secondaries,
          proof: proofOf(facts),
        },
      };
    }
    const told = this.#transferFacts(type, rule, facts);
    const { from } = told;
    const isCurrent = from !== null && !isNewer(version.handle.serial, from);
    return {
      kind: 'transfer',
      transfer: {
        ...told,
        type,
        query: this.#query,
        manner: this.#manner,
        version,
        sign: this.#sign,
        format: this.#state.termsOf(told.secondaries).format,
        isCurrent,
      },
    };
  }

  /** To the primary, as it came. Over UDP only what has one message for an answer. */
  #pass(type: 'SOA' | 'AXFR' | 'IXFR', target: RelayTarget, rule: Rule, facts: Facts): Outcome {
    if (type !== 'SOA' && this.#peer.transport === 'udp') {
      const parts = { rcode: RCODE.NOERROR, truncated: true, manner: this.#manner };
      return { kind: 'answer', message: buildAnswer(this.#query, parts, this.#sign) };
    }
    const told = this.#transferFacts(type, rule, facts);
    const { manner, sign } = { manner: this.#manner, sign: this.#sign };
    return { kind: 'relay', request: { ...told, type, bytes: this.#bytes, query: this.#query, target, manner, sign } };
  }

  #transferFacts(type: RequestType, rule: Rule, facts: Facts): TransferFacts {
    return {
      zone: this.#zone,
      identity: this.#identity,
      rule: this.#rule,
      facts,
      allowedBy: rule,
      secondaries: this.#secondaries,
      from: type === 'IXFR' ? (this.#queriedSerial() ?? null) : null,
    };
  }

  /** Where the zone is relayed to; undefined where it is not. */
  get #relay(): RelayTarget | undefined {
    return this.#state.relays.get(this.#zone);
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

  /** Who it is among the zone's secondaries. */
  get #secondaries(): readonly string[] {
    return this.#state.secondaries(this.#zone, this.#peer, this.#key);
  }

  #refuseAsTold(told: RefusalAnswer | undefined): Outcome {
    if (told === undefined) return this.#prohibit('rule');
    const { rcode, ede, text } = told;
    return this.#refuse('rule', { rcode, ...(ede !== undefined && { ede: { code: ede, text } }) });
  }

  #prohibit(why: RefusalReason): Outcome {
    return this.#refuse(why, { rcode: RCODE.REFUSED, ede: { code: EDE.PROHIBITED, text: '' } });
  }

  #malformed(): Outcome {
    this.#sign = undefined;
    return this.#refuse('malformed', { rcode: RCODE.FORMERR, ede: { code: EDE.OTHER, text: 'malformed' } });
  }

  #refuse(why: RefusalReason, parts: { rcode: number; ede?: { code: number; text: string } }): Outcome {
    const answer: AnswerParts = { ...parts, manner: this.#manner };
    return { kind: 'answer', message: buildAnswer(this.#query, answer, this.#sign), refusal: this.#refusal(why) };
  }

  #refusal(why: RefusalReason): Refusal {
    const type = this.#query.question === undefined ? '' : typeToText(this.#query.question.type);
    return {
      why,
      zone: this.#zone,
      type,
      identity: this.#identity,
      rule: this.#rule,
      secondaries: this.#secondaries,
    };
  }
}

/** The configuration was checked: a rule that delays says how long. */
const NO_DELAY = { byMs: 0, atMost: 0, next: 'refuse' } as const;

const SIG0_TEXTS = {
  'unknown-key': 'the key is not known',
  'bad-signature': 'the signature does not hold',
  'bad-time': 'it is not valid now',
} as const;

const REQUEST_TYPES = new Map<number, RequestType>([
  [TYPE.SOA, 'SOA'],
  [TYPE.AXFR, 'AXFR'],
  [TYPE.IXFR, 'IXFR'],
]);
