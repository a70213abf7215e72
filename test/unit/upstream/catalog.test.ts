/** What becomes of a zone that a catalog lists (RFC 9432 §4.3.1, §5.2 to §5.4), row by row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Catalog, newCatalog, type Ruling, rule } from '../../../src/upstream/catalog.ts';

const ZONE = 'a.example';
const listed = (label: string, coo?: string) => ({ zone: ZONE, label, groups: [], coo });

/** A catalog that brought the zone under `label`, and lists it now with `coo`. */
function catalog(name: string, label?: string, coo?: string): Catalog {
  const settings = {
    role: 'interpret',
    template: { default: 'm', groups: new Map() },
    members: ['*.example'],
    maxMembers: 9,
  } as const;
  const made = newCatalog(name, settings);
  if (label === undefined) return made;
  made.members.set(ZONE, { label, groups: [], since: 0 });
  made.listed = new Map([[ZONE, listed(label, coo)]]);
  return made;
}

const mine = catalog('mine', 'one');
const ignored = (why: string): Ruling => ({ kind: 'ignore', why });
const rows: readonly (readonly [string, Catalog, string, Catalog | undefined, boolean, Ruling])[] = [
  ['a new zone is added', catalog('mine'), 'one', undefined, false, { kind: 'add' }],
  ['one of ours stays', mine, 'one', mine, false, { kind: 'keep' }],
  ['under another label it begins anew', mine, 'two', mine, false, { kind: 'reset' }],
  ['a configured one is not taken', mine, 'one', mine, true, ignored('it is configured as a zone of its own')],
  [
    'one of another catalog is not taken',
    mine,
    'one',
    catalog('other', 'one'),
    false,
    ignored('it is a member of other'),
  ],
  [
    'nor where that names a third',
    mine,
    'one',
    catalog('other', 'one', 'third'),
    false,
    ignored('it is a member of other'),
  ],
  ['where both agree it moves', mine, 'one', catalog('other', 'one', 'mine'), false, { kind: 'add' }],
  ['and begins anew under another label', mine, 'two', catalog('other', 'one', 'mine'), false, { kind: 'reset' }],
];

for (const [what, to, label, owner, isConfigured, ruling] of rows) {
  test(what, () => assert.deepEqual(rule(to, listed(label), owner, isConfigured), ruling));
}

test('what catalog-members does not match is not let in', () => {
  const outside = { ...listed('one'), zone: 'a.example.org' };

  assert.deepEqual(rule(catalog('mine'), outside, undefined, false), ignored('catalog-members does not let it in'));
});
