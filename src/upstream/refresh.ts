/**
 * One look at a primary: SOA query, and when it has something newer the AXFR, on the same connection where the primary
 * lets us. Addresses are tried in order; the first that has the zone and is not behind decides.
 */
import { randomInt } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { Address, ServerPrimary, ZoneConfig } from '../config/config.ts';
import type { Pool } from '../pool/pool.ts';
import type { TsigKey } from '../tsig/key.ts';
import { MessageFramer } from '../wire/framing.ts';
import { RCODE } from '../wire/registry.ts';
import { readSoaTimers, type SoaTimers } from '../wire/soa.ts';
import { TransferClient } from '../xfr/client.ts';
import { buildQuery, type EdnsQuery, type QueryKind } from '../xfr/client-query.ts';
import { compareSerials } from '../zone/serial.ts';
import type { SlabRegistry } from '../zone/slab-registry.ts';
import { type Intake, PrimaryConnection } from './connection.ts';
import { type Received, Receiver } from './receiver.ts';

export interface RefreshDeps {
  readonly pool: Pool;
  readonly registry: SlabRegistry;
  readonly clock: Clock;
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

const EDNS: EdnsQuery = { udpSize: 1232 };
/** How long connecting and a SOA answer may take. */
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
  #connection: PrimaryConnection | undefined;
  /** Whether the primary takes OPT: found out with the SOA query. */
  #edns: boolean;

  constructor(deps: RefreshDeps, request: RefreshRequest, address: Address) {
    this.#deps = deps;
    this.#request = request;
    this.#address = address;
    this.#where = `${address.host}#${address.port}`;
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
    } finally {
      this.#connection?.close();
    }
  }

  async #querySoa(edns: boolean): Promise<SoaTimers> {
    const client = new TransferClient({ ...this.#query('SOA', edns), now: this.#seconds });
    const step = client.take(await this.#exchange(client.query()), this.#seconds);
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

  #query(kind: QueryKind, edns: boolean) {
    const { zone, key } = this.#request;
    return { zone: zone.apex, kind, key, edns: edns ? EDNS : undefined, id: randomInt(0x1_0000) };
  }

  /** Seconds since the epoch. */
  get #seconds(): number {
    return Math.floor(this.#deps.clock.now() / 1000);
  }

  async #connect(): Promise<PrimaryConnection> {
    const open = this.#connection;
    if (open !== undefined && !open.isClosed) return open;
    const { sourceAddress } = this.#request.primary;
    this.#connection = await PrimaryConnection.open(this.#address, sourceAddress, ANSWER_MS);
    return this.#connection;
  }

  /** Sends a small query and gives the one message that comes back. */
  async #exchange(query: Uint8Array): Promise<Uint8Array> {
    const connection = await this.#connect();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        connection.close();
        reject(new ZonegateError('ZG_PRIMARY_TIMEOUT', `${this.#where}: no answer after ${ANSWER_MS} ms`));
      }, ANSWER_MS);
      const done = (): void => clearTimeout(timer);
      connection.send(
        query,
        messageIntake(
          (message) => {
            done();
            resolve(message);
          },
          (error) => {
            done();
            const why = error === undefined ? 'the connection was closed without an answer' : error.message;
            reject(new ZonegateError('ZG_PRIMARY_CLOSED', `${this.#where}: ${why}`, {}, error));
          },
        ),
      );
    });
  }

  async #transfer(serial: number): Promise<RefreshResult> {
    const { zone, key } = this.#request;
    const { clock } = this.#deps;
    const asked = this.#query('AXFR', this.#edns);
    const query = buildQuery(asked, this.#seconds);
    const connection = await this.#connect();
    const startedAt = clock.now();
    const received = await new Promise<Received>((resolve) => {
      const receiver = new Receiver(
        { ...this.#deps, now: () => clock.now() },
        zone,
        { id: asked.id, mac: query.mac },
        key,
        {
          done: (result) => {
            clearInterval(watch);
            resolve(result);
          },
          close: () => connection.close(),
        },
      );
      receiver.onRoom = () => connection.resume();
      const watch = setInterval(() => this.#watch(receiver, startedAt), WATCH_MS);
      connection.send(query.message, receiver);
    });
    const address = this.#where;
    if (received.kind === 'done') return { kind: 'received', transfer: received, address, ms: clock.now() - startedAt };
    const { code, text } = received.failure;
    const why = `${address}: ${text}`;
    // Nothing whole came: the next address may do better. What came and is wrong is the primary's word.
    if (code === 'CLOSED_EARLY' || code === 'STALLED' || code === 'WORKER_FAILED') return { kind: 'failed', why };
    return { kind: 'rejected', serial, why, address };
  }

  /** No progress for `stall-timeout`, or not whole after `transfer-timeout`. */
  #watch(receiver: Receiver, startedAt: number): void {
    const { stallTimeoutMs, transferTimeoutMs } = this.#request.primary;
    const now = this.#deps.clock.now();
    if (now - receiver.lastProgress > stallTimeoutMs) {
      receiver.abort({
        code: 'STALLED',
        text: `no progress for ${stallTimeoutMs / 1000} s, ${receiver.octets} octets in`,
      });
    } else if (now - startedAt > transferTimeoutMs) {
      receiver.abort({ code: 'STALLED', text: `not whole after ${transferTimeoutMs / 1000} s` });
    }
  }
}

const WATCH_MS = 250;

function messageIntake(onMessage: (message: Uint8Array) => void, onEnd: (error: Error | undefined) => void): Intake {
  const framer = new MessageFramer();
  let room = new Uint8Array(0);
  return {
    space: () => {
      room = new Uint8Array(16_384);
      return room;
    },
    received: (length) => {
      framer.push(room.subarray(0, length), (message) => {
        onMessage(new Uint8Array(message));
        return false;
      });
      return true;
    },
    ended: onEnd,
  };
}
