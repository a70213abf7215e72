/** What a zone says of catalog zones (RFC 9432). */
import { choice, integer, mapping, named, oneOrMany, text, written } from './shapes.ts';
import * as values from './values.ts';

export const MAX_MEMBERS = 100_000;
const GROUP = 'a group of 1 to 255 characters of ASCII';

const template = () => text('the name of one of `catalog-templates`');

export const catalogShapes = {
  'catalog-role': choice(['interpret', 'generate']).optional().meta({
    description:
      'interpret: the zone is a catalog, and what it lists is served, too; generate: it is made of the zones that name it.',
    example: 'interpret',
    ofOneZone: true,
  }),
  'catalog-template': mapping({
    default: template().meta({ description: 'What members are served as,', example: 'member' }),
    groups: named(template(), 'groups to names of `catalog-templates`')
      .optional()
      .meta({
        description: 'and those of a group; the first group of a member that is here decides.',
        example: { gold: 'member' },
      }),
  })
    .optional()
    .meta({
      description: 'Settings of the members.',
      example: { default: 'member', groups: { gold: 'member' } },
      ofOneZone: true,
    }),
  'catalog-members': oneOrMany(written('a zone name', values.parseZonePattern), 'zones')
    .optional()
    .meta({
      description: 'Members that are taken, all unless given: a zone, `*.example.net` for all below it, or `*`.',
      example: ['*'],
      ofOneZone: true,
    }),
  'catalog-max-members': integer(1, 10_000_000)
    .optional()
    .meta({
      description: `A catalog with more is broken: nothing changes. ${MAX_MEMBERS} unless given.`,
      example: MAX_MEMBERS,
      ofOneZone: true,
    }),
  'catalog-zone': text('the name of a zone with `catalog-role: generate`').optional().meta({
    description: 'The catalog that is to list the zone,',
    example: 'out.catalog.example.net',
  }),
  'catalog-group': written(
    GROUP,
    (group): values.Parsed<string> =>
      /^[\x20-\x7e]{1,255}$/.test(group) ? { ok: true, value: group } : { ok: false, failure: `expected ${GROUP}` },
  )
    .optional()
    .meta({ description: 'and its group there.', example: 'gold' }),
};
