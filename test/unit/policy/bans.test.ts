import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ban, BanBook, type BanConfig, OFFENCES } from '../../../src/policy/bans.ts';
import { type AddressBytes, parseAddress } from '../../../src/policy/prefix.ts';
import { containsAddress } from '../../../src/policy/prefix-table.ts';

const NOW = 1_700_000_000_000;
const MINUTE = 60_000;
const CONFIG: BanConfig = {
  enabled: true,
  threshold: 100,
  halfLifeMs: 10 * MINUTE,
  firstMs: MINUTE,
  longestMs: 60 * MINUTE,
  exempt: ['203.0.113.0/24'],
  weights: { refused: 1, malformed: 5, handshake: 2, limit: 5 },
  prefix: { ipv4: 24, ipv6: 56, offenders: 3 },
};
const book = (config: Partial<BanConfig> = {}): BanBook => new BanBook({ ...CONFIG, ...config }, ['198.51.100.7']);
const address = (text: string): AddressBytes => parseAddress(text) as AddressBytes;
const shown = (bans: readonly Ban[], now = NOW): string[] =>
  bans.map(({ network, why, until }) => `${network} ${why} ${(until - now) / MINUTE}`);

test('points add up to a ban, named after what weighed most', () => {
  const bans = book();
  const source = address('192.0.2.1');
  assert.deepEqual(bans.offend(source, 'refused', 40, NOW), []);
  assert.deepEqual(bans.offend(source, 'malformed', 11, NOW), []);
  assert.deepEqual(shown(bans.offend(source, 'refused', 5, NOW)), ['192.0.2.1/32 malformed 1']);
  assert.deepEqual(bans.offend(source, 'refused', 500, NOW), [], 'a banned source is not counted');
  assert.ok(containsAddress(bans.table(), source));
  assert.ok(!containsAddress(bans.table(), address('192.0.2.2')));
});

test('half of the points are gone after the half-life', () => {
  const bans = book();
  const source = address('192.0.2.1');
  bans.offend(source, 'refused', 99, NOW);
  assert.deepEqual(bans.offend(source, 'refused', 50, NOW + 10 * MINUTE), [], '99.5');
  assert.equal(bans.offend(source, 'refused', 1, NOW + 10 * MINUTE).length, 1);
});

test('each ban is twice as long as the one before, up to the longest; quiet takes them back', () => {
  const bans = book();
  const source = address('192.0.2.1');
  let now = NOW;
  const lengths = Array.from({ length: 8 }, () => {
    const [ban] = bans.offend(source, 'refused', 100, now);
    assert.ok(ban);
    const length = (ban.until - now) / MINUTE;
    now = ban.until;
    assert.deepEqual(shown(bans.expire(now), now), ['192.0.2.1/32 refused 0']);
    return length;
  });
  assert.deepEqual(lengths, [1, 2, 4, 8, 16, 32, 60, 60]);

  const [later] = bans.offend(source, 'refused', 100, now + 5 * 60 * MINUTE);
  assert.equal(((later?.until ?? 0) - now) / MINUTE - 300, 8, 'five hours of quiet are five times less');
});

test('IPv6 sources count by /64', () => {
  const bans = book();
  bans.offend(address('2001:db8::1'), 'refused', 60, NOW);
  assert.deepEqual(shown(bans.offend(address('2001:db8::2'), 'refused', 40, NOW)), ['2001:db8::/64 refused 1']);
});

test('a prefix full of offenders is banned as a whole', () => {
  const bans = book();
  assert.equal(bans.offend(address('192.0.2.1'), 'limit', 20, NOW).length, 1);
  assert.equal(bans.offend(address('192.0.2.2'), 'limit', 20, NOW).length, 1);
  assert.equal(bans.offend(address('192.0.3.3'), 'limit', 20, NOW).length, 1, 'of another prefix');
  assert.deepEqual(shown(bans.offend(address('192.0.2.3'), 'limit', 20, NOW)), [
    '192.0.2.3/32 limit 1',
    '192.0.2.0/24 prefix 1',
  ]);
  assert.ok(containsAddress(bans.table(), address('192.0.2.200')));
});

