/** What a front knows, made by hand: zones in each state, rules, keys; and what its answers say. */
import assert from 'node:assert/strict';
import type { AnswerWish, PolicyUpdate } from '../../src/front/messages.ts';
import type { Outcome, RequestContext, ShadowHit } from '../../src/front/outcome.ts';
import { makePeer, type Peer } from '../../src/front/peer.ts';
import { handleRequest } from '../../src/front/pipeline.ts';
import { PolicyState } from '../../src/front/policy-state.ts';
import { FrontZones } from '../../src/front/zones.ts';
import type { ClientCertificate } from '../../src/policy/decision.ts';
import { newRateTable, type RateTable } from '../../src/policy/limits/rate.ts';
import type { RuleConfig } from '../../src/policy/rule-config.ts';
import type { TsigKey } from '../../src/tsig/key.ts';
import type { VersionHandle } from '../../src/zone/version.ts';
import { type DecodedMessage, decodeMessage } from './message-decoder.ts';
import type { RawRecord } from './raw-messages.ts';
import { policyUpdate } from './rules.ts';
import { type ReadTsig, readTsig } from './tsig-messages.ts';
import { Bench, streamOf, zoneSoa } from './zone-building.ts';

export const NOW = 1_700_000_000_000;
export const SECONDS = NOW / 1000;

export interface WorldOptions
  extends Partial<Pick<PolicyUpdate, 'sets' | 'signedTimes' | 'groups' | 'secondaries' | 'secondariesOf' | 'padding'>> {
  readonly rules: readonly RuleConfig[];
  readonly keys?: readonly TsigKey[];
  readonly notifyFrom?: ReadonlyMap<string, readonly string[]>;
}

export class FrontWorld {
  readonly leases = new Int32Array(new SharedArrayBuffer(64));
  readonly expiries = new Float64Array(16).fill(Number.POSITIVE_INFINITY);
  /** What fronts asked control for. */
  readonly wishes: AnswerWish[] = [];
  readonly shadows: ShadowHit[] = [];
  readonly zones = new FrontZones(this.leases, this.expiries, (wish) => this.wishes.push(wish));
  readonly rates: RateTable = newRateTable();
  readonly state: PolicyState;
  readonly #bench = new Bench();

  constructor({ rules, keys = [], notifyFrom = new Map(), ...more }: WorldOptions) {
    const update = policyUpdate(rules, { keys: new Map(keys.map((key) => [key.name, key])), notifyFrom, ...more });
    this.state = new PolicyState(update, this.rates, 0);
  }

  /** Serves a zone of these records. */
  serve(zone: string, apex: Buffer, records: readonly RawRecord[], serial = 7, frameSize = 16_000): VersionHandle {
    const bench = this.#bench;
    const soa = zoneSoa(apex, serial);
    const groups = [soa, ...records, soa].map((record) => [record]);
    const version = bench.assemble(
      bench.batches([streamOf(groups, false)], { apex, frameSize }),
      apex,
      frameSize,
    ).version;
    this.zones.set(
      zone,
      { kind: 'served', version, lease: 0, serials: [], step: undefined },
      bench.slabs.report().opened,
    );
    return version;
  }

  ask(request: Uint8Array, from: Peer = peer(), now = NOW): Outcome {
    return handleRequest(request, this.context(from, now));
  }

  /** The request whose delay is over. */
  again(request: Uint8Array, from: Peer = peer()): Outcome {
    return handleRequest(request, this.context(from, NOW, true));
  }

  context(peer: Peer, now = NOW, isDelayed = false): RequestContext {
    const onShadow = (hit: ShadowHit): unknown => this.shadows.push(hit);
    return { peer, state: this.state, zones: this.zones, now, isDelayed, onShadow };
  }
}

export function peer(
  address = '192.0.2.1',
  transport: Peer['transport'] = 'tcp',
  certificate?: ClientCertificate,
): Peer {
  const made = makePeer(transport, address, { listener: '127.0.0.1#53', certificate });
  assert.ok(made !== undefined);
  return made;
}

export interface ReadAnswer {
  readonly decoded: DecodedMessage;
  /** With the upper bits of the OPT record. */
  readonly rcode: number;
  /** undefined without OPT. */
  readonly opt: { readonly udpSize: number; readonly ede: { code: number; text: string } | undefined } | undefined;
  readonly tsig: ReadTsig | undefined;
}

export function readAnswer(message: Uint8Array): ReadAnswer {
  const decoded = decodeMessage(message);
  const opt = decoded.additionals.find(({ type }) => type === 41);
  const extended = opt === undefined ? 0 : opt.ttl >>> 24;
  return {
    decoded,
    rcode: (extended << 4) | (decoded.flags & 0xf),
    opt: opt && { udpSize: opt.class, ede: readEde(opt.rdata) },
    tsig: readTsig(Buffer.from(message)),
  };
}

function readEde(options: Buffer): { code: number; text: string } | undefined {
  for (let at = 0; at < options.length; ) {
    const end = at + 4 + options.readUInt16BE(at + 2);
    if (options.readUInt16BE(at) === 15) {
      return { code: options.readUInt16BE(at + 4), text: options.toString('utf8', at + 6, end) };
    }
    at = end;
  }
  return undefined;
}
