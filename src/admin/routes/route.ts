/** What a file in this folder gives to the server: paths that are read, each with its answer. */
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface Route {
  /** As in fastify: `/api/v1/zones/:zone`. */
  readonly url: string;
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => unknown;
}
