/** A secondary that NOTIFY is sent to: how, what waits in its line, and what awaits its answer. */

import type { Bytes } from '../base/bytes.ts';
import type { Milliseconds } from '../base/clock.ts';
import type { Address, Config, Secondary } from '../config/config.ts';
import { readClientTls } from '../net/client-tls.ts';
import type { ClientTls } from '../net/dns-connect.ts';
import { addressToText, parseAddress } from '../policy/prefix.ts';
import type { TsigKey } from '../tsig/key.ts';
import type { PeerStream } from './peer-stream.ts';

export interface PeerSettings {
  readonly secondary: Secondary & { readonly address: Address };
  readonly key: TsigKey | undefined;
  readonly tls: ClientTls | undefined;
}

export type NotifyConfig = Pick<Config, 'secondaries' | 'zones' | 'keys' | 'certificates'>;

/** Those that NOTIFY is sent to, by name. Throws ZG_CONFIG_UNREADABLE. */
export function wantedPeers({ secondaries, keys, certificates }: NotifyConfig): Map<string, PeerSettings> {
  const wanted = new Map<string, PeerSettings>();
  for (const secondary of secondaries.values()) {
    const { address, notify, tls } = secondary;
    if (!notify || address === undefined) continue;
    const [signer] = secondary.keys;
    wanted.set(secondary.name, {
      secondary: { ...secondary, address },
      key: signer === undefined ? undefined : keys.get(signer),
      // ALPN is not required: `dot` is for transfers (RFC 9103 §7.1), and DNS over TLS does without (RFC 7858).
      tls: tls && readClientTls(tls, certificates, false),
    });
  }
  return wanted;
}

/** A version that a secondary is to be told of. */
export interface NotifyJob {
  readonly zone: string;
  readonly apex: Bytes;
  readonly peer: NotifyPeer;
  serial: number;
  soaRecord: Bytes;
  /**
   * `delayed`: not yet; `waiting`: in line; `flying`: just sent; `resting`: sent, and nobody waits for it; `over`: done,
   * failed, or dropped.
   */
  state: 'delayed' | 'waiting' | 'flying' | 'resting' | 'over';
  tries: number;
  /** Of the message sent; undefined where a new one is due. */
  id: number | undefined;
  mac: Bytes;
  /** When the try has failed and the next one is due. */
  dueAt: Milliseconds;
  /** What went wrong with the last try. */
  why: string;
  /** A connection in use was closed before it was answered. */
  hasBeenRetried: boolean;
}

export class NotifyPeer {
  readonly settings: PeerSettings;
  /** `address#port` in one spelling, as answers come from there. */
  readonly endpoint: string;
  readonly line = new Line();
  /** By id; those that are told again stay, as a late answer counts. */
  readonly awaiting = new Map<number, NotifyJob>();
  /** Sent a moment ago, and not answered. */
  flying = 0;
  stream: PeerStream | undefined;
  /** It answered FORMERR to OPT. */
  refusesEdns = false;
  /** Whether it was told that it does not answer, since it last did. */
  isSilenceTold = false;

  constructor(settings: PeerSettings) {
    this.settings = settings;
    this.endpoint = endpointOf(settings.secondary.address);
  }

  get name(): string {
    return this.settings.secondary.name;
  }
}

/** First come, first served; what is over by its turn is passed by. */
class Line {
  #jobs: NotifyJob[] = [];
  #head = 0;

  add(job: NotifyJob): void {
    this.#jobs.push(job);
  }

  next(): NotifyJob | undefined {
    while (this.#head < this.#jobs.length) {
      const job = this.#jobs[this.#head++] as NotifyJob;
      if (this.#head * 2 > this.#jobs.length) {
        this.#jobs = this.#jobs.slice(this.#head);
        this.#head = 0;
      }
      if (job.state === 'waiting') return job;
    }
    return undefined;
  }

  get isEmpty(): boolean {
    return this.#head === this.#jobs.length;
  }
}

export function endpointOf({ host, port }: Address): string {
  // One of IPv4 has one spelling.
  const octets = host.includes(':') ? parseAddress(host) : undefined;
  return `${octets === undefined ? host : addressToText(octets)}#${port}`;
}
