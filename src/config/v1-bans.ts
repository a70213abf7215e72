/** `bans`: its shape on disk, and what the program is given. */
import type { z } from 'zod';
import type { BanConfig } from '../policy/bans.ts';
import { flag, integer, list, longDuration, mapping, number, written } from './shapes.ts';
import { nothingLeft } from './take-apart.ts';
import * as values from './values.ts';

const weight = (preset: number, description: string) => number(0, 1_000_000).prefault(preset).meta({ description });

export const bans = mapping({
  enabled: flag().prefault(true).meta({ description: 'false: nobody is turned away, and nothing is counted.' }),
  threshold: number(1, 1_000_000).prefault(100).meta({ description: 'Points that bring a ban;' }),
  'half-life': longDuration().prefault('10m').meta({ description: 'half of them are gone after this time.' }),
  first: longDuration()
    .prefault('1m')
    .meta({ description: 'Length of the first ban; each next one is twice as long,' }),
  longest: longDuration().prefault('1d').meta({ description: 'up to this.' }),
  exempt: list(written('a network', values.parsePrefix), 'networks').prefault([]).meta({
    description: 'Never banned, as primaries and secondaries are not: health checks, say.',
  }),
  weights: mapping({
    refused: weight(1, 'Points of a request that is refused,'),
    malformed: weight(5, 'that cannot be read,'),
    handshake: weight(2, 'of a TLS handshake that fails,'),
    limit: weight(5, 'of a limit that is met. Over UDP nothing counts: its sources can be forged.'),
  })
    .prefault({})
    .meta({ description: 'What offences weigh.' }),
  prefix: mapping({
    ipv4: integer(8, 32).prefault(24).meta({ description: 'Length of an IPv4 prefix,' }),
    ipv6: integer(16, 64).prefault(56).meta({ description: 'and of an IPv6 one,' }),
    offenders: integer(2, 1_000_000)
      .prefault(10)
      .meta({ description: 'that is banned as a whole when so many in it are (IPv6: by /64).' }),
  })
    .prefault({})
    .meta({ description: 'Prefixes full of offenders.' }),
})
  .prefault({})
  .meta({ description: 'Sources that are turned away for a while.' });

export function resolveBans(file: z.output<typeof bans>): BanConfig {
  const { enabled, threshold, exempt, weights, prefix, ...rest } = file;
  const { 'half-life': halfLifeMs, first: firstMs, longest: longestMs, ...later } = rest;
  nothingLeft(later);
  return { enabled, threshold, halfLifeMs: Math.max(1, halfLifeMs), firstMs, longestMs, exempt, weights, prefix };
}
