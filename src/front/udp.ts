/**
 * SOA, NOTIFY and IXFR over UDP, in the control thread. A request that would not be let in over TCP is not let in here
 * either.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import type { SharedCount } from '../policy/limits/shared-count.ts';
import { containsAddress, type PrefixTable } from '../policy/prefix-table.ts';
import { RCODE } from '../wire/registry.ts';
import { buildAnswer, buildSoaAnswer, udpLimit } from './answer.ts';
import type { Counters } from './counters.ts';
import type { FrontEvent, PolicyUpdate, ReceivedNotify } from './messages.ts';
import {
  type AcceptedTransfer,
  detachQuery,
  type Outcome,
  type Refusal,
  type RequestContext,
  type ShadowHit,
  soaOf,
} from './outcome.ts';
import { makePeer, type Peer } from './peer.ts';
import { handleRequest } from './pipeline.ts';
import { PolicyState } from './policy-state.ts';
import type { RelayRequest, RelayTurns } from './relay.ts';
import { Relays } from './relays.ts';
import { TransferStream } from './stream.ts';
import type { Tarpit } from './tarpit.ts';
import { clientOf, proofOf } from './transfer-report.ts';
import type { FrontZones, ServedAnswer } from './zones.ts';

export interface UdpAddress {
  readonly host: string;
  readonly port: number;
  readonly maxSize: number;
}

export interface UdpOptions {
  readonly addresses: readonly UdpAddress[];
  readonly clock: Clock;
  readonly counters: Counters;
  readonly zones: FrontZones;
  readonly policy: PolicyUpdate;
  readonly bans: PrefixTable;
  readonly rates: RateTable;
  readonly tarpit: Tarpit;
  readonly relaying: SharedCount;
  readonly turns: RelayTurns;
  /** Of this thread, in the tallies of rules. */
  readonly row: number;
  readonly onEvent: (event: FrontEvent) => void;
  readonly onNotify: (notify: ReceivedNotify) => void;
}

/** Where a datagram came from, and to. */
interface Datagram {
  readonly socket: Socket;
  readonly from: RemoteInfo;
  readonly maxSize: number;
  readonly listener: string;
}

export class UdpServer {
  readonly #options: UdpOptions;
  readonly #sockets: Socket[] = [];
  #policy: PolicyState;
  #bans: PrefixTable;

  constructor(options: UdpOptions) {
    this.#options = options;
    this.#bans = options.bans;
    this.#policy = new PolicyState(options.policy, options.rates, options.row);
  }

