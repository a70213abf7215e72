/**
 * A rule, compiled. Every item of `match` that is given must hold, a list means any of it:
 *
 *     source      address prefixes
 *     transport   tcp, tls, udp
 *     key         names of TSIG keys; without it signed and unsigned requests match alike
 *     zone        example.org, *.example.net (below it, not it), * (any)
 *     type        AXFR, IXFR, SOA, NOTIFY; without it AXFR, IXFR and SOA, never NOTIFY
 */

import { type AddressBytes, isInPrefix, type Prefix, parsePrefix } from './prefix.ts';
import type { Rate, RequestType, RuleConfig, Transport } from './rule-config.ts';
import { compileZones, includesZone, type ZonePatterns } from './zone-patterns.ts';

export interface Rule {
  readonly name: string;
  readonly action: RuleConfig['action'];
  readonly source: readonly Prefix[] | undefined;
  readonly transport: readonly Transport[] | undefined;
  readonly key: ReadonlySet<string> | undefined;
  readonly zone: ZonePatterns | undefined;
  readonly type: readonly RequestType[];
  readonly rate: Rate | undefined;
}

const TRANSFER_TYPES: readonly RequestType[] = ['AXFR', 'IXFR', 'SOA'];

/** The configuration was checked before: a source that does not parse here is a defect of ours. */
export function compileRule(config: RuleConfig): Rule {
  const { match } = config;
  return {
    name: config.name,
    action: config.action,
    source: match.source?.map((text) => {
      const prefix = parsePrefix(text);
      if (!prefix.ok) throw new Error(`rule ${config.name}: ${text} ${prefix.failure}`);
      return prefix.value;
    }),
    transport: match.transport,
    key: match.key && new Set(match.key),
    zone: match.zone && compileZones(match.zone),
    type: match.type ?? TRANSFER_TYPES,
    rate: config.limits.rate,
  };
}

export const matchesSource = (rule: Rule, source: AddressBytes): boolean =>
  rule.source === undefined || rule.source.some((prefix) => isInPrefix(source, prefix));

export const matchesTransport = (rule: Rule, transport: Transport): boolean =>
  rule.transport === undefined || rule.transport.includes(transport);

export const matchesKey = (rule: Rule, key: string | undefined): boolean =>
  rule.key === undefined || (key !== undefined && rule.key.has(key));

export const matchesType = (rule: Rule, type: RequestType): boolean => rule.type.includes(type);

export const matchesZone = (rule: Rule, zone: string): boolean =>
  rule.zone === undefined || includesZone(rule.zone, zone);