test('nobody who is exempt is banned: not alone, not with a prefix, not by an operator', () => {
  const bans = book();
  assert.deepEqual(bans.offend(address('203.0.113.9'), 'malformed', 1000, NOW), []);
  assert.deepEqual(bans.offend(address('198.51.100.7'), 'malformed', 1000, NOW), []);
  for (let i = 20; i < 40; i++) {
    assert.equal(bans.offend(address(`198.51.100.${i}`), 'limit', 20, NOW).length, 1, 'its neighbours are, each alone');
  }
  assert.equal(bans.ban('198.51.0.0/16', MINUTE, NOW), undefined);
  assert.equal(bans.ban('203.0.113.5/32', MINUTE, NOW), undefined);
  assert.ok(!containsAddress(bans.table(), address('198.51.100.7')));
});

test('an operator bans any network for any time, and lifts what is in one; what was before is forgotten', () => {
  const bans = book();
  assert.deepEqual(shown([bans.ban('192.0.0.0/16', 5 * MINUTE, NOW) as Ban]), ['192.0.0.0/16 operator 5']);
  assert.deepEqual(bans.offend(address('192.0.2.1'), 'malformed', 100, NOW), [], 'it is banned already');
  bans.offend(address('10.0.0.1'), 'malformed', 100, NOW);
  assert.deepEqual(shown(bans.unban('0.0.0.0/0')), ['192.0.0.0/16 operator 5', '10.0.0.1/32 malformed 1']);
  assert.deepEqual(bans.bans, []);
  assert.deepEqual(shown(bans.offend(address('10.0.0.1'), 'malformed', 100, NOW)), ['10.0.0.1/32 malformed 1']);
});

test('who becomes exempt is let in, and bans that are switched off turn nobody away', () => {
  const bans = book();
  bans.offend(address('192.0.2.1'), 'malformed', 100, NOW);
  assert.equal(bans.configure(CONFIG, ['192.0.2.0/28']).length, 1);
  bans.offend(address('10.0.0.1'), 'malformed', 100, NOW);
  bans.configure({ ...CONFIG, enabled: false }, []);
  assert.ok(!containsAddress(bans.table(), address('10.0.0.1')));
  assert.deepEqual(bans.offend(address('10.0.0.2'), 'malformed', 1000, NOW), []);
});

test('bans come back after a restart, but for those that are over or exempt', () => {
  const before = book();
  before.offend(address('192.0.2.1'), 'malformed', 100, NOW);
  before.ban('10.0.0.0/8', 10 * MINUTE, NOW);
  const kept = before.bans;

  const after = book({ exempt: [] });
  after.restore(kept, NOW + 2 * MINUTE);
  assert.deepEqual(shown(after.bans), ['10.0.0.0/8 operator 10']);
});

test('whatever comes from whom, an exempt source is never in a ban, and a flood of sources fills no memory', () => {
  const offence = fc.record({
    last: fc.integer({ min: 0, max: 40 }),
    kind: fc.constantFrom(...OFFENCES),
    count: fc.integer({ min: 1, max: 60 }),
    after: fc.integer({ min: 0, max: 20 * MINUTE }),
  });
  fc.assert(
    fc.property(fc.array(offence, { maxLength: 80 }), (offences) => {
      const bans = book();
      let now = NOW;
      for (const { last, kind, count, after } of offences) {
        now += after;
        bans.expire(now);
        for (const ban of bans.offend(address(`198.51.100.${last}`), kind, count, now)) {
          assert.ok(ban.until - now >= MINUTE && ban.until - now <= 60 * MINUTE);
        }
        assert.ok(!containsAddress(bans.table(), address('198.51.100.7')));
      }
    }),
  );
});
