/** Rules from the shape on disk to those that policy compiles. */
import { BY_SOURCE } from '../policy/limits/limit-key.ts';
import type { DelayConfig, RuleConfig, RuleLimits } from '../policy/rule-config.ts';
import { EDE, RCODE } from '../wire/registry.ts';
import { canonical, nothingLeft } from './take-apart.ts';
import type { V1 } from './v1.ts';

type V1Rule = V1['rules'][number];

export function resolveRule(rule: V1Rule, index: number): RuleConfig {
  const { name, match, action, shadow, limits, answer, delay } = rule;
  const {
    source,
    transport,
    listener,
    key,
    certificate,
    zone,
    'zone-group': zoneGroup,
    type,
    time,
    sig0,
    ...later
  } = match;
  nothingLeft(later);
  return {
    name: name ?? `rule-${index + 1}`,
    match: {
      source,
      transport,
      listener,
      key: key?.map(canonical),
      sig0: sig0?.map(canonical),
      certificate,
      zone,
      zoneGroup,
      type,
      time,
    },
    action,
    shadow,
    answer: answer && { rcode: RCODE[answer.rcode], ede: answer.ede ?? EDE.PROHIBITED, text: answer.text },
    delay: action === 'delay' ? delayOf(delay) : undefined,
    limits: resolveLimits(limits),
  };
}

function delayOf(delay: V1Rule['delay']): DelayConfig {
  const { by: byMs = 5_000, 'at-most': atMost = 100, then: next = 'refuse' } = delay ?? {};
  return { byMs, atMost, next };
}

function resolveLimits({ per = BY_SOURCE, ...limits }: V1Rule['limits']): RuleLimits {
  const { rate, concurrent, queue, bandwidth, bytes, 'repeat-axfr': repeat, 'min-progress': least, ...later } = limits;
  nothingLeft(later);
  return {
    rate: rate && { ...rate.value, per: rate.per ?? per },
    concurrent: concurrent && { count: concurrent.value, per: concurrent.per ?? per },
    queue: queue && { length: queue.length, waitMs: queue.wait },
    bandwidth: bandwidth && { bytesPerSecond: bandwidth.value, per: bandwidth.per ?? per },
    bytes: bytes && { ...bytes.value, per: bytes.per ?? per },
    repeatAxfr: repeat && {
      rate: repeat.value,
      coolDownMs: repeat['cool-down'],
      longestMs: repeat.longest,
      per: repeat.per ?? per,
    },
    minProgress: least && { bytesPerSecond: least.value, overMs: least.over },
  };
}
