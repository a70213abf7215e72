/** Connections of load balancers: who the client is comes first, by PROXY protocol v2. */
import type { Socket } from 'node:net';
import { type ProxyHeader, readProxyHeader } from '../net/proxy-protocol.ts';
import { isInPrefix, type Prefix, parseAddress, parsePrefix } from '../policy/prefix.ts';

/** Who must send the header. */
export class ProxyAllowlist {
  readonly #prefixes: readonly Prefix[];

  /** CIDR text. */
  constructor(texts: readonly string[]) {
    this.#prefixes = texts.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
  }

  has(addressText: string | undefined): boolean {
    const address = addressText === undefined ? undefined : parseAddress(addressText);
    return address !== undefined && this.#prefixes.some((prefix) => isInPrefix(address, prefix));
  }
}

/**
 * Reads the header off the socket, and not an octet more: what follows is the client's, of TLS it may be. Calls back
 * with undefined where it is none, or does not come in time.
 */
export function takeProxyHeader(
  socket: Socket,
  timeoutMs: number,
  done: (header: ProxyHeader | undefined) => void,
): void {
  let taken: Buffer = Buffer.alloc(0);
  let wanted = 1;
  const end = (header: ProxyHeader | undefined): void => {
    clearTimeout(timer);
    for (const event of ['end', 'error', 'close'] as const) socket.off(event, fail);
    socket.off('readable', read);
    done(header);
  };
  const fail = (): void => end(undefined);
  const read = (): void => {
    for (;;) {
      const piece = socket.read(wanted - taken.length) as Buffer | null;
      if (piece === null) return;
      taken = Buffer.concat([taken, piece]);
      const reading = readProxyHeader(taken);
      if (reading.kind !== 'more') {
        end(reading.kind === 'bad' ? undefined : reading);
        return;
      }
      wanted = reading.octets;
    }
  };
  const timer = setTimeout(fail, timeoutMs);
  for (const event of ['end', 'error', 'close'] as const) socket.on(event, fail);
  socket.on('readable', read);
}
