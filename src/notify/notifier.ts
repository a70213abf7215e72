/**
 * Tells secondaries of new versions (RFC 1996):
 *
 *     delayed --(a random while)--> waiting --(its turn)--> flying --(a moment)--> resting
 *                                      ^                      |                       |
 *                                      +---- next try is due -+-- failed: resting ----+
 *
 * An answer that matches ends it in any state, and so does the last try that fails. One job for each zone and secondary:
 * a newer version takes the place of the one before. What flies is bounded for each secondary and in all; what rests
 * costs a place in a map and one in the heap of due times.
 */
import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Bytes } from '../base/bytes.ts';
import type { Clock, Milliseconds } from '../base/clock.ts';
import type { ZoneConfig } from '../config/config.ts';
import { Scheduler } from '../net/scheduler.ts';
import { RCODE, rcodeToText } from '../wire/registry.ts';
import { readSoaTimers } from '../wire/soa.ts';
import { Carrier } from './carrier.ts';
import { buildNotify, readReply } from './message.ts';
import { type NotifyConfig, type NotifyJob, NotifyPeer, wantedPeers } from './peer.ts';
import type { Standings } from './standings.ts';

export interface NotifierDeps {
  readonly clock: Clock;
  readonly standings: Standings;
  readonly report: (event: 'notify-failed', fields: Record<string, unknown>) => void;
}

/** How tries end. */
export const NOTIFY_RESULTS = ['acknowledged', 'not-implemented', 'rejected', 'no-answer', 'not-sent'] as const;
export type NotifyResult = (typeof NOTIFY_RESULTS)[number];

/** Sent and not answered, in all and to one secondary. One that is down holds its places for `FLIGHT_MS` each. */
const MOST_FLYING = 1_000;
const MOST_FLYING_EACH = 100;
const FLIGHT_MS = 2_000;
/** Ids have 16 bits, and a random one must be easy to find. */
const MOST_AWAITING = 32_768;
/** What every server takes without EDNS over UDP (RFC 1035 §2.3.4), and any over the others. */
const LIMITS = { udp: 512, tcp: 65_535, tls: 65_535 } as const;
/** However often the backoff multiplies. */
const LONGEST_WAIT_MS = 86_400_000;

interface Served {
  readonly serial: number;
  readonly soaRecord: Bytes;
}

