/** RFC 9432, rule by rule: what a catalog lists, and what breaks it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CatalogReading, readCatalog } from '../../../src/catalog/read.ts';
import { VersionBuilder } from '../../support/version-building.ts';

const HEAD = '@ 0 SOA invalid. invalid. 1 3600 600 86400 0\n@ 0 NS invalid.\n';
const VERSION = 'version 0 TXT "2"\n';

function read(records: string, maxMembers = 100): CatalogReading {
  const version = new VersionBuilder().fromText('catalog.example', HEAD + records);
  return readCatalog(version.reader, version.apex, maxMembers);
}

const member = (label: string, zone: string): string => `${label}.zones 0 PTR ${zone}.\n`;

test('members come with their label, groups and the catalog they are to go to', () => {
  const reading = read(`${VERSION}${member('B', 'Example.ORG')}${member('a', 'example.net')}
group.b.zones 0 TXT gold
group.b.zones 0 TXT "two" "strings"
coo.a.zones 0 PTR Other.Catalog.
`);

  assert.deepEqual(reading, {
    ok: true,
    members: [
      { zone: 'example.net', label: 'a', groups: [], coo: 'other.catalog' },
      { zone: 'example.org', label: 'b', groups: ['gold', 'two strings'], coo: undefined },
    ],
  });
});

const fine: readonly (readonly [string, string, readonly string[]])[] = [
  ['§4.1: a catalog may be empty', '', []],
  [
    '§3: other records are passed over',
    'www 0 A 192.0.2.1\na.zones 0 A 192.0.2.1\na.zones 0 TXT x\nzones 0 PTR x.\n',
    [],
  ],
  ['§4.4: custom properties are passed over', `${member('a', 'x')}v.ext 0 TXT 1\nv.ext.a.zones 0 PTR y.\n`, ['x']],
  ['§4.3: unknown properties are passed over', `${member('a', 'x')}colour.a.zones 0 TXT red\n`, ['x']],
  ['§4.3: properties without a member are none', 'group.a.zones 0 TXT gold\ncoo.a.zones 0 PTR y.\n', []],
  ['§4.1: a PTR deeper than a member is none', `${member('a', 'x')}b.a.zones 0 PTR y.\n`, ['x']],
  ['§4.2.1: other types at the version are passed over', 'version 0 A 192.0.2.1\n', []],
  ['a label may be any octets', '\\255\\000\\046.zones 0 PTR x.\n', ['x']],
];

for (const [what, records, zones] of fine) {
  test(what, () => {
    const reading = read(VERSION + records);

    assert.deepEqual(reading.ok && reading.members.map(({ zone }) => zone), zones);
  });
}

const broken: readonly (readonly [string, string, readonly string[]])[] = [
  ['§4.2.1: no version', member('a', 'x'), ['the version property has 0 TXT records, expected one']],
  ['§4.2.1: another version', 'version 0 TXT "1"\n', ['the version is "1", expected "2"']],
  ['§4.2.1: version 2 in two strings', 'version 0 TXT "" "2"\n', ['the version is " 2", expected "2"']],
  [
    '§4.2.1: two versions',
    'version 0 TXT "2"\nversion 0 TXT "3"\n',
    ['the version property has 2 TXT records, expected one'],
  ],
  [
    '§4.1: two zones at one member',
    `${VERSION}${member('a', 'x')}${member('A', 'y')}`,
    ['member a has more than one PTR record'],
  ],
  ['§4.1: a zone at two members', `${VERSION}${member('a', 'x')}${member('b', 'X')}`, ['x is listed more than once']],
  [
    '§4.3.1: two changes of ownership',
    `${VERSION}${member('a', 'x')}coo.a.zones 0 PTR c.\ncoo.a.zones 0 PTR d.\n`,
    ['the coo property of member a has more than one PTR record'],
  ],
];

for (const [what, records, why] of broken) {
  test(`broken: ${what}`, () => {
    assert.deepEqual(read(records), { ok: false, why });
  });
}

test('more members than may be are counted, and break the catalog', () => {
  const members = Array.from({ length: 7 }, (_, i) => member(`m${i}`, `x${i}`)).join('');

  assert.deepEqual(read(VERSION + members, 6), {
    ok: false,
    why: ['it has 7 members, more than catalog-max-members (6)'],
  });
  assert.equal(read(VERSION + members, 7).ok, true);
});

test('of many reasons some are told', () => {
  const members = Array.from({ length: 8 }, (_, i) => `${member(`m${i}`, `x${i}`)}${member(`m${i}`, `y${i}`)}`).join(
    '',
  );
  const reading = read(VERSION + members);

  assert.deepEqual(reading.ok ? [] : [reading.why.length, reading.why.at(-1)], [6, 'and 3 more']);
});
