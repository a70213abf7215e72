/**
 * One look at a primary: SOA query, and when it has something newer IXFR, else AXFR, over connections that all zones
 * share. Addresses are tried in order, or the highest serial first; the first that has the zone and is not behind decides.
 */
import type { Clock, Milliseconds } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { Address, ServerPrimary, ZoneConfig } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { TsigKey } from '../tsig/key.ts';
import { RCODE } from '../wire/registry.ts';
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import { type ClientStep, TransferClient } from '../xfr/client.ts';
import { type BuiltQuery, buildQuery, type EdnsQuery } from '../xfr/client-query.ts';
import { compareSerials, isNewer } from '../zone/serial.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { VersionHandle } from '../zone/version.ts';
import { type Differences, type IxfrReceived, IxfrReceiver } from './ixfr-receiver.ts';
import type { Learned } from './learned.ts';
import type { TransferHandle } from './link-exchange.ts';
import type { PrimaryLinks } from './links.ts';
import { type Received, Receiver, type ReceiverDeps } from './receiver.ts';

export interface RefreshDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly clock: Clock;
  readonly links: PrimaryLinks;
  readonly learned: Learned;
}

export interface RefreshRequest {
  readonly zone: ZoneConfig;
  readonly primary: ServerPrimary;
  readonly key: TsigKey | undefined;
  /** The primary's serial of what we have; undefined takes whatever the primary has. */
  readonly serial: number | undefined;
  /** What we have: along its fences a whole zone is packed. */
  readonly base: VersionHandle | undefined;
  /** Differences will do; a zone that is newer, but whole; or a whole zone, whatever its serial. */
  readonly wants: 'differences' | 'newer' | 'whole';
  /** A transfer that has ended, on whose connection to go on (RFC 9103 §7.10.2). */
  readonly after?: Continuation | undefined;
  /** Address text to ask first: who sent the NOTIFY. */
  readonly first: string | undefined;
  /** A serial that is not to be transferred again. */
  readonly refused?: number | undefined;
}

/** Where differences came from that turned out not to fit. */
export interface Continuation {
  readonly address: Address;
  readonly handle: TransferHandle | undefined;
  readonly serial: number;
  /** What is wrong with them. */
  readonly why?: string;
}

export type Transfer = Extract<Received, { kind: 'done' }> | Differences;

export type RefreshResult =
  | { readonly kind: 'current'; readonly expireS: number | undefined }
  | {
      readonly kind: 'received';
      readonly transfer: Transfer;
      readonly address: string;
      readonly expireS: number | undefined;
      readonly continuation: Continuation;
      /** Why differences did not do, where they were asked for and a whole zone was taken. */
      readonly ixfrFailure: string | undefined;
    }
  /** No address had something newer, and one had an older serial, or one at the undefined distance of 2^31. */
  | {
      readonly kind: 'behind';
      readonly serial: number;
      readonly order: 'older' | 'undefined';
      readonly address: string;
    }
  | { readonly kind: 'refused-before' }
  /** The primary was reached, and what it sent cannot be taken. */
  | {
      readonly kind: 'rejected';
      readonly serial: number;
      readonly why: string;
      readonly address: string;
      /** What came is whole and valid, and not newer than what we have. */
      readonly isNotNewer?: true;
    }
  | { readonly kind: 'failed'; readonly why: string };

const EDNS: EdnsQuery = { udpSize: 1232, expire: true, keepalive: true };
/** How long a SOA answer may take. */
const ANSWER_MS = 10_000;

export async function refresh(deps: RefreshDeps, request: RefreshRequest): Promise<RefreshResult> {
  const { after, primary } = request;
  if (after !== undefined) return new Attempt(deps, request, after.address).whole(after);
  const attempts = orderAddresses(primary.addresses, request.first).map((one) => new Attempt(deps, request, one));
  if (primary.selection === 'highest-serial' && attempts.length > 1) await sortByHighest(attempts);
  const failures: string[] = [];
  let behind: RefreshResult | undefined;
  for (const attempt of attempts) {
    const result = await attempt.run();
    if (result.kind === 'behind') behind ??= result;
    else if (result.kind === 'failed') failures.push(result.why);
    else return result;
  }
  return behind ?? { kind: 'failed', why: failures.join('; ') };
}

/** The address that a NOTIFY came from goes first (RFC 1996 §3.11). */
function orderAddresses(addresses: readonly Address[], first: string | undefined): Address[] {
  const isFirst = (address: Address): boolean => address.host === first;
  return [...addresses.filter(isFirst), ...addresses.filter((address) => !isFirst(address))];
}

