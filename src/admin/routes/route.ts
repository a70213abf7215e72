/** What a file in this folder gives to the server: paths, each with its answer. */
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface Route {
  /** GET by default; what changes something is a POST, and needs the token. */
  readonly method?: 'POST';
  /** As in fastify: `/api/v1/zones/:zone`. */
  readonly url: string;
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => unknown;
}
