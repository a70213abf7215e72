import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../../src/policy/decision.ts';
import { BY_SOURCE } from '../../../src/policy/limits/limit-key.ts';
import { type Answer, newQuotaTables, Quotas } from '../../../src/policy/limits/quota.ts';
import { newRateTable, newVolumeTable, SharedBucket, takeWithDebt } from '../../../src/policy/limits/rate.ts';
import { compileRule, type Rule } from '../../../src/policy/rule.ts';
import type { RuleLimits } from '../../../src/policy/rule-config.ts';
import { NOW, peer } from '../../support/front-world.ts';
import { rule } from '../../support/rules.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const key = Buffer.from('k');
const facts = (zone = 'example.org', source = '192.0.2.1'): Facts => ({
  source: peer(source).address,
  transport: 'tcp',
  listener: '127.0.0.1#53',
  certificate: undefined,
  key: undefined,
  sig0: undefined,
  zone,
  type: 'AXFR',
  now: NOW,
});
const axfr = (serial: number): Answer => ({ asked: 'AXFR', sentAs: 'AXFR', serial, octets: 100 });
const REPEAT: Partial<RuleLimits> = {
  repeatAxfr: { rate: { count: 2, perMs: HOUR }, coolDownMs: MINUTE, longestMs: 8 * MINUTE, per: BY_SOURCE },
};

function world(limits: Partial<RuleLimits>): { quotas: Quotas; limited: Rule } {
  return {
    quotas: new Quotas(newQuotaTables(), newRateTable()),
    limited: compileRule(rule('limited', {}, 'allow', { limits })),
  };
}

test('octets are charged in full at the start, and none begins while the bucket is in debt', () => {
  const volumes = newVolumeTable();
  const rate = { count: 1000, perMs: HOUR };
  const take = (cost: number, now: number): boolean => takeWithDebt(volumes, key, rate, cost, now);

  assert.equal(take(400, NOW), true);
  assert.equal(take(5_000, NOW), true, 'something is left: the whole answer goes');
  assert.equal(take(1, NOW + 1), false);
  assert.equal(take(1, NOW + 4.3 * HOUR), false, 'still 100 in debt');
  assert.equal(take(1, NOW + 4.5 * HOUR), true);
});

test('a debt has an end, however large what was sent', () => {
  const volumes = newVolumeTable();
  takeWithDebt(volumes, key, { count: 1, perMs: HOUR }, 1e12, NOW);

  assert.equal(takeWithDebt(volumes, key, { count: 1, perMs: HOUR }, 1, NOW + 29 * 24 * HOUR), false);
  assert.equal(takeWithDebt(volumes, key, { count: 1, perMs: HOUR }, 1, NOW + 31 * 24 * HOUR), true);
});

test('shares of a bandwidth come one after the other, and what is given back is there again', () => {
  const table = newRateTable();
  const [one, other] = [new SharedBucket(table, key, 1_000_000), new SharedBucket(table, key, 1_000_000)];

  assert.equal(one.reserve(100_000, NOW), 0, 'after a rest a tenth of a second is there at once');
  assert.equal(other.reserve(50_000, NOW), 0);
  assert.equal(one.reserve(50_000, NOW), 50);
  assert.equal(other.reserve(50_000, NOW), 100);
  one.reserve(-50_000, NOW);
  assert.equal(other.reserve(10_000, NOW), 100);
});

test('the first full transfers of a serial never count, repeated ones do, zone by zone and client by client', () => {
  const { quotas, limited } = world(REPEAT);
  const take = (serial: number, where = facts()): string => {
    const verdict = quotas.judge(limited, where, axfr(serial), NOW);
    if (verdict.kind === 'allowed') quotas.ended(limited, where, axfr(serial), true, NOW);
    return verdict.kind;
  };

  assert.deepEqual([take(1), take(1), take(1), take(1)], ['allowed', 'allowed', 'allowed', 'repeat']);
  assert.equal(take(2), 'allowed', 'a new serial, even in a cool-down');
  assert.equal(take(2), 'repeat');
  assert.equal(take(1, facts('example.net')), 'allowed');
  assert.equal(take(1, facts('example.org', '192.0.2.2')), 'allowed');
});

test('what was not delivered whole may be asked for again', () => {
  const { quotas, limited } = world(REPEAT);
  for (let i = 0; i < 10; i++) {
    assert.equal(quotas.judge(limited, facts(), axfr(1), NOW).kind, 'allowed');
    quotas.ended(limited, facts(), axfr(1), false, NOW);
  }
});

test('a fallback never counts: the whole zone in answer to IXFR, and AXFR right after IXFR', () => {
  const { quotas, limited } = world(REPEAT);
  const full = { ...axfr(1), asked: 'IXFR' as const };
  for (let i = 0; i < 10; i++) {
    assert.equal(quotas.judge(limited, facts(), full, NOW).kind, 'allowed');
    quotas.ended(limited, facts(), full, true, NOW);
  }
  for (let i = 0; i < 10; i++) {
    quotas.ended(limited, facts(), { ...full, sentAs: 'IXFR' }, true, NOW);
    assert.equal(quotas.judge(limited, facts(), axfr(1), NOW).kind, 'allowed');
  }
  const kinds = [1, 2, 3].map(() => quotas.judge(limited, facts(), axfr(1), NOW).kind);
  assert.deepEqual(kinds, ['allowed', 'allowed', 'repeat'], 'one AXFR for each IXFR');
});

test('cool-downs double up to the longest, and quiet hours take that back', () => {
  const { quotas, limited } = world(REPEAT);
  quotas.ended(limited, facts(), axfr(1), true, NOW);
  let now = NOW;
  /** Asks until it is told to wait; how many minutes. */
  const hammer = (): number => {
    for (;;) {
      const verdict = quotas.judge(limited, facts(), axfr(1), now);
      if (verdict.kind !== 'repeat') continue;
      const minutes = (verdict.until - now) / MINUTE;
      assert.equal(verdict.began, true);
      assert.equal(quotas.judge(limited, facts(), axfr(1), verdict.until - 1000).kind, 'repeat');
      now = verdict.until;
      return minutes;
    }
  };

  assert.deepEqual([hammer(), hammer(), hammer(), hammer(), hammer()], [1, 2, 4, 8, 8]);
  now += 4 * HOUR;
  assert.equal(hammer(), 2);
});
