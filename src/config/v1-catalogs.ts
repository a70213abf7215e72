/** What a zone says of catalog zones (RFC 9432). */
import { choice, integer, later, mapping, named, oneOrMany, text, written } from './shapes.ts';
import * as values from './values.ts';

export const MAX_MEMBERS = 100_000;

const template = () => text('the name of one of `catalog-templates`');

export const catalogShapes = {
  'catalog-role': choice(['interpret'], ['generate']).optional().meta({
    description: 'interpret: the zone is a catalog, and what it lists is served, too.',
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
  'catalog-zone': later('Catalog that lists this zone.'),
  'catalog-group': later('Group in that catalog.'),
};
