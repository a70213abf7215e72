/** `limits` as version 1 of the configuration has it on disk: what connections are held to. */
import { duration, integer, mapping, written } from './shapes.ts';
import * as values from './values.ts';

const perSecond = () => written(values.RATE, values.parseRate);

/** The longest message, what one read of a socket brings and an answer must go in. */
export const LEAST_MEMORY = 256_000;

const memory = (text: string): values.Parsed<number> => {
  const parsed = values.parseSize(text);
  if (!parsed.ok || parsed.value >= LEAST_MEMORY) return parsed;
  return { ok: false, failure: 'expected at least `256KB`: a message of 64 KB has to go in, and its answer' };
};

export const limits = mapping({
  connections: integer(1, 1_000_000).prefault(10_000).meta({
    description: 'In all. A tenth is kept for secondaries, primaries and networks that a rule names.',
  }),
  'connections-per-source': integer(1, 1_000_000)
    .prefault(50)
    .meta({ description: 'From one IPv4 address or IPv6 /56, as all that is counted per source.' }),
  'new-connections-per-source': perSecond().prefault('200/s').meta({ description: 'How fast they may come.' }),
  handshakes: perSecond().prefault('1000/s').meta({
    description:
      'TLS handshakes in all; those of secondaries, primaries and networks that a rule names are not counted.',
  }),
  'handshakes-per-source': perSecond().prefault('100/s').meta({ description: 'Full TLS handshakes.' }),
  'resumed-handshakes-per-source': perSecond().prefault('500/s').meta({
    description: 'TLS handshakes that resume a session: they cost a fifth or so.',
  }),
  'queries-per-connection': integer(1, 1_000_000_000)
    .prefault(100_000)
    .meta({ description: 'In all; the last one is answered, then the connection ends.' }),
  'queries-in-flight': integer(1, 65_535)
    .prefault(64)
    .meta({ description: 'At a time, of one connection; further ones wait unread.' }),
  'idle-timeout': duration().prefault('30s').meta({
    description: 'Between whole messages; told as edns-tcp-keepalive, 0 when connections run short.',
  }),
  'first-message-timeout': duration().prefault('5s').meta({ description: 'From accept, handshake included.' }),
  'message-timeout': duration().prefault('10s').meta({ description: 'From length prefix to last octet.' }),
  'memory-per-connection': written(values.SIZE, memory).prefault('1MB').meta({
    description: 'Received and not answered, or answered and not taken; with more it is not read from.',
  }),
  'drain-timeout': duration().prefault('60s').meta({
    description: 'After SIGTERM transfers may run on for so long; then they are cut, and the service ends.',
  }),
  concurrent: integer(1, 1_000_000).prefault(1000).meta({
    description: 'Transfers at a time; `reserved-transfers` of secondaries come on top.',
  }),
})
  .prefault({})
  .meta({ description: 'What connections are held to.' });
