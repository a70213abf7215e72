/** Who gets in when there is no room for all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionLimits } from '../../../src/config/config.ts';
import { Admission } from '../../../src/front/admission.ts';
import { Counters, newCounterRow } from '../../../src/front/counters.ts';
import { PolicyState } from '../../../src/front/policy-state.ts';
import { newRateTable } from '../../../src/policy/limits/rate.ts';
import { newCountTable, SharedCount } from '../../../src/policy/limits/shared-count.ts';
import type { RuleConfig } from '../../../src/policy/rule-config.ts';
import { NOW } from '../../support/front-world.ts';
import { policyUpdate, rule } from '../../support/rules.ts';

function world(limits: Partial<ConnectionLimits>, rules: readonly RuleConfig[] = [rule('keyed', { key: ['k'] })]) {
  const update = policyUpdate(rules, {
    secondaries: [{ name: 'sec', sources: ['198.51.100.0/24'], keys: [], certificate: undefined }],
    notifyFrom: new Map([['example.org', ['203.0.113.7/32']]]),
  });
  const rates = newRateTable();
  const table = newCountTable(2);
  const connections = new Int32Array(new SharedArrayBuffer(4));
  const policy = new PolicyState({ ...update, limits: { ...update.limits, ...limits } }, rates, 0);
  const at = { now: NOW };
  const [one, two] = [0, 1].map(
    (row) =>
      new Admission({
        clock: { now: () => at.now },
        counters: new Counters(newCounterRow()),
        connections,
        sources: new SharedCount(table, row),
        rates,
        isBanned: () => false,
        offend: () => undefined,
        policy: () => policy,
      }),
  ) as [Admission, Admission];
  return { one, two, at, connections };
}

const stranger = (i: number): string => `192.0.${i >> 8}.${i & 255}`;

test('strangers get nine tenths of the connections over all fronts, those who are named the rest', () => {
  const { one, two } = world({ connections: 20 });
  for (let i = 0; i < 18; i++) assert.ok((i % 2 === 0 ? one : two).enter(stranger(i), 1), `stranger ${i}`);
  assert.equal(one.isUnderPressure && two.isUnderPressure, true);

  assert.equal(one.enter(stranger(100), 1), undefined);
  assert.ok(two.enter('198.51.100.9', 1), 'a secondary');
  assert.ok(one.enter('203.0.113.7', 1), 'a primary');
  assert.equal(one.enter('198.51.100.9', 1), undefined, 'there are 20');
});

test('a network that a rule lets in is named, everybody is not, nor whom a rule refuses', () => {
  const rules = [
    rule('in', { source: ['10.1.0.0/16'] }),
    rule('out', { source: ['10.2.0.0/16'] }, 'refuse'),
    rule('all', { source: ['0.0.0.0/0'] }),
  ];
  const { one } = world({ connections: 10 }, rules);
  for (let i = 0; i < 9; i++) assert.ok(one.enter(stranger(i), 1));

  assert.equal(one.enter('10.2.0.1', 1), undefined);
  assert.equal(one.enter('10.3.0.1', 1), undefined);
  assert.ok(one.enter('10.1.0.1', 1));
});

test('new connections per second are counted by source over all fronts, also those that are gone again', () => {
  const { one, two, at, connections } = world({ newConnectionsPerSource: { count: 4, perMs: 1000 } });
  const taken = [one, two, one, two, one].map((front) => {
    const arrival = front.enter('192.0.2.1', 5);
    if (arrival !== undefined) front.leave(arrival);
    return arrival !== undefined;
  });

  assert.deepEqual(taken, [true, true, true, true, false]);
  assert.equal(Atomics.load(connections, 0), 0);
  assert.ok(one.enter('192.0.2.2', 5), 'another source');
  at.now += 250;
  assert.ok(two.enter('192.0.2.1', 5), 'a quarter of a second later');
});

test('connections of one IPv6 /56 are counted together', () => {
  const { one, two } = world({ connectionsPerSource: 2 });
  assert.ok(one.enter('2001:db8::1', 1) && two.enter('2001:db8:0:ff::1', 1));

  assert.equal(one.enter('2001:db8:0:7::1', 1), undefined);
  assert.ok(one.enter('2001:db8:0:100::1', 1));
});
