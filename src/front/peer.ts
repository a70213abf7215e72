import type { Transport } from '../config/config.ts';
import type { ClientCertificate } from '../policy/decision.ts';
import { type AddressBytes, parseAddress } from '../policy/prefix.ts';

/** Where requests of one client come from: made once a connection, or once a datagram. */
export interface Peer {
  readonly transport: Transport;
  readonly address: AddressBytes;
  /** Address text, without the port. */
  readonly addressText: string;
  readonly port: number;
  /** `address#port` of the listener. */
  readonly listener: string;
  /** Of the client, verified. */
  readonly certificate: ClientCertificate | undefined;
  /** The listener's `udp-max-size`; where nothing is said, the default. */
  readonly udpSize?: number | undefined;
}

export interface PeerOptions {
  readonly listener: string;
  readonly certificate?: ClientCertificate | undefined;
  readonly udpSize?: number | undefined;
  readonly port?: number | undefined;
}

/** Undefined where the socket no longer knows its address: the client is gone. */
export function makePeer(
  transport: Transport,
  addressText: string | undefined,
  { listener, certificate, udpSize, port = 0 }: PeerOptions,
): Peer | undefined {
  const address = addressText === undefined ? undefined : parseAddress(addressText);
  if (address === undefined || addressText === undefined) return undefined;
  const bare = addressText.startsWith('::ffff:') ? addressText.slice(7) : addressText;
  return { transport, address, addressText: bare, port, listener, certificate, udpSize };
}
