/** What the fronts and the UDP side need to serve at the addresses of the configuration. */
import type { Config, Listener } from '../config/config.ts';
import type { FrontHub } from '../front/hub.ts';
import type { FrontTls } from '../front/messages.ts';
import type { UdpAddress } from '../front/udp.ts';
import type { InheritedSocket } from './sockets.ts';

export function frontListeners(
  config: Config,
  sockets: readonly InheritedSocket[],
  tls: readonly (FrontTls | undefined)[],
): ConstructorParameters<typeof FrontHub>[0]['listeners'] {
  return config.listen.map((listener, i) => {
    const socket = sockets[i];
    if (socket === undefined) throw new Error(`listener ${i} was given no socket`);
    const name = `${listener.host}#${socket.port}`;
    return {
      fds: socket.fds,
      name,
      transport: listener.transport,
      tls: tls[i],
      proxyAllowlist: listener.proxyAllowlist,
    };
  });
}

/** UDP beside each plain TCP listener that wants it, on the port that TCP got. */
export function udpAddresses(listen: readonly Listener[], sockets: readonly InheritedSocket[]): UdpAddress[] {
  return listen.flatMap((listener, i) => {
    const port = sockets[i]?.port ?? listener.port;
    return listener.transport === 'tcp' && listener.udp
      ? [{ host: listener.host, port, maxSize: listener.udpMaxSize }]
      : [];
  });
}
