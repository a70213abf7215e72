/** What is concluded from what secondaries do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Standings, type TransferDeed } from '../../../src/notify/standings.ts';
import { notifyConfig } from '../../support/notify-world.ts';

const ZONE = 'example.org';
const MINUTE = 60_000;

function begin(secondaries: Record<string, unknown> = { s: { address: '192.0.2.7' } }) {
  const time = { now: 1_000_000 };
  const standings = new Standings({ now: () => time.now });
  const configure = (list: Record<string, unknown>, zones = [ZONE]): void =>
    standings.configure(notifyConfig(list, Object.fromEntries(zones.map((zone) => [zone, Object.keys(list)]))));
  configure(secondaries);
  const state = (name = 's') => standings.view(ZONE, name).state;
  return { time, standings, configure, state };
}

const deed = (fields: Partial<TransferDeed> = {}): TransferDeed => ({
  zone: ZONE,
  secondaries: ['s'],
  'sent-as': 'AXFR',
  transport: 'tcp',
  from: null,
  to: 1,
  outcome: 'done',
  ...fields,
});

test('one that took the version served is current, and behind from the next version on', () => {
  const { time, standings, state } = begin();
  standings.served(ZONE, 1);
  assert.equal(state(), 'unknown');

  standings.transferred(deed());
  assert.equal(state(), 'current');
  time.now += 5_000;
  standings.served(ZONE, 2);
  time.now += 5_000;
  standings.served(ZONE, 3);

  const view = standings.view(ZONE, 's');
  assert.deepEqual([view.state, view.serial, view.behindSince], ['behind', 1, 1_005_000]);
  standings.transferred(deed({ 'sent-as': 'IXFR', from: 1, to: 3 }));
  assert.deepEqual([state(), standings.view(ZONE, 's').behindSince], ['current', undefined]);
});

test('a transfer that did not end is no evidence of its version, but of the one that it began from', () => {
  const { standings, state } = begin();
  standings.served(ZONE, 2);

  standings.transferred(deed({ to: 2, outcome: 'closed-by-client' }));
  assert.equal(state(), 'unknown');
  standings.transferred(deed({ 'sent-as': 'IXFR', from: 1, to: 2, outcome: 'stalled' }));
  assert.deepEqual([state(), standings.view(ZONE, 's').serial], ['behind', 1]);
  // Over UDP: come again over TCP.
  standings.transferred(deed({ 'sent-as': 'SOA', from: 1, to: 2, transport: 'udp' }));
  assert.equal(state(), 'behind');
  standings.transferred(deed({ 'sent-as': 'SOA', from: 2, to: 2 }));
  assert.equal(state(), 'current');
});

test('one that asks for the SOA and for nothing more within a minute has what it was told', () => {
  const { time, standings, state } = begin();
  standings.served(ZONE, 4);

  standings.asked({ ...deed(), serial: 4 });
  time.now += MINUTE - 1;
  assert.equal(state(), 'unknown');
  time.now += 1;
  assert.equal(state(), 'current');
  standings.served(ZONE, 5);

  assert.deepEqual([state(), standings.view(ZONE, 's').serial], ['behind', 4]);
});

test('one that asks for the SOA and is then refused, or was known to be behind, is not current', () => {
  const { time, standings, state } = begin();
  standings.served(ZONE, 4);
  standings.asked({ ...deed(), serial: 4 });
  time.now += 1_000;
  standings.refused(deed());
  time.now += 2 * MINUTE;
  assert.equal(state(), 'unknown');

  standings.transferred(deed({ 'sent-as': 'IXFR', from: 3, to: 4, outcome: 'error' }));
  time.now += 1_000;
  standings.asked({ ...deed(), serial: 4 });
  time.now += 2 * MINUTE;
  assert.equal(state(), 'behind');
});

test('a newer serial than the one served, as after a rollback, is another one', () => {
  const { standings, state } = begin();
  standings.served(ZONE, 9);
  standings.transferred(deed({ to: 9 }));

  standings.served(ZONE, 8);

  assert.deepEqual([state(), standings.view(ZONE, 's').serial], ['behind', 9]);
});

test('a zone that is not served leaves its secondaries unknown', () => {
  const { standings, state } = begin();
  standings.served(ZONE, 1);
  standings.transferred(deed());

  standings.withdrawn(ZONE);

  assert.equal(state(), 'unknown');
});

test('a deed counts for those it is said to be of, where the zone has them', () => {
  const { standings, state } = begin({ a: { address: '192.0.2.7' }, b: { address: '192.0.2.8' } });
  standings.served(ZONE, 1);

  standings.transferred(deed({ secondaries: ['b', 'gone'] }));
  standings.transferred(deed({ zone: 'example.net', secondaries: ['a'] }));

  assert.deepEqual([state('a'), state('b')], ['unknown', 'current']);
});

test('only configured secondaries of configured zones are remembered', () => {
  const { standings, configure, state } = begin();
  standings.served(ZONE, 1);
  standings.transferred(deed());

  configure({ t: { address: '192.0.2.9' } });
  configure({ s: { address: '192.0.2.7' } });

  assert.equal(state(), 'unknown');
  assert.deepEqual(standings.latest('s'), { notify: undefined, transfer: undefined });
});