  /** Rejects with ZG_LISTEN_FAILED. */
  async listen(): Promise<void> {
    await Promise.all(this.#options.addresses.flatMap(localAddresses).map((address) => this.#bind(address)));
  }

  setPolicy(policy: PolicyUpdate): void {
    this.#policy = new PolicyState(policy, this.#options.rates, this.#options.row);
  }

  /** Who is dropped without a word. */
  setBans(table: PrefixTable): void {
    this.#bans = table;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.#sockets.length = 0;
  }

  #bind({ host, port, maxSize, bound = host }: UdpAddress & { readonly bound?: string }): Promise<void> {
    const isV6 = host.includes(':');
    const listener = `${bound}#${port}`;
    const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 });
    socket.on('message', (message, from) => this.#receive({ socket, from, maxSize, listener }, message));
    return new Promise((resolve, reject) => {
      socket.once('error', (cause) => {
        reject(new ZonegateError('ZG_LISTEN_FAILED', `udp ${host}#${port}: ${cause.message}`, { host, port }, cause));
      });
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        // What a send brings back (unreachable, too big) concerns one client.
        socket.on('error', () => undefined);
        this.#sockets.push(socket);
        resolve();
      });
    });
  }

  #receive({ socket, from, maxSize, listener }: Datagram, message: Uint8Array): void {
    const { clock, counters } = this.#options;
    const peer = makePeer('udp', from.address, { listener, udpSize: maxSize, port: from.port });
    if (peer === undefined) return;
    if (containsAddress(this.#bans, peer.address)) {
      counters.add('dropped');
      return;
    }
    counters.add('requests');
    const client = clientOf(peer);
    const send = (answer: Uint8Array | undefined): void => {
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => undefined);
    };
    const act = (outcome: Outcome): void => {
      if (outcome.kind === 'transfer') this.#transfer(outcome.transfer, client, maxSize, send);
      else if (outcome.kind === 'relay') this.#relay(outcome.request, peer, send);
      else if (outcome.kind !== 'delay') send(this.#answer(outcome, client));
      else {
        counters.add('delayed');
        this.#options.tarpit.hold(outcome, (next) => {
          if (!this.#sockets.includes(socket)) return;
          if (next === 'drop') this.#noteRefusal(outcome.refusal, client);
          else {
            act(handleRequest(message, this.#requestContext(peer, client, clock.now(), true)));
          }
        });
      }
    };
    act(handleRequest(message, this.#requestContext(peer, client, clock.now(), false)));
  }

  #requestContext(peer: Peer, client: string, now: number, isDelayed: boolean): RequestContext {
    const { counters, zones } = this.#options;
    const onShadow = (hit: ShadowHit): void => {
      counters.add('shadow-hits');
      this.#options.onEvent({ event: 'shadow', ...hit, transport: 'udp', client });
    };
    return { peer, state: this.#policy, zones, now, isDelayed, onShadow };
  }

  #answer(outcome: Exclude<Outcome, { kind: 'transfer' | 'relay' | 'delay' }>, client: string): Uint8Array | undefined {
    const { counters } = this.#options;
    switch (outcome.kind) {
      case 'silence':
      case 'close':
        counters.add('dropped');
        if (outcome.kind === 'close') this.#noteRefusal(outcome.refusal, client);
        return undefined;
      case 'answer':
        this.#noteRefusal(outcome.refusal, client);
        if (outcome.told !== undefined) {
          this.#options.onEvent({ event: 'soa-told', transport: 'udp', client, ...outcome.told });
        }
        return outcome.message;
      case 'notify':
        counters.add('notifies');
        this.#options.onNotify(outcome.notify);
        return outcome.message;
    }
  }

  /** A SOA query, as the rest is asked over TCP. */
  #relay(request: RelayRequest, peer: Peer, send: (answer: Uint8Array) => void): void {
    const limit = udpLimit(request.query, peer.udpSize);
    const truncated = (): Uint8Array => {
      const parts = { rcode: RCODE.NOERROR, truncated: true, manner: request.manner };
      return buildAnswer(request.query, parts, request.sign);
    };
    const { clock, counters, turns, relaying, onEvent: report } = this.#options;
    const relays = new Relays(
      { clock, counters, turns, relaying, transferLimits: undefined, report },
      {
        peer,
        write: (framed) => {
          send(framed.length - 2 <= limit ? framed.subarray(2) : truncated());
          return true;
        },
        noteRefusal: (refusal) => this.#noteRefusal(refusal, clientOf(peer)),
        breakOff: () => undefined,
        ended: () => undefined,
      },
    );
    relays.begin(request);
  }

  #noteRefusal(refusal: Refusal | undefined, client: string): void {
    if (refusal === undefined) return;
    this.#options.counters.add(`refused-${refusal.why}`);
    this.#options.onEvent({ event: 'refused', transport: 'udp', client, ...refusal });
  }

  /** Differences where they fit one datagram; else one SOA, so that the client comes back over TCP (RFC 1995 §2). */
  #transfer(transfer: AcceptedTransfer, client: string, maxSize: number, send: (answer: Uint8Array) => void): void {
    const { zone, version, from, isCurrent, format } = transfer;
    // In other formats than that which zones are kept in, there is nothing over UDP.
    const isSoa = isCurrent || format !== 'compressed';
    const delta = isSoa ? 'AXFR' : version.answerFrom(from, format);
    if (delta === 'unknown') {
      const again = { ...transfer, query: detachQuery(transfer.query) };
      version.lease();
      const wish = { zone, version: version.handle, slot: version.slot, from, format };
      this.#options.zones.want(wish, (made) => {
        send(this.#send(again, made, client, maxSize));
        version.release();
      });
      return;
    }
    send(this.#send(transfer, delta === 'AXFR' ? undefined : delta, client, maxSize));
  }

  #send(transfer: AcceptedTransfer, delta: ServedAnswer | undefined, client: string, maxSize: number): Uint8Array {
    const { clock, counters } = this.#options;
    const now = clock.now();
    const limit = udpLimit(transfer.query, maxSize);
    const whole = delta?.answer.count === 1 ? datagram(new TransferStream(transfer, 1, now, delta), now) : undefined;
    const fits = whole !== undefined && whole.length <= limit;
    const soa = { ...soaOf(transfer.version, now), limit, manner: transfer.manner };
    const message = fits ? whole : buildSoaAnswer(transfer.query, soa, transfer.sign);
    counters.add('transfers-done');
    counters.add('transfer-octets', message.length);
    this.#options.onEvent({
      event: 'transfer',
      zone: transfer.zone,
      type: transfer.type,
      'sent-as': fits ? 'IXFR' : 'SOA',
      transport: 'udp',
      client,
      identity: transfer.identity,
      rule: transfer.rule,
      from: transfer.from,
      to: transfer.version.handle.serial,
      messages: 1,
      records: fits && delta !== undefined ? delta.answer.records : 1,
      bytes: message.length,
      ms: 0,
      outcome: 'done',
      secondaries: transfer.secondaries,
      proof: proofOf(transfer.facts),
    });
    return message;
  }
}

/** What a stream of one message writes, without the length in front. */
function datagram(stream: TransferStream, now: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  stream.writeQuantum({ write: (piece) => pieces.push(piece) }, Math.floor(now / 1000));
  return Buffer.concat(pieces).subarray(2);
}

/**
 * For a wildcard one address for each that an interface has: an answer must leave from the address that was asked, and
 * from a wildcard socket the kernel would choose. Addresses that come later are not listened on, as with BIND.
 */
function localAddresses(address: UdpAddress): (UdpAddress & { readonly bound?: string })[] {
  const family = address.host === '0.0.0.0' ? 'IPv4' : address.host === '::' ? 'IPv6' : undefined;
  if (family === undefined) return [address];
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return own
    .filter((entry) => entry.family === family && !entry.address.startsWith('fe80:'))
    .map((entry) => ({ ...address, host: entry.address, bound: address.host }));
}