export class Notifier {
  readonly results: Record<NotifyResult, number> = {
    acknowledged: 0,
    'not-implemented': 0,
    rejected: 0,
    'no-answer': 0,
    'not-sent': 0,
  };
  readonly #deps: NotifierDeps;
  readonly #carrier: Carrier;
  readonly #scheduler: Scheduler;
  readonly #peers = new Map<string, NotifyPeer>();
  readonly #jobs = new Map<string, NotifyJob>();
  readonly #served = new Map<string, Served>();
  /** Zone and secondary whose failure was told. */
  readonly #told = new Set<string>();
  /** With something in their line, the next to send first. */
  readonly #ready = new Set<NotifyPeer>();
  #zones: ReadonlyMap<string, ZoneConfig> = new Map();
  #flying = 0;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
    this.#scheduler = new Scheduler(deps.clock, (key) => this.#wake(key));
    this.#carrier = new Carrier({
      message: (peer, message) => this.#receive(peer, message),
      failed: (job, why) => this.#failTry(job, 'not-sent', why),
      streamEnded: (peer, why, wasUsed) => this.#streamEnded(peer, why, wasUsed),
    });
  }

  /** NOTIFYs under way go on, but for secondaries whose settings changed: those are told anew. Throws where a file cannot be read. */
  configure(config: NotifyConfig): void {
    const wanted = wantedPeers(config);
    this.#zones = config.zones;
    const kept = new Set<NotifyPeer>();
    for (const peer of this.#peers.values()) {
      if (isDeepStrictEqual(peer.settings, wanted.get(peer.name))) kept.add(peer);
    }
    for (const [key, job] of this.#jobs) {
      if (!kept.has(job.peer) || !this.#isListed(job.zone, job.peer.name)) this.#drop(key, job);
    }
    for (const peer of this.#peers.values()) {
      if (kept.has(peer)) continue;
      this.#peers.delete(peer.name);
      this.#ready.delete(peer);
      this.#carrier.remove(peer);
    }
    const fresh = new Set<string>();
    for (const [name, settings] of wanted) {
      if (this.#peers.has(name)) continue;
      const peer = new NotifyPeer(settings);
      this.#peers.set(name, peer);
      this.#carrier.add(peer);
      fresh.add(name);
    }
    for (const key of this.#told) if (!this.#isListed(...splitKey(key))) this.#told.delete(key);
    for (const zone of this.#served.keys()) this.#tellZone(zone, fresh);
    this.#pump();
  }

  /** A version is served. The one that was served before, as after a move in memory, changes nothing. */
  served(zone: string, serial: number, soaRecord: Bytes): void {
    if (this.#served.get(zone)?.serial === serial) return;
    this.#served.set(zone, { serial, soaRecord });
    this.#tellZone(zone);
    this.#pump();
  }

  /** It is not served any more: there is nothing to come for. */
  withdrawn(zone: string): void {
    if (!this.#served.delete(zone)) return;
    for (const name of this.#zones.get(zone)?.secondaries ?? []) {
      const key = keyOf(zone, name);
      const job = this.#jobs.get(key);
      if (job !== undefined) this.#drop(key, job);
    }
  }

  /** NOTIFYs that are not at an end, by secondary. */
  pending(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { peer } of this.#jobs.values()) counts.set(peer.name, (counts.get(peer.name) ?? 0) + 1);
    return counts;
  }

  stop(): void {
    this.#scheduler.stop();
    for (const job of this.#jobs.values()) job.state = 'over';
    this.#jobs.clear();
    this.#ready.clear();
    this.#carrier.close();
  }

  /** `fresh`: secondaries whose settings are new, so that a failure under the old ones says nothing. */
  #tellZone(zone: string, fresh: ReadonlySet<string> = new Set()): void {
    const served = this.#served.get(zone);
    const config = this.#zones.get(zone);
    if (served === undefined || config === undefined) return;
    for (const name of config.secondaries) {
      const peer = this.#peers.get(name);
      if (peer === undefined) continue;
      const told = this.#deps.standings.notifyOf(zone, name);
      const isOver = told?.serial === served.serial && told.outcome !== 'pending';
      if (isOver && !(fresh.has(name) && told.outcome === 'failed')) continue;
      this.#begin(keyOf(zone, name), config, peer, served);
    }
  }

  #begin(key: string, { name: zone, apex }: ZoneConfig, peer: NotifyPeer, served: Served): void {
    const before = this.#jobs.get(key);
    if (before?.serial === served.serial) return;
    // What has not been sent keeps its turn: else a zone that changes all the time would never have one.
    if (before !== undefined && before.tries === 0) {
      Object.assign(before, served);
      return;
    }
    if (before !== undefined) this.#drop(key, before);
    const job: NotifyJob = {
      zone,
      apex,
      peer,
      ...served,
      state: 'delayed',
      tries: 0,
      id: undefined,
      mac: new Uint8Array(0),
      dueAt: 0,
      why: '',
      hasBeenRetried: false,
    };
    this.#jobs.set(key, job);
    const delay = this.#randomDelay(peer, served);
    if (delay === 0) this.#enqueue(job);
    else this.#scheduler.set(key, this.#deps.clock.now() + delay);
  }

  /** Never longer than the refresh, at which the secondary comes by itself (RFC 1996 §4.3). */
  #randomDelay({ settings }: NotifyPeer, { soaRecord }: Served): Milliseconds {
    const most = settings.secondary.notifyDelayMs;
    const refresh = (readSoaTimers(soaRecord)?.refresh ?? 0) * 1000;
    return most === 0 ? 0 : randomInt(Math.min(most, refresh, LONGEST_WAIT_MS) + 1);
  }

  #enqueue(job: NotifyJob): void {
    job.state = 'waiting';
    job.peer.line.add(job);
    this.#ready.add(job.peer);
  }

  /** Each secondary in its turn, one NOTIFY at a time. */
  #pump(): void {
    const full: NotifyPeer[] = [];
    for (const peer of this.#ready) {
      if (this.#flying >= MOST_FLYING) break;
      this.#ready.delete(peer);
      if (peer.flying >= MOST_FLYING_EACH || peer.awaiting.size >= MOST_AWAITING) {
        full.push(peer);
        continue;
      }
      const job = peer.line.next();
      if (job === undefined) continue;
      this.#send(job);
      this.#ready.add(peer);
    }
    for (const peer of full) this.#ready.add(peer);
  }

  #send(job: NotifyJob): void {
    const { peer, zone, apex, soaRecord, serial } = job;
    const { secondary, key } = peer.settings;
    const now = this.#deps.clock.now();
    // A try that was not answered is sent again as it was, so that a late answer counts.
    if (job.id === undefined) {
      job.id = freeId(peer);
      peer.awaiting.set(job.id, job);
    }
    const edns = secondary.edns && !peer.refusesEdns;
    const limit = LIMITS[secondary.transport];
    const { message, mac } = buildNotify({ id: job.id, apex, soaRecord, key, edns, limit }, Math.floor(now / 1000));
    job.mac = mac;
    job.tries++;
    job.why = '';
    job.state = 'flying';
    peer.flying++;
    this.#flying++;
    const { timeoutMs, backoff } = secondary.notifyRetry;
    const wait = Math.min(timeoutMs * backoff ** (job.tries - 1), LONGEST_WAIT_MS);
    job.dueAt = now + wait;
    this.#scheduler.set(keyOf(zone, peer.name), now + Math.min(wait, FLIGHT_MS));
    this.#deps.standings.notifySent(zone, peer.name, serial, job.tries, now);
    this.#carrier.send(job, message);
  }

  #wake(key: string): void {
    const job = this.#jobs.get(key);
    if (job === undefined) return;
    if (job.state === 'delayed') this.#enqueue(job);
    else if (this.#deps.clock.now() < job.dueAt) {
      this.#land(job);
      this.#scheduler.set(key, job.dueAt);
    } else {
      this.#land(job);
      // Without an id it has failed before its time, and was counted then.
      if (job.id !== undefined) this.#count('no-answer');
      const { tries } = job.peer.settings.secondary.notifyRetry;
      if (job.tries >= tries) this.#fail(key, job, job.why === '' ? 'no answer' : job.why);
      else this.#enqueue(job);
    }
    this.#pump();
  }

  #receive(peer: NotifyPeer, message: Bytes): void {
    const job =
      message.length < 2 ? undefined : peer.awaiting.get(((message[0] as number) << 8) | (message[1] as number));
    if (job?.id === undefined) return;
    const { apex, id, mac } = job;
    const now = this.#deps.clock.now();
    const reply = readReply(message, { id, apex, mac, key: peer.settings.key }, Math.floor(now / 1000));
    if (reply.kind === 'foreign') {
      // Anybody could have sent it: the right one may still come.
      job.why = reply.why;
      return;
    }
    peer.isSilenceTold = false;
    const { rcode } = reply;
    const key = keyOf(job.zone, peer.name);
    if (rcode === RCODE.FORMERR && peer.settings.secondary.edns && !peer.refusesEdns) {
      // It does not know OPT: again without it, at once (RFC 6891 §6.2.2 has FORMERR for that).
      peer.refusesEdns = true;
      this.#again(job);
    } else if (rcode === RCODE.NOERROR || rcode === RCODE.NOTIMP) this.#acknowledge(key, job, rcode);
    else this.#reject(key, job, rcode);
    this.#pump();
  }

  /** NOTIMP is as good: it will come by itself at its refresh (RFC 1996 §3.12). */
  #acknowledge(key: string, job: NotifyJob, rcode: number): void {
    const outcome = rcode === RCODE.NOERROR ? 'acknowledged' : 'not-implemented';
    this.#count(outcome);
    this.#deps.standings.notifyDone(job.zone, job.peer.name, outcome, rcodeToText(rcode));
    this.#told.delete(key);
    this.#drop(key, job);
  }

  #reject(key: string, job: NotifyJob, rcode: number): void {
    this.#failTry(job, 'rejected', `it answered ${rcodeToText(rcode)}`);
    // Another copy of that answer must not count for the next try.
    this.#forgetId(job);
    if (job.tries >= job.peer.settings.secondary.notifyRetry.tries) this.#fail(key, job, job.why, rcodeToText(rcode));
  }

  /** The next try keeps to its time, however soon this one has failed. */
  #failTry(job: NotifyJob, result: NotifyResult, why: string): void {
    if (job.state === 'over') return;
    this.#count(result);
    job.why = why;
    this.#land(job);
    if (result === 'not-sent') this.#forgetId(job);
    if (job.state === 'resting') this.#scheduler.set(keyOf(job.zone, job.peer.name), job.dueAt);
    this.#pump();
  }

  #streamEnded(peer: NotifyPeer, why: string, wasUsed: boolean): void {
    for (const job of [...peer.awaiting.values()]) {
      // Closed as it became idle, it may be, while this one was on its way.
      if (wasUsed && !job.hasBeenRetried) {
        job.hasBeenRetried = true;
        this.#again(job);
      } else this.#failTry(job, 'not-sent', why);
    }
    this.#pump();
  }

  /** Sends it again at once; the try before does not count. */
  #again(job: NotifyJob): void {
    this.#land(job);
    this.#forgetId(job);
    if (job.state !== 'resting') return;
    job.tries--;
    this.#enqueue(job);
  }

  #fail(key: string, job: NotifyJob, why: string, rcode: string | null = null): void {
    const { zone, peer, serial } = job;
    this.#deps.standings.notifyFailed(zone, peer.name, why, rcode);
    this.#drop(key, job);
    // Silence is the secondary's, an answer is the zone's: each is told once until it is over.
    const isSilence = rcode === null;
    if (isSilence ? peer.isSilenceTold : this.#told.has(key)) return;
    if (isSilence) peer.isSilenceTold = true;
    else this.#told.add(key);
    this.#deps.report('notify-failed', { zone, secondary: peer.name, serial, tries: job.tries, why });
  }

  #drop(key: string, job: NotifyJob): void {
    this.#land(job);
    this.#forgetId(job);
    job.state = 'over';
    this.#jobs.delete(key);
    this.#scheduler.delete(key);
    // The next burst has other ports.
    if (this.#jobs.size === 0) this.#carrier.rest();
  }

  #land(job: NotifyJob): void {
    if (job.state !== 'flying') return;
    job.state = 'resting';
    job.peer.flying--;
    this.#flying--;
  }

  #forgetId(job: NotifyJob): void {
    if (job.id !== undefined) job.peer.awaiting.delete(job.id);
    job.id = undefined;
  }

  #count(result: NotifyResult): void {
    this.results[result]++;
  }

  #isListed(zone: string, secondary: string): boolean {
    return this.#peers.has(secondary) && this.#zones.get(zone)?.secondaries.includes(secondary) === true;
  }
}

/** A zone's label has no space of its own: it would be escaped. */
const keyOf = (zone: string, secondary: string): string => `${zone} ${secondary}`;

const splitKey = (key: string): [string, string] => {
  const mark = key.indexOf(' ');
  return [key.slice(0, mark), key.slice(mark + 1)];
};

function freeId({ awaiting }: NotifyPeer): number {
  for (;;) {
    const id = randomInt(0x1_0000);
    if (!awaiting.has(id)) return id;
  }
}
