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

interface ZonePatterns {
  readonly exact: ReadonlySet<string>;
  /** With the leading dot. */
  readonly below: readonly string[];
  readonly any: boolean;
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

function compileZones(patterns: readonly string[]): ZonePatterns {
  return {
    exact: new Set(patterns.filter((pattern) => !pattern.startsWith('*'))),
    below: patterns.filter((pattern) => pattern.startsWith('*.')).map((pattern) => pattern.slice(1)),
    any: patterns.includes('*'),
  };
}

export const matchesSource = (rule: Rule, source: AddressBytes): boolean =>
  rule.source === undefined || rule.source.some((prefix) => isInPrefix(source, prefix));

export const matchesTransport = (rule: Rule, transport: Transport): boolean =>
  rule.transport === undefined || rule.transport.includes(transport);

export const matchesKey = (rule: Rule, key: string | undefined): boolean =>
  rule.key === undefined || (key !== undefined && rule.key.has(key));

export const matchesType = (rule: Rule, type: RequestType): boolean => rule.type.includes(type);

export function matchesZone(rule: Rule, zone: string): boolean {
  const patterns = rule.zone;
  if (patterns === undefined || patterns.any || patterns.exact.has(zone)) return true;
  return patterns.below.some((suffix) => zone.endsWith(suffix) && !isEscaped(zone, zone.length - suffix.length));
}

/** Whether the dot there is an octet of a label (`\.`): an odd number of backslashes stand before it. */
function isEscaped(zone: string, dot: number): boolean {
  let first = dot;
  while (zone[first - 1] === '\\') first--;
  return (dot - first) % 2 === 1;
}
