/** How messages get to secondaries and theirs come back: datagrams by shared sockets, streams one for each secondary. */
import type { Bytes } from '../base/bytes.ts';
import { Datagrams } from './datagrams.ts';
import { endpointOf, type NotifyJob, type NotifyPeer } from './peer.ts';
import { PeerStream } from './peer-stream.ts';

/** None of these is called before `send` returns. */
export interface CarrierOwner {
  /** Of the secondary, as far as its address tells. Valid for the length of the call. */
  message(peer: NotifyPeer, message: Bytes): void;
  failed(job: NotifyJob, why: string): void;
  /** What awaits an answer of that secondary will not have one. */
  streamEnded(peer: NotifyPeer, why: string, wasUsed: boolean): void;
}

export class Carrier {
  readonly #owner: CarrierOwner;
  readonly #datagrams: Datagrams;
  /** By endpoint; several where a server is configured twice, with two keys perhaps. */
  readonly #peers = new Map<string, NotifyPeer[]>();

  constructor(owner: CarrierOwner) {
    this.#owner = owner;
    this.#datagrams = new Datagrams((message, from) => {
      for (const peer of this.#peers.get(endpointOf(from)) ?? []) {
        if (peer.settings.secondary.transport === 'udp') owner.message(peer, message);
      }
    });
  }

  add(peer: NotifyPeer): void {
    this.#peers.set(peer.endpoint, [...(this.#peers.get(peer.endpoint) ?? []), peer]);
  }

  remove(peer: NotifyPeer): void {
    const others = (this.#peers.get(peer.endpoint) ?? []).filter((other) => other !== peer);
    if (others.length === 0) this.#peers.delete(peer.endpoint);
    else this.#peers.set(peer.endpoint, others);
    peer.stream?.close();
    peer.stream = undefined;
  }

  send(job: NotifyJob, message: Bytes): void {
    const { peer } = job;
    const { address, sourceAddress, transport } = peer.settings.secondary;
    if (transport === 'udp') {
      const { tries } = job;
      this.#datagrams.send(message, address, sourceAddress, (why) => {
        if (job.tries === tries) this.#owner.failed(job, why);
      });
      return;
    }
    peer.stream ??= this.#connect(peer);
    peer.stream.send(message);
  }

  /** Nothing awaits an answer. Streams end by themselves. */
  rest(): void {
    this.#datagrams.close();
  }

  close(): void {
    this.#datagrams.close();
    for (const peers of this.#peers.values()) for (const peer of peers) peer.stream?.close();
  }

  #connect(peer: NotifyPeer): PeerStream {
    const { secondary, tls } = peer.settings;
    const target = { ...secondary.address, tls, localAddress: secondary.sourceAddress };
    const stream: PeerStream = new PeerStream(target, {
      message: (message) => this.#owner.message(peer, message),
      ended: (why, wasUsed) => {
        if (peer.stream === stream) peer.stream = undefined;
        this.#owner.streamEnded(peer, why, wasUsed);
      },
    });
    return stream;
  }
}
