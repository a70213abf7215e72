/**
 * Listening sockets, bound by the parent and handed to the service as descriptors: one for each front, and spare ones
 * for fronts that replace others. A number shared by two threads breaks: the first close refuses connections for all,
 * the second closes an unrelated file (DESIGN.md section 2).
 */
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { ZonegateError } from '../base/errors.ts';
import type { Address } from '../config/config.ts';

/** Fronts that may die and be replaced before the service gives up. */
export const SPARE_DESCRIPTORS = 8;

export interface BoundSocket {
  readonly host: string;
  /** As bound: a port of 0 has become a real one. */
  readonly port: number;
  readonly fd: number;
  close(): void;
}

/** What the service is told: for each listener, in the order of the configuration, its port and descriptors. */
export interface InheritedSocket {
  readonly host: string;
  readonly port: number;
  readonly fds: readonly number[];
}

interface ServerHandle {
  readonly fd: number;
  getsockname(out: { port?: number }): number;
  close(): void;
}

/**
 * Binds without listening: a parent that listened would accept connections that nobody serves. Node has this only as
 * `net._createServerHandle`, which `cluster` uses for the same purpose; it is there from Node 20 to 26.
 */
export function bindSocket({ host, port }: Address): BoundSocket {
  const create = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
  const handle = create(host, port, host.includes(':') ? 6 : 4, undefined, host.includes(':') ? IPV6_ONLY : 0);
  if (typeof handle === 'number') throw listenError(host, port, handle);
  const name: { port?: number } = {};
  const failed = handle.getsockname(name);
  if (failed !== 0) throw listenError(host, port, failed);
  return { host, port: name.port ?? port, fd: handle.fd, close: () => handle.close() };
}

type CreateServerHandle = (
  address: string,
  port: number,
  addressType: 4 | 6,
  fd: undefined,
  flags: number,
) => ServerHandle | number;

/** UV_TCP_IPV6ONLY: `::` and `0.0.0.0` may both be listened on. */
const IPV6_ONLY = 1;

function listenError(host: string, port: number, errno: number): ZonegateError {
  return new ZonegateError('ZG_LISTEN_FAILED', `cannot bind ${host}#${port}: ${getSystemErrorName(errno)}`, {
    host,
    port,
    errno,
  });
}
