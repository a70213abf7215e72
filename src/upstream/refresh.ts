/**
 * One look at a primary: SOA query, and when it has something newer the AXFR, over connections that all zones share.
 * Addresses are tried in order; the first that has the zone and is not behind decides.
 */
import type { Clock } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { Address, ServerPrimary, ZoneConfig } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { TsigKey } from '../tsig/key.ts';
import { RCODE } from '../wire/registry.ts';
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import { type ClientStep, TransferClient } from '../xfr/client.ts';
import { type BuiltQuery, buildQuery, type EdnsQuery, type QueryKind } from '../xfr/client-query.ts';
import { compareSerials } from '../zone/serial.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import type { PrimaryLinks } from './links.ts';
import { type Received, Receiver } from './receiver.ts';

export interface RefreshDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly clock: Clock;
  readonly links: PrimaryLinks;
}

export interface RefreshRequest {
  readonly zone: ZoneConfig;
  readonly primary: ServerPrimary;
  readonly key: TsigKey | undefined;
  /** Serial served; undefined takes whatever the primary has. */
  readonly serial: number | undefined;
  /** Address text to ask first: who sent the NOTIFY. */
  readonly first: string | undefined;
  /** A serial that is not to be transferred again. */
  readonly refused?: number | undefined;
}

export type Transfer = Extract<Received, { kind: 'done' }>;

export type RefreshResult =
  | { readonly kind: 'current' }
  | { readonly kind: 'received'; readonly transfer: Transfer; readonly address: string; readonly ms: number }
  /** No address had something newer, and one had an older serial, or one at the undefined distance of 2^31. */
  | {
      readonly kind: 'behind';
      readonly serial: number;
      readonly order: 'older' | 'undefined';
      readonly address: string;
    }
  | { readonly kind: 'refused-before' }
  /** The primary was reached, and what it sent cannot be taken. */
  | { readonly kind: 'rejected'; readonly serial: number; readonly why: string; readonly address: string }
  | { readonly kind: 'failed'; readonly why: string };

const EDNS: EdnsQuery = { udpSize: 1232, keepalive: true };
/** How long a SOA answer may take. */
const ANSWER_MS = 10_000;

export async function refresh(deps: RefreshDeps, request: RefreshRequest): Promise<RefreshResult> {
  const failures: string[] = [];
  let behind: RefreshResult | undefined;
  for (const address of orderAddresses(request.primary.addresses, request.first)) {
    const result = await new Attempt(deps, request, address).run();
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

class Attempt {
  readonly #deps: RefreshDeps;
  readonly #request: RefreshRequest;
  readonly #address: Address;
  readonly #where: string;
  readonly #isUrgent: boolean;
  /** Whether the primary takes OPT: found out with the SOA query. */
  #edns: boolean;

  constructor(deps: RefreshDeps, request: RefreshRequest, address: Address) {
    this.#deps = deps;
    this.#request = request;
    this.#address = address;
    this.#where = `${address.host}#${address.port}`;
    this.#isUrgent = request.first !== undefined;
    this.#edns = request.primary.edns;
  }

  async run(): Promise<RefreshResult> {
    try {
      const soa = await this.#querySoa(this.#request.primary.edns);
      const { serial } = this.#request;
      const order = serial === undefined ? 'newer' : compareSerials(soa.serial, serial);
      if (order === 'equal') return { kind: 'current' };
      if (order !== 'newer') return { kind: 'behind', serial: soa.serial, order, address: this.#where };
      if (soa.serial === this.#request.refused) return { kind: 'refused-before' };
      return await this.#transfer(soa.serial);
    } catch (error) {
      if (!(error instanceof ZonegateError)) throw error;
      return { kind: 'failed', why: error.message };
    }
  }

  async #querySoa(edns: boolean): Promise<SoaTimers> {
    const { client, step } = await this.#askSoa(edns);
    if (step.kind === 'failed') {
      const { rcode, text } = step.failure;
      // RFC 6891 §7: a server that does not know EDNS answers an error to OPT; without it, it may do better.
      if (edns && (rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP)) return this.#querySoa(false);
      throw new ZonegateError('ZG_TRANSFER_FAILED', `${this.#where}: ${text}`);
    }
    const timers = client.soa && readSoaTimers(client.soa.rdata);
    if (timers === undefined) {
      throw new ZonegateError(
        'ZG_TRANSFER_FAILED',
        `${this.#where}: the primary does not have the zone (no SOA in its answer)`,
      );
    }
    this.#edns = edns;
    return timers;
  }

  async #askSoa(edns: boolean): Promise<{ client: TransferClient; step: ClientStep }> {
    const { links } = this.#deps;
    let client: TransferClient | undefined;
    const makeQuery = (id: number): Uint8Array => {
      client = new TransferClient({ ...this.#query('SOA', edns, id), now: this.#seconds });
      return client.query();
    };
    const options = { timeoutMs: ANSWER_MS, isUrgent: this.#isUrgent };
    const answer = await links.query(this.#request.primary, this.#address, makeQuery, options);
    if (client === undefined) throw new Error('what was answered was asked');
    return { client, step: client.take(answer, this.#seconds) };
  }

  #query(kind: QueryKind, edns: boolean, id: number) {
    const { zone, key } = this.#request;
    return { zone: zone.apex, kind, key, edns: edns ? EDNS : undefined, id };
  }

  /** Seconds since the epoch. */
  get #seconds(): number {
    return Math.floor(this.#deps.clock.now() / 1000);
  }

  async #transfer(serial: number): Promise<RefreshResult> {
    const { zone, key, primary } = this.#request;
    const { clock, links } = this.#deps;
    let startedAt = clock.now();
    const received = await new Promise<Received>((resolve) => {
      const build = (id: number): BuiltQuery => {
        startedAt = clock.now();
        return buildQuery(this.#query('AXFR', this.#edns, id), this.#seconds);
      };
      const receiver = new Receiver({ ...this.#deps, now: () => clock.now() }, zone, key, build, resolve);
      receiver.start((asker) => links.transfer(primary, this.#address, asker, { isUrgent: this.#isUrgent }));
    });
    const address = this.#where;
    if (received.kind === 'done') return { kind: 'received', transfer: received, address, ms: clock.now() - startedAt };
    const { code, text } = received.failure;
    // Nothing whole came: the next address may do better. What came and is wrong is the primary's word.
    if (code.startsWith('ZG_')) return { kind: 'failed', why: text };
    const why = `${address}: ${text}`;
    return code === 'WORKER_FAILED' ? { kind: 'failed', why } : { kind: 'rejected', serial, why, address };
  }
}