/** RFC 9103 §8. Those that do not answer come last. */
async function sortByHighest(attempts: Attempt[]): Promise<void> {
  await Promise.all(attempts.map((attempt) => attempt.look()));
  attempts.sort((a, b) => {
    if (a.serial === undefined || b.serial === undefined)
      return (a.serial === undefined ? 1 : 0) - (b.serial === undefined ? 1 : 0);
    return isNewer(a.serial, b.serial) ? -1 : isNewer(b.serial, a.serial) ? 1 : 0;
  });
}

type Looked =
  | { readonly ok: true; readonly soa: SoaTimers; readonly expireS: number | undefined }
  | { readonly ok: false; readonly why: string };

class Attempt {
  readonly #deps: RefreshDeps;
  readonly #request: RefreshRequest;
  readonly #address: Address;
  readonly #where: string;
  readonly #isUrgent: boolean;
  #looked: Looked | undefined;

  constructor(deps: RefreshDeps, request: RefreshRequest, address: Address) {
    this.#deps = deps;
    this.#request = request;
    this.#address = address;
    this.#where = `${address.host}#${address.port}`;
    this.#isUrgent = request.first !== undefined;
  }

  /** What the primary has, once `look` is done. */
  get serial(): number | undefined {
    return this.#looked?.ok ? this.#looked.soa.serial : undefined;
  }

