/**
 * SOA, NOTIFY and IXFR over UDP, in the control thread. IXFR is answered with one SOA, so that the client comes back
 * over TCP (RFC 1995 §2); a request that would not be let in over TCP is not let in here either.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { RateTable } from '../policy/limits/rate.ts';
import { buildSoaAnswer, udpLimit } from './answer.ts';
import type { Counters } from './counters.ts';
import type { FrontEvent, PolicyUpdate, ReceivedNotify } from './messages.ts';
import { makePeer } from './peer.ts';
import { handleRequest, type Outcome } from './pipeline.ts';
import { PolicyState } from './policy-state.ts';
import type { FrontZones } from './zones.ts';

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
  readonly rates: RateTable;
  readonly onEvent: (event: FrontEvent) => void;
  readonly onNotify: (notify: ReceivedNotify) => void;
}

export class UdpServer {
  readonly #options: UdpOptions;
  readonly #sockets: Socket[] = [];
  #policy: PolicyState;

  constructor(options: UdpOptions) {
    this.#options = options;
    this.#policy = new PolicyState(options.policy, options.rates);
  }

  /** Rejects with ZG_LISTEN_FAILED. */
  async listen(): Promise<void> {
    await Promise.all(this.#options.addresses.flatMap(localAddresses).map((address) => this.#bind(address)));
  }

  setPolicy(policy: PolicyUpdate): void {
    this.#policy = new PolicyState(policy, this.#options.rates);
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.#sockets.length = 0;
  }

  #bind({ host, port, maxSize }: UdpAddress): Promise<void> {
    const isV6 = host.includes(':');
    const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 });
    socket.on('message', (message, from) => this.#receive(socket, message, from, maxSize));
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

  #receive(socket: Socket, message: Buffer, from: RemoteInfo, maxSize: number): void {
    const { clock, counters, zones } = this.#options;
    const peer = makePeer('udp', from.address, maxSize);
    if (peer === undefined) return;
    counters.add('requests');
    const outcome = handleRequest(message, peer, this.#policy, zones, clock.now());
    const answer = this.#answer(outcome, `${peer.addressText}#${from.port}`, maxSize);
    if (answer !== undefined) socket.send(answer, from.port, from.address, () => undefined);
  }

  #answer(outcome: Outcome, client: string, maxSize: number): Uint8Array | undefined {
    const { counters } = this.#options;
    switch (outcome.kind) {
      case 'silence':
      case 'close':
        counters.add('dropped');
        return undefined;
      case 'answer':
        if (outcome.refusal !== undefined) {
          counters.add(`refused-${outcome.refusal.why}`);
          this.#options.onEvent({ event: 'refused', transport: 'udp', client, ...outcome.refusal });
        }
        return outcome.message;
      case 'notify':
        counters.add('notifies');
        this.#options.onNotify(outcome.notify);
        return outcome.message;
      case 'transfer': {
        const { transfer } = outcome;
        const { soaRecord, serial } = transfer.version.handle;
        const message = buildSoaAnswer(
          transfer.query,
          soaRecord,
          transfer.sign,
          udpLimit(transfer.query, maxSize),
          maxSize,
        );
        counters.add('transfers-done');
        counters.add('transfer-octets', message.length);
        this.#options.onEvent({
          event: 'transfer',
          zone: transfer.zone,
          type: transfer.type,
          'sent-as': 'SOA',
          transport: 'udp',
          client,
          identity: transfer.identity,
          rule: transfer.rule,
          from: transfer.from,
          to: serial,
          messages: 1,
          records: 1,
          bytes: message.length,
          ms: 0,
          outcome: 'done',
        });
        return message;
      }
    }
  }
}

/**
 * For a wildcard one address for each that an interface has: an answer must leave from the address that was asked, and
 * from a wildcard socket the kernel would choose. Addresses that come later are not listened on, as with BIND.
 */
function localAddresses(address: UdpAddress): UdpAddress[] {
  const family = address.host === '0.0.0.0' ? 'IPv4' : address.host === '::' ? 'IPv6' : undefined;
  if (family === undefined) return [address];
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return own
    .filter((entry) => entry.family === family && !entry.address.startsWith('fe80:'))
    .map((entry) => ({ ...address, host: entry.address }));
}
