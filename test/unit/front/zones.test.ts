import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COUNTERS, Counters, newCounterRow } from '../../../src/front/counters.ts';
import { makePeer } from '../../../src/front/peer.ts';
import { FrontWorld } from '../../support/front-world.ts';
import { labels } from '../../support/raw-messages.ts';

const APEX = labels('example', 'org');

test('a front gives back the lease that control took, when the next version or state comes', () => {
  const world = new FrontWorld({ rules: [] });
  const { leases, zones } = world;
  Atomics.add(leases, 0, 1);
  world.serve('example.org', APEX, []);
  assert.equal(leases[0], 1);

  Atomics.add(leases, 0, 1);
  world.serve('example.org', APEX, []);
  assert.equal(leases[0], 1);
  zones.set('example.org', { kind: 'expired' }, []);
  assert.equal(leases[0], 0);
  zones.set('example.org', { kind: 'loading' }, []);
  zones.remove('example.org');

  assert.equal(leases[0], 0);
  assert.equal(zones.get('example.org'), undefined);
});

test('removing a zone that is served gives back its lease, and a transfer holds one of its own', () => {
  const world = new FrontWorld({ rules: [] });
  Atomics.add(world.leases, 0, 1);
  world.serve('example.org', APEX, []);
  const zone = world.zones.get('example.org');
  assert.ok(zone?.kind === 'served');

  zone.version.lease();
  world.zones.remove('example.org');

  assert.equal(world.leases[0], 1);
  zone.version.release();
  assert.equal(world.leases[0], 0);
});

test('a peer is known by its address in one form, mapped IPv4 as IPv4', () => {
  assert.equal(makePeer('tcp', '::ffff:192.0.2.1', { listener: '' })?.addressText, '192.0.2.1');
  assert.deepEqual(
    makePeer('tcp', '::ffff:192.0.2.1', { listener: '' })?.address,
    makePeer('tls', '192.0.2.1', { listener: '' })?.address,
  );
  assert.equal(makePeer('tcp', '2001:db8::1', { listener: '' })?.addressText, '2001:db8::1');
  assert.equal(makePeer('tcp', undefined, { listener: '' }), undefined);
});

test('counters are numbers in a row of shared memory, each in its place', () => {
  const row = newCounterRow();
  const counters = new Counters(row);

  COUNTERS.forEach((name, i) => {
    counters.set(name, i);
    counters.add(name);
    counters.add(name, 0.5);
  });

  const other = new Counters(row);
  assert.deepEqual(
    COUNTERS.map((name) => other.get(name)),
    COUNTERS.map((_, i) => i + 1.5),
  );
  assert.ok(row.buffer instanceof SharedArrayBuffer);
});