  async run(): Promise<RefreshResult> {
    const looked = await this.look();
    if (!looked.ok) return { kind: 'failed', why: looked.why };
    const { soa, expireS } = looked;
    const { serial, wants, refused } = this.#request;
    if (wants === 'whole') return this.#askWhole(soa.serial);
    const order = serial === undefined ? 'newer' : compareSerials(soa.serial, serial);
    if (order === 'equal') return { kind: 'current', expireS };
    if (order !== 'newer') return { kind: 'behind', serial: soa.serial, order, address: this.#where };
    if (soa.serial === refused) return { kind: 'refused-before' };
    const mayIxfr =
      wants === 'differences' && this.#request.primary.ixfr && this.#deps.learned.can(this.#address, 'ixfr', this.#now);
    return serial === undefined || !mayIxfr ? this.#askWhole(soa.serial) : this.#askDifferences(serial, soa.serial);
  }

  /** The whole zone, where differences did not do. */
  whole({ serial, handle, why }: Continuation): Promise<RefreshResult> {
    return this.#askWhole(serial, handle, why);
  }

  /** Asks for the SOA, once. */
  async look(): Promise<Looked> {
    if (this.#looked !== undefined) return this.#looked;
    try {
      this.#looked = await this.#querySoa(this.#edns !== undefined);
    } catch (error) {
      if (!(error instanceof ZonegateError)) throw error;
      this.#looked = { ok: false, why: error.message };
    }
    return this.#looked;
  }

  async #querySoa(hasEdns: boolean): Promise<Looked> {
    const { client, step } = await this.#askSoa(hasEdns ? EDNS : undefined);
    if (step.kind === 'failed') {
      const { rcode, text } = step.failure;
      // RFC 6891 §7: a server that does not know EDNS answers an error to OPT; without it, it may do better.
      if (!hasEdns || (rcode !== RCODE.FORMERR && rcode !== RCODE.NOTIMP))
        return { ok: false, why: `${this.#where}: ${text}` };
      const again = await this.#querySoa(false);
      if (again.ok) this.#deps.learned.cannot(this.#address, 'edns', this.#now);
      return again;
    }
    const soa = client.soa && readSoaTimers(client.soa.rdata);
    return soa === undefined
      ? { ok: false, why: `${this.#where}: the primary does not have the zone (no SOA in its answer)` }
      : { ok: true, soa, expireS: client.edns?.expire };
  }

  async #askSoa(edns: EdnsQuery | undefined): Promise<{ client: TransferClient; step: ClientStep }> {
    const { links } = this.#deps;
    let client: TransferClient | undefined;
    const makeQuery = (id: number): Uint8Array => {
      client = new TransferClient({ ...this.#query, edns, kind: 'SOA', id, now: this.#seconds });
      return client.query();
    };
    const options = { timeoutMs: ANSWER_MS, isUrgent: this.#isUrgent };
    const answer = await links.query(this.#request.primary, this.#address, makeQuery, options);
    if (client === undefined) throw new Error('what was answered was asked');
    return { client, step: client.take(answer, this.#seconds) };
  }

  get #query() {
    const { zone, key } = this.#request;
    return { zone: zone.apex, key, edns: this.#edns };
  }

  get #edns(): EdnsQuery | undefined {
    const hasEdns = this.#request.primary.edns && this.#deps.learned.can(this.#address, 'edns', this.#now);
    return hasEdns ? EDNS : undefined;
  }

  get #now(): Milliseconds {
    return this.#deps.clock.now();
  }

  get #seconds(): number {
    return Math.floor(this.#now / 1000);
  }

  async #askDifferences(serial: number, theirs: number): Promise<RefreshResult> {
    const { zone, primary } = this.#request;
    let handle: TransferHandle | undefined;
    let receiver: IxfrReceiver | undefined;
    const received = await new Promise<IxfrReceived>((resolve) => {
      receiver = new IxfrReceiver(this.#receiverDeps, zone, { ...this.#query, serial }, resolve);
      handle = receiver.start((asker) =>
        this.#deps.links.transfer(primary, this.#address, asker, { isUrgent: this.#isUrgent }),
      );
    });
    if (received.kind === 'current') {
      const why = `${this.#where}: the primary has serial ${theirs} by its SOA, and by IXFR nothing newer than ${serial}`;
      const whole = await this.#askWhole(theirs, handle, why);
      if (whole.kind === 'received') this.#deps.learned.cannot(this.#address, 'ixfr', this.#now);
      // Between the two questions, or of servers behind one address: the next look will tell.
      return whole.kind === 'rejected' && whole.isNotNewer ? { kind: 'failed', why } : whole;
    }
    if (received.kind !== 'failed') return this.#received(received, { address: this.#address, handle, serial: theirs });
    const { rcode, code, text } = received.failure;
    const result = await this.#askWhole(theirs, handle, text);
    const isClosedAtOnce = code === 'ZG_PRIMARY_CLOSED' && receiver?.hasBegun === false;
    // An answer without records is djbdns': IXFR is a type as any other to it, which the zone has no records of.
    const isUnable = rcode === undefined ? isClosedAtOnce || code === 'EMPTY_ANSWER' : CANNOT.has(rcode);
    if (isUnable && result.kind === 'received') this.#deps.learned.cannot(this.#address, 'ixfr', this.#now);
    return result;
  }

  async #askWhole(serial: number, after?: TransferHandle, ixfrFailure?: string): Promise<RefreshResult> {
    const { zone, key, primary } = this.#request;
    const received = await new Promise<Received>((resolve) => {
      const build = (id: number): BuiltQuery => buildQuery({ ...this.#query, kind: 'AXFR', id }, this.#seconds);
      const receiver = new Receiver(this.#receiverDeps, zone, key, build, resolve);
      const options = { isUrgent: this.#isUrgent, after };
      receiver.start((asker) => this.#deps.links.transfer(primary, this.#address, asker, options));
    });
    if (received.kind === 'done')
      return this.#received(received, { address: this.#address, handle: undefined, serial }, ixfrFailure);
    const { code } = received.failure;
    const text = `${received.failure.text}${ixfrFailure === undefined ? '' : `; before, by IXFR: ${ixfrFailure}`}`;
    // Nothing whole came: the next address may do better. What came and is wrong is the primary's word.
    if (code.startsWith('ZG_')) return { kind: 'failed', why: text };
    const why = `${this.#where}: ${text}`;
    return code === 'WORKER_FAILED' ? { kind: 'failed', why } : { kind: 'rejected', serial, why, address: this.#where };
  }

  #received(transfer: Transfer, continuation: Continuation, ixfrFailure?: string): RefreshResult {
    const expireS = this.#looked?.ok ? this.#looked.expireS : undefined;
    const serial = transfer.kind === 'done' ? transfer.batches[0]?.firstSoa?.serial : transfer.serial;
    const { wants, serial: ours } = this.#request;
    if (wants === 'whole' || ours === undefined || serial === undefined || isNewer(serial, ours))
      return { kind: 'received', transfer, address: this.#where, expireS, continuation, ixfrFailure };
    // Newer by its SOA, as with servers behind one address of which one lags: taken, it would be told as news.
    if (transfer.kind === 'done') this.#deps.registry.release(transfer.usage);
    else transfer.release();
    const why = `${this.#where}: the primary has serial ${continuation.serial} by its SOA, and sent ${serial}, not newer than ours, ${ours}`;
    return { kind: 'rejected', serial: continuation.serial, why, address: this.#where, isNotNewer: true };
  }

  get #receiverDeps(): ReceiverDeps {
    const { pool, registry, clock } = this.#deps;
    return { pool, registry, base: this.#request.base, now: () => clock.now() };
  }
}

/** What servers answer to IXFR that do not know it. */
const CANNOT: ReadonlySet<number> = new Set([RCODE.FORMERR, RCODE.NOTIMP, RCODE.REFUSED]);
