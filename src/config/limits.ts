/** `limits` and `tls`: from the shape on disk. */
import type { Limits, TlsConfig } from './config.ts';
import { nothingLeft } from './take-apart.ts';
import type { V1 } from './v1.ts';

export function resolveLimits(limits: V1['limits']): Limits {
  const { connections, 'connections-per-source': connectionsPerSource, ...rest } = limits;
  const {
    'new-connections-per-source': newConnectionsPerSource,
    handshakes,
    'handshakes-per-source': handshakesPerSource,
    'resumed-handshakes-per-source': resumedHandshakesPerSource,
    'queries-per-connection': queriesPerConnection,
    'queries-in-flight': queriesInFlight,
    'memory-per-connection': memoryPerConnection,
    ...timeouts
  } = rest;
  const {
    'idle-timeout': idleTimeoutMs,
    'first-message-timeout': firstMessageTimeoutMs,
    'message-timeout': messageTimeoutMs,
    'drain-timeout': drainTimeoutMs,
    concurrent,
    ...later
  } = timeouts;
  nothingLeft(later);
  return {
    connections,
    connectionsPerSource,
    newConnectionsPerSource,
    handshakes,
    handshakesPerSource,
    resumedHandshakesPerSource,
    queriesPerConnection,
    queriesInFlight,
    memoryPerConnection,
    idleTimeoutMs,
    firstMessageTimeoutMs,
    messageTimeoutMs,
    drainTimeoutMs,
    concurrent,
  };
}

export function resolveTls(tls: V1['tls']): TlsConfig {
  const { ciphers, 'session-tickets': sessionTickets, 'ticket-lifetime': ticketLifetimeMs, ...later } = tls;
  nothingLeft(later);
  return { ciphers, sessionTickets, ticketLifetimeMs };
}
